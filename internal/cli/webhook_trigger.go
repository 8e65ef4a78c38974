package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/webhook"
)

// editFlags change a payload.
type editFlags struct{ set, setJSON, unset []string }

func (o *editFlags) bind(f *pflag.FlagSet) {
	f.StringArrayVar(&o.set, "set", nil, "change the value of a member that exists: `PATH=TEXT` (repeatable)")
	f.StringArrayVar(&o.setJSON, "set-json", nil, "set a value of any type, adding it when missing: `PATH=JSON` (repeatable)")
	f.StringArrayVar(&o.unset, "unset", nil, "take out the member at `PATH` (repeatable)")
}

func (o *editFlags) edit() webhook.Edit {
	return webhook.Edit{Set: o.set, SetJSON: o.setJSON, Unset: o.unset}
}

type webhookTrigger struct {
	*session
	send           sendFlags
	edit           editFlags
	event, to      string
	from, scenario string
	count          int
	list, print    bool
	allowRemote    bool

	sender *deliver.Sender
	bench  webhook.Bench
}

func newWebhookTrigger(s *session) *cobra.Command {
	v := &webhookTrigger{session: s}
	cmd := &cobra.Command{
		Use:   "trigger EVENT --to URL",
		Short: "Send a sample payload to your endpoint",
		Long: `Makes a complete, consistent payload for any event of any provider, signs it where the
provider does, and posts it. --from-deposit fills it from the ledger. In place of EVENT, a
payload file or a stored delivery (dlv_…) is sent as it is; it is signed anew when it
was changed, or lacks a signature. A URL without a path gets the route of "payctl listen".

--set changes values, --set-json adds members too, --unset takes some out; a path is
a.b.0.c or a.b[0].c, and one that does not exist is an error.

--scenario FILE sends several in sequence, all about one payment. The file is a YAML list:

  - event: deposit.initiated
  - event: deposit.completed
    after: 2s
    set: {data.amount: "250.00"}
  - event: ./fixtures/late-fail.json
    after: 500ms

with event, set, set_json, unset and after. It goes on after an answer that is no 2xx.

Targets must be on this machine unless --allow-remote is given.`,
		Example: "  payctl webhook trigger deposit.completed --to http://127.0.0.1:3000/hooks\n  payctl webhook trigger stk.failed --to http://127.0.0.1:3000/cb --set Body.stkCallback.ResultCode=1037\n  payctl webhook trigger ./fixtures/late-fail.json --to http://127.0.0.1:3000/cb\n  payctl webhook trigger --scenario late.yaml --to http://127.0.0.1:3000/cb\n  payctl webhook trigger --list",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give one event, file or delivery; --scenario sends several", "unexpected argument %q", payment.Line(args[1], 60))
			}
			v.event = strings.Join(args, "")
			return nil
		},
		RunE: s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.to, "to", "", "your endpoint's `URL`")
	v.edit.bind(f)
	f.IntVar(&v.count, "count", 1, "send `N` payloads, each a new event")
	f.StringVar(&v.from, "from-deposit", "", "fill it from this deposit: any `ID` of it")
	f.StringVar(&v.scenario, "scenario", "", "send the steps in this YAML `FILE`, one after the other")
	f.BoolVar(&v.list, "list", false, "list the events")
	f.BoolVar(&v.print, "print", false, "write the payload instead of sending it")
	f.BoolVar(&v.allowRemote, "allow-remote", false, "let the target be on another machine")
	v.send.bind(f)
	return cmd
}

// Run sends, prints or lists.
func (v *webhookTrigger) Run(ctx context.Context) error {
	if v.list {
		return ui.List(v.out, ui.Columns("PROVIDER", "EVENT"), view.NewEvents(webhook.Bench{Providers: v.providers}.Events()))
	}
	if err := v.check(); err != nil {
		return err
	}
	var err error
	if v.sender, err = v.send.sender(1); err != nil {
		return err
	}
	if !v.print {
		if err := v.sender.Check(ctx, v.to, v.allowRemote); err != nil {
			return err
		}
	}
	steps := []webhook.Step{{Event: v.event, Edit: v.edit.edit()}}
	if v.scenario != "" {
		steps, err = webhook.ReadScenario(v.scenario)
	}
	if err != nil {
		return err
	}
	if v.bench, err = v.keys().Bench(ctx); err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, 0)
	defer cancel()
	s := &shots{session: v.session, together: v.count*len(steps) > 1 && v.out.Format() == ui.FormatJSON}
	return s.end(v.all(ctx, steps, s))
}

