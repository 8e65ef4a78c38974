package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/webhook"
)

// emulatorEmit is "payctl emulator emit".
type emulatorEmit struct {
	control
	want         emulator.EventRequest
	scenario, to string
}

func newEmulatorEmit(s *session) *cobra.Command {
	v := &emulatorEmit{control: control{session: s}}
	cmd := &cobra.Command{
		Use:   "emit EVENT",
		Short: "Make a withdrawal, transfer or bill event, or play a scenario",
		Long: `Has the emulator send a WasaaPay event of what it does not play: a signed webhook, and
the same on the socket to whoever subscribed to the resource. No money moves. Events
with one --id are of one resource. EVENT is one of

  ` + strings.Join(emulator.EmittedEvents(), "\n  ") + `

--scenario FILE has it send payloads of any provider in sequence instead, from the same
files as "payctl webhook trigger --scenario": by the emulator's clock, with its behaviours
for callbacks (callback-late, callback-duplicate, …), and shown in its log.`,
		Example: "  payctl emulator emit withdrawal.completed\n  payctl emulator emit bill.failed --id bill_1 --amount 99.50 --reference INV-7\n  payctl emulator emit --scenario late.yaml --to http://127.0.0.1:4020",
		Args: func(cmd *cobra.Command, args []string) error {
			if v.scenario != "" && len(args) == 0 {
				return nil
			}
			return oneArg("EVENT", &v.want.Event)(cmd, args)
		},
		RunE: s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.want.ID, "id", "", "`ID` of the withdrawal, transfer or bill (default: a new one)")
	f.StringVar(&v.want.Amount, "amount", "", "`AMOUNT` in KES (default 250.00)")
	f.StringVar(&v.want.Reference, "reference", "", "the partner's own `REFERENCE`")
	f.StringVar(&v.scenario, "scenario", "", "send the steps in this YAML `FILE`, one after the other")
	f.StringVar(&v.to, "to", "http://127.0.0.1:4020", "send a scenario to this `URL`; one without a path gets the listener's routes")
	v.bindURL(f)
	return cmd
}

// Run makes the event and shows it, or plays the scenario.
func (v *emulatorEmit) Run(ctx context.Context) error {
	if v.scenario != "" {
		return v.play(ctx)
	}
	var made emulator.EmittedEvent
	if err := v.call(ctx, http.MethodPost, "emit", v.want, &made); err != nil {
		return err
	}
	return v.out.One(view.Emitted{EmittedEvent: made})
}

// play hands the emulator the payloads of a scenario, all about one payment.
func (v *emulatorEmit) play(ctx context.Context) error {
	if v.want != (emulator.EventRequest{}) {
		return usagef("write what the payloads say in the scenario's steps", "scenario: cannot be mixed with an event, --id, --amount or --reference")
	}
	if u, err := url.Parse(v.to); err != nil || u.Host == "" {
		return usagef("write http://127.0.0.1:4020", "to %q: is not a URL", payment.Line(v.to, 200))
	}
	steps, err := webhook.ReadScenario(v.scenario)
	if err != nil {
		return err
	}
	bench, err := v.keys().Bench(ctx)
	if err != nil {
		return err
	}
	maker, facts := v.maker(bench, v.to), bench.NewFacts(v.now())
	var play emulator.Play
	var views []view.Played
	for _, step := range steps {
		sample, at, err := maker.Sample(ctx, step, facts, "")
		if err != nil {
			return err
		}
		play.Steps = append(play.Steps, emulator.PlayStep{
			Provider: string(sample.Provider), Event: sample.Event, URL: at.URL, Header: sample.Header, Body: string(sample.Body), After: step.After.String(),
		})
		views = append(views, view.Played{Event: sample.Event, To: at.Shown, After: step.After.String()})
	}
	if err := v.call(ctx, http.MethodPost, "play", play, nil); err != nil {
		return err
	}
	return ui.Several(v.out, views)
}
