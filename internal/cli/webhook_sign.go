package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/input"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/webhook"
)

type webhookSign struct {
	*session
	edit                    editFlags
	file, secretFile, wrong string
}

func newWebhookSign(s *session) *cobra.Command {
	v := &webhookSign{session: s}
	cmd := &cobra.Command{
		Use:   "sign [FILE]",
		Short: "Add or replace a WasaaPay signature",
		Long: `Writes the payload with a signature that fits it; all other bytes stay as they are.
--wrong NAME makes a usual mistake on purpose, to test your own check:

` + mistakesHelp(),
		Example: "  payctl webhook sign body.json --secret-file secret.txt\n  payctl webhook sign body.json --wrong sorted-keys | curl -d @- http://127.0.0.1:3000/hook",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give one file, or pipe the payload in", "unexpected argument %q", args[1])
			}
			v.file = strings.Join(args, "")
			return nil
		},
		RunE: s.quick(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.secretFile, "secret-file", "", "read the secret from `FILE` instead of the profile")
	f.StringVar(&v.wrong, "wrong", "", "sign with the mistake `NAME`")
	v.edit.bind(f)
	return cmd
}

func mistakesHelp() string {
	var b strings.Builder
	for _, m := range webhook.Mistakes() {
		b.WriteString("  " + m.Name + strings.Repeat(" ", max(1, 24-len(m.Name))) + m.Meaning + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// Run signs.
func (v *webhookSign) Run(ctx context.Context) error {
	body, err := input.One(ctx, v.in.Stdin, v.file, maxPayload)
	if err != nil {
		return err
	}
	var key *secret.Secret
	if v.secretFile != "" {
		key, err = input.Secret(v.secretFile)
	} else {
		var all []*secret.Secret
		if all, err = v.keys().Secrets(ctx, v.providers.Signer()); err == nil {
			key = all[0]
		}
	}
	if err != nil {
		return err
	}
	if body, err = v.edit.edit().Apply(body); err != nil {
		return err
	}
	if v.wrong != "" {
		body, err = webhook.SignWrong(body, key.Reveal(), v.wrong)
	} else {
		body, err = v.providers.Signer().Proof.Sign(body, nil, key)
	}
	if err != nil {
		return err
	}
	return v.out.JSON(body)
}
