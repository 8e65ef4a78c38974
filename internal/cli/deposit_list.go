package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/filter"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
)

// depositList is "payctl deposit list".
type depositList struct {
	*session
	status, provider, since, until, filter string
	phone, reference, receipt              string
	limit                                  int
}

func newDepositList(s *session) *cobra.Command {
	v := &depositList{session: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List deposits, newest first",
		Long: "Lists the deposits in the ledger; nobody is asked. \"!\" marks those that something\n" +
			"speaks against.\n\n" + filterHelp[filter.Deposit]() + narrow(view.DepositColumns()),
		Example: "  payctl deposit list\n  payctl deposit list --status PENDING,UNKNOWN -o json",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.status, "status", "", "only these, comma separated: `CREATED,UNKNOWN,PENDING,COMPLETED,FAILED`")
	f.StringVar(&v.provider, "provider", "", "only this provider: `daraja|wasaapay`")
	f.StringVar(&v.phone, "phone", "", "only of this customer's `NUMBER`")
	f.StringVar(&v.reference, "reference", "", "only with this reference: `TEXT`")
	f.StringVar(&v.receipt, "receipt", "", "only with this `RECEIPT`")
	f.StringVar(&v.since, "since", "", "created at or after this `TIME` (RFC 3339, a date, or an age such as 2h or 3d)")
	f.StringVar(&v.until, "until", "", "created before this `TIME`")
	f.IntVar(&v.limit, "limit", 50, "at most `N`, 0 for all")
	bindFilter(f, &v.filter)
	return cmd
}

// Run reads the ledger.
func (v *depositList) Run(ctx context.Context) error {
	filter, keep, err := v.parse()
	if err != nil {
		return err
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	list := listing[payment.Deposit]{page: func(cursor string, n int) ([]payment.Deposit, string, error) {
		filter.Cursor, filter.Limit = cursor, n
		return ledger.Deposits.List(ctx, filter)
	}, keep: keep, count: func(most int) (int, error) { return ledger.Deposits.Count(ctx, filter, most) }}
	return show(ctx, v.env, "deposits", list, v.limit, view.DepositColumns(), func(found []payment.Deposit) ([]view.Deposit, error) {
		return v.viewDeposits(ctx, ledger, found)
	})
}

// parse reads the flags: what the ledger filters by itself, and the rest.
func (v *depositList) parse() (f store.DepositFilter, keep func(payment.Deposit) (bool, error), err error) {
	if v.limit < 0 {
		return f, nil, usagef("use 0 for all", "limit %d: is negative", v.limit)
	}
	if v.provider != "" {
		if f.Provider, err = v.providers.Parse(v.provider); err != nil {
			return f, nil, err
		}
	}
	if f.Statuses, err = parseStatuses(v.status); err != nil {
		return f, nil, err
	}
	if f.Since, err = v.parseTime("since", v.since); err != nil {
		return f, nil, err
	}
	if f.Until, err = v.parseTime("until", v.until); err != nil {
		return f, nil, err
	}
	if keep, err = filter.Deposits(v.filter); err != nil {
		return f, nil, err
	}
	if v.phone != "" {
		if f.Phone, err = payment.ParsePhone(v.phone); err != nil {
			return f, nil, err
		}
	}
	f.Reference, f.Receipt = strings.TrimSpace(v.reference), strings.TrimSpace(v.receipt)
	for _, given := range []struct{ name, text, kept string }{{"reference", v.reference, f.Reference}, {"receipt", v.receipt, f.Receipt}} {
		if given.text != "" && given.kept == "" {
			return f, nil, usagef("leave --"+given.name+" out to list all", "%s: is blank", given.name)
		}
	}
	return f, keep, nil
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
