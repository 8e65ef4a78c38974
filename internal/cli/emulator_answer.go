package cli

import (
	"context"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// promptView is a prompt on a customer's phone.
type promptView struct {
	emulator.Prompt
	// Reference and Outcome are null, not empty, where there is none.
	Reference *string `json:"reference"`
	Outcome   *string `json:"outcome"`
}

// newPromptView masks the phone unless whole numbers are wanted.
func newPromptView(a *app, p emulator.Prompt) promptView {
	if phone, err := payment.ParsePhone(p.Phone); err == nil && !a.global.showPhone {
		p.Phone = phone.String()
	}
	return promptView{Prompt: p, Reference: orNull(p.Reference), Outcome: orNull(p.Outcome)}
}

// Text writes a prompt for people.
func (v promptView) Text(t *ui.Text) {
	t.Fields(
		ui.KV("prompt", ui.Bold(v.ID)),
		ui.KV("provider", ui.Plain(v.Provider)),
		ui.KV("amount", ui.Plain(v.Amount+" KES")),
		ui.KV("pay to", ui.Plain(v.PayTo)),
		ui.KV("account", ui.Plain(or(v.Reference, ""))),
	)
}

// Cells are a prompt's columns in a list.
func (v promptView) Cells() []ui.Span {
	return []ui.Span{ui.Plain(v.ID), ui.Plain(v.Amount), ui.Plain(v.PayTo), ui.Plain(or(v.Reference, "-"))}
}

func newEmulatorAnswer(a *app) *cobra.Command {
	var id, outcome string
	c := control{app: a}
	cmd := &cobra.Command{
		Use:     "answer ID OUTCOME",
		Short:   "Play the payer of an open prompt",
		Long:    "Answers an open prompt: ID is any id of the payment, or the phone. Run the emulator\nwith --behaviour manual so that prompts wait for this.\n\n" + outcomesHelp(),
		Example: "  payctl emulator answer ws_CO_020120260304057711000222 paid\n  payctl emulator answer 0712345678 cancelled",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("write: payctl emulator answer ID paid|cancelled|timeout|…", "answer: an id and an outcome are needed")
			}
			id, outcome = args[0], args[1]
			return nil
		},
		RunE: a.run(func(ctx context.Context) error {
			var p emulator.Prompt
			if err := c.call(ctx, http.MethodPost, "answer", map[string]string{"id": id, "outcome": outcome}, &p); err != nil {
				return err
			}
			return a.out.One(newPromptView(a, p))
		}),
	}
	c.bind(cmd.Flags())
	return cmd
}

func newEmulatorEnv(a *app) *cobra.Command {
	c := control{app: a}
	cmd := &cobra.Command{
		Use:     "env",
		Short:   "Print what clients need to reach the emulator",
		Long:    `Prints shell lines that export addresses and the emulator's own credentials.`,
		Example: "  eval \"$(payctl emulator env)\"",
		Args:    noArgs,
		RunE: a.run(func(ctx context.Context) error {
			env := map[string]string{}
			if err := c.call(ctx, http.MethodGet, "env", nil, &env); err != nil {
				return err
			}
			return a.out.One(envView(env))
		}),
	}
	c.bind(cmd.Flags())
	return cmd
}

// envView is a set of variables.
type envView map[string]string

// Text writes shell lines.
func (v envView) Text(t *ui.Text) {
	for _, name := range sortedKeys(v) {
		t.Linef("export %s=%s", name, payment.CommandLine(v[name]))
	}
}

// pemView is a certificate alone.
type pemView struct {
	PEM string `json:"pem"`
}

// Text writes the certificate as it is.
func (v pemView) Text(t *ui.Text) { t.Block(0, v.PEM) }

func newEmulatorCertificate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "certificate",
		Short:   "Print the certificate for SecurityCredential",
		Long:    "Prints the PEM certificate that a SecurityCredential for the emulator is encrypted with;\nunder json it is the member pem of an object.",
		Example: "  payctl emulator certificate > emulator.pem\n  payctl daraja credential encrypt --certificate emulator.pem --password-file pw",
		Args:    noArgs,
		RunE: a.run(func(context.Context) error {
			pem, err := emulator.CertificatePEM()
			if err != nil {
				return err
			}
			return a.out.One(pemView{PEM: strings.TrimRight(pem, "\n") + "\n"})
		}),
	}
}
