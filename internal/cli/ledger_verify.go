package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

// ledgerVerifyView is what following the chain of actions gave.
type ledgerVerifyView struct {
	Path    string `json:"path"`
	OK      bool   `json:"ok"`
	Actions int64  `json:"actions"`
	// Head is the hash of the last action, null before the first.
	Head     *string  `json:"head"`
	Problems []string `json:"problems"`
}

// Text writes the result for people.
func (v ledgerVerifyView) Text(t *ui.Text) {
	if v.OK {
		t.Line(ui.OK("unaltered"), ui.Plain("  "+strconv.FormatInt(v.Actions, 10)+" actions, the last is "+payment.Or(v.Head, "none")))
	}
	for _, p := range v.Problems {
		t.Line(ui.Bad("problem"), ui.Plain("  "+p))
	}
}

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
	printed := v.out.One(ledgerVerifyView{Path: ledger.Path(), OK: len(problems) == 0, Actions: n, Head: payment.OrNull(head), Problems: append([]string{}, problems...)})
	if len(problems) == 0 {
		return printed
	}
	found := &payment.Error{Kind: payment.KindConflict, Message: "the ledger's actions have " + itoa(len(problems)) + " problems", Hint: "keep the file as it is, and compare it with the last backup"}
	return v.ended(printed, found, found.Message)
}
