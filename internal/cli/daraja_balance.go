package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
)

func newDarajaBalance(a *app) *cobra.Command {
	var (
		remarks string
		wait    waitOptions
	)
	cmd := &cobra.Command{
		Use:   "balance",
		Short: "Ask for the shortcode's account balances",
		Long: `Asks for the balances of the profile's shortcode and waits for the result, which
comes by callback as that of "payctl transaction status" does. The documents do not
name the figures of an account, so they are shown in the order in which they came.`,
		Example: "  payctl daraja balance\n  payctl daraja balance -o json --jq '.balances[].account'",
		Args:    noArgs,
		RunE: a.run(func(ctx context.Context) error {
			client, conf, err := a.initiatorClient(ctx)
			if err != nil {
				return err
			}
			if err := a.checkCallbackURL(conf); err != nil {
				return err
			}
			if n := len([]rune(remarks)); n > 100 {
				return usagef("shorten them", "remarks: over 100 characters")
			}
			kind := string(payment.IdentifierShortCode)
			return a.inquire(ctx, conf, inquiry{
				kind: kindBalance, noWait: wait.noWait, addr: wait.addr,
				asked: asked{Party: orNull(conf.Daraja.ShortCode), IdentifierType: &kind, Remarks: orNull(remarks)},
				send: func(ctx context.Context, resultURL, timeoutURL string) (payment.Acceptance, error) {
					return client.AccountBalance(ctx, daraja.BalanceQuery{Remarks: remarks, ResultURL: resultURL, TimeoutURL: timeoutURL})
				},
			})
		}),
	}
	cmd.Flags().StringVar(&remarks, "remarks", "", "`TEXT` of at most 100 characters")
	wait.bind(cmd.Flags())
	return cmd
}
