package reconcile

import (
	"context"
	"slices"
	"time"

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
	if b.Out || b.Source == store.BookNotice && statement.TypeLeg(b.Type) != statement.Payment {
		e.flags |= notPayment
	}
	e.setRef(b.Reference)
	return e
}

// lookUp asks the ledger for the receipts of what is left, and for those that reversals
// name: they may be of another time.
func (r *run) lookUp(ctx context.Context) error {
	texts := make([]string, 0, len(r.left))
	for i := range r.left {
		texts = append(texts, r.names.text(r.left[i].key))
	}
	texts = append(texts, r.namedByReversals()...)
	if len(texts) == 0 {
		return nil
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
		bestFirst(mine)
		r.both(&transaction{key: e.key, first: e, paid: e.amount, legs: 1 << statement.Payment}, &mine[0])
		r.duplicates(mine)
	}
	r.left = rest
	for k, mine := range found {
		if back := r.linked[k]; back != nil && !back.met {
			slices.SortFunc(mine, func(a, b entry) int { return a.compare(&b) })
			r.report.LedgerRows += len(mine)
			mine = r.toldTwice(mine)
			bestFirst(mine)
			r.reversedAlone(&mine[0], r.takesBack(k))
			r.duplicates(mine)
		}
	}
	return nil
}

// namedByReversals are the receipts of payments that reversals take back, and that neither
// the files nor the ledger's period has.
func (r *run) namedByReversals() []string {
	if len(r.linked) == 0 {
		return nil
	}
	known := map[receiptKey]bool{}
	for i := range r.left {
		known[r.left[i].key] = true
	}
	for i := range r.open {
		known[r.open[i].key] = true
	}
	var out []string
	for k, back := range r.linked {
		if back.seen && !back.met && !known[k] {
			out = append(out, r.names.text(k))
		}
	}
	slices.Sort(out)
	return out
}
