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
		t.known = t.nothing()
		asks = look{t, t.known}.asksByName(arrivals)
	}
	if err := t.ahead.foresee(ctx, batch, asks); err != nil {
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
	return t.ahead.ask(ctx, look{t, t.known}.asksNext(arrivals))
}

// remotely reads what deliveries name where a statement costs a round trip.
func (l look) remotely(ctx context.Context, arrivals []*arrival) error {
	if err := l.ahead.ask(ctx, l.asksByName(arrivals)); err != nil {
		return err
	}
	return l.ahead.ask(ctx, l.asksNext(arrivals))
}

// asksByName asks for what deliveries name.
func (l look) asksByName(arrivals []*arrival) []ask {
	n, ids := mentionsIn(arrivals), idsIn(arrivals, func(*arrival) bool { return false })
	var asks []ask
	for _, by := range []struct {
		column string
		names  wanted
	}{{"callback_token", n.tokens}, {"provider_id", ids}, {"receipt", n.receipts}} {
		if len(by.names) > 0 {
			asks = append(asks, l.askDeposits(l.db.engine.Named("deposits", by.column), l.db.texts(by.names)))
		}
	}
	if len(n.receipts) > 0 {
		asks = append(asks, all("SELECT deposit, name"+l.db.engine.Named("aliases", "name"), []any{l.db.texts(n.receipts)}, aliasColumns, func(found []alias) error {
			for _, a := range found {
				l.known.receipt.enter(a.name, a.deposit)
			}
			return nil
		}))
	}
	for _, by := range []struct {
		column string
		names  wanted
	}{{"token", n.queryTokens}, {"conversation_id", n.conversations}, {"originator_conversation_id", n.originators}} {
		if len(by.names) > 0 {
			asks = append(asks, all("SELECT "+l.db.tables.queries.texts().names+l.db.engine.Named("queries", by.column), []any{l.db.texts(by.names)}, queryColumns, func(found []queryRow) error {
				for _, q := range found {
					l.known.setQuery(l.db.named(q))
				}
				return nil
			}))
		}
	}
	return asks
}

// asksNext asks for what asksByName has led to: deposits by key and by reference, wallet
// transactions, and, while repetitions come, which of the deliveries are some.
func (l look) asksNext(arrivals []*arrival) []ask {
	var keys []int64
	for _, seqs := range l.known.receipt {
		seqs.each(func(seq int64) { keys = append(keys, seq) })
	}
	for _, q := range l.known.queries {
		keys = append(keys, q.deposit)
	}
	keys = slices.DeleteFunc(keys, func(seq int64) bool {
		_, read := l.known.deposits[seq]
		return read || seq == 0
	})
	var asks []ask
	if len(keys) > 0 {
		asks = append(asks, l.askDeposits(" FROM deposits WHERE "+l.db.engine.In("seq"), l.db.engine.Numbers(keys)))
	}
	for _, p := range arrivals {
		e := p.event()
		switch {
		case e == nil || payment.TopicOf(e.Name) == payment.TopicQuery:
		case isWallet(e):
			asks = append(asks, l.askWallet(e))
		case e.Reference != "" && e.Status != "" && l.known.byName(p.Delivery.Provider, e, p.token()) == nil:
			for _, state := range referenceStates() {
				asks = append(asks, l.askDeposits(" FROM deposits WHERE "+sqlByReference(state),
					e.Reference, string(p.Delivery.Provider), string(e.Environment), string(e.Environment)))
			}
		}
	}
	if l.repeats > 0 && len(keys) == 0 {
		// What they are about is known already: judging changes nothing.
		asks = append(asks, l.askRepeated(arrivals))
	}
	return asks
}

// askDeposits enters the deposits of a condition.
func (l look) askDeposits(from string, args ...any) ask {
	return all("SELECT "+l.db.tables.whole()+from, args, wholeColumns, func(found []depositRow) error {
		for i := range found {
			l.enter(&found[i])
		}
		return nil
	})
}

// askWallet enters the wallet transaction of an event, nil where there is none.
func (l look) askWallet(e *payment.Event) ask {
	id := walletOf(e)
	return all(l.db.tables.wallet.selects(sqlWalletOf), []any{e.ProviderID, e.ShortCode, string(e.Provider)}, walletColumns, func(found []walletTransaction) error {
		if l.known.wallets[id] = nil; len(found) > 0 {
			l.known.wallets[id] = &found[0]
		}
		return nil
	})
}

// askRepeated enters which deliveries of the ledger have the meaning of an arrival.
func (l look) askRepeated(arrivals []*arrival) ask {
	var subjects, dedups []int64
	for _, p := range arrivals {
		var j judged
		l.known.judge(p, l.now, &j)
		m := sense{p.subject(l.tx, &j), p.dedup(l.tx, &j)}
		subjects, dedups = append(subjects, m.subject), append(dedups, m.dedup)
		l.known.asked[m] = true
	}
	type row struct {
		sense
		seq int64
	}
	return all("SELECT v.subject, v.dedup, v.seq FROM deliveries AS v JOIN "+l.db.engine.Pairs("a", "subject", "dedup")+
		" ON v.subject = a.subject AND v.dedup = a.dedup", []any{l.db.engine.Numbers(subjects), l.db.engine.Numbers(dedups)},
		func(r *row, to []column) []column {
			return append(to, column{"", (*integer)(&r.subject)}, column{"", (*integer)(&r.dedup)}, column{"", (*integer)(&r.seq)})
		}, func(found []row) error {
			for _, r := range found {
				l.known.first[r.sense] = r.seq
			}
			return nil
		})
}
