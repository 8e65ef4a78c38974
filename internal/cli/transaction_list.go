package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

type transactionListOptions struct {
	kind, status string
	limit        int
}

func newTransactionList(a *app) *cobra.Command {
	var o transactionListOptions
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List queries and their results, newest first",
		Example: "  payctl transaction list\n  payctl transaction list --status ACCEPTED -o json",
		Args:    noArgs,
		RunE:    a.glance(func(ctx context.Context) error { return a.transactionList(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.kind, "kind", "", "only these: `transaction_status|balance|reversal`")
	f.StringVar(&o.status, "status", "", "only this: `CREATED|ACCEPTED|REFUSED|ANSWERED|TIMED_OUT`")
	f.IntVar(&o.limit, "limit", 50, "at most `N`, 0 for all")
	return cmd
}

func (a *app) transactionList(ctx context.Context, o transactionListOptions) error {
	filter := store.QueryFilter{Status: store.QueryStatus(strings.ToUpper(o.status)), Limit: o.limit}
	if o.limit < 0 {
		return usagef("use 0 for all", "limit %d: is negative", o.limit)
	}
	switch filter.Status {
	case "", store.QueryCreated, store.QueryAccepted, store.QueryRefused, store.QueryAnswered, store.QueryTimedOut:
	default:
		return usagef("use CREATED, ACCEPTED, REFUSED, ANSWERED or TIMED_OUT", "status %q: is not a query's status", o.status)
	}
	switch o.kind {
	case "", kindTransaction, kindBalance, kindReversal:
		filter.Kind = o.kind
	default:
		return usagef("use transaction_status, balance or reversal", "kind %q: is not a kind of query", o.kind)
	}
	ledger, err := a.readLedger(ctx)
	if err != nil {
		return err
	}
	queries, _, err := ledger.Queries.List(ctx, filter)
	if err != nil {
		return err
	}
	views := make([]transactionView, len(queries))
	for i, q := range queries {
		if views[i], _, err = a.withResult(ctx, ledger, q); err != nil {
			return err
		}
	}
	return ui.List(a.out, columns("ID", "KIND", "QUERY", "ABOUT", "STATUS", "RESULT", "CREATED"), views)
}
