package cli

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/view"
)

// emulatorClock is "payctl emulator clock show", and "clock advance" where it moves.
type emulatorClock struct {
	control
	moves bool
	by    string
}

func newEmulatorClock(s *session) *cobra.Command {
	return group(s, "emulator clock", "Read and move a running emulator's clock",
		"With --clock virtual the emulator's time stands still until it is moved: a two-minute\nexpiry is tested in milliseconds.",
		command{"advance", newEmulatorClockAdvance}, command{"show", newEmulatorClockShow})
}

func newEmulatorClockAdvance(s *session) *cobra.Command {
	v := &emulatorClock{control: control{session: s}, moves: true}
	cmd := &cobra.Command{
		Use:     "advance DURATION",
		Short:   "Move a virtual clock and run what is due",
		Example: "  payctl emulator clock advance 90s\n  payctl emulator clock advance next",
		Args:    oneArg("DURATION", &v.by),
		RunE:    s.run(v.Run),
	}
	v.bindURL(cmd.Flags())
	return cmd
}

func newEmulatorClockShow(s *session) *cobra.Command {
	v := &emulatorClock{control: control{session: s}}
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show the emulator's clock",
		Example: "  payctl emulator clock show",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	v.bindURL(cmd.Flags())
	return cmd
}

// Run moves or reads the clock, and shows how it stands then.
func (v *emulatorClock) Run(ctx context.Context) error {
	method, move := http.MethodGet, any(nil)
	if v.moves {
		method, move = http.MethodPost, map[string]string{"advance": v.by}
	}
	var shown view.Clock
	if err := v.call(ctx, method, "clock", move, &shown); err != nil {
		return err
	}
	shown.NextIn = payment.OrNull(payment.Or(shown.NextIn, "")) // the emulator's own word for nothing is ""
	return v.out.One(shown)
}
