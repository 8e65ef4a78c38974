package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/filter"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// verdictNames are the verdicts as flags take them.
const verdictNames = "valid,unsigned,mismatch,malformed,untrusted,stray"

// deliveryFlags choose deliveries.
type deliveryFlags struct {
	provider, event, verdict, status, since, until string
	limit                                          int
}

func (o *deliveryFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&o.provider, "provider", "", "only this provider: `daraja|wasaapay|sevi`")
	f.StringVar(&o.event, "event", "", "only this event; `NAME` may end with *")
	f.StringVar(&o.verdict, "verdict", "", "only these, comma separated: `"+verdictNames+"`")
	f.StringVar(&o.status, "status", "", "only events that claim these statuses: `COMPLETED,FAILED,PENDING`")
	f.StringVar(&o.since, "since", "", "received at or after this `TIME` (RFC 3339, a date, or an age such as 2h or 3d)")
	f.StringVar(&o.until, "until", "", "received before this `TIME`")
	f.IntVar(&o.limit, "limit", 50, "at most `N`, 0 for all")
}

// filter reads the flags.
func (o deliveryFlags) filter(e *env) (store.DeliveryFilter, error) {
	filter := store.DeliveryFilter{Event: o.event, Limit: o.limit}
	var err error
	if o.limit < 0 {
		return filter, usagef("use 0 for all", "limit %d: is negative", o.limit)
	}
	if o.provider != "" {
		if filter.Provider, err = e.providers.Parse(o.provider); err != nil {
			return filter, err
		}
	}
	if filter.Verdicts, err = parseVerdicts(o.verdict); err != nil {
		return filter, err
	}
	if filter.Statuses, err = parseStatuses(o.status); err != nil {
		return filter, err
	}
	if filter.Since, err = e.parseTime("since", o.since); err != nil {
		return filter, err
	}
	filter.Until, err = e.parseTime("until", o.until)
	return filter, err
}

func parseVerdicts(text string) ([]payment.Verdict, error) {
	var out []payment.Verdict
	known := strings.Split(verdictNames, ",")
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		name := strings.ToLower(strings.TrimSpace(word))
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return nil, usagef("use "+strings.Join(known[:len(known)-1], ", ")+" or "+known[len(known)-1], "verdict %q: is not a verdict", payment.Line(word, 60))
		}
		out = append(out, payment.Verdict(name))
	}
	return out, nil
}

type webhookList struct {
	*session
	deliveryFlags
	deposit  string
	phone    string
	filter   string
	failed   bool
	withBody bool
}

func newWebhookList(s *session) *cobra.Command {
	v := &webhookList{session: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List stored deliveries, newest first",
		Long: `Lists what "payctl listen" stored, believed or not. What came to a path that is no
route is listed with --verdict stray alone.

--failed keeps what did not get through: the last attempt at some target got no 2xx.
--phone keeps what is about a deposit of that number's, and what names it itself, masked
numbers that fit it among them.

` + filterHelp[filter.Delivery]() + narrow(view.DeliveryColumns()),
		Example: "  payctl webhook list\n  payctl webhook list --event 'stk.*' --since 2h -o ndjson --with-body\n  payctl webhook list --filter 'amount >= 1000 && !duplicate'",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
	f := cmd.Flags()
	v.bind(f)
	f.StringVar(&v.deposit, "deposit", "", "only what is about this deposit: any `ID` of it")
	f.StringVar(&v.phone, "phone", "", "only what is about this payer's `NUMBER`")
	f.BoolVar(&v.failed, "failed", false, "only what did not get through to some target")
	f.BoolVar(&v.withBody, "with-body", false, "with -o json or ndjson, add the body, numbers masked unless --show-phone (body_base64 where it is not UTF-8)")
	bindFilter(f, &v.filter)
	return cmd
}

// Run lists deliveries.
func (v *webhookList) Run(ctx context.Context) error {
	if v.withBody && v.out.Format() == ui.FormatText {
		return usagef("add -o json or -o ndjson, or see one with \"payctl webhook show ID\"", "with-body: a table has no room for bodies")
	}
	wanted, err := v.deliveryFlags.filter(v.env)
	if err != nil {
		return err
	}
	wanted.Failed = v.failed
	if v.phone != "" {
		if wanted.Phone, err = payment.ParsePhone(v.phone); err != nil {
			return err
		}
	}
	keep, err := filter.Deliveries(v.filter)
	if err != nil {
		return err
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	if v.deposit != "" {
		d, err := v.findDeposit(ctx, ledger, v.deposit)
		if err != nil {
			return err
		}
		wanted.DepositID = d.ID
	}
	wanted.WithBody = v.withBody
	list := listing[store.StoredDelivery]{page: func(cursor string, n int) ([]store.StoredDelivery, string, error) {
		wanted.Cursor, wanted.Limit = cursor, n
		return ledger.Deliveries.List(ctx, wanted)
	}, keep: keep, count: func(most int) (int, error) { return ledger.Deliveries.Count(ctx, wanted, most) }}
	return show(ctx, v.env, "deliveries", list, v.limit, view.DeliveryColumns(), func(stored []store.StoredDelivery) ([]view.Delivery, error) {
		views := make([]view.Delivery, len(stored))
		for i, d := range stored {
			views[i] = view.NewDelivery(d, v.withBody, v.global.showPhone)
		}
		return views, nil
	})
}
