package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/store"
)

// propose finds the one payment of the statement that a ledger row without a receipt
// may be: same amount, a phone that fits, the same reference, near in time, and no
// other candidate on either side.
func (r *run) propose(context.Context) error {
	slices.SortFunc(r.left, byAmount)
	candidates := make([][]int, len(r.open)) // statement rows by ledger row
	rivals := make([]int, len(r.left))       // ledger rows by statement row
	for i := range r.open {
		mine := &r.open[i]
		if !mine.key.empty() || mine.source != uint8(store.BookDeposit) || mine.ledgerStatus() == payment.StatusCreated {
			continue
		}
		from := entry{amount: mine.amount, at: mine.at - int64(r.in.Grace/time.Second)}
		at, _ := slices.BinarySearchFunc(r.left, from, byAmount)
		for ; at < len(r.left) && r.left[at].amount == mine.amount && r.left[at].at <= mine.at+int64(r.in.Grace/time.Second); at++ {
			if fits(&r.left[at], mine) {
				candidates[i] = append(candidates[i], at)
				rivals[at]++
			}
		}
	}
	taken := map[int]bool{}
	open := r.open[:0:0]
	for i := range r.open {
		c := candidates[i]
		if len(c) != 1 || rivals[c[0]] != 1 {
			open = append(open, r.open[i])
			continue
		}
		taken[c[0]] = true
		r.probable(&r.left[c[0]], &r.open[i])
	}
	r.open = open
	left := r.left[:0:0]
	for i := range r.left {
		if !taken[i] {
			left = append(left, r.left[i])
		}
	}
	r.left = left
	return nil
}

func byAmount(a, b entry) int {
	return cmp.Or(cmp.Compare(a.amount, b.amount), cmp.Compare(a.at, b.at), cmp.Compare(a.number, b.number))
}

// fits reports whether a payment of the statement may be a push of the ledger. A till
// has no references.
func fits(theirs, mine *entry) bool {
	if !phonesFit(theirs.phone, mine.phone) {
		return false
	}
	if theirs.refLen == 0 {
		return true
	}
	same, _ := statement.SameReference(theirs.refText(), mine.refText())
	return same
}

func (r *run) probable(theirs, mine *entry) {
	r.ledgerTold++
	r.told(Probable, theirs.amount)
	t := transaction{key: theirs.key, first: *theirs, paid: theirs.amount}
	d := r.ofBoth(Probable, Medium, &t, mine)
	d.Detail = "the only payment that fits by amount, phone and time; it is " + string(mine.ledgerStatus()) + " in the ledger, without a receipt"
	if theirs.refLen > 0 {
		d.Detail = "the only payment that fits by amount, phone, reference and time; it is " + string(mine.ledgerStatus()) + " in the ledger, without a receipt"
		if _, weak := statement.SameReference(theirs.refText(), mine.refText()); weak {
			d.Detail += "; the reference fits weakly"
		}
	}
	d.Next = r.resolve(&d)
	if mine.ledgerStatus() == payment.StatusCompleted {
		d.Next = "payctl transaction status " + d.Receipt
	}
	if back := r.takesBack(theirs.key); back != nil {
		d.Detail += "; it was taken back by " + r.names.text(back.key)
	}
	r.list(d)
}

// settleRest puts what no counterpart was found for into its category.
func (r *run) settleRest(context.Context) error {
	for i := range r.open {
		r.onlyLedger(&r.open[i])
	}
	for i := range r.left {
		r.onlyStatement(&r.left[i])
	}
	r.open, r.left = nil, nil
	return nil
}

// reversedAlone is a payment of the ledger that a reversal of the files takes back, while
// none of them has the payment itself.
func (r *run) reversedAlone(e *entry, back *reversal) {
	r.ledgerTold++
	r.add(Reversed, e.amount)
	if e.has(reversedHere) || e.ledgerStatus() != payment.StatusCompleted {
		return
	}
	d := r.ofLedger(Reversed, Critical, e)
	d.File, d.Line = r.fileOf(&back.entry).Name, back.line()
	d.Detail = "taken back by " + r.names.text(back.key) + " (" + r.where(&back.entry) + "); the ledger has it completed, and none of the files has the payment"
	d.Next = "payctl transaction status " + d.Receipt
	r.list(d)
}