func (v *webhookTrigger) check() error {
	switch {
	case v.event == "" && v.scenario == "":
		return usagef("see \"payctl webhook trigger --list\"", "EVENT is missing")
	case v.event != "" && v.scenario != "":
		return usagef("name it in the scenario's file", "unexpected argument %q beside --scenario", payment.Line(v.event, 60))
	case v.scenario != "" && !v.edit.edit().IsEmpty():
		return usagef("write set, set_json and unset in the scenario's steps", "set: cannot be mixed with --scenario")
	case v.to == "" && !v.print:
		return usagef("name your endpoint with --to http://127.0.0.1:3000/path, or use --print", "to: --to is missing")
	case v.count < 1 || v.count > 10000:
		return usagef("use 1 to 10000", "count %d: is out of range", v.count)
	}
	return nil
}

// all sends every step, count times. An answer that is no 2xx does not stop a
// scenario: what comes after it is the point. The first problem is returned.
func (v *webhookTrigger) all(ctx context.Context, steps []webhook.Step, s *shots) error {
	invent := webhook.Inventor{Bench: v.bench}
	var first error
	for range v.count {
		facts, token, err := v.facts(ctx, &invent)
		if err != nil {
			return err
		}
		for _, step := range steps {
			if err := timing.Wait(ctx, step.After); err != nil {
				return err
			}
			sample, at, err := v.maker(v.bench, v.to).Sample(ctx, step, facts, token)
			if err != nil {
				return err
			}
			if v.print {
				if err := v.out.JSONLines(append(sample.Body, '\n')); err != nil {
					return err
				}
				continue
			}
			answer := webhook.Shoot(ctx, v.sender, at.URL, sample)
			if err := s.add(view.NewShot(sample.Event, at.Shown, answer, v.global.showPhone), webhook.ShotError(at.Shown, answer)); err != nil {
				if v.scenario == "" || ctx.Err() != nil {
					return err
				}
				first = cmp.Or(first, err)
			}
		}
	}
	return first
}

// maker makes payloads for a target, from the ledger's deliveries too.
func (s *session) maker(bench webhook.Bench, to string) webhook.Maker {
	return webhook.Maker{Bench: bench, To: to, Stored: func(ctx context.Context, id string) (store.StoredDelivery, error) {
		ledger, err := s.readLedger(ctx)
		if err != nil {
			return store.StoredDelivery{}, err
		}
		return ledger.Deliveries.Get(ctx, id)
	}}
}

// facts are invented, or a deposit's; token is the last segment of that
// deposit's callback path, where there is one.
func (v *webhookTrigger) facts(ctx context.Context, invent *webhook.Inventor) (facts payment.Facts, token string, err error) {
	if v.from == "" {
		return invent.Next(v.now()), "", nil
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return payment.Facts{}, "", err
	}
	d, err := v.findDeposit(ctx, ledger, v.from)
	if err != nil {
		return payment.Facts{}, "", err
	}
	if d.Environment == payment.Production && !v.global.yes {
		return payment.Facts{}, "", usagef("add --yes if your endpoint may take it for real",
			"from-deposit %s: is real money, and what is sent looks like the provider's word on it", d.ID)
	}
	if d.Environment != payment.Production {
		token = d.CallbackToken
	}
	return v.bench.FactsOf(d, v.now()), token, nil
}

// shots shows what became of payloads: each as it comes, or together at the end,
// since json is one document.
type shots struct {
	*session
	together bool
	held     []view.Shot
}

func (s *shots) add(v view.Shot, outcome error) error {
	if s.together {
		s.held = append(s.held, v)
		return outcome
	}
	return s.ended(s.out.One(v), outcome, v.About())
}

// end prints what was held back, also when outcome says that one of them failed.
func (s *shots) end(outcome error) error {
	if len(s.held) == 0 {
		return outcome
	}
	about := s.held[0].About()
	if n := len(s.held); n > 1 {
		about += ", " + itoa(n) + " times"
	}
	return s.ended(ui.Several(s.out, s.held), outcome, about)
}
