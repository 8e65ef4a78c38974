package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

func newTransactionGet(a *app) *cobra.Command {
	var id string
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show one query and its result",
		Long: `Shows what the ledger knows of one query; nobody is asked. ID may be the query's own
id, its ConversationID or OriginatorConversationID, or the receipt it asked about.`,
		Example: "  payctl transaction get UA2K7QX9ZP\n  payctl transaction get AG_20260102_2010a1b2c3d4e5f60718 -o json",
		Args:    oneArg("ID", &id),
		RunE: a.glance(func(ctx context.Context) error {
			ledger, err := a.readLedger(ctx)
			if err != nil {
				return err
			}
			q, err := a.findQuery(ctx, ledger, id)
			if err != nil {
				return err
			}
			v, _, err := a.withResult(ctx, ledger, q)
			if err != nil {
				return err
			}
			return a.out.One(v)
		}),
	}
}

// findQuery finds one query by any of its identifiers; the newest of several.
func (a *app) findQuery(ctx context.Context, ledger *store.Store, id string) (store.Query, error) {
	found, err := ledger.Queries.Find(ctx, id)
	if err != nil {
		return store.Query{}, err
	}
	if len(found) == 0 {
		return store.Query{}, payment.NotFound("query "+payment.MaskDigits(id)+": not in the ledger",
			"list what is there with \"payctl transaction list\"; check --profile and --db")
	}
	for _, q := range found {
		if q.ID == id {
			return q, nil
		}
	}
	if len(found) > 1 {
		a.out.Note("%d queries carry %q; this is the newest", len(found), id)
	}
	return found[0], nil
}
