package cli

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/webhook"
)

type webhookTriggerOptions struct {
	event, to, from string
	set             []string
	count           int
	list, print     bool
	allowRemote     bool
}

func newWebhookTrigger(a *app) *cobra.Command {
	var o webhookTriggerOptions
	cmd := &cobra.Command{
		Use:   "trigger EVENT --to URL",
		Short: "Send a sample payload to your endpoint",
		Long: `Makes a complete, consistent payload for any event of any provider, signs it where the
provider does, and posts it. --from-deposit fills it from the ledger; --set changes
single values (a path that does not exist is an error). A URL without a path gets
the event's route of "payctl listen". Targets must be on this machine unless
--allow-remote is given.`,
		Example: "  payctl webhook trigger deposit.completed --to http://127.0.0.1:3000/hooks\n  payctl webhook trigger stk.failed --to http://127.0.0.1:3000/cb --set Body.stkCallback.ResultCode=1037\n  payctl webhook trigger --list",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give one event", "unexpected argument %q", args[1])
			}
			o.event = strings.Join(args, "")
			return nil
		},
		RunE: a.run(func(ctx context.Context) error { return a.webhookTrigger(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "your endpoint's `URL`")
	f.StringArrayVar(&o.set, "set", nil, "change a value: `PATH=VALUE` (repeatable)")
	f.IntVar(&o.count, "count", 1, "send `N` payloads, each a new event")
	f.StringVar(&o.from, "from-deposit", "", "fill it from this deposit: any `ID` of it")
	f.BoolVar(&o.list, "list", false, "list the events")
	f.BoolVar(&o.print, "print", false, "write the payload instead of sending it")
	f.BoolVar(&o.allowRemote, "allow-remote", false, "let the target be on another machine")
	return cmd
}

// eventView is one event that can be triggered.
type eventView struct {
	Provider string `json:"provider"`
	Event    string `json:"event"`
}

// Cells are an event's columns in a list.
func (v eventView) Cells() []ui.Span { return []ui.Span{ui.Plain(v.Provider), ui.Plain(v.Event)} }

// shotView is one request and its answer.
type shotView struct {
	Event      string  `json:"event"`
	To         string  `json:"to"`
	StatusCode *int    `json:"status_code"`
	LatencyMs  float64 `json:"latency_ms"`
	Answer     *string `json:"answer"`
	Error      *string `json:"error"`
}

// Text writes an answer for people.
func (v shotView) Text(t *ui.Text) {
	if v.StatusCode == nil {
		t.Line(ui.Bad("no answer"), ui.Plain("  "+v.Event+" -> "+v.To+"  "), ui.Warn(or(v.Error, "")))
		return
	}
	status := ui.OK(itoa(*v.StatusCode))
	if *v.StatusCode >= 300 {
		status = ui.Bad(itoa(*v.StatusCode))
	}
	t.Line(status, ui.Plain("  "+v.Event+" -> "+v.To+"  "+or(v.Answer, "")))
}

func (v shotView) about() string { return v.Event + " was sent to " + v.To }

// shots shows what became of payloads: each as it comes, or together at the end,
// since json is one document.
type shots struct {
	app      *app
	together bool
	held     []shotView
}

func (s *shots) add(v shotView, outcome error) error {
	if s.together {
		s.held = append(s.held, v)
		return outcome
	}
	return s.app.ended(s.app.out.One(v), outcome, v.about())
}

// end prints what was held back, also when outcome says that one of them failed.
func (s *shots) end(outcome error) error {
	if len(s.held) == 0 {
		return outcome
	}
	about := s.held[0].about()
	if n := len(s.held); n > 1 {
		about += ", " + itoa(n) + " times"
	}
	return s.app.ended(several(s.app.out, s.held), outcome, about)
}

// several prints what a command has to say one by one: an array under json, else
// one a line.
func several[V ui.View](out *ui.Printer, views []V) error {
	if out.Format() == ui.FormatJSON {
		return out.One(severalView[V](views))
	}
	var err error
	for _, v := range views {
		err = orError(err, out.Line(v))
	}
	return err
}

type severalView[V ui.View] []V

// Text writes each for people.
func (s severalView[V]) Text(t *ui.Text) {
	for _, v := range s {
		v.Text(t)
	}
}

func (a *app) webhookTrigger(ctx context.Context, o webhookTriggerOptions) error {
	if o.list {
		return a.listEvents()
	}
	switch {
	case o.event == "":
		return usagef("see \"payctl webhook trigger --list\"", "EVENT is missing")
	case o.to == "" && !o.print:
		return usagef("name your endpoint with --to http://127.0.0.1:3000/path, or use --print", "to: --to is missing")
	case o.count < 1 || o.count > 10000:
		return usagef("use 1 to 10000", "count %d: is out of range", o.count)
	}
	if !o.print {
		if err := replay.CheckTarget(o.to, o.allowRemote); err != nil {
			return err
		}
	}
	keys, err := a.webhookKeys(ctx)
	if err != nil {
		return err
	}
	s := &shots{app: a, together: o.count > 1 && a.out.Format() == ui.FormatJSON}
	return s.end(a.triggerAll(ctx, o, keys, s))
}

func (a *app) triggerAll(ctx context.Context, o webhookTriggerOptions, keys webhook.Keys, s *shots) error {
	var invent webhook.Inventor
	for range o.count {
		facts, token, err := a.triggerFacts(ctx, &invent, o.from)
		if err != nil {
			return err
		}
		sample, err := webhook.Build(o.event, facts, o.set, keys)
		if err != nil {
			return err
		}
		if o.print {
			if err := a.printLines(append(sample.Body, '\n')); err != nil {
				return err
			}
			continue
		}
		if err := s.add(a.shoot(ctx, routed(o.to, sample.Route, ""), routed(o.to, sample.Route, token), sample)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) listEvents() error {
	var views []eventView
	for _, id := range []payment.ProviderID{payment.Daraja, payment.WasaaPay, payment.Sevi} {
		for _, name := range webhook.Events()[id] {
			views = append(views, eventView{Provider: string(id), Event: name})
		}
	}
	return ui.List(a.out, columns("PROVIDER", "EVENT"), views)
}

// triggerFacts are invented, or a deposit's; token is the last segment of that
// deposit's callback path, where there is one.
func (a *app) triggerFacts(ctx context.Context, invent *webhook.Inventor, from string) (facts webhook.Facts, token string, err error) {
	if from == "" {
		return invent.Next(a.now()), "", nil
	}
	ledger, err := a.readLedger(ctx)
	if err != nil {
		return webhook.Facts{}, "", err
	}
	d, err := a.findDeposit(ctx, ledger, from)
	if err != nil {
		return webhook.Facts{}, "", err
	}
	if d.Environment == payment.Production && !a.global.yes {
		return webhook.Facts{}, "", usagef("add --yes if your endpoint may take it for real",
			"from-deposit %s: is real money, and what is sent looks like the provider's word on it", d.ID)
	}
	if d.Provider == payment.Daraja && d.Environment != payment.Production {
		token = d.CallbackToken
	}
	return webhook.FactsOf(d, a.now()), token, nil
}

// routed adds the listener's own route to a URL that has no path, with the
// token without which a push's callback is not believed.
func routed(to, route, token string) string {
	u, err := url.Parse(to)
	if err != nil || u.Path != "" || u.RawQuery != "" {
		return to
	}
	if token != "" && strings.HasPrefix(route, "/callbacks/daraja/stk") {
		route += "/" + token
	}
	return to + route
}

// shotTimeout bounds one request to the operator's own endpoint.
const shotTimeout = 10 * time.Second

// shoot sends one payload; the error is what came of it.
func (a *app) shoot(ctx context.Context, shown, to string, sample webhook.Sample) (shotView, error) {
	ctx, cancel := a.withTimeout(ctx, shotTimeout)
	defer cancel()
	shot := webhook.Send(ctx, a.httpClient(), to, sample)
	view := shotView{Event: sample.Event, To: shown, LatencyMs: float64(shot.Latency.Microseconds()) / 1000}
	if shot.Err != nil {
		view.Error = orNull(firstLine(shot.Err.Error()))
		return view, shot.Err
	}
	view.StatusCode, view.Answer = &shot.Status, orNull(shownAnswer(shot.Body))
	if !shot.OK() {
		return view, &payment.Error{Kind: payment.KindUnavailable, Message: "the endpoint answered " + itoa(shot.Status), Hint: "a provider would take that for a failed delivery"}
	}
	return view, nil
}