func (r *run) onlyLedger(e *entry) {
	if back := r.takesBack(e.key); back != nil && back.seen {
		r.reversedAlone(e, back)
		return
	}
	r.ledgerTold++
	at, status := e.time(), e.ledgerStatus()
	switch {
	case e.has(notPayment), status == payment.StatusFailed, status == payment.StatusCreated:
		r.add(NotCustomerPayment, 0)
	case r.onlyListed() && r.pulled == nil:
		r.add(NotVerifiable, e.amount)
		r.list(r.unverified(e, "no file was given, and the provider lists nothing, which proves nothing"))
	case !r.inPeriod(at) || r.nearEdge(at):
		r.add(OutsidePeriod, e.amount)
		d := r.ofLedger(OutsidePeriod, Low, e)
		d.Detail, d.Next = "so near the edge of the period that another file may have it", "give the file of the time beside it too"
		r.list(d)
	case r.onlyListed():
		r.add(NotVerifiable, e.amount)
		r.list(r.unverified(e, "no file was given, and the provider's list does not have it, which proves nothing"))
	case !r.covers(at):
		r.add(NotVerifiable, e.amount)
		r.list(r.unverified(e, "no file covers its time"))
	case r.spoilt[e.key] != "" && !e.key.empty():
		r.add(NotVerifiable, e.amount)
		d := r.unverified(e, "")
		r.explain(&d, e.key)
		r.list(d)
	case status == payment.StatusCompleted:
		r.add(OnlyLedger, e.amount)
		d := r.ofLedger(OnlyLedger, Critical, e)
		d.Detail, d.Next = "completed in the ledger, and no file has it", "payctl transaction status "+d.Receipt
		if r.pulled[e.key] != nil && !e.key.empty() {
			d.Detail = "completed in the ledger and listed by the provider, and no file has it: the files are incomplete"
		}
		if d.Receipt == "" {
			d.Detail, d.Next = "completed in the ledger without a receipt, and no payment of the files fits", "payctl status get "+d.DepositID
		}
		r.list(d)
	default:
		r.add(NotVerifiable, e.amount)
		r.list(r.unverified(e, string(status)+" in the ledger, and no payment of the files fits"))
	}
}

func (r *run) unverified(e *entry, why string) Difference {
	d := r.ofLedger(NotVerifiable, Medium, e)
	d.Detail, d.Next = why, "payctl deposit resolve "+d.DepositID
	if d.DepositID == "" {
		d.Next = "payctl transaction status " + d.Receipt
	}
	return d
}

func (r *run) onlyStatement(e *entry) {
	if r.unlinked[e.amount] {
		r.reversible = append(r.reversible, *e)
	}
	back := r.takesBack(e.key)
	switch {
	case !r.inPeriod(e.time()):
		r.told(OutsidePeriod, e.amount)
	case back != nil:
		r.told(Reversed, e.amount)
		d := r.ofFile(Reversed, Low, e)
		d.Detail, d.Next = "paid and taken back by "+r.names.text(back.key)+"; the ledger never had it", "payctl transaction status "+d.Receipt
		r.list(d)
	case e.leg == statement.Other:
		r.told(NotCustomerPayment, e.amount)
		d := r.ofFile(NotCustomerPayment, Medium, e)
		d.Detail, d.Next = "money in with a text that is not known", fmt.Sprintf("look at line %d of %s", d.Line, payment.ShellWord(d.File))
		r.list(d)
	case r.onlyListed():
		r.told(OnlyProvider, e.amount)
		d := r.ofFile(OnlyProvider, High, e)
		d.Detail, d.Next = "the provider lists it, and the ledger does not have it", "payctl transaction status "+d.Receipt
		r.list(d)
	default:
		r.told(OnlyStatement, e.amount)
		d := r.ofFile(OnlyStatement, High, e)
		d.Detail, d.Next = "paid, and the ledger does not have it: the customer was not served", "payctl transaction status "+d.Receipt
		r.list(d)
	}
}

