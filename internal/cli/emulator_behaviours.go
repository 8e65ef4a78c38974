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
		on = "on " + payment.Or(v.Setting, "")
	}
	return []ui.Span{ui.Plain(v.Name), ui.OK(strings.TrimSpace(on)), ui.Dim(v.Value), ui.Plain(v.Summary), ui.Dim(v.Section)}
}

// emulatorBehaviours is "payctl emulator behaviours".
type emulatorBehaviours struct {
	control
	set, unset []string
	weather    string
	running    bool
}

func newEmulatorBehaviours(s *session) *cobra.Command {
	v := &emulatorBehaviours{control: control{session: s}}
	cmd := &cobra.Command{
		Use:   "behaviours",
		Short: "List and switch the emulator's behaviours",
		Long: `Lists every contested or nasty behaviour with the page of the provider's
documentation that it is about: developer.safaricom.co.ke/apis/PAGE for daraja,
developers.wasaapay.com/docs/PAGE for wasaapay. With --running, --set, --unset or
--weather it speaks to a running emulator and shows how each stands.`,
		Example: "  payctl emulator behaviours\n  payctl emulator behaviours --set callback-lost --set callback-masked-phone",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringArrayVar(&v.set, "set", nil, "switch on: `NAME[=VALUE]` (repeatable)")
	f.StringArrayVar(&v.unset, "unset", nil, "switch off: `NAME` (repeatable)")
	f.StringVar(&v.weather, "weather", "", "change to this `PRESET` first")
	f.BoolVar(&v.running, "running", false, "show how a running emulator is set")
	v.bindURL(f)
	return cmd
}

// Run lists the behaviours, switched first where that is asked for.
func (v *emulatorBehaviours) Run(ctx context.Context) error {
	var views []behaviourView
	changes := len(v.set)+len(v.unset) > 0 || v.weather != ""
	switch {
	case changes:
		body := map[string]any{"set": v.set, "unset": v.unset, "weather": v.weather}
		if err := v.call(ctx, http.MethodPost, "behaviours", body, &views); err != nil {
			return err
		}
	case v.running:
		if err := v.call(ctx, http.MethodGet, "behaviours", nil, &views); err != nil {
			return err
		}
	default:
		for _, b := range emulator.Behaviours() {
			views = append(views, behaviourView{Behaviour: b})
		}
	}
	for i := range views {
		views[i].Section = behaviourPage(views[i].Section)
	}
	return ui.List(v.out, columns("BEHAVIOUR", "", "VALUE", "WHAT HAPPENS", "PAGE"), views)
}
