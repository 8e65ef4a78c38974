// Package portal writes what the organisation portal would have exported of the emulator's own payments: statement files
// of the families B, C and D of reference/statements.md, from that document alone and never from payctl's own reader.
//
// The emulator's money knows neither charges nor settlement, so a statement tells its own story of both: each customer's
// payment is charged 0.55 %, and after every third transaction of a short code what is above its opening balance is swept
// to the settlement account. Both depend on nothing but the transactions, so that files of several slices fit together.
package portal

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
	"github.com/payctl/payctl/internal/timing"
)

// Families of files.
const (
	FamilyB = "B" // organisation portal, CSV
	FamilyC = "C" // newer portal template, CSV
	FamilyD = "D" // M-PESA for Business, XLSX
)

// Request says what to export.
type Request struct {
	// Shortcode is a paybill or a till; empty is the local paybill.
	Shortcode string
	// Family is FamilyB when empty.
	Family string
	// From and To are dates, dates and times in Nairobi, RFC 3339, or ages such as 2h and 3d; empty is the day of Now.
	From, To string
	// Now is when the file is asked for.
	Now time.Time
}

// Statement is an exported file.
type Statement struct {
	Name      string    `json:"name"` // as the portal calls it
	Family    string    `json:"family"`
	Shortcode string    `json:"shortcode"`
	Account   string    `json:"account"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Rows      int       `json:"rows"`
	PaidIn    string    `json:"paid_in"`
	Withdrawn string    `json:"withdrawn"`
	Opening   string    `json:"opening"`
	Closing   string    `json:"closing"`
	SHA256    string    `json:"sha256"`
	Content   []byte    `json:"content_base64"`
}

// row is one line of a statement.
type row struct {
	receipt          string
	completed, begun time.Time
	details          string
	reason           string
	amount           mpesa.Cents // what goes out is negative
	balance          mpesa.Cents
	party            string
	linked           string
	reference        string
	leg              leg
	other            mpesa.Cents // balance of the account that a sweep reaches
	customer         mpesa.MSISDN
}

type leg uint8

const (
	legPayment leg = iota
	legCharge
	legReversal
	legPayout
	legSweep
)

// book is what a short code's account did, oldest first.
type book struct {
	shortcode string
	till      bool
	rows      []row
	balance   mpesa.Cents
	count     int
}

// Export makes a statement of transactions, oldest first.
func Export(txns []*mpesa.Txn, want Request) (Statement, error) {
	creds := engine.Credentials()
	want.Shortcode = cmp.Or(want.Shortcode, creds.Shortcode)
	want.Family = cmp.Or(strings.ToUpper(want.Family), FamilyB)
	if !engine.Digits(want.Shortcode, 5, 9) {
		return Statement{}, fmt.Errorf("shortcode %q is not 5 to 9 digits", want.Shortcode)
	}
	from, to, err := period(want.From, want.To, want.Now)
	if err != nil {
		return Statement{}, err
	}
	b := &book{shortcode: want.Shortcode, till: want.Shortcode == creds.Till, balance: mpesa.OpeningUtility}
	for _, t := range txns {
		b.enter(t)
	}
	f := file{book: b, from: from, to: to, now: want.Now.In(timing.EAT()), opening: mpesa.OpeningUtility}
	f.cut()
	s := Statement{
		Family: want.Family, Shortcode: want.Shortcode, Account: b.account(), From: from.UTC(), To: to.UTC(), Rows: len(f.rows),
		PaidIn: f.in.Decimal(), Withdrawn: f.out.Decimal(), Opening: f.opening.Decimal(), Closing: f.closing.Decimal(),
	}
	switch want.Family {
	case FamilyB:
		s.Name, s.Content = f.organisation()
	case FamilyC:
		s.Name, s.Content = f.template()
		s.Rows = f.lines
	case FamilyD:
		if s.Name, s.Content, err = f.business(); err != nil {
			return Statement{}, err
		}
	default:
		return Statement{}, fmt.Errorf("family %q is none of B, C and D", want.Family)
	}
	sum := sha256.Sum256(s.Content)
	s.SHA256 = hex.EncodeToString(sum[:])
	return s, nil
}

func (b *book) account() string {
	if b.till {
		return "Merchant Account"
	}
	return "Utility Account"
}

// enter books a transaction, its charge, and the sweep that follows it.
func (b *book) enter(t *mpesa.Txn) {
	r, ours := b.read(t)
	if !ours {
		return
	}
	r.receipt, r.completed, r.begun = t.Receipt, t.Completed, t.Initiated
	b.add(r)
	if r.leg == legPayment && t.Customer != 0 {
		if charge := (t.Amount*55 + 5_000) / 10_000; charge > 0 {
			b.add(row{
				receipt: t.Receipt, completed: t.Completed, begun: t.Initiated, details: b.word("Pay Bill Charge", "Pay merchant Charge"),
				reason: r.reason, amount: -charge, party: b.word("SP", ""), leg: legCharge,
			})
		}
	}
	if b.count++; b.count%3 == 0 && b.balance > mpesa.OpeningUtility {
		text := b.account() + " to Organization Settlement Account"
		above := b.balance - mpesa.OpeningUtility
		b.add(row{
			receipt: sweepReceipt(t.Receipt), completed: t.Completed, begun: t.Completed, details: text, reason: text, amount: -above,
			party: b.shortcode + " - " + mpesa.ShopName, leg: legSweep, other: above,
		})
	}
}

func (b *book) add(r row) {
	b.balance += r.amount
	r.balance = b.balance
	b.rows = append(b.rows, r)
}

func (b *book) word(paybill, till string) string {
	if b.till {
		return till
	}
	return paybill
}

// read is a transaction as this account sees it; false where it does not concern it. Payments to other businesses leave
// from the working account, of which there is no statement.
func (b *book) read(t *mpesa.Txn) (row, bool) {
	r := row{amount: t.Amount, customer: t.Customer}
	if t.Customer != 0 {
		r.party = maskedParty(t.Customer)
	}
	switch {
	case t.Kind == mpesa.KindSTK && t.To == b.shortcode:
		r.reason, r.details = b.word("Pay Bill Online", "Customer Buy Goods Online"), b.word("Pay Bill Online from ", "Merchant Payment Online from ")+r.party
		r.reference = b.word(t.Reference, "")
	case t.Kind == mpesa.KindC2B && t.To == b.shortcode:
		r.reason, r.details = b.word("Pay Utility", "Pay Merchant"), b.word("Pay Bill from ", "Merchant Payment from ")+r.party
		r.reference = b.word(t.Reference, "")
	case t.Kind == mpesa.KindB2B && t.To == b.shortcode:
		r.party = t.From + " - " + mpesa.ShopName
		r.reason, r.details, r.reference = "Business Pay Bill", "Business Pay Bill via API by "+r.party, t.Reference
	case t.Kind == mpesa.KindReversal && t.From == b.shortcode:
		text := b.word("Pay Utility Reversal", "Pay Merchant Reversal")
		r.reason, r.details = text, text+` by `+mpesa.ShopName+`\`+engine.Credentials().Initiator
		r.amount, r.linked, r.leg = -t.Amount, t.Reference, legReversal
	case t.Kind == mpesa.KindB2C && t.From == b.shortcode:
		r.reason, r.details = t.Reason, t.Reason+" to "+r.party
		r.amount, r.leg = -t.Amount, legPayout
	default:
		return row{}, false
	}
	if r.reference != "" {
		r.details += " Acc. " + r.reference
	}
	return r, true
}

// sweepReceipt is the receipt of the sweep behind a transaction: of the same day, and always the same.
func sweepReceipt(of string) string {
	sum := sha256.Sum256([]byte("sweep " + of))
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	receipt := []byte(of[:min(3, len(of))])
	for _, b := range sum[:7] {
		receipt = append(receipt, letters[int(b)%len(letters)])
	}
	return string(receipt)
}

// maskedParty is a customer as the organisation portal shows one.
func maskedParty(m mpesa.MSISDN) string {
	first, last := m.Name()
	text := m.Full()
	return text[:5] + "****" + text[9:] + " - " + first + " **** " + last
}

// file is what of a book falls into a period.
type file struct {
	*book
	from, to, now    time.Time
	rows             []row // oldest first
	lines            int   // written, where that is not the number of rows
	opening, closing mpesa.Cents
	in, out          mpesa.Cents
}

// cut takes the rows of the period, to the second as the files have it.
func (f *file) cut() {
	f.closing = f.opening
	for _, r := range f.book.rows {
		at := r.completed.Truncate(time.Second)
		switch {
		case at.Before(f.from):
			f.opening, f.closing = r.balance, r.balance
		case !at.After(f.to):
			f.rows, f.closing = append(f.rows, r), r.balance
			if r.amount > 0 {
				f.in += r.amount
			} else {
				f.out += r.amount
			}
		}
	}
}
