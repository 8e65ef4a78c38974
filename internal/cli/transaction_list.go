package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// transactionList is "payctl transaction list".
type transactionList struct {
	*session
	kind, status string
	limit        int
}

func newTransactionList(s *session) *cobra.Command {
	v := &transactionList{session: s}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List queries and their results, newest first",
		Example: "  payctl transaction list\n  payctl transaction list --status ACCEPTED -o json",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.kind, "kind", "", "only these: `transaction_status|balance|reversal`")
	f.StringVar(&v.status, "status", "", "only this: `CREATED|ACCEPTED|REFUSED|ANSWERED|TIMED_OUT`")
	f.IntVar(&v.limit, "limit", 50, "at most `N`, 0 for all")
	return cmd
}

// Run lists the ledger's queries.
func (v *transactionList) Run(ctx context.Context) error {
	filter, err := v.filter()
	if err != nil {
		return err
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	queries, _, err := ledger.Queries.List(ctx, filter)
	if err != nil {
		return err
	}
	views := make([]view.Query, len(queries))
	for i, q := range queries {
		r, err := inquiry.Read(ctx, ledger, q)
		if err != nil {
			return err
		}
		views[i] = view.NewQuery(r, v.global.showPhone)
	}
	return ui.List(v.out, view.QueryColumns(), views)
}

func (v *transactionList) filter() (store.QueryFilter, error) {
	f := store.QueryFilter{Kind: v.kind, Status: store.QueryStatus(strings.ToUpper(v.status)), Limit: v.limit}
	if v.limit < 0 {
		return f, usagef("use 0 for all", "limit %d: is negative", v.limit)
	}
	switch f.Status {
	case "", store.QueryCreated, store.QueryAccepted, store.QueryRefused, store.QueryAnswered, store.QueryTimedOut:
	default:
		return f, usagef("use CREATED, ACCEPTED, REFUSED, ANSWERED or TIMED_OUT", "status %q: is not a query's status", v.status)
	}
	switch v.kind {
	case "", inquiry.KindTransaction, inquiry.KindBalance, inquiry.KindReversal:
		return f, nil
	}
	return f, usagef("use transaction_status, balance or reversal", "kind %q: is not a kind of query", v.kind)
}
