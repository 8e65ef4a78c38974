package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

func newDarajaPull(s *session) *cobra.Command {
	return group(s, "daraja pull", "Find payments whose callback was missed",
		`The pull API lists what customers paid to the shortcode in the last 48 hours: the
best tool for payments whose callback never came. It needs one registration.`,
		command{"list", newDarajaPullList}, command{"register", newDarajaPullRegister})
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

// darajaPullRegister is "payctl daraja pull register".
type darajaPullRegister struct {
	*session
	phone, callback string
}

func newDarajaPullRegister(s *session) *cobra.Command {
	v := &darajaPullRegister{session: s}
	cmd := &cobra.Command{
		Use:     "register --phone NUMBER",
		Short:   "Register the shortcode for the pull API",
		Long:    "Registers the profile's shortcode once; a second time is no error.",
		Example: "  payctl daraja pull register --phone 0712345678",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	cmd.Flags().StringVar(&v.phone, "phone", "", "nominated `NUMBER` that Safaricom has on file for the shortcode")
	cmd.Flags().StringVar(&v.callback, "callback-url", "", "`URL` of the registration (default: the listener's C2B confirmation)")
	return cmd
}

// Run registers the shortcode.
func (v *darajaPullRegister) Run(ctx context.Context) error {
	nominated, err := payment.ParsePhone(v.phone)
	if err != nil {
		return err
	}
	client, conf, err := openDaraja(ctx, v.session, merchantKeys())
	if err != nil {
		return err
	}
	callback := v.callback
	if callback == "" {
		if err := checkCallbackURL(v.session, conf); err != nil {
			return err
		}
		token, err := v.secretSegment(ctx, conf)
		if err != nil {
			return err
		}
		callback = conf.CallbackURL + routeConfirmation + token
	}
	ctx, cancel := v.deadline.bound(ctx, sendTimeout)
	defer cancel()
	already, err := client.PullRegister(ctx, nominated, callback)
	if err != nil {
		return err
	}
	acted(ctx, v.session, v.config, "shortcode "+conf.Daraja.ShortCode)
	return v.out.One(pullRegisteredView{ShortCode: conf.Daraja.ShortCode, Already: already})
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
	// Fits are the deposits that it may be, and which have no receipt.
	Fits []string `json:"fits"`
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
		known = ui.OK(payment.Or(v.DepositID, *v.Known))
	}
	amount := payment.Or(v.Amount, "-")
	if v.Currency != nil {
		amount += " " + *v.Currency
	}
	return []ui.Span{ui.Plain(v.Receipt), ui.Plain(payment.Or(v.At, "-")), ui.Plain(amount), ui.Plain(payment.Or(v.Phone, "-")), ui.Plain(payment.Or(v.Reference, "-")), known}
}

// darajaPullList is "payctl daraja pull list".
type darajaPullList struct {
	*session
	since, until string
	limit        int
	missed       bool
}

func newDarajaPullList(s *session) *cobra.Command {
	v := &darajaPullList{session: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the payments of the last 48 hours",
		Long: `Lists what customers paid to the shortcode, page after page, each receipt once, and
says what the ledger knows of it: a deposit, a C2B callback, or nothing (missed). A
deposit that a missed payment fits by amount, phone, reference and time is named and
told of it; one that is paid and lacks the receipt alone gets it.`,
		Example: "  payctl daraja pull list\n  payctl daraja pull list --since 6h --missed -o ndjson",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.since, "since", "48h", "paid at or after this `TIME` (RFC 3339, a date, or 6h for six hours ago)")
	f.StringVar(&v.until, "until", "", "paid before this `TIME` (default: now)")
	f.IntVar(&v.limit, "limit", 0, "at most `N`, 0 for all")
	f.BoolVar(&v.missed, "missed", false, "only what the ledger knows nothing of")
	return cmd
}

// errEnough ends a listing at its limit.
var errEnough = errors.New("enough")

// Run lists what M-PESA knows, and whether the ledger does.
func (v *darajaPullList) Run(ctx context.Context) error {
	if v.limit < 0 {
		return usagef("use 0 for all", "limit %d: is negative", v.limit)
	}
	since, err := v.parseTime("since", v.since)
	if err != nil {
		return err
	}
	until, err := v.parseTime("until", v.until)
	if err != nil {
		return err
	}
	if until.IsZero() {
		until = v.now()
	}
	client, _, err := openDaraja(ctx, v.session, merchantKeys())
	if err != nil {
		return err
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	confirmed, err := confirmedReceipts(ctx, ledger, since)
	if err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, 20*sendTimeout)
	defer cancel()
	progress := v.out.Progress("listing payments")
	views := []pulledView{}
	end, err := client.PullAll(ctx, since, until, func(row daraja.PullRow) error {
		pulled, err := v.pulled(ctx, ledger, confirmed, row)
		if err != nil {
			return err
		}
		if !v.missed || pulled.Known == nil {
			views = append(views, pulled)
		}
		if v.limit > 0 && len(views) == v.limit {
			return errEnough
		}
		return nil
	})
	progress.Stop()
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	about := itoa(len(views)) + " payments were listed"
	return v.ended(v.list(views, end), end.Err(), about)
}

// pulledList is the listing as one document.
type pulledList struct {
	Rows      []pulledView `json:"rows"`
	Message   *string      `json:"message"`
	Ambiguous bool         `json:"ambiguous"`
}

// Text is the text of ui.List, which prints the rows for people.
func (v pulledList) Text(t *ui.Text) {
	for _, row := range v.Rows {
		row.Text(t)
	}
}

// pulledSummary is the last line of ndjson.
type pulledSummary struct {
	Summary struct {
		Message   *string `json:"message"`
		Ambiguous bool    `json:"ambiguous"`
	} `json:"summary"`
}

// Text writes nothing: text has no such line.
func (pulledSummary) Text(*ui.Text) {}

// list prints what was listed and what M-PESA says of it.
func (v *darajaPullList) list(views []pulledView, end daraja.PullEnd) error {
	message := payment.OrNull(v.phoneText(end.Message))
	switch v.out.Format() {
	case ui.FormatJSON:
		return v.out.One(pulledList{Rows: views, Message: message, Ambiguous: end.Ambiguous})
	case ui.FormatNDJSON:
		var last pulledSummary
		last.Summary.Message, last.Summary.Ambiguous = message, end.Ambiguous
		for _, row := range views {
			if err := v.out.Line(row); err != nil {
				return err
			}
		}
		return v.out.Line(last)
	case ui.FormatText, ui.FormatCSV:
	}
	return ui.List(v.out, columns("RECEIPT", "PAID", "AMOUNT", "PHONE", "REFERENCE", "LEDGER"), views)
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

// fits tells the deposits that a payment fits of it, and returns them.
func (v *darajaPullList) fits(ctx context.Context, ledger *store.Store, row daraja.PullRow, known bool) ([]string, error) {
	out := []string{}
	if known || ledger.ReadOnly() {
		return out, nil
	}
	fits, err := ledger.Deposits.See(ctx, v.conf.Environment, pullHint(row))
	for _, d := range fits {
		out = append(out, d.ID)
		v.out.Note("%s fits deposit %s, which is %s", row.Receipt, d.ID, d.Status)
	}
	return out, err
}

// pullHint is what a row of the pull list tells of a deposit.
func pullHint(row daraja.PullRow) payment.Hint {
	return payment.Hint{
		Source: "pull", Provider: payment.Daraja, Receipt: row.Receipt, Amount: row.Amount, Phone: row.Phone, Reference: row.Reference, At: row.At,
	}
}

func (v *darajaPullList) pulled(ctx context.Context, ledger *store.Store, confirmed map[string]bool, row daraja.PullRow) (pulledView, error) {
	out := pulledView{
		Receipt: row.Receipt, At: timing.RFC3339OrNull(row.At), Phone: payment.OrNull(v.phoneText(row.Phone)), Reference: payment.OrNull(v.phoneText(row.Reference)),
		Type: payment.OrNull(row.Type), Sender: payment.OrNull(v.phoneText(row.Sender)), Organization: payment.OrNull(row.Organization),
	}
	if row.Amount.HasValue() {
		out.Amount, out.Currency = payment.OrNull(row.Amount.String()), payment.OrNull(string(row.Amount.Currency()))
	}
	deposits, err := ledger.Deposits.Find(ctx, row.Receipt)
	if err != nil {
		return out, err
	}
	if out.Fits, err = v.fits(ctx, ledger, row, len(deposits) > 0); err != nil {
		return out, err
	}
	switch {
	case len(deposits) > 0:
		out.Known, out.DepositID = payment.OrNull("deposit"), &deposits[0].ID
	case confirmed[row.Receipt]:
		out.Known = payment.OrNull("callback")
	}
	return out, nil
}
