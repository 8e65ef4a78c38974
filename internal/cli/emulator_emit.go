package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/ui"
)

// emulatorEmit is "payctl emulator emit".
type emulatorEmit struct {
	control
	want emulator.EventRequest
}

func newEmulatorEmit(s *session) *cobra.Command {
	v := &emulatorEmit{control: control{session: s}}
	cmd := &cobra.Command{
		Use:   "emit EVENT",
		Short: "Make a withdrawal, transfer or bill event",
		Long: `Has the emulator send a WasaaPay event of what it does not play: a signed webhook, and
the same on the socket to whoever subscribed to the resource. No money moves. Events
with one --id are of one resource. EVENT is one of

  ` + strings.Join(emulator.EmittedEvents(), "\n  "),
		Example: "  payctl emulator emit withdrawal.completed\n  payctl emulator emit bill.failed --id bill_1 --amount 99.50 --reference INV-7",
		Args:    oneArg("EVENT", &v.want.Event),
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.want.ID, "id", "", "`ID` of the withdrawal, transfer or bill (default: a new one)")
	f.StringVar(&v.want.Amount, "amount", "", "`AMOUNT` in KES (default 250.00)")
	f.StringVar(&v.want.Reference, "reference", "", "the partner's own `REFERENCE`")
	v.bindURL(f)
	return cmd
}

// Run makes the event and shows it.
func (v *emulatorEmit) Run(ctx context.Context) error {
	var made emulator.EmittedEvent
	if err := v.call(ctx, http.MethodPost, "emit", v.want, &made); err != nil {
		return err
	}
	return v.out.One(emittedView{made})
}

// emittedView is an event that the emulator made.
type emittedView struct{ emulator.EmittedEvent }

// Text writes the event for people.
func (v emittedView) Text(t *ui.Text) {
	t.Fields(
		ui.KV("event", ui.Bold(v.Event)),
		ui.KV("id", ui.Plain(v.ID)),
		ui.KV("reference", ui.Plain(v.Reference)),
		ui.KV("amount", ui.Plain(v.Amount+" "+v.Currency)),
		ui.KV("status", ui.Plain(v.Status)),
		ui.KV("webhook to", ui.Plain(v.Target)),
		ui.KV("sockets", ui.Plain(fmt.Sprint(v.Sockets))),
	)
}
