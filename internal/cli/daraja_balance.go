package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/inquiry"
)

// darajaBalance is "payctl daraja balance".
type darajaBalance struct {
	asking
	remarks string
}

func newDarajaBalance(s *session) *cobra.Command {
	v := &darajaBalance{asking: asking{session: s}}
	cmd := &cobra.Command{
		Use:   "balance",
		Short: "Ask for the shortcode's account balances",
		Long: `Asks for the balances of the profile's shortcode and waits for the result, which
comes by callback as that of "payctl transaction status" does. The documents do not
name the figures of an account, so they are shown in the order in which they came.`,
		Example: "  payctl daraja balance\n  payctl daraja balance -o json --jq '.balances[].account'",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	cmd.Flags().StringVar(&v.remarks, "remarks", "", "`TEXT` of at most 100 characters")
	v.bind(cmd.Flags())
	return cmd
}

// Run asks for the balances.
func (v *darajaBalance) Run(ctx context.Context) error {
	client, conf, err := v.initiatorClient(ctx)
	if err != nil {
		return err
	}
	i, err := v.inquirer(ctx, conf, client)
	if err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, inquiry.Timeout)
	defer cancel()
	return v.show(i.Balance(ctx, inquiry.BalanceInput{Remarks: v.remarks, NoWait: v.noWait}))
}
