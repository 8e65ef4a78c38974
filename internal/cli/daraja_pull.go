package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

func newDarajaPull(a *app) *cobra.Command {
	return group("daraja pull", "Find payments whose callback was missed",
		`The pull API lists what customers paid to the shortcode in the last 48 hours: the
best tool for payments whose callback never came. It needs one registration.`,
		newDarajaPullList(a), newDarajaPullRegister(a))
}

// pullRegisteredView is the answer to a registration.
type pullRegisteredView struct {
	ShortCode string `json:"shortcode"`
	Already   bool   `json:"already_registered"`
}

// Text writes the answer for people.
func (v pullRegisteredView) Text(t *ui.Text) {
	word := "registered for pulling"
	if v.Already {
		word = "was registered for pulling before"
	}
	t.Line(ui.Bold(v.ShortCode), ui.Plain(" "), ui.OK(word))
}

func newDarajaPullRegister(a *app) *cobra.Command {
	var phone, callback string
	cmd := &cobra.Command{
		Use:     "register --phone NUMBER",
		Short:   "Register the shortcode for the pull API",
		Long:    "Registers the profile's shortcode once; a second time is no error.",
		Example: "  payctl daraja pull register --phone 0712345678",
		Args:    noArgs,
		RunE: a.run(func(ctx context.Context) error {
			nominated, err := payment.ParsePhone(phone)
			if err != nil {
				return err
			}
			client, conf, err := a.darajaClient(ctx, merchantKeys())
			if err != nil {
				return err
			}
			if callback == "" {
				if err := a.checkCallbackURL(conf); err != nil {
					return err
				}
				token, err := a.secretSegment(conf)
				if err != nil {
					return err
				}
				callback = conf.CallbackURL + routeConfirmation + token
			}
			ctx, cancel := a.withTimeout(ctx, sendTimeout)
			defer cancel()
			already, err := client.PullRegister(ctx, nominated, callback)
			if err != nil {
				return err
			}
			return a.out.One(pullRegisteredView{ShortCode: conf.Daraja.ShortCode, Already: already})
		}),
	}
	cmd.Flags().StringVar(&phone, "phone", "", "nominated `NUMBER` that Safaricom has on file for the shortcode")
	cmd.Flags().StringVar(&callback, "callback-url", "", "`URL` of the registration (default: the listener's C2B confirmation)")
	return cmd
}

// pulledView is one payment that M-PESA knows, and whether the ledger does.
type pulledView struct {
	Receipt      string  `json:"receipt"`
	At           *string `json:"at"`
	Amount       *string `json:"amount"`
	Currency     *string `json:"currency"`
	Phone        *string `json:"phone"`
	Reference    *string `json:"reference"`
	Type         *string `json:"type"`
	Sender       *string `json:"sender"`
	Organization *string `json:"organization"`
	// Known is "deposit" or "callback", null where the ledger has never heard of it.
	Known     *string `json:"known"`
	DepositID *string `json:"deposit_id"`
}

// Text writes one payment for people.
func (v pulledView) Text(t *ui.Text) {
	line := []ui.Span{}
	for _, cell := range v.Cells() {
		line = append(line, cell, ui.Plain("  "))
	}
	t.Line(line...)
}

// Cells are a payment's columns in a list.
func (v pulledView) Cells() []ui.Span {
	known := ui.Warn("missed")
	if v.Known != nil {
		known = ui.OK(or(v.DepositID, *v.Known))
	}
	amount := or(v.Amount, "-")
	if v.Currency != nil {
		amount += " " + *v.Currency
	}
	return []ui.Span{ui.Plain(v.Receipt), ui.Plain(or(v.At, "-")), ui.Plain(amount), ui.Plain(or(v.Phone, "-")), ui.Plain(or(v.Reference, "-")), known}
}

type pullListOptions struct {
	since, until string
	limit        int
	missed       bool
}

