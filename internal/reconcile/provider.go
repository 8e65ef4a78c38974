package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/store"
)

// Provider is asked beside the files, and where there are none.
type Provider interface {
	// Reaches is how far back it lists payments.
	Reaches() time.Duration
	// Listed returns what it lists of a time, and what it says beside. An empty list
	// proves nothing: it is also the answer for a short code that is not registered
	// (reference/statements.md §3).
	Listed(ctx context.Context, from, to time.Time) (rows []Listed, says string, err error)
	// Stands returns how a deposit stands, UNKNOWN where it gave no usable answer.
	// Nothing is recorded.
	Stands(ctx context.Context, depositID string) (payment.Status, error)
	// Confirms asks what became of a transaction. Nothing moves by it: the answer is
	// kept as evidence alone. Errors are KindNotFound where there is no such
	// transaction, KindPending where no answer came that says anything.
	Confirms(ctx context.Context, receipt string) (Confirmed, error)
}

// Confirmed is what the provider says of a transaction.
type Confirmed struct {
	// Word is the provider's own, such as Completed.
	Word string
	// Amount is in cents; HasAmount tells that there is one.
	Amount    int64
	HasAmount bool
}

// Listed is a payment that the provider lists.
type Listed struct {
	Receipt string
	Amount  int64
	At      time.Time
	// Phone, mostly masked, and Reference are the payer's; "" where it tells none.
	Phone, Reference string
}

// Asked is a question to the provider and what came of it.
type Asked struct {
	What, Result string
	OK           bool
}

const (
	// mostDrift is how far the provider's times may be off, in the median, before
	// they are not believed: the mark of their zone is not consistent.
	mostDrift = 2 * time.Minute
	// mostAsked bounds how many deposits are asked about one by one, and how many
	// transactions.
	mostAsked = 20
)

// pulled is a payment that the provider lists, and whether anybody else has it.
type pulled struct {
	Listed
	seen bool
}

// askProvider has the provider list the period. Without files its list is the
// statement.
func (r *run) askProvider(ctx context.Context) error {
	if r.in.Provider == nil {
		return nil
	}
	from, to := r.report.From, r.report.To
	if reach := r.in.Now.Add(-r.in.Provider.Reaches() + time.Minute); from.Before(reach) {
		from = reach
	}
	if to.After(r.in.Now) {
		to = r.in.Now
	}
	if !from.Before(to) {
		r.asked("pull", fmt.Sprintf("could not be asked: it lists the last %s alone", r.in.Provider.Reaches()), false)
		return nil
	}
	rows, says, err := r.in.Provider.Listed(ctx, from, to)
	switch {
	case err != nil && len(r.in.Files) == 0:
		return err
	case err != nil:
		r.asked("pull", "could not be asked: "+err.Error(), false)
		return nil //nolint:nilerr // the report says it
	case len(rows) == 0:
		if says != "" {
			says = "; it says: " + says
		}
		r.asked("pull", "no payments were listed, and that is no proof that there are none"+says, false)
		return nil
	}
	r.pulled = map[receiptKey]*pulled{}
	for _, row := range rows {
		row.Receipt = statement.NormalReceipt(row.Receipt)
		if row.Receipt != "" {
			r.pulled[r.names.key(row.Receipt)] = &pulled{Listed: row}
		}
	}
	r.asked("pull", fmt.Sprintf("%d payments from %s on", len(rows), from.UTC().Format(time.RFC3339)), true)
	if len(r.in.Files) > 0 {
		return nil
	}
	// The list is the statement; a row has no line of a file.
	r.tables = append(r.tables, 0)
	r.report.Files = append(r.report.Files, statement.File{Name: "pull", Family: "pull", From: from, To: to, Rows: len(r.pulled)})
	r.covered = []interval{{from, to}}
	for k, p := range r.pulled {
		p.seen = true
		r.report.StatementRows++
		e := entry{
			key: k, amount: p.Amount, number: place(0, 0), at: p.At.Unix(), leg: statement.Payment, flags: completed,
			phone: packPhone(statement.NewMask(p.Phone)),
		}
		e.setRef(p.Reference)
		if err := r.files.add(&e); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) asked(what, result string, ok bool) {
	r.report.Asked = append(r.report.Asked, Asked{What: what, Result: payment.Line(result, 300), OK: ok})
}

// onlyListed reports whether the provider's list stands for the files.
func (r *run) onlyListed() bool { return len(r.in.Files) == 0 }

// meet notes that a receipt is known beside the provider's list, and how far its time
// is off.
func (r *run) meet(k receiptKey, at int64) {
	p := r.pulled[k]
	if p == nil || p.seen && !r.onlyListed() {
		return
	}
	p.seen = true
	r.drifts = append(r.drifts, p.At.Sub(time.Unix(at, 0)).Abs())
}

// onlyPulled lists what the provider has and nobody else; nothing where its clock
// cannot be believed.
func (r *run) onlyPulled(ctx context.Context) error {
	if len(r.pulled) == 0 {
		return nil
	}
	if len(r.drifts) > 0 {
		slices.Sort(r.drifts)
		if median := r.drifts[len(r.drifts)/2]; median > mostDrift {
			r.asked("pull", "its times are off by "+median.Round(time.Second).String()+" in the median: what it alone lists is not compared", false)
			return nil
		}
	}
	if r.onlyListed() {
		return nil // told as rows of the statement
	}
	keys := make([]receiptKey, 0, len(r.pulled))
	var texts []string
	for k, p := range r.pulled {
		if !p.seen && r.inPeriod(p.At) {
			keys = append(keys, k)
			texts = append(texts, p.Receipt)
		}
	}
	known := map[receiptKey]bool{}
	err := r.books.WithReceipts(ctx, r.in.Scope, texts, func(b store.BookRow) error {
		known[r.names.key(statement.NormalReceipt(b.Receipt))] = true
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(keys, receiptKey.compare)
	for _, k := range keys {
		if p := r.pulled[k]; !known[k] {
			r.add(OnlyProvider, p.Amount)
			r.list(Difference{
				Category: OnlyProvider, Severity: High, Receipt: p.Receipt, Amount: p.Amount, HasAmount: true, At: p.At,
				Detail: "the provider lists it, and neither files nor ledger have it", Next: "payctl transaction status " + p.Receipt,
			})
		}
	}
	return nil
}
