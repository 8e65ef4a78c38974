package store

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// note is one thing that was said about a deposit, or done with it, by anything
// but a delivery.
type note struct {
	seq, deposit int64
	at           time.Time
	// source is "" for what payctl itself did, such as sending.
	source payment.Source
	status payment.Status
	move   payment.Move
	// delivery is the key of the delivery that led to it, 0 for none.
	delivery int64
	// note says more: a contradiction, why a delivery was not believed.
	note string
}

func noteColumns(n *note, to []column) []column {
	return append(to, []column{
		{"seq", (*integer)(&n.seq)},
		{"deposit", (*integer)(&n.deposit)},
		{"at", (*instant)(&n.at)},
		{"source", (*text)(&n.source)},
		{"status", (*text)(&n.status)},
		{"move", (*move)(&n.move)},
		{"delivery", (*key)(&n.delivery)},
		{"note", (*text)(&n.note)},
	}...)
}

// note writes a line of a deposit's history.
func (t depositTx) note(ctx context.Context, n note) error {
	return t.db.tables.notes.put(ctx, t.tx, &n)
}

// moveOf reads a stored move; what no version wrote is none.
func moveOf(n int64) payment.Move {
	if n < int64(payment.MoveNone) || n > int64(payment.MoveConflict) {
		return payment.MoveNone
	}
	return payment.Move(n)
}
