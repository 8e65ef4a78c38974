package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/emulator/remote"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/view"
)

// emulatorPhone is "payctl emulator phone": one phone with its screen in the terminal.
type emulatorPhone struct {
	control
	number string
}

func newEmulatorPhone(s *session) *cobra.Command {
	v := &emulatorPhone{control: control{session: s}}
	cmd := &cobra.Command{
		Use:   "phone MSISDN",
		Short: "Be the customer's handset in the terminal",
		Long: `Shows the prompts that reach a phone and takes what its owner would type: a PIN
(any four digits pay; 0000 is the wrong PIN), c to cancel, or an empty line to leave
the prompt alone until it expires. Run the emulator with --behaviour manual, so that
prompts wait for an answer. Lines from a pipe are kept for the prompts to come. A
signal (Ctrl-C) or the end of the input ends it, and it exits with 0.`,
		Example: "  payctl emulator phone 0712345678\n  echo 1234 | payctl emulator phone 0712345678",
		Args:    oneArg("MSISDN", &v.number),
		RunE:    s.run(v.Run),
	}
	v.bindURL(cmd.Flags())
	return cmd
}

// Run is the handset until ctx or the input ends.
func (v *emulatorPhone) Run(ctx context.Context) error {
	phone, err := payment.ParsePhone(v.number)
	if err != nil {
		return err
	}
	v.out.Note("phone %s is on; waiting for prompts (Ctrl-C ends)", phone)
	handset := &remote.Handset{
		Phone: phone, Call: v.call, AtTerminal: isTerminal(v.in.Stdin), Note: v.out.Note,
		Show: func(p emulator.Prompt) error { return v.out.Line(view.NewPrompt(p, v.global.showPhone)) },
	}
	return handset.Run(ctx, v.in.Stdin)
}
