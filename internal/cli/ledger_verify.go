package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
)

// ledgerVerify is "payctl ledger verify".
type ledgerVerify struct{ *session }

func newLedgerVerify(s *session) *cobra.Command {
	v := &ledgerVerify{session: s}
	return &cobra.Command{
		Use:   "verify",
		Short: "Prove that no recorded action was altered or removed",
		Long: `Whatever a command changes is written down with who, when, from which host and why; each
of these actions holds the hash of the one before. This follows that chain to its end.
Keep the last hash elsewhere: who can write the file could make the whole chain anew,
but not with the same hash.`,
		Example: "  payctl ledger verify\n  payctl ledger verify -o json --jq .head",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
}

// Run follows the chain. An altered or a removed action is KindConflict.
func (v *ledgerVerify) Run(ctx context.Context) error {
	ledger, err := openLedgerFile(ctx, v.session, store.Options{OrReadOnly: true})
	if err != nil {
		return err
	}
	n, head, problems, err := ledger.Actions.Verify(ctx)
	if err != nil {
		return err
	}
	printed := v.out.One(view.LedgerVerified{Path: ledger.Path(), OK: len(problems) == 0, Actions: n, Head: payment.OrNull(head), Problems: append([]string{}, problems...)})
	if len(problems) == 0 {
		return printed
	}
	found := &payment.Error{Kind: payment.KindConflict, Message: "the ledger's actions have " + itoa(len(problems)) + " problems", Hint: "keep the file as it is, and compare it with the last backup"}
	return v.ended(printed, found, found.Message)
}
