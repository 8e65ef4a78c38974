package store

import (
	"cmp"
	"slices"
)

// known is what the ledger holds of what some deliveries name: the deposits and the
// queries that they may be about, and who has their receipts. It is read before any of
// them is judged, one statement for each sort of name, since a statement costs more
// than a row; the rules ask nothing else. Whatever the transaction writes meanwhile is
// entered, so that a delivery sees what the one before it has done.
type known struct {
	deposits  map[int64]*depositRow
	token     names64
	id        names64
	receipt   names64
	reference names64

	queries      map[int64]queryRow
	queryToken   names64
	conversation names64
	originator   names64

	// Where a statement costs a round trip: the first delivery of each meaning, those
	// that were asked for, and the wallet transactions of events, nil where there is none.
	first   map[sense]int64
	asked   map[sense]bool
	wallets map[walletID]*walletTransaction
}

// sense is what a delivery is about and a hash of what it says of it.
type sense struct{ subject, dedup int64 }

// names64 holds the keys of the rows that have a name, each once.
type names64 map[string]keys64

// keys64 are some keys, most often one.
type keys64 struct {
	first int64
	more  []int64
}

func (n names64) enter(name string, seq int64) {
	if name == "" {
		return
	}
	k, there := n[name]
	switch {
	case !there:
		n[name] = keys64{first: seq}
	case k.first != seq && !slices.Contains(k.more, seq):
		n[name] = keys64{k.first, append(k.more, seq)}
	}
}

// each calls do for every key.
func (k keys64) each(do func(int64)) {
	if k.first != 0 {
		do(k.first)
	}
	for _, seq := range k.more {
		do(seq)
	}
}

func newKnown() *known {
	return &known{
		deposits: map[int64]*depositRow{}, token: names64{}, id: names64{}, receipt: names64{}, reference: names64{},
		queries: map[int64]queryRow{}, queryToken: names64{}, conversation: names64{}, originator: names64{},
		first: map[sense]int64{}, asked: map[sense]bool{}, wallets: map[walletID]*walletTransaction{},
	}
}

// cleared forgets everything and keeps the space.
func (k *known) cleared() *known {
	clear(k.deposits)
	clear(k.queries)
	clear(k.first)
	clear(k.asked)
	clear(k.wallets)
	for _, names := range []names64{k.token, k.id, k.receipt, k.reference, k.queryToken, k.conversation, k.originator} {
		clear(names)
	}
	return k
}

// set enters a deposit as it stands now. What it was called before still leads to it:
// who asks looks at the row.
func (k *known) set(d depositRow) {
	if k == nil {
		return
	}
	if was := k.deposits[d.seq]; was != nil {
		*was = d
	} else {
		fresh := d
		k.deposits[d.seq] = &fresh
	}
	k.named(&d)
}

// enter enters a deposit that was read.
func (k *known) enter(d *depositRow) {
	k.deposits[d.seq] = d
	k.named(d)
}

func (k *known) named(d *depositRow) {
	k.token.enter(d.CallbackToken, d.seq)
	k.id.enter(d.ProviderID, d.seq)
	k.receipt.enter(d.Receipt, d.seq)
	k.reference.enter(d.Reference, d.seq)
}

// setQuery enters a query likewise.
func (k *known) setQuery(q queryRow) {
	if k == nil {
		return
	}
	k.queries[q.seq] = q
	k.queryToken.enter(q.Token, q.seq)
	k.conversation.enter(q.ConversationID, q.seq)
	k.originator.enter(q.OriginatorConversationID, q.seq)
}

// depositsOf returns the deposits that keys lead to and that pass, newest first.
func (k *known) depositsOf(seqs keys64, pass func(*depositRow) bool) []*depositRow {
	var out []*depositRow
	seqs.each(func(seq int64) {
		if d := k.deposits[seq]; pass(d) {
			out = append(out, d)
		}
	})
	if len(out) > 1 {
		slices.SortFunc(out, func(x, y *depositRow) int { return cmp.Compare(y.seq, x.seq) })
	}
	return out
}

// depositOf returns the newest of depositsOf, nil for none.
func (k *known) depositOf(seqs keys64, pass func(*depositRow) bool) (found *depositRow) {
	seqs.each(func(seq int64) {
		if d := k.deposits[seq]; pass(d) && (found == nil || d.seq > found.seq) {
			found = d
		}
	})
	return found
}

// queryOf returns the newest query that keys lead to and that passes.
func (k *known) queryOf(seqs keys64, pass func(queryRow) bool) (found queryRow) {
	seqs.each(func(seq int64) {
		if q := k.queries[seq]; q.seq > found.seq && pass(q) {
			found = q
		}
	})
	return found
}
