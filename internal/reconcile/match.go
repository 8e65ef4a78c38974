package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/store"
)

// readLedger keeps the ledger's rows of the period, and of the grace around it.
func (r *run) readLedger(ctx context.Context) error {
	r.in.Scope.ShortCodes = r.scopeCodes()
	from, to := r.report.From.Add(-r.in.Grace), r.report.To.Add(r.in.Grace+time.Second)
	return r.books.Between(ctx, r.in.Scope, from, to, func(b store.BookRow) error {
		e := r.booked(&b)
		r.report.LedgerRows++
		if e.key.empty() {
			r.open = append(r.open, e)
			return nil
		}
		return r.ledger.add(&e)
	})
}

// scopeCodes are the short codes whose rows are compared: the files', and where a file
// is of the profile's till the profile's, under which pushes are booked.
func (r *run) scopeCodes() []string {
	if len(r.report.Files) == 0 {
		return r.in.Scope.ShortCodes
	}
	var codes []string
	for _, f := range r.report.Files {
		if f.ShortCode == "" {
			return nil
		}
		codes = append(codes, f.ShortCode)
	}
	if profile := r.in.Scope.ShortCodes; len(profile) > 1 && slices.ContainsFunc(codes, func(c string) bool { return c == profile[1] }) {
		codes = append(codes, profile[0])
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func (r *run) booked(b *store.BookRow) entry {
	e := entry{
		amount: b.Amount.Minor(), number: b.Key, at: b.At.Unix(), status: statusCode(b.Status), source: uint8(b.Source),
		phone: packPhone(statement.NewMask(b.Phone)),
	}
	if receipt := statement.NormalReceipt(b.Receipt); receipt != "" {
		e.key = r.names.key(receipt)
	}
	if b.Reversed {
		e.flags |= reversedHere
	}
	if b.Source == store.BookNotice && statement.TypeLeg(b.Type) != statement.Payment {
		e.flags |= notPayment
	}
	e.setRef(b.Reference)
	return e
}

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

// once drops rows that more than one file has: each is counted as often as the file
// that has it most often.
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
			for b < j && rows[b].file() == rows[a].file() {
				b++
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
	if len(theirs) == 0 {
		for i := range mine[:min(1, len(mine))] {
			r.open = append(r.open, mine[i])
		}
		r.duplicates(mine)
		return
	}
	r.report.Transactions++
	t := r.transaction(theirs)
	if len(mine) == 0 {
		r.alone(&t)
		return
	}
	best := bestOf(mine)
	mine[0], mine[best] = mine[best], mine[0]
	r.both(&t, &mine[0])
	r.duplicates(mine)
}

// bestOf chooses the row that a receipt belongs to: one that is completed, the oldest.
func bestOf(rows []entry) int {
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
	return best
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
	case t.legs.onlyFees():
		r.told(FeeOnly, t.first.amount)
		d := r.ofFile(FeeOnly, Low, &t.first)
		d.Detail, d.Next = "a charge whose payment is in none of the files", "give the file that holds the payment too"
		r.list(d)
	default:
		r.told(NotCustomerPayment, t.first.amount)
		if t.legs.has(statement.Other) {
			d := r.ofFile(NotCustomerPayment, Low, &t.first)
			d.Detail, d.Next = "the text is not known", fmt.Sprintf("look at line %d of %s", d.Line, shellWord(d.File))
			r.list(d)
		}
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
	if t.paid > 0 && r.unlinked[t.paid] {
		r.reversible = append(r.reversible, t.first.paying(t.paid))
	}
	at := t.first.time()
	d := r.ofBoth(Matched, Low, t, mine)
	switch {
	case !r.inPeriod(at):
		r.told(OutsidePeriod, t.paid)
	case mine.has(notPayment):
		r.told(NotCustomerPayment, t.paid)
	case t.legs.onlyFees():
		d.Category, d.Detail, d.Next = FeeOnly, "the charge is in the files, the payment is not", "give the file that holds the payment too"
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
	}
}

// lookUp asks the ledger for the receipts of what is left: they may be of another time.
func (r *run) lookUp(ctx context.Context) error {
	if len(r.left) == 0 {
		return nil
	}
	texts := make([]string, len(r.left))
	for i := range r.left {
		texts[i] = r.names.text(r.left[i].key)
	}
	found := map[receiptKey][]entry{}
	err := r.books.WithReceipts(ctx, r.in.Scope, texts, func(b store.BookRow) error {
		e := r.booked(&b)
		found[e.key] = append(found[e.key], e)
		return nil
	})
	if err != nil || len(found) == 0 {
		return err
	}
	rest := r.left[:0]
	for _, e := range r.left {
		mine := found[e.key]
		if len(mine) == 0 {
			rest = append(rest, e)
			continue
		}
		slices.SortFunc(mine, func(a, b entry) int { return a.compare(&b) })
		r.report.LedgerRows += len(mine)
		mine = r.toldTwice(mine)
		best := bestOf(mine)
		mine[0], mine[best] = mine[best], mine[0]
		r.both(&transaction{key: e.key, first: e, paid: e.amount, legs: 1 << statement.Payment}, &mine[0])
		r.duplicates(mine)
	}
	r.left = rest
	return nil
}

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
		File: r.report.Files[e.file()].Name, Line: e.line(), At: e.time(),
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
	return fmt.Sprintf("%s:%d", payment.Line(r.report.Files[e.file()].Name, 120), e.line())
}

// resolve is the command by which an operator takes the statement's word.
func (r *run) resolve(d *Difference) string {
	if d.DepositID == "" {
		return "payctl transaction status " + d.Receipt
	}
	return fmt.Sprintf("payctl deposit resolve %s --as completed --receipt %s --because %s", d.DepositID, d.Receipt, shellWord(fmt.Sprintf("statement %s:%d", d.File, d.Line)))
}
