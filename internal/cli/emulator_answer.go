package cli

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/view"
)

// emulatorAnswer is "payctl emulator answer".
type emulatorAnswer struct {
	control
	id, outcome string
}

func newEmulatorAnswer(s *session) *cobra.Command {
	v := &emulatorAnswer{control: control{session: s}}
	cmd := &cobra.Command{
		Use:     "answer ID OUTCOME",
		Short:   "Play the payer of an open prompt",
		Long:    "Answers an open prompt: ID is any id of the payment, or the phone. Run the emulator\nwith --behaviour manual so that prompts wait for this.\n\n" + outcomesHelp(),
		Example: "  payctl emulator answer ws_CO_020120260304057711000222 paid\n  payctl emulator answer 0712345678 cancelled",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("write: payctl emulator answer ID paid|cancelled|timeout|…", "answer: an id and an outcome are needed")
			}
			v.id, v.outcome = args[0], args[1]
			return nil
		},
		RunE: s.run(v.Run),
	}
	v.bindURL(cmd.Flags())
	return cmd
}

// Run answers the prompt and shows it.
func (v *emulatorAnswer) Run(ctx context.Context) error {
	var p emulator.Prompt
	if err := v.call(ctx, http.MethodPost, "answer", map[string]string{"id": v.id, "outcome": v.outcome}, &p); err != nil {
		return err
	}
	return v.out.One(view.NewPrompt(p, v.global.showPhone))
}
