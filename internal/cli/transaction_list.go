package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// transactionList is "payctl transaction list".
type transactionList struct {
	*session
	kind, status, provider string
	limit                  int
}

func newTransactionList(s *session) *cobra.Command {
	v := &transactionList{session: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List queries and their results, newest first",
		Long: `Lists the queries in the ledger with their results. With --provider of a wallet that
tells of its transactions by webhook, those are listed instead, with fee, order and
customer; nobody is asked.` + narrow(view.QueryColumns()),
		Example: "  payctl transaction list\n  payctl transaction list --status ACCEPTED -o json\n  payctl transaction list --provider sevi",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.kind, "kind", "", "only these: `transaction_status|balance|reversal|reconciliation`")
	f.StringVar(&v.status, "status", "", "only this: `CREATED|ACCEPTED|REFUSED|ANSWERED|TIMED_OUT`")
	f.StringVar(&v.provider, "provider", "", "transactions of this wallet instead: `sevi`")
	f.IntVar(&v.limit, "limit", 50, "at most `N`, 0 for all")
	return cmd
}

// Run lists the ledger's queries, or the transactions of a wallet.
func (v *transactionList) Run(ctx context.Context) error {
	if v.provider != "" {
		id, err := v.providers.Parse(v.provider)
		if err != nil {
			return err
		}
		if row := v.providers.Row(id); row.Movement != nil {
			return v.wallet(ctx, row)
		}
	}
	filter, err := v.filter()
	if err != nil {
		return err
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	list := listing[store.Query]{page: func(cursor string, n int) ([]store.Query, string, error) {
		filter.Cursor, filter.Limit = cursor, n
		return ledger.Queries.List(ctx, filter)
	}}
	return show(ctx, v.env, "queries", list, v.limit, view.QueryColumns(), func(queries []store.Query) ([]view.Query, error) {
		views := make([]view.Query, len(queries))
		for i, q := range queries {
			r, err := inquiry.Read(ctx, ledger, q)
			if err != nil {
				return nil, err
			}
			views[i] = view.NewQuery(r, v.global.showPhone)
		}
		return views, nil
	})
}

func (v *transactionList) filter() (store.QueryFilter, error) {
	f := store.QueryFilter{Kind: v.kind, Status: store.QueryStatus(strings.ToUpper(v.status))}
	if v.limit < 0 {
		return f, usagef("use 0 for all", "limit %d: is negative", v.limit)
	}
	switch f.Status {
	case "", store.QueryCreated, store.QueryAccepted, store.QueryRefused, store.QueryAnswered, store.QueryTimedOut:
	default:
		return f, usagef("use CREATED, ACCEPTED, REFUSED, ANSWERED or TIMED_OUT", "status %q: is not a query's status", v.status)
	}
	switch v.kind {
	case "", inquiry.KindTransaction, inquiry.KindBalance, inquiry.KindReversal, inquiry.KindCheck:
		return f, nil
	}
	return f, usagef("use transaction_status, balance, reversal or reconciliation", "kind %q: is not a kind of query", v.kind)
}

// wallet lists the transactions of a wallet, each with what its latest delivery says.
func (v *transactionList) wallet(ctx context.Context, row provider.Row) error {
	status := payment.Status(strings.ToUpper(v.status))
	switch {
	case v.limit < 0:
		return usagef("use 0 for all", "limit %d: is negative", v.limit)
	case v.kind != "":
		return usagef("leave --kind out", "kind %q: is a kind of query, and a wallet has none", payment.Line(v.kind, 60))
	case status != "" && !status.Valid():
		return usagef("use PENDING, COMPLETED or FAILED", "status %q: is not a transaction's status", payment.Line(v.status, 60))
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	found, total, err := cutAt(v.limit, v.counts(), func(limit int) ([]store.WalletRow, error) { return ledger.Books.Wallet(ctx, row.ID, status, limit) })
	if err != nil {
		return err
	}
	views := make([]view.WalletTransaction, len(found))
	for i, w := range found {
		var m payment.WalletMovement
		d, err := ledger.Deliveries.Get(ctx, w.DeliveryID)
		switch {
		case err == nil:
			m, _ = row.Movement(d.Body)
		case payment.KindOf(err) != payment.KindNotFound: // pruned
			return err
		}
		views[i] = view.NewWalletTransaction(w, m, v.global.showPhone)
	}
	v.listed(ctx, "transactions of "+string(row.ID), len(views), total)
	return ui.List(v.out, view.WalletColumns(), views)
}