func newDarajaPullList(a *app) *cobra.Command {
	var o pullListOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the payments of the last 48 hours",
		Long: `Lists what customers paid to the shortcode, page after page, each receipt once, and
says what the ledger knows of it: a deposit, a C2B callback, or nothing (missed).`,
		Example: "  payctl daraja pull list\n  payctl daraja pull list --since 6h --missed -o ndjson",
		Args:    noArgs,
		RunE:    a.run(func(ctx context.Context) error { return a.pullList(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "48h", "paid at or after this `TIME` (RFC 3339, a date, or 6h for six hours ago)")
	f.StringVar(&o.until, "until", "", "paid before this `TIME` (default: now)")
	f.IntVar(&o.limit, "limit", 0, "at most `N`, 0 for all")
	f.BoolVar(&o.missed, "missed", false, "only what the ledger knows nothing of")
	return cmd
}

// errEnough ends a listing at its limit.
var errEnough = errors.New("enough")

func (a *app) pullList(ctx context.Context, o pullListOptions) error {
	if o.limit < 0 {
		return usagef("use 0 for all", "limit %d: is negative", o.limit)
	}
	since, err := a.parseTime("since", o.since)
	if err != nil {
		return err
	}
	until, err := a.parseTime("until", o.until)
	if err != nil {
		return err
	}
	if until.IsZero() {
		until = a.now()
	}
	client, _, err := a.darajaClient(ctx, merchantKeys())
	if err != nil {
		return err
	}
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	confirmed, err := confirmedReceipts(ctx, ledger, since)
	if err != nil {
		return err
	}
	ctx, cancel := a.withTimeout(ctx, 5*sendTimeout)
	defer cancel()
	progress := a.out.Progress("listing payments")
	views := []pulledView{}
	err = client.PullAll(ctx, since, until, func(row daraja.PullRow) error {
		v, err := a.pulledView(ctx, ledger, confirmed, row)
		if err != nil {
			return err
		}
		if !o.missed || v.Known == nil {
			views = append(views, v)
		}
		if o.limit > 0 && len(views) == o.limit {
			return errEnough
		}
		return nil
	})
	progress.Stop()
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return ui.List(a.out, columns("RECEIPT", "PAID", "AMOUNT", "PHONE", "REFERENCE", "LEDGER"), views)
}

// confirmedReceipts are the receipts of C2B confirmations that came. A payment
// is confirmed after it was made, so older deliveries cannot be about it.
func confirmedReceipts(ctx context.Context, ledger *store.Store, since time.Time) (map[string]bool, error) {
	deliveries, _, err := ledger.Deliveries.List(ctx, store.DeliveryFilter{
		Provider: payment.Daraja, Event: daraja.EventC2BConfirmation, Since: since.Add(-time.Hour),
		Verdicts: []payment.Verdict{payment.VerdictValid, payment.VerdictUnsigned},
	})
	if err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(deliveries))
	for _, d := range deliveries {
		if d.Event != nil {
			out[d.Event.Receipt] = true
		}
	}
	return out, nil
}

func (a *app) pulledView(ctx context.Context, ledger *store.Store, confirmed map[string]bool, row daraja.PullRow) (pulledView, error) {
	v := pulledView{
		Receipt: row.Receipt, At: timeOrNull(row.At), Phone: orNull(a.phoneText(row.Phone)), Reference: orNull(a.phoneText(row.Reference)),
		Type: orNull(row.Type), Sender: orNull(a.phoneText(row.Sender)), Organization: orNull(row.Organization),
	}
	if row.Amount.HasValue() {
		v.Amount, v.Currency = orNull(row.Amount.String()), orNull(string(row.Amount.Currency()))
	}
	deposits, err := ledger.Deposits.Find(ctx, row.Receipt)
	if err != nil {
		return v, err
	}
	switch {
	case len(deposits) > 0:
		v.Known, v.DepositID = orNull("deposit"), &deposits[0].ID
	case confirmed[row.Receipt]:
		v.Known = orNull("callback")
	}
	return v, nil
}
