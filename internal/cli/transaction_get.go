package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/view"
)

// transactionGet is "payctl transaction get".
type transactionGet struct {
	*session
	id string
}

func newTransactionGet(s *session) *cobra.Command {
	v := &transactionGet{session: s}
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show one query and its result",
		Long: `Shows what the ledger knows of one query; nobody is asked. ID may be the query's own
id, its ConversationID or OriginatorConversationID, or the receipt it asked about.`,
		Example: "  payctl transaction get UA2K7QX9ZP\n  payctl transaction get AG_20260102_2010a1b2c3d4e5f60718 -o json",
		Args:    oneArg("ID", &v.id),
		RunE:    s.quick(v.Run),
	}
}

// Run shows one query of the ledger.
func (v *transactionGet) Run(ctx context.Context) error {
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	q, others, err := inquiry.Find(ctx, ledger, v.id)
	if err != nil {
		return err
	}
	if others > 0 {
		v.out.Note("%d queries carry %q; this is the newest", others+1, v.id)
	}
	r, err := inquiry.Read(ctx, ledger, q)
	if err != nil {
		return err
	}
	return v.out.One(view.NewQuery(r, v.global.showPhone))
}
