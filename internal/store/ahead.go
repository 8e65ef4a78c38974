package store

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/payctl/payctl/internal/payment"
)

// ahead holds the deposits that a batch of deliveries names, read with one
// statement for each sort of name: a statement costs more than a row. It is
// kept in step with what the batch writes.
type ahead struct {
	rows    map[int64]depositRow
	token   map[string][]int64
	id      map[string][]int64
	receipt map[string][]int64
	// ids and receipts hold the names that were asked for. Any other is asked for
	// when it is needed.
	ids      map[string]bool
	receipts map[string]bool
}

// readAhead reads the deposits that the batch's deliveries may be about.
func (t *tx) readAhead(ctx context.Context, batch []*job) error {
	t.ahead = nil
	arrivals := make([]*arrival, 0, len(batch))
	for _, j := range batch {
		if j.arrival != nil {
			arrivals = append(arrivals, j.arrival)
		}
	}
	if len(arrivals) < 2 {
		return nil
	}
	a := &ahead{
		rows: map[int64]depositRow{}, token: map[string][]int64{}, id: map[string][]int64{},
		receipt: map[string][]int64{}, ids: map[string]bool{}, receipts: map[string]bool{},
	}
	tokens := map[string]bool{}
	for _, p := range arrivals {
		if token := p.token(); token != "" && p.event() != nil {
			tokens[token] = true
		}
	}
	if err := t.readNamed(ctx, a, "callback_token", tokens); err != nil {
		return err
	}
	for _, p := range arrivals {
		e := p.event()
		if e == nil {
			continue
		}
		if e.ProviderID != "" && len(a.token[p.token()]) == 0 {
			a.ids[e.ProviderID] = true
		}
		if e.Receipt != "" {
			a.receipts[e.Receipt] = true
		}
	}
	if err := t.readNamed(ctx, a, "provider_id", a.ids); err != nil {
		return err
	}
	if err := t.readHolders(ctx, a); err != nil {
		return err
	}
	t.ahead = a
	return nil
}

func (t *tx) readNamed(ctx context.Context, a *ahead, column string, wanted map[string]bool) error {
	if len(wanted) == 0 {
		return nil
	}
	rows, err := t.rows(ctx, "SELECT "+names("", judgedColumns(new(depositRow), nil))+t.db.engine.Named("deposits", column), t.db.texts(wanted))
	if err != nil {
		return err
	}
	found, err := scanAll(rows, judgedColumns)
	if err != nil {
		return err
	}
	for _, d := range found {
		d.ID = t.db.id(depositPrefix, d.seq)
		a.add(d)
	}
	return nil
}

// readHolders reads the deposits that hold the receipts. Hardly any is there, and
// if so it is mostly one that has been read, so their keys are looked at first.
func (t *tx) readHolders(ctx context.Context, a *ahead) error {
	if len(a.receipts) == 0 {
		return nil
	}
	list := t.db.texts(a.receipts)
	rows, err := t.rows(ctx, "SELECT seq, ''"+t.db.engine.Named("deposits", "receipt")+
		" UNION ALL SELECT deposit, name"+t.db.engine.Named("aliases", "name"), list, list)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var others []int64
	for rows.Next() {
		var seq int64
		var alias string
		if err := rows.Scan(&seq, &alias); err != nil {
			return err
		}
		if alias != "" {
			a.receipt[alias] = append(a.receipt[alias], seq)
		}
		if _, ok := a.rows[seq]; !ok {
			others = append(others, seq)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, seq := range others {
		d, err := t.db.depositBy(ctx, t, "seq = ?", seq)
		if err != nil {
			return err
		}
		a.add(d)
	}
	return nil
}

// texts spells names as an argument.
func (db *database) texts(names map[string]bool) any {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, clean(name))
	}
	return db.engine.Texts(list)
}

// add keeps a deposit and enters it under its names, once.
func (a *ahead) add(d depositRow) {
	if a == nil {
		return
	}
	if _, ok := a.rows[d.seq]; ok {
		return
	}
	a.rows[d.seq] = d
	a.note(d)
}

// note enters a deposit under its names.
func (a *ahead) note(d depositRow) {
	enter := func(m map[string][]int64, name string) {
		if name != "" {
			m[name] = append(m[name], d.seq)
		}
	}
	enter(a.token, d.CallbackToken)
	enter(a.id, d.ProviderID)
	enter(a.receipt, d.Receipt)
}

// saved keeps what was read in step with what is written.
func (a *ahead) saved(before, after depositRow) {
	if a == nil {
		return
	}
	if _, ok := a.rows[after.seq]; !ok {
		a.add(after)
		return
	}
	a.rows[after.seq] = after
	fresh := func(m map[string][]int64, old, name string) {
		if name != "" && name != old {
			m[name] = append([]int64{after.seq}, m[name]...)
		}
	}
	fresh(a.id, before.ProviderID, after.ProviderID)
	fresh(a.receipt, before.Receipt, after.Receipt)
}

// get returns deposits, newest first.
func (a *ahead) get(seqs []int64) []depositRow {
	out := make([]depositRow, len(seqs))
	for i, seq := range seqs {
		out[i] = a.rows[seq]
	}
	slices.SortFunc(out, func(x, y depositRow) int { return cmp.Compare(y.seq, x.seq) })
	return out
}

// sqlMostFound bounds what one name may find. A limit that is a parameter would
// have SQLite plan the statement anew at every call, at thrice its cost.
const sqlMostFound = " LIMIT 100"

// byToken returns the deposit with a callback token.
func (t *tx) byToken(ctx context.Context, token string) ([]depositRow, error) {
	if t.ahead != nil {
		return t.ahead.get(t.ahead.token[token]), nil
	}
	return t.db.depositsBy(ctx, t, "callback_token = ? AND callback_token <> ''", token)
}

// byProviderID returns the deposits with a provider's id, newest first.
func (t *tx) byProviderID(ctx context.Context, provider payment.ProviderID, id string) ([]depositRow, error) {
	var found []depositRow
	if t.ahead != nil && t.ahead.ids[id] {
		found = t.ahead.get(t.ahead.id[id])
	} else {
		var err error
		found, err = t.rareDeposits(ctx, "provider_id = ? AND provider_id <> '' ORDER BY seq DESC"+sqlMostFound, id)
		if err != nil {
			return nil, err
		}
	}
	mine := found[:0]
	for _, d := range found {
		if d.Provider == provider {
			mine = append(mine, d)
		}
	}
	return mine, nil
}

// holders returns the deposits that hold a receipt.
func (t *tx) holders(ctx context.Context, receipt string) ([]depositRow, error) {
	if t.ahead != nil && t.ahead.receipts[receipt] {
		return t.ahead.get(t.ahead.receipt[receipt]), nil
	}
	return t.rareDeposits(ctx, "seq IN (SELECT seq FROM deposits WHERE receipt = ?1 AND receipt <> '' UNION ALL SELECT deposit FROM aliases WHERE name = ?1)"+
		sqlMostFound, receipt)
}

// rareDeposits is depositsBy for names that are hardly ever found: the driver
// spells out all columns of a query, rows or none, so that a look costs less.
func (t *tx) rareDeposits(ctx context.Context, where string, args ...any) ([]depositRow, error) {
	var found bool
	err := t.row(ctx, "SELECT EXISTS (SELECT 1 FROM deposits WHERE "+where+")", args, &found)
	if err != nil || !found {
		return nil, err
	}
	return t.db.depositsBy(ctx, t, where, args...)
}
