package cli

import (
	"context"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

// deliveryView is a stored delivery in lists; its keys are the contract.
type deliveryView struct {
	ID          string  `json:"id"`
	Provider    string  `json:"provider"`
	Event       *string `json:"event"`
	Verdict     string  `json:"verdict"`
	DuplicateOf *string `json:"duplicate_of"`
	DepositID   *string `json:"deposit_id"`
	ReceivedAt  string  `json:"received_at"`
	Size        int64   `json:"size"`
	SHA256      string  `json:"sha256"`
	Body        *string `json:"body,omitempty"`
	BodyBase64  *string `json:"body_base64,omitempty"`
}

func (a *app) deliveryView(d store.StoredDelivery, withBody bool) deliveryView {
	v := deliveryView{
		ID: d.ID, Provider: string(d.Provider), Verdict: string(d.Verdict), DuplicateOf: orNull(d.DuplicateOf),
		DepositID: orNull(d.DepositID), ReceivedAt: rfc3339(d.ReceivedAt), Size: d.Size, SHA256: d.SHA256,
	}
	if d.Event != nil {
		v.Event = orNull(d.Event.Name)
	}
	if !withBody {
		return v
	}
	body := a.shownBody(d.Body)
	if text := string(body); utf8.ValidString(text) {
		v.Body = &text
	} else {
		encoded := base64.StdEncoding.EncodeToString(body)
		v.BodyBase64 = &encoded
	}
	return v
}

// Cells are a delivery's columns in a list.
func (v deliveryView) Cells() []ui.Span {
	event := or(v.Event, "-")
	if v.DuplicateOf != nil {
		event += " (duplicate)"
	}
	return []ui.Span{
		ui.Plain(v.ID), ui.Plain(v.Provider), ui.Plain(event), verdictSpan(v.Verdict), ui.Plain(or(v.DepositID, "-")), ui.Plain(v.ReceivedAt),
	}
}

func verdictSpan(verdict string) ui.Span {
	switch payment.Verdict(verdict) {
	case payment.VerdictValid, payment.VerdictUnsigned:
		return ui.OK(verdict)
	case payment.VerdictMismatch, payment.VerdictMalformed, payment.VerdictUntrusted:
		return ui.Bad(verdict)
	}
	return ui.Plain(verdict)
}

type webhookListOptions struct {
	provider, event, verdict, status, since, until, deposit string
	filter                                                  string
	limit                                                   int
	withBody                                                bool
}

func newWebhookList(a *app) *cobra.Command {
	var o webhookListOptions
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List stored deliveries, newest first",
		Long:    "Lists what \"payctl listen\" stored.\n\n" + filterHelp[deliveryFields](),
		Example: "  payctl webhook list\n  payctl webhook list --event 'stk.*' --since 2h -o ndjson --with-body\n  payctl webhook list --filter 'amount >= 1000 && !duplicate'",
		Args:    noArgs,
		RunE:    a.glance(func(ctx context.Context) error { return a.webhookList(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.provider, "provider", "", "only this provider: `daraja|wasaapay|sevi`")
	f.StringVar(&o.event, "event", "", "only this event; `NAME` may end with *")
	f.StringVar(&o.verdict, "verdict", "", "only these, comma separated: `valid,unsigned,mismatch,malformed,untrusted`")
	f.StringVar(&o.status, "status", "", "only events that claim these statuses: `COMPLETED,FAILED,PENDING`")
	f.StringVar(&o.since, "since", "", "received at or after this `TIME` (RFC 3339, a date, or 2h for two hours ago)")
	f.StringVar(&o.until, "until", "", "received before this `TIME`")
	f.StringVar(&o.deposit, "deposit", "", "only what is about this deposit: any `ID` of it")
	f.IntVar(&o.limit, "limit", 50, "at most `N`, 0 for all")
	f.BoolVar(&o.withBody, "with-body", false, "with -o json or ndjson, add the body, numbers masked unless --show-phone (body_base64 where it is not UTF-8)")
	bindFilter(f, &o.filter)
	return cmd
}

func (a *app) webhookList(ctx context.Context, o webhookListOptions) error {
	if o.withBody && a.out.Format() == ui.FormatText {
		return usagef("add -o json or -o ndjson, or see one with \"payctl webhook show ID\"", "with-body: a table has no room for bodies")
	}
	filter, err := a.deliveryFilter(o)
	if err != nil {
		return err
	}
	wanted, err := parseFilter[deliveryFields](o.filter)
	if err != nil {
		return err
	}
	ledger, err := a.readLedger(ctx)
	if err != nil {
		return err
	}
	if o.deposit != "" {
		d, err := a.findDeposit(ctx, ledger, o.deposit)
		if err != nil {
			return err
		}
		filter.DepositID = d.ID
	}
	filter.WithBody = o.withBody
	if wanted != nil {
		filter.Limit = filterPage
	}
	stored, err := pages(o.limit, func(cursor string) ([]store.StoredDelivery, string, error) {
		filter.Cursor = cursor
		return ledger.Deliveries.List(ctx, filter)
	}, func(d store.StoredDelivery) (bool, error) { return keepsDelivery(wanted, d) })
	if err != nil {
		return err
	}
	views := make([]deliveryView, len(stored))
	for i, d := range stored {
		views[i] = a.deliveryView(d, o.withBody)
	}
	return ui.List(a.out, columns("ID", "PROVIDER", "EVENT", "VERDICT", "DEPOSIT", "RECEIVED"), views)
}

// deliveryFilter reads the flags that choose deliveries.
func (a *app) deliveryFilter(o webhookListOptions) (store.DeliveryFilter, error) {
	filter := store.DeliveryFilter{Event: o.event, Limit: o.limit}
	var err error
	if o.limit < 0 {
		return filter, usagef("use 0 for all", "limit %d: is negative", o.limit)
	}
	if o.provider != "" {
		if filter.Provider, err = provider.Parse(o.provider); err != nil {
			return filter, err
		}
	}
	if filter.Verdicts, err = parseVerdicts(o.verdict); err != nil {
		return filter, err
	}
	if filter.Statuses, err = parseStatuses(o.status); err != nil {
		return filter, err
	}
	if filter.Since, err = a.parseTime("since", o.since); err != nil {
		return filter, err
	}
	filter.Until, err = a.parseTime("until", o.until)
	return filter, err
}

func parseVerdicts(text string) ([]payment.Verdict, error) {
	var out []payment.Verdict
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		v := payment.Verdict(strings.ToLower(strings.TrimSpace(word)))
		switch v {
		case payment.VerdictValid, payment.VerdictUnsigned, payment.VerdictMismatch, payment.VerdictMalformed, payment.VerdictUntrusted:
			out = append(out, v)
		default:
			return nil, usagef("use valid, unsigned, mismatch, malformed or untrusted", "verdict %q: is not a verdict", word)
		}
	}
	return out, nil
}
