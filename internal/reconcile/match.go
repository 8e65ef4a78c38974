package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/store"
)

// match walks both sides receipt by receipt.
func (r *run) match(ctx context.Context) error {
	files, err := r.files.merge()
	if err != nil {
		return err
	}
	ledger, err := r.ledger.merge()
	if err != nil {
		return err
	}
	var theirs, mine []entry
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		f, l := files.first(), ledger.first()
		var k receiptKey
		switch {
		case f == nil && l == nil:
			return nil
		case l == nil || f != nil && f.key.compare(l.key) < 0:
			k = f.key
		default:
			k = l.key
		}
		var err1, err2 error
		theirs, err1 = files.group(k, theirs)
		mine, err2 = ledger.group(k, mine)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		r.receipt(r.once(theirs), r.toldTwice(mine))
	}
}

// once drops rows that more than one table has: each is counted as often as the table
// that has it most often, where that is noted.
func (r *run) once(rows []entry) []entry {
	if len(rows) < 2 {
		return rows
	}
	out := rows[:0]
	for i := 0; i < len(rows); {
		j := i + 1
		for j < len(rows) && rows[j].sameRow(&rows[i]) {
			j++
		}
		keep, most := i, 0
		for a := i; a < j; {
			b := a + 1
			for b < j && rows[b].table() == rows[a].table() {
				b++
			}
			if b-a > 1 {
				r.repeats(&rows[a], &rows[a+1])
			}
			if b-a > most {
				keep, most = a, b-a
			}
			a = b
		}
		r.dropped += j - i - most
		out = append(out, rows[keep:keep+most]...)
		i = j
	}
	return out
}

// repeats notes that a table has a row twice, which may be one payment or two: it is counted
// as it stands there.
func (r *run) repeats(a, b *entry) {
	f := r.fileOf(a)
	at := slices.IndexFunc(f.Checks, func(c statement.Check) bool { return c.Name == repeatedRows })
	if at < 0 {
		f.Checks = append(f.Checks, statement.Check{Name: repeatedRows, Detail: fmt.Sprintf("lines %d and %d are the same; each was counted", a.line(), b.line())})
		return
	}
	if c := &f.Checks[at]; !strings.HasSuffix(c.Detail, "further ones") {
		c.Detail += "; so are further ones"
	}
}

const repeatedRows = "repeated_rows"

// toldTwice drops the C2B notice of a deposit: it is the same payment told twice.
func (r *run) toldTwice(rows []entry) []entry {
	if len(rows) < 2 || !slices.ContainsFunc(rows, func(e entry) bool { return e.source == uint8(store.BookDeposit) }) {
		return rows
	}
	n := len(rows)
	out := slices.DeleteFunc(rows, func(e entry) bool { return e.source == uint8(store.BookNotice) || e.source == uint8(store.BookQuery) })
	r.merged += n - len(out)
	return out
}

// legSet is a set of legs.
type legSet uint8

func (s legSet) has(l statement.Leg) bool { return s&(1<<l) != 0 }

// onlyFees reports whether there is nothing but charges.
func (s legSet) onlyFees() bool { return s == 1<<statement.Fee }

// transaction is what the statement says about a receipt.
type transaction struct {
	key   receiptKey
	first entry  // the row that stands for it
	paid  int64  // the sum of its payment rows
	legs  legSet // of its completed rows
}

func (r *run) transaction(rows []entry) transaction {
	t := transaction{key: rows[0].key, first: rows[0]}
	paying := false
	for i := range rows {
		e := &rows[i]
		r.countLeg(e)
		if !e.has(completed) {
			continue
		}
		if t.legs == 0 {
			t.first = *e
		}
		t.legs |= 1 << e.leg
		switch {
		case e.leg == statement.Payment && !paying:
			t.first, t.paid, paying = *e, e.amount, true
		case e.leg == statement.Payment, e.leg == statement.Other && e.amount > 0 && !paying:
			// An unknown text that brings money may be a payment: the ledger can tell.
			t.paid += e.amount
		}
	}
	return t
}

// notCompleted is the place in legTotals of what moved no money.
const notCompleted = 7

func (r *run) countLeg(e *entry) {
	at := notCompleted
	if e.has(completed) {
		at = int(e.leg)
	}
	r.legTotals[at].Rows++
	r.legTotals[at].Amount += e.amount
}

// receipt puts one receipt into its category. mine are the ledger's rows, theirs the
// statement's; one of them may be empty.
func (r *run) receipt(theirs, mine []entry) {
	if r.pulled != nil {
		if len(mine) > 0 {
			r.meet(mine[0].key, mine[0].at)
		} else {
			r.meet(theirs[0].key, theirs[0].at)
		}
	}
	bestFirst(mine)
	if len(theirs) == 0 {
		r.open = append(r.open, mine[0])
		r.duplicates(mine)
		return
	}
	r.report.Transactions++
	t := r.transaction(theirs)
	if len(mine) == 0 {
		r.alone(&t)
		return
	}
	r.both(&t, &mine[0])
	r.duplicates(mine)
}

// bestFirst puts the row first that a receipt belongs to: one that is completed, the
// oldest.
func bestFirst(rows []entry) {
	best := 0
	for i := range rows {
		a, b := &rows[i], &rows[best]
		if (a.ledgerStatus() == payment.StatusCompleted) != (b.ledgerStatus() == payment.StatusCompleted) {
			if a.ledgerStatus() == payment.StatusCompleted {
				best = i
			}
			continue
		}
		if a.at < b.at || a.at == b.at && a.number < b.number {
			best = i
		}
	}
	if best > 0 {
		rows[0], rows[best] = rows[best], rows[0]
	}
}

