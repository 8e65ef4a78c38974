package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

type depositListOptions struct {
	status, provider, since, until, filter string
	limit                                  int
}

func newDepositList(a *app) *cobra.Command {
	var o depositListOptions
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List deposits, newest first",
		Long:    "Lists the deposits in the ledger; nobody is asked.\n\n" + filterHelp[depositFields](),
		Example: "  payctl deposit list\n  payctl deposit list --status PENDING,UNKNOWN -o json",
		Args:    noArgs,
		RunE:    a.glance(func(ctx context.Context) error { return a.depositList(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.status, "status", "", "only these, comma separated: `CREATED,UNKNOWN,PENDING,COMPLETED,FAILED`")
	f.StringVar(&o.provider, "provider", "", "only this provider: `daraja|wasaapay`")
	f.StringVar(&o.since, "since", "", "created at or after this `TIME` (RFC 3339, a date, or 2h ago as 2h)")
	f.StringVar(&o.until, "until", "", "created before this `TIME`")
	f.IntVar(&o.limit, "limit", 50, "at most `N`, 0 for all")
	bindFilter(f, &o.filter)
	return cmd
}

func (a *app) depositList(ctx context.Context, o depositListOptions) error {
	filter := store.DepositFilter{Limit: o.limit}
	if o.limit < 0 {
		return usagef("use 0 for all", "limit %d: is negative", o.limit)
	}
	var err error
	if o.provider != "" {
		if filter.Provider, err = a.providers.Parse(o.provider); err != nil {
			return err
		}
	}
	if filter.Statuses, err = parseStatuses(o.status); err != nil {
		return err
	}
	if filter.Since, err = a.parseTime("since", o.since); err != nil {
		return err
	}
	if filter.Until, err = a.parseTime("until", o.until); err != nil {
		return err
	}
	wanted, err := parseFilter[depositFields](o.filter)
	if err != nil {
		return err
	}
	ledger, err := a.readLedger(ctx)
	if err != nil {
		return err
	}
	if wanted != nil {
		filter.Limit = filterPage
	}
	deposits, err := pages(o.limit, func(cursor string) ([]payment.Deposit, string, error) {
		filter.Cursor = cursor
		return ledger.Deposits.List(ctx, filter)
	}, func(d payment.Deposit) (bool, error) { return wanted.keeps(fieldsOfDeposit(d)) })
	if err != nil {
		return err
	}
	views := make([]depositView, len(deposits))
	for i, d := range deposits {
		views[i] = a.depositView(d)
	}
	return ui.List(a.out, columns("ID", "STATUS", "AMOUNT", "PHONE", "REFERENCE", "RECEIPT", "CREATED"), views)
}

func parseStatuses(text string) ([]payment.Status, error) {
	var out []payment.Status
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		status := payment.Status(strings.ToUpper(strings.TrimSpace(word)))
		if !status.Valid() {
			return nil, usagef("use CREATED, UNKNOWN, PENDING, COMPLETED or FAILED", "status %q: is not a status", word)
		}
		out = append(out, status)
	}
	return out, nil
}
