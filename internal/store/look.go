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

// look reads what deliveries name.
func (t *tx) look(ctx context.Context, arrivals []*arrival) (*known, error) {
	if t.remote() {
		return t.lookRemote(ctx, arrivals)
	}
	k, n := newKnown(), mentionsIn(arrivals)
	if err := t.lookForTokens(ctx, k, n.tokens); err != nil {
		return k, err
	}
	// A token that leads to a deposit spares the look for its other names.
	ids := idsIn(arrivals, func(p *arrival) bool { return len(k.token[p.token()]) > 0 })
	if err := t.lookFor(ctx, k, "provider_id", ids); err != nil {
		return k, err
	}
	for _, p := range arrivals {
		e := p.event()
		if e == nil || payment.TopicOf(e.Name) == payment.TopicQuery || e.Reference == "" || e.Status == "" ||
			k.byName(p.Delivery.Provider, e, p.token()) != nil {
			continue
		}
		if err := t.lookForReference(ctx, k, p.Delivery.Provider, e); err != nil {
			return k, err
		}
	}
	for _, by := range []struct {
		column string
		names  wanted
	}{{"token", n.queryTokens}, {"conversation_id", n.conversations}, {"originator_conversation_id", n.originators}} {
		if err := t.lookForQueries(ctx, k, by.column, by.names); err != nil {
			return k, err
		}
	}
	return k, t.lookForHolders(ctx, k, n.receipts)
}

// lookForTokens reads the deposits with callback tokens.
func (t *tx) lookForTokens(ctx context.Context, k *known, tokens wanted) error {
	if len(tokens) == 0 {
		return nil
	}
	return t.readDeposits(ctx, k, t.db.engine.Named("deposits", "callback_token"), t.db.texts(tokens))
}

// lookForReference reads the deposits that an event without another name may speak of:
// those that were sent under its reference and wait for the provider's id, two at most,
// and the newest that was sent.
func (t *tx) lookForReference(ctx context.Context, k *known, provider payment.ProviderID, e *payment.Event) error {
	for _, state := range referenceStates() {
		rows, err := t.rows(ctx, "SELECT seq FROM deposits WHERE "+sqlByReference(state),
			e.Reference, string(provider), string(e.Environment), string(e.Environment))
		if err != nil {
			return err
		}
		found, err := scanAll(rows, keyColumn)
		if err != nil {
			return err
		}
		if err := t.lookForKeys(ctx, k, found); err != nil {
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

// lookForHolders reads the deposits that hold the receipts, as their own or as an alias.
func (t *tx) lookForHolders(ctx context.Context, k *known, receipts wanted) error {
	if len(receipts) == 0 {
		return nil
	}
	list := t.db.texts(receipts)
	rows, err := t.rows(ctx, t.db.sqlHolders(), list, list)
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
		k.receipt.enter(a.name, a.deposit)
	}
	return t.lookForKeys(ctx, k, seqs)
}

// lookFor reads the deposits whose column has one of the names. Often none is there, or
// one that has been read, so their keys are looked at first: the driver spells out all
// columns of a query, rows or none.
func (t *tx) lookFor(ctx context.Context, k *known, column string, names wanted) error {
	if len(names) == 0 {
		return nil
	}
	rows, err := t.rows(ctx, "SELECT seq"+t.db.engine.Named("deposits", column), t.db.texts(names))
	if err != nil {
		return err
	}
	found, err := scanAll(rows, keyColumn)
	if err != nil {
		return err
	}
	return t.lookForKeys(ctx, k, found)
}

func keyColumn(seq *int64, to []column) []column {
	return append(to, column{"seq", (*integer)(seq)})
}

// lookForKeys reads the deposits with these keys that have not been read.
func (t *tx) lookForKeys(ctx context.Context, k *known, seqs []int64) error {
	seqs = slices.DeleteFunc(seqs, func(seq int64) bool {
		_, ok := k.deposits[seq]
		return ok || seq == 0
	})
	if len(seqs) == 0 {
		return nil
	}
	return t.readDeposits(ctx, k, " FROM deposits WHERE "+t.db.engine.In("seq"), t.db.engine.Numbers(seqs))
}

func (t *tx) readDeposits(ctx context.Context, k *known, from string, args ...any) error {
	rows, err := t.rows(ctx, "SELECT "+t.db.tables.judged+from, args...)
	if err != nil {
		return err
	}
	found, err := scanAll(rows, judgedColumns)
	for _, d := range found {
		d.ID = t.db.id(depositPrefix, d.seq)
		k.set(d)
	}
	return err
}

// lookForQueries reads the queries whose column has one of the names, and the deposits
// that they ask about.
func (t *tx) lookForQueries(ctx context.Context, k *known, column string, names wanted) error {
	if len(names) == 0 {
		return nil
	}
	rows, err := t.rows(ctx, "SELECT "+t.db.tables.queries.names+t.db.engine.Named("queries", column), t.db.texts(names))
	if err != nil {
		return err
	}
	found, err := scanAll(rows, queryColumns)
	if err != nil {
		return err
	}
	about := make([]int64, 0, len(found))
	for _, q := range found {
		k.setQuery(t.db.named(q))
		about = append(about, q.deposit)
	}
	return t.lookForKeys(ctx, k, about)
}

// texts spells names as an argument.
func (db *database) texts(names wanted) any {
	list := slices.Collect(maps.Keys(names))
	for i := range list {
		list[i] = clean(list[i])
	}
	return db.engine.Texts(list)
}
