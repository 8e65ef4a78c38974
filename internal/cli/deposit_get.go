package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

func newDepositGet(a *app) *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show one deposit from the ledger",
		Long: `Shows what the ledger knows of one deposit; nobody is asked. ID may be the local
id, the reference, CheckoutRequestID, MerchantRequestID, WasaaPay deposit id, the
receipt or the idempotency key.`,
		Example: "  payctl deposit get INV-1\n  payctl deposit get ws_CO_020120260304057711000222 -o json",
		Args:    oneArg("ID", &id),
	}
	cmd.RunE = a.glance(func(ctx context.Context) error {
		ledger, err := a.readLedger(ctx)
		if err != nil {
			return err
		}
		d, err := a.findDeposit(ctx, ledger, id)
		if err != nil {
			return err
		}
		return a.out.One(a.depositView(d))
	})
	return cmd
}

// findDeposit finds one deposit by any of its identifiers. A reference that
// several deposits carry means the newest, and says so.
func (a *app) findDeposit(ctx context.Context, ledger *store.Store, id string) (payment.Deposit, error) {
	found, err := ledger.Deposits.Find(ctx, id)
	if err != nil {
		return payment.Deposit{}, err
	}
	if len(found) == 0 {
		return payment.Deposit{}, notInLedger(id)
	}
	if len(found) > 1 {
		a.out.Warn("%d deposits carry %q; this is the newest", len(found), payment.MaskDigits(id))
	}
	return found[0], nil
}

func notInLedger(id string) error {
	return payment.NotFound("deposit "+payment.MaskDigits(id)+": not in the ledger",
		"list what is there with \"payctl deposit list\"; check --profile and --db")
}
