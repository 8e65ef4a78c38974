package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/watch"
)

// statusGet is "payctl status get".
type statusGet struct {
	*session
	id, whose string
}

func newStatusGet(s *session) *cobra.Command {
	v := &statusGet{session: s}
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Ask the provider once how a deposit stands",
		Long: `Asks the provider once, records the answer and shows the deposit. Its exit code is
the deposit's outcome: an answer that decides nothing leaves it as it was, exit 8. A
recorded contradiction is exit 9 until "payctl deposit resolve" ends it.

An id that nobody knows is exit 5 and leaves nothing behind.

The provider's rate limit is shared by all commands: the question waits its turn, at
most 130 s (or --timeout).`,
		Example: "  payctl status get INV-1\n  payctl status get ws_CO_1 --provider daraja -o json",
		Args:    oneArg("ID", &v.id),
		RunE:    s.run(v.Run),
	}
	cmd.Flags().StringVar(&v.whose, "provider", "", "whose id it is, when the ledger does not know it: `daraja|wasaapay`")
	return cmd
}

// Run asks once.
func (v *statusGet) Run(ctx context.Context) error {
	ledger, err := v.openLedger(ctx)
	if err != nil {
		return err
	}
	found, err := v.findOrElsewhere(ctx, ledger, v.id, v.whose)
	if err != nil {
		return err
	}
	d := found.Deposit
	if d.ProviderID == "" {
		v.out.Note("the provider never gave %s an id, so it cannot be asked; this is what the ledger knows", d.ID)
		return v.showDeposit(ctx, ledger, d, found.Others, watch.Outcome(d))
	}
	ask, err := v.asks(ctx, ledger, d)
	if err != nil {
		return err
	}
	var answer payment.Answer
	if d.ID == "" {
		if d, answer, err = deposit.Adopt(ctx, ledger.Deposits, ask, d, v.now); err != nil {
			return err
		}
		v.out.Note("%s was not in the ledger; it is followed as %s", payment.MaskDigits(d.ProviderID), d.ID)
	} else {
		if answer, err = ask.Ask(ctx, d); err != nil {
			return err
		}
		if d, _, err = ledger.Deposits.Apply(ctx, d.ID, deposit.ClaimOf(answer, payment.SourceQuery, v.now())); err != nil {
			return err
		}
	}
	if !answer.Status.Final() && answer.Message != "" {
		v.out.Note("%s says: %s", d.Provider, answer.Message)
	}
	return v.showDeposit(ctx, ledger, d, found.Others, watch.Outcome(d))
}
