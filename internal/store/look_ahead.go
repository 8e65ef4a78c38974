package store

import (
	"context"
	"slices"

	"github.com/payctl/payctl/internal/payment"
)

// beginRemote begins a transaction over a network: one round trip reads what the batch's
// jobs foresee and what its deliveries name, and another, where there are deliveries,
// what the first has led to.
func (t *tx) beginRemote(ctx context.Context, batch []*job, arrivals []*arrival) error {
	var asks []ask
	if len(arrivals) > 0 {
		t.known = newKnown()
		asks = t.asksByName(t.known, arrivals)
	}
	if err := t.foresee(ctx, batch, asks); err != nil {
		return err
	}
	now, err := t.conn.Now(ctx)
	if err != nil {
		return err
	}
	if !t.db.ownClock {
		t.now = now
	}
	if len(arrivals) == 0 {
		return nil
	}
	return t.ask(ctx, t.asksNext(t.known, arrivals))
}

// lookRemote is look where a statement costs a round trip.
func (t *tx) lookRemote(ctx context.Context, arrivals []*arrival) (*known, error) {
	k := newKnown()
	if err := t.ask(ctx, t.asksByName(k, arrivals)); err != nil {
		return k, err
	}
	return k, t.ask(ctx, t.asksNext(k, arrivals))
}

// asksByName asks for what deliveries name.
func (t *tx) asksByName(k *known, arrivals []*arrival) []ask {
	n, ids := mentionsIn(arrivals), idsIn(arrivals, func(*arrival) bool { return false })
	var asks []ask
	for _, by := range []struct {
		column string
		names  wanted
	}{{"callback_token", n.tokens}, {"provider_id", ids}, {"receipt", n.receipts}} {
		if len(by.names) > 0 {
			asks = append(asks, t.askDeposits(k, t.db.engine.Named("deposits", by.column), t.db.texts(by.names)))
		}
	}
	if len(n.receipts) > 0 {
		asks = append(asks, all("SELECT deposit, name"+t.db.engine.Named("aliases", "name"), []any{t.db.texts(n.receipts)}, aliasColumns, func(found []alias) error {
			for _, a := range found {
				k.receipt.enter(a.name, a.deposit)
			}
			return nil
		}))
	}
	for _, by := range []struct {
		column string
		names  wanted
	}{{"token", n.queryTokens}, {"conversation_id", n.conversations}, {"originator_conversation_id", n.originators}} {
		if len(by.names) > 0 {
			asks = append(asks, all("SELECT "+t.db.tables.queries.names+t.db.engine.Named("queries", by.column), []any{t.db.texts(by.names)}, queryColumns, func(found []queryRow) error {
				for _, q := range found {
					k.setQuery(t.db.named(q))
				}
				return nil
			}))
		}
	}
	return asks
}

// asksNext asks for what asksByName has led to: deposits by key and by reference, wallet
// transactions, and, while repetitions come, which of the deliveries are some.
func (t *tx) asksNext(k *known, arrivals []*arrival) []ask {
	var keys []int64
	for _, seqs := range k.receipt {
		keys = append(keys, seqs...)
	}
	for _, q := range k.queries {
		keys = append(keys, q.deposit)
	}
	keys = slices.DeleteFunc(keys, func(seq int64) bool {
		_, read := k.deposits[seq]
		return read || seq == 0
	})
	var asks []ask
	if len(keys) > 0 {
		asks = append(asks, t.askDeposits(k, " FROM deposits WHERE "+t.db.engine.In("seq"), t.db.engine.Numbers(keys)))
	}
	for _, p := range arrivals {
		e := p.event()
		switch {
		case e == nil || payment.TopicOf(e.Name) == payment.TopicQuery:
		case isWallet(e):
			asks = append(asks, t.askWallet(k, e))
		case e.Reference != "" && e.Status != "" && k.byName(p.Delivery.Provider, e, p.token()) == nil:
			for _, state := range referenceStates() {
				asks = append(asks, t.askDeposits(k, " FROM deposits WHERE "+sqlByReference(state),
					e.Reference, string(p.Delivery.Provider), string(e.Environment), string(e.Environment)))
			}
		}
	}
	if t.repeats > 0 && len(keys) == 0 {
		// What they are about is known already: judging changes nothing.
		asks = append(asks, t.askRepeated(k, arrivals))
	}
	return asks
}

// askDeposits enters the deposits of a condition.
func (t *tx) askDeposits(k *known, from string, args ...any) ask {
	return all("SELECT "+t.db.tables.judged+from, args, judgedColumns, func(found []depositRow) error {
		for _, d := range found {
			d.ID = t.db.id(depositPrefix, d.seq)
			k.set(d)
		}
		return nil
	})
}

// askWallet enters the wallet transaction of an event, nil where there is none.
func (t *tx) askWallet(k *known, e *payment.Event) ask {
	id := walletOf(e)
	return all(t.db.tables.wallet.selects(sqlWalletOf), []any{e.ProviderID, e.ShortCode, string(e.Provider)}, walletColumns, func(found []walletTransaction) error {
		if k.wallets[id] = nil; len(found) > 0 {
			k.wallets[id] = &found[0]
		}
		return nil
	})
}

// askRepeated enters which deliveries of the ledger have the meaning of an arrival.
func (t *tx) askRepeated(k *known, arrivals []*arrival) ask {
	var subjects, dedups []int64
	for _, p := range arrivals {
		j := k.judge(p, t.now)
		m := sense{p.subject(t, j), p.dedup(t, j)}
		subjects, dedups = append(subjects, m.subject), append(dedups, m.dedup)
		k.asked[m] = true
	}
	type row struct {
		sense
		seq int64
	}
	return all("SELECT v.subject, v.dedup, v.seq FROM deliveries AS v JOIN "+t.db.engine.Pairs("a", "subject", "dedup")+
		" ON v.subject = a.subject AND v.dedup = a.dedup", []any{t.db.engine.Numbers(subjects), t.db.engine.Numbers(dedups)},
		func(r *row, to []column) []column {
			return append(to, column{"", (*integer)(&r.subject)}, column{"", (*integer)(&r.dedup)}, column{"", (*integer)(&r.seq)})
		}, func(found []row) error {
			for _, r := range found {
				k.first[r.sense] = r.seq
			}
			return nil
		})
}
