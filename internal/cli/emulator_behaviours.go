package cli

import (
	"context"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// behaviourPage turns the sections of the reference that a switch cites, which is not
// shipped, into the provider's page on what the switch is about: "daraja
// TransactionStatus", the end of the page's address. It is the provider alone where the
// reference's own chapters are cited.
func behaviourPage(sections string) string {
	id, rest, _ := strings.Cut(sections, " ")
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == ',' }) {
		section, ok := strings.CutPrefix(word, "§")
		if !ok {
			continue
		}
		chapter, _, _ := strings.Cut(section, ".")
		if page := chapterPage(payment.ProviderID(id), chapter); page != "" {
			return id + " " + page
		}
	}
	return id
}

// chapterPage is the provider's page that a chapter of its reference is about.
func chapterPage(id payment.ProviderID, chapter string) string {
	switch string(id) + " " + chapter {
	case "daraja 2":
		return daraja.Page(daraja.APIOAuth)
	case "daraja 3", "daraja 4":
		return daraja.Page(daraja.APISTK)
	case "daraja 5":
		return daraja.Page(daraja.APIQuery)
	case "daraja 6":
		return daraja.Page(daraja.APITransaction)
	case "daraja 10":
		return daraja.Page(daraja.APIC2B)
	case "wasaapay 2", "wasaapay 3", "wasaapay 4":
		return "authentication"
	case "wasaapay 7":
		return "deposits"
	case "wasaapay 9":
		return "transfers"
	case "wasaapay 11":
		return "webhooks"
	case "wasaapay 12", "wasaapay 13":
		return "payment-status"
	}
	return ""
}

// behaviourView is a switch of the emulator, and how it stands when one runs.
type behaviourView struct {
	emulator.Behaviour
	Active  *bool   `json:"active"`
	Setting *string `json:"setting"`
	Hits    *uint64 `json:"hits"`
}

// Text writes one switch for people.
func (v behaviourView) Text(t *ui.Text) {
	t.Line(ui.Bold(v.Name), ui.Plain("  "+v.Summary), ui.Dim("  "+v.Section))
}

// Cells are a switch's columns in a list.
func (v behaviourView) Cells() []ui.Span {
	on := ""
	if v.Active != nil && *v.Active {
		on = "on " + or(v.Setting, "")
	}
	return []ui.Span{ui.Plain(v.Name), ui.OK(strings.TrimSpace(on)), ui.Dim(v.Value), ui.Plain(v.Summary), ui.Dim(v.Section)}
}

func newEmulatorBehaviours(a *app) *cobra.Command {
	var (
		set, unset []string
		weather    string
		running    bool
	)
	c := control{app: a}
	cmd := &cobra.Command{
		Use:   "behaviours",
		Short: "List and switch the emulator's behaviours",
		Long: `Lists every contested or nasty behaviour with the page of the provider's
documentation that it is about: developer.safaricom.co.ke/apis/PAGE for daraja,
developers.wasaapay.com/docs/PAGE for wasaapay. With --running, --set, --unset or
--weather it speaks to a running emulator and shows how each stands.`,
		Example: "  payctl emulator behaviours\n  payctl emulator behaviours --set callback-lost --set masked-phone",
		Args:    noArgs,
		RunE: a.run(func(ctx context.Context) error {
			var views []behaviourView
			if !running && len(set)+len(unset) == 0 && weather == "" {
				for _, b := range emulator.Behaviours() {
					views = append(views, behaviourView{Behaviour: b})
				}
				return a.listBehaviours(views)
			}
			method, body := http.MethodGet, any(nil)
			if len(set)+len(unset) > 0 || weather != "" {
				method, body = http.MethodPost, map[string]any{"set": set, "unset": unset, "weather": weather}
			}
			if err := c.call(ctx, method, "behaviours", body, &views); err != nil {
				return err
			}
			return a.listBehaviours(views)
		}),
	}
	f := cmd.Flags()
	f.StringArrayVar(&set, "set", nil, "switch on: `NAME[=VALUE]` (repeatable)")
	f.StringArrayVar(&unset, "unset", nil, "switch off: `NAME` (repeatable)")
	f.StringVar(&weather, "weather", "", "change to this `PRESET` first")
	f.BoolVar(&running, "running", false, "show how a running emulator is set")
	c.bind(f)
	return cmd
}

func (a *app) listBehaviours(views []behaviourView) error {
	for i := range views {
		views[i].Section = behaviourPage(views[i].Section)
	}
	return ui.List(a.out, columns("BEHAVIOUR", "", "VALUE", "WHAT HAPPENS", "PAGE"), views)
}

// clockView is the emulator's clock.
type clockView struct {
	Mode    string  `json:"mode"`
	Now     string  `json:"now"`
	Pending int     `json:"pending"`
	NextIn  *string `json:"next_in"`
	Ran     int     `json:"ran"`
}

// Text writes the clock for people.
func (v clockView) Text(t *ui.Text) {
	t.Linef("%s clock at %s, %d events run, %d waiting", v.Mode, v.Now, v.Ran, v.Pending)
}

// clock moves or reads the clock, and shows how it stands then.
func (c *control) clock(ctx context.Context, method string, move any) error {
	var v clockView
	if err := c.call(ctx, method, "clock", move, &v); err != nil {
		return err
	}
	v.NextIn = orNull(or(v.NextIn, "")) // the emulator's own word for nothing is ""
	return c.app.out.One(v)
}

func newEmulatorClock(a *app) *cobra.Command {
	var by string
	c := control{app: a}
	advance := &cobra.Command{
		Use:     "advance DURATION",
		Short:   "Move a virtual clock and run what is due",
		Example: "  payctl emulator clock advance 90s\n  payctl emulator clock advance next",
		Args:    oneArg("DURATION", &by),
		RunE: a.run(func(ctx context.Context) error {
			return c.clock(ctx, http.MethodPost, map[string]string{"advance": by})
		}),
	}
	show := &cobra.Command{
		Use:     "show",
		Short:   "Show the emulator's clock",
		Example: "  payctl emulator clock show",
		Args:    noArgs,
		RunE: a.run(func(ctx context.Context) error {
			return c.clock(ctx, http.MethodGet, nil)
		}),
	}
	c.bind(advance.Flags())
	c.bind(show.Flags())
	return group("emulator clock", "Read and move a running emulator's clock",
		"With --clock virtual the emulator's time stands still until it is moved: a two-minute\nexpiry is tested in milliseconds.", advance, show)
}
