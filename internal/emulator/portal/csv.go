package portal

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
	"github.com/payctl/payctl/internal/timing"
)

const (
	dayFirst   = "02-01-2006 15:04:05"
	daySlashes = "02/01/2006 15:04:05"
)

// organisation is the file of family B, newest first.
func (f *file) organisation() (name string, content []byte) {
	at := func(t time.Time) string { return t.In(timing.EAT()).Format(dayFirst) }
	records := [][]string{
		{"Account Holder:", mpesa.ShopName},
		{"Short Code:", f.shortcode},
		{"Account:", f.account()},
		{"Time Period:", "From", at(f.from), "To", at(f.to)},
		{"Operator:", engine.Credentials().Initiator, "Organization:", mpesa.ShopName, "Date of Report:", at(f.now)},
		{
			"Opening Balance:", f.opening.Decimal(), "Closing Balance:", f.closing.Decimal(), "Available Balance:", f.closing.Decimal(),
			"Total Paid In:", f.in.Decimal(), "Total Withdrawn:", f.out.Decimal(),
		},
		{
			"Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In", "Withdrawn", "Balance",
			"Balance Confirmed", "Reason Type", "Other Party Info", "Linked Transaction ID", "A/C No.", "Currency",
		},
	}
	for _, r := range slices.Backward(f.rows) {
		in, out := r.amount.Decimal(), ""
		if r.amount < 0 {
			in, out = out, in
		}
		records = append(records, []string{
			r.receipt, at(r.completed), at(r.begun), r.details, "Completed", in, out, r.balance.Decimal(), "true", r.reason, r.party, r.linked,
			r.reference, "KES",
		})
	}
	return "ORG_" + f.shortcode + "_" + f.account() + "_All_" + f.now.Format("20060102150405") + ".csv", write(records)
}

// template is the file of family C, newest first: both sides of a sweep, and nothing but text.
func (f *file) template() (name string, content []byte) {
	records := [][]string{{
		"Receipt No", "Completion Time", "Details", "Transaction Status", "Paid In (KSHs)", "Withdrawn (KSHs)", "Balance (KSHs)",
	}}
	line := func(r *row, amount, balance mpesa.Cents) {
		in, out := mpesa.Cents(0), amount
		if amount > 0 {
			in, out = amount, 0
		}
		records = append(records, []string{
			r.receipt, r.completed.In(timing.EAT()).Format(daySlashes), f.named(r), "Completed", thousands(in), thousands(out), thousands(balance),
		})
		f.lines++
	}
	for i := range slices.Backward(f.rows) {
		r := &f.rows[i]
		if r.leg == legSweep {
			line(r, r.other, r.other)
		}
		line(r, r.amount, r.balance)
	}
	const day = time.DateOnly
	return "Statements for " + f.shortcode + " from " + f.from.Format(day) + " to " + f.to.Format(day) + ".csv", write(records)
}

// named is Details with the customer as this template shows one.
func (f *file) named(r *row) string {
	if r.customer == 0 {
		return r.details
	}
	first, last := r.customer.Name()
	text := r.customer.Full()
	return strings.Replace(r.details, maskedParty(r.customer), text[:4]+"****"+text[9:]+" - "+first+" "+last, 1)
}

// thousands is an amount with separators, 67,390.50.
func thousands(c mpesa.Cents) string {
	text, sign := c.Decimal(), ""
	if c < 0 {
		text, sign = text[1:], "-"
	}
	for at := len(text) - 6; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return sign + text
}

func write(records [][]string) []byte {
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	w.UseCRLF = true
	_ = w.WriteAll(records) // a buffer takes everything
	return buf.Bytes()
}
