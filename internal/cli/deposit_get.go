package cli

import (
	"context"

	"github.com/spf13/cobra"
)

// depositGet is "payctl deposit get".
type depositGet struct {
	*session
	id string
}

func newDepositGet(s *session) *cobra.Command {
	v := &depositGet{session: s}
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show one deposit from the ledger",
		Long: `Shows what the ledger knows of one deposit; nobody is asked. ID may be the local
id, CheckoutRequestID, MerchantRequestID, WasaaPay deposit id, the receipt, the
reference or the idempotency key. A reference that several deposits carry means the
one that may be paid; several of those that are not all paid are exit 9.`,
		Example: "  payctl deposit get INV-1\n  payctl deposit get ws_CO_020120260304057711000222 -o json",
		Args:    oneArg("ID", &v.id),
		RunE:    s.quick(v.Run),
	}
}

// Run reads the ledger.
func (v *depositGet) Run(ctx context.Context) error {
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	found, err := v.find(ctx, ledger, v.id)
	if err != nil {
		return err
	}
	return v.printDeposit(ctx, ledger, found.Deposit, found.Others, nil)
}
