package store

import (
	"context"
	"maps"
	"slices"

	"github.com/payctl/payctl/internal/payment"
)

// wanted are names that are to be looked for.
type wanted map[string]bool

func (w wanted) add(name string) {
	if name != "" {
		w[name] = true
	}
}

// mentions are what deliveries name, but for the provider's ids of deposits.
type mentions struct{ tokens, receipts, queryTokens, conversations, originators wanted }

func mentionsIn(arrivals []*arrival) mentions {
	n := mentions{wanted{}, wanted{}, wanted{}, wanted{}, wanted{}}
	for _, p := range arrivals {
		e := p.event()
		switch {
		case e == nil:
			continue
		case payment.TopicOf(e.Name) == payment.TopicQuery:
			n.queryTokens.add(p.Delivery.Token)
			n.conversations.add(e.ConversationID)
			n.originators.add(e.OriginatorConversationID)
		default:
			n.tokens.add(p.token())
		}
		n.receipts.add(e.Receipt)
	}
	return n
}

// idsIn are the provider's ids of deposits that deliveries name, without those that
// known says are found already.
func idsIn(arrivals []*arrival, known func(*arrival) bool) wanted {
	ids := wanted{}
	for _, p := range arrivals {
		if e := p.event(); e != nil && payment.TopicOf(e.Name) != payment.TopicQuery && !known(p) {
			ids.add(e.ProviderID)
		}
	}
	return ids
}

// look reads deposits and queries into what is known, before anything is judged.
type look struct {
	*tx
	known *known
}

// look reads what deliveries name.
func (t *tx) look(ctx context.Context, arrivals []*arrival) (*known, error) {
	l := look{t, t.nothing()}
	if t.remote() {
		return l.known, l.remotely(ctx, arrivals)
	}
	return l.known, l.all(ctx, arrivals)
}

// nothing returns what is known before anything was read.
func (t *tx) nothing() *known {
	if t.spare == nil {
		t.spare = newKnown()
	}
	return t.spare.cleared()
}

// holders reads the deposits that hold a receipt.
func (t *tx) holders(ctx context.Context, receipt string) (*known, error) {
	l, receipts := look{t, newKnown()}, wanted{}
	receipts.add(receipt)
	return l.known, l.byReceipts(ctx, receipts)
}

// all reads what deliveries name, one statement for each sort of name.
func (l look) all(ctx context.Context, arrivals []*arrival) error {
	n := mentionsIn(arrivals)
	if err := l.byTokens(ctx, n.tokens); err != nil {
		return err
	}
	// A token that leads to a deposit spares the look for its other names.
	ids := idsIn(arrivals, func(p *arrival) bool { return l.known.token[p.token()].first != 0 })
	if err := l.byNames(ctx, "provider_id", ids); err != nil {
		return err
	}
	for _, p := range arrivals {
		e := p.event()
		if e == nil || payment.TopicOf(e.Name) == payment.TopicQuery || e.Reference == "" || e.Status == "" ||
			l.known.byName(p.Delivery.Provider, e, p.token()) != nil {
			continue
		}
		if err := l.byReference(ctx, p.Delivery.Provider, e); err != nil {
			return err
		}
	}
	for _, by := range []struct {
		column string
		names  wanted
	}{{"token", n.queryTokens}, {"conversation_id", n.conversations}, {"originator_conversation_id", n.originators}} {
		if err := l.queriesBy(ctx, by.column, by.names); err != nil {
			return err
		}
	}
	return l.byReceipts(ctx, n.receipts)
}

// byTokens reads the deposits with callback tokens.
func (l look) byTokens(ctx context.Context, tokens wanted) error {
	if len(tokens) == 0 {
		return nil
	}
	return l.read(ctx, len(tokens), l.db.engine.Named("deposits", "callback_token"), l.db.texts(tokens))
}

// byReference reads the deposits that an event without another name may speak of:
// those that were sent under its reference and wait for the provider's id, two at most,
// and the newest that was sent.
func (l look) byReference(ctx context.Context, provider payment.ProviderID, e *payment.Event) error {
	for _, state := range referenceStates() {
		rows, err := l.rows(ctx, "SELECT seq FROM deposits WHERE "+sqlByReference(state),
			e.Reference, string(provider), string(e.Environment), string(e.Environment))
		if err != nil {
			return err
		}
		found, err := scanAll(rows, keyColumn)
		if err != nil {
			return err
		}
		if err := l.byKeys(ctx, found); err != nil {
			return err
		}
	}
	return nil
}

// referenceStates are what makes a deposit one that an event may speak of by reference.
func referenceStates() [2]string {
	return [2]string{"provider_id = '' AND status = 'UNKNOWN'", "status <> 'CREATED'"}
}