// duplicates lists the further rows of a receipt; the first is told elsewhere.
func (r *run) duplicates(rows []entry) {
	for i := 1; i < len(rows); i++ {
		e := &rows[i]
		r.ledgerTold++
		r.add(DuplicateInLedger, e.amount)
		severity := Medium
		if e.ledgerStatus() == payment.StatusCompleted {
			severity = Critical
		}
		d := r.ofLedger(DuplicateInLedger, severity, e)
		d.Detail, d.Next = "another payment of the ledger has this receipt: it is counted twice", "payctl trace "+d.Receipt
		r.list(d)
	}
}

// alone is a receipt that the ledger's period does not have.
func (r *run) alone(t *transaction) {
	if t.paid > 0 {
		r.left = append(r.left, t.first.paying(t.paid))
		return
	}
	r.noPayment(t)
}

// paying returns the row with the sum of its receipt's payments.
func (e entry) paying(sum int64) entry {
	e.amount = sum
	return e
}

// noPayment is a transaction that is no payment, and that the ledger does not have.
func (r *run) noPayment(t *transaction) {
	switch {
	case t.legs == 0:
		r.told(NotCustomerPayment, 0)
	case t.legs.has(statement.Reversal):
		r.reversal(&t.first)
	case !r.inPeriod(t.first.time()):
		r.told(OutsidePeriod, t.first.amount)
	case t.legs.onlyFees():
		r.told(FeeOnly, t.first.amount)
		d := r.ofFile(FeeOnly, Low, &t.first)
		d.Detail, d.Next = "a charge whose payment is in none of the files", "give the file that holds the payment too"
		r.explain(&d, t.key)
		r.list(d)
	default:
		r.told(NotCustomerPayment, t.first.amount)
		if t.legs.has(statement.Other) {
			d := r.ofFile(NotCustomerPayment, Low, &t.first)
			d.Detail, d.Next = "the text is not known", fmt.Sprintf("look at line %d of %s", d.Line, payment.ShellWord(d.File))
			r.list(d)
		}
	}
}

// explain says of a difference that a row of the receipt cannot be read.
func (r *run) explain(d *Difference, k receiptKey) {
	if where := r.spoilt[k]; where != "" {
		d.Detail, d.Next = "the row that has the payment cannot be read", "look at "+where
	}
}

// told counts a transaction of the statement.
func (r *run) told(c Category, amount int64) {
	r.transactionsTold++
	r.add(c, amount)
}

// reversal is a transaction that takes a payment back.
func (r *run) reversal(e *entry) {
	if linked, found := r.reversals[e.key]; found {
		r.linked[linked].seen = true // told with the payment that it names; see pairReversals
		return
	}
	r.orphans = append(r.orphans, *e)
}

// takesBack returns the reversal of a receipt, nil if there is none, and notes that
// its payment was found.
func (r *run) takesBack(k receiptKey) *reversal {
	back := r.linked[k]
	if back != nil {
		back.met = true
	}
	return back
}

// both is a receipt that both sides have.
func (r *run) both(t *transaction, mine *entry) {
	status := mine.ledgerStatus()
	if t.paid == 0 && t.legs.has(statement.Reversal) {
		// The ledger keeps the receipt of a reversal beside the payment's.
		r.merged++
		r.reversal(&t.first)
		return
	}
	r.ledgerTold++
	back := r.takesBack(t.key)
	at := t.first.time()
	d, p := r.ofBoth(Matched, Low, t, mine), t.first.paying(t.paid)
	switch {
	case !r.inPeriod(at):
		r.told(OutsidePeriod, t.paid)
	case mine.has(notPayment):
		r.told(NotCustomerPayment, t.paid)
	case t.legs.onlyFees():
		d.Category, d.Severity = FeeOnly, Medium
		d.Detail, d.Next = "the charge is in the files, the payment is not", "give the file that holds the payment too"
		r.explain(&d, t.key)
		r.told(FeeOnly, t.first.amount)
		r.list(d)
	case t.paid == 0 && status != payment.StatusCompleted:
		r.told(NotCustomerPayment, 0)
	case t.paid == 0:
		d.Category, d.Severity = StatusDiffers, Critical
		d.Detail, d.Next = "completed in the ledger, not in the statement", "payctl transaction status "+d.Receipt
		r.told(StatusDiffers, mine.amount)
		r.list(d)
	case t.paid != mine.amount:
		d.Category, d.Severity = AmountDiffers, Critical
		d.Detail, d.Next = "the amounts differ by "+statement.Decimal(t.paid-mine.amount), "payctl transaction status "+d.Receipt
		r.told(AmountDiffers, t.paid)
		r.list(d)
	case back != nil:
		r.told(Reversed, t.paid)
		if !mine.has(reversedHere) && status == payment.StatusCompleted {
			d.Category, d.Severity = Reversed, Critical
			d.Detail = "taken back by " + r.names.text(back.key) + " (" + r.where(&back.entry) + "); the ledger has it completed"
			d.Next = "payctl transaction status " + d.Receipt
			r.list(d)
		}
	case status != payment.StatusCompleted:
		d.Category, d.Severity = StatusDiffers, High
		d.Detail, d.Next = "paid, and "+string(status)+" in the ledger", r.resolve(&d)
		r.told(StatusDiffers, t.paid)
		r.list(d)
	default:
		r.told(Matched, t.paid)
		p.flags |= mine.flags & reversedHere
	}
	if t.paid > 0 && r.unlinked[t.paid] {
		r.reversible = append(r.reversible, p)
	}
}