// pairReversals tells the reversals: those that name a payment of the files belong to
// it, the others may have one that fits.
func (r *run) pairReversals(context.Context) error {
	pending := r.orphans
	for _, back := range r.linked {
		switch {
		case back.met && back.seen:
			r.transactionsTold++ // told with its payment
		case back.seen:
			pending = append(pending, back.entry)
		}
	}
	slices.SortFunc(pending, func(a, b entry) int { return a.compare(&b) })
	slices.SortFunc(r.reversible, byAmount)
	for i := range pending {
		e := &pending[i]
		if !r.inPeriod(e.time()) {
			r.told(OutsidePeriod, e.amount)
			continue
		}
		linked := r.linkOf(e)
		if linked == "" {
			if p := r.takenBack(e, reversedHere); p != nil {
				r.givenBack(p)
				continue
			}
		}
		r.told(ReversalUnmatched, e.amount)
		d := r.ofFile(ReversalUnmatched, Medium, e)
		d.Detail, d.Next = "takes a payment back that none of the files has", "payctl transaction status "+d.Receipt
		if linked != "" {
			d.Detail = "takes back " + linked + ", which none of the files has"
		} else if p := r.takenBack(e, 0); p != nil {
			d.Detail = "may take back " + r.names.text(p.key) + " (" + r.where(p) + "), the only payment that fits"
		}
		r.list(d)
	}
	return nil
}

// linkOf returns the receipt that a reversal names.
func (r *run) linkOf(e *entry) string {
	if linked, found := r.reversals[e.key]; found {
		return r.names.text(linked)
	}
	return ""
}

// givenBack is a matched payment that the ledger gave back, and whose reversal was found: that
// is told with it.
func (r *run) givenBack(p *entry) {
	r.transactionsTold++
	p.flags &^= reversedHere
	r.report.Counts[Matched]--
	r.report.Amounts[Matched] -= p.amount
	r.add(Reversed, p.amount)
}

// takenBack returns the only payment of the amount that has the flag, from a phone that fits,
// before the reversal; nil when there are none or several.
func (r *run) takenBack(e *entry, flag uint8) *entry {
	var only *entry
	at, _ := slices.BinarySearchFunc(r.reversible, entry{amount: -e.amount}, byAmount)
	for ; at < len(r.reversible) && r.reversible[at].amount == -e.amount; at++ {
		p := &r.reversible[at]
		if p.at > e.at || p.flags&flag != flag || e.phone != 0 && p.phone != 0 && !masksFit(e.phone, p.phone) {
			continue
		}
		if only != nil {
			return nil
		}
		only = p
	}
	return only
}

// masksFit reports whether two masked numbers may be the same.
func masksFit(a, b uint64) bool {
	x, y := unpackPhone(a), unpackPhone(b)
	n := min(len(x.Prefix), len(y.Prefix))
	return x.Prefix[:n] == y.Prefix[:n] && (x.Suffix == y.Suffix || x.Suffix == "" || y.Suffix == "")
}

// finish sorts the differences, and counts both sides a second time.
func (r *run) finish() {
	rep := r.report
	slices.SortFunc(rep.Differences, worse)
	rep.Repeated = r.dropped
	rows := Sum{Name: "statement_rows", Read: rep.StatementRows, Told: r.unreadable + r.dropped}
	for i, name := range []string{"payment", "fee", "reversal", "sweep", "payout", "other", "not_completed"} {
		total := r.legTotals[[...]int{int(statement.Payment), int(statement.Fee), int(statement.Reversal), int(statement.Sweep), int(statement.Payout), int(statement.Other), notCompleted}[i]]
		rep.Legs[name] = total
		rows.Parts = append(rows.Parts, Part{name, total.Rows})
		rows.Told += total.Rows
	}
	rows.Parts = append(rows.Parts, Part{"unreadable", r.unreadable}, Part{"repeated", r.dropped})
	rep.Equation = []Sum{
		rows,
		{Name: "statement_transactions", Read: rep.Transactions, Told: r.transactionsTold},
		{Name: "ledger_rows", Read: rep.LedgerRows, Told: r.ledgerTold + r.merged, Parts: []Part{{"categorised", r.ledgerTold}, {"told_twice", r.merged}}},
	}
	unknown := map[string]bool{}
	for _, f := range rep.Files {
		for _, text := range f.Unknown {
			if !unknown[text] {
				unknown[text] = true
				rep.Unknown = append(rep.Unknown, text)
			}
		}
	}
	slices.Sort(rep.Unknown)
}