func sqlByReference(state string) string {
	return "reference = ? AND provider = ? AND " + state + " AND (? = '' OR environment = ?) ORDER BY seq DESC LIMIT 2"
}

// alias is a name that a deposit has beside its own.
type alias struct {
	deposit int64
	name    string
}

func aliasColumns(a *alias, to []column) []column {
	return append(to, column{"deposit", (*integer)(&a.deposit)}, column{"name", (*text)(&a.name)})
}

func (db *database) sqlHolders() string {
	return "SELECT seq, ''" + db.engine.Named("deposits", "receipt") + " UNION ALL SELECT deposit, name" + db.engine.Named("aliases", "name")
}

// byReceipts reads the deposits that hold the receipts, as their own or as an alias.
func (l look) byReceipts(ctx context.Context, receipts wanted) error {
	if len(receipts) == 0 {
		return nil
	}
	list := l.db.texts(receipts)
	rows, err := l.rows(ctx, l.db.sqlHolders(), list, list)
	if err != nil {
		return err
	}
	found, err := scanAll(rows, aliasColumns)
	if err != nil {
		return err
	}
	seqs := make([]int64, len(found))
	for i, a := range found {
		seqs[i] = a.deposit
		l.known.receipt.enter(a.name, a.deposit)
	}
	return l.byKeys(ctx, seqs)
}

// byNames reads the deposits whose column has one of the names. Often none is there, or
// one that has been read, so their keys are looked at first: the driver spells out all
// columns of a query, rows or none.
func (l look) byNames(ctx context.Context, column string, names wanted) error {
	if len(names) == 0 {
		return nil
	}
	rows, err := l.rows(ctx, "SELECT seq"+l.db.engine.Named("deposits", column), l.db.texts(names))
	if err != nil {
		return err
	}
	found, err := scanAll(rows, keyColumn)
	if err != nil {
		return err
	}
	return l.byKeys(ctx, found)
}

func keyColumn(seq *int64, to []column) []column {
	return append(to, column{"seq", (*integer)(seq)})
}

// byKeys reads the deposits with these keys that have not been read.
func (l look) byKeys(ctx context.Context, seqs []int64) error {
	seqs = slices.DeleteFunc(seqs, func(seq int64) bool {
		_, ok := l.known.deposits[seq]
		return ok || seq == 0
	})
	if len(seqs) == 0 {
		return nil
	}
	return l.read(ctx, len(seqs), " FROM deposits WHERE "+l.db.engine.In("seq"), l.db.engine.Numbers(seqs))
}

// read reads the deposits of a FROM: what most judgements need, and those of which that is
// not all, whole. most is how many are expected.
func (l look) read(ctx context.Context, most int, from string, args ...any) error {
	rows, err := l.rows(ctx, "SELECT "+l.db.tables.judged()+from, args...)
	if err != nil {
		return err
	}
	found, err := scanInto(rows, judgedColumns, make([]judgedRow, 0, most))
	if err != nil {
		return err
	}
	var rare []int64
	for i := range found {
		if d := &found[i]; d.more {
			rare = append(rare, d.seq)
		} else {
			l.enter(&d.depositRow)
		}
	}
	if len(rare) == 0 {
		return nil
	}
	if rows, err = l.rows(ctx, "SELECT "+l.db.tables.whole()+" FROM deposits WHERE "+l.db.engine.In("seq"), l.db.engine.Numbers(rare)); err != nil {
		return err
	}
	whole, err := scanAll(rows, wholeColumns)
	for i := range whole {
		l.enter(&whole[i])
	}
	return err
}

// enter enters a deposit that was read.
func (l look) enter(d *depositRow) {
	d.ID = l.db.id(depositPrefix, d.seq)
	l.known.enter(d)
}

// queriesBy reads the queries whose column has one of the names, and the deposits
// that they ask about.
func (l look) queriesBy(ctx context.Context, column string, names wanted) error {
	if len(names) == 0 {
		return nil
	}
	rows, err := l.rows(ctx, "SELECT "+l.db.tables.queries.texts().names+l.db.engine.Named("queries", column), l.db.texts(names))
	if err != nil {
		return err
	}
	found, err := scanAll(rows, queryColumns)
	if err != nil {
		return err
	}
	about := make([]int64, 0, len(found))
	for _, q := range found {
		l.known.setQuery(l.db.named(q))
		about = append(about, q.deposit)
	}
	return l.byKeys(ctx, about)
}

// texts spells names as an argument.
func (db *database) texts(names wanted) any {
	list := slices.Collect(maps.Keys(names))
	for i := range list {
		list[i] = clean(list[i])
	}
	return db.engine.Texts(list)
}
