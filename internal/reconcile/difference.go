package reconcile

import (
	"cmp"
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/store"
)

// Difference is one payment about which the books do not agree, or that is listed for
// another reason.
type Difference struct {
	Category Category
	Severity Severity
	Receipt  string
	// Amount is the statement's, or the provider's; LedgerAmount the ledger's, in cents.
	// The flags tell which there are.
	Amount, LedgerAmount       int64
	HasAmount, HasLedgerAmount bool
	// DepositID and DeliveryID name the ledger's row: a deposit, or a C2B notice or
	// wallet transaction by its delivery.
	DepositID, DeliveryID string
	File                  string
	Line                  int
	At                    time.Time
	// Detail says why, Next is the command that helps.
	Detail, Next string
}

// worse orders differences: by severity, time and receipt.
func worse(a, b Difference) int {
	return cmp.Or(
		cmp.Compare(a.Severity.rank(), b.Severity.rank()), a.At.Compare(b.At), cmp.Compare(a.Receipt, b.Receipt),
		cmp.Compare(a.DepositID+a.DeliveryID, b.DepositID+b.DeliveryID), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
	)
}

func (r *run) list(d Difference) { r.report.Differences = append(r.report.Differences, d) }

// ofLedger, ofFile and ofBoth begin a difference with what is known of it.
func (r *run) ofLedger(c Category, s Severity, e *entry) Difference {
	d := Difference{
		Category: c, Severity: s, LedgerAmount: e.amount, HasLedgerAmount: e.amount != 0, At: e.time(),
	}
	if !e.key.empty() {
		d.Receipt = r.names.text(e.key)
	}
	id := r.books.ID(store.BookSource(e.source), e.number)
	switch store.BookSource(e.source) {
	case store.BookDeposit:
		d.DepositID = id
	case store.BookNotice, store.BookWallet, store.BookQuery:
		d.DeliveryID = id
	}
	return d
}

func (r *run) ofFile(c Category, s Severity, e *entry) Difference {
	return Difference{
		Category: c, Severity: s, Receipt: r.names.text(e.key), Amount: e.amount, HasAmount: true,
		File: r.fileOf(e).Name, Line: e.line(), At: e.time(),
	}
}

func (r *run) ofBoth(c Category, s Severity, t *transaction, mine *entry) Difference {
	d := r.ofLedger(c, s, mine)
	f := r.ofFile(c, s, &t.first)
	d.Receipt, d.File, d.Line, d.At = f.Receipt, f.File, f.Line, f.At
	d.Amount, d.HasAmount = t.paid, true
	return d
}

func (r *run) where(e *entry) string {
	return fmt.Sprintf("%s:%d", payment.Line(r.fileOf(e).Name, 120), e.line())
}

// fileOf returns the file of a statement's row.
func (r *run) fileOf(e *entry) *statement.File { return &r.report.Files[r.tables[e.table()]] }

// resolve is the command by which an operator takes the statement's word.
func (r *run) resolve(d *Difference) string {
	if d.DepositID == "" {
		return "payctl transaction status " + d.Receipt
	}
	return fmt.Sprintf("payctl deposit resolve %s --as completed --receipt %s --because %s", d.DepositID, d.Receipt, payment.ShellWord(r.source(d)))
}

// source is what an operator gives as the reason for taking a difference's word.
func (r *run) source(d *Difference) string {
	if r.onlyListed() {
		return "the list of Pull"
	}
	return fmt.Sprintf("statement %s:%d", d.File, d.Line)
}
