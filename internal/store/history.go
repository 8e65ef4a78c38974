package store

import (
	"context"
	"math"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Note is a line of a deposit's history: what was said of it by anything but a
// delivery. Deliveries carry their own move.
type Note struct {
	At time.Time
	// Source is who said it, "" for payctl itself.
	Source payment.Source
	Status payment.Status
	Move   payment.Move
	// DeliveryID is the delivery that it came by, "" if there was none.
	DeliveryID string
	Text       string
}

// History returns the notes of a deposit, oldest first.
func (h *Deposits) History(ctx context.Context, id string) ([]Note, error) {
	seq, ok := h.key(depositPrefix, id)
	if !ok {
		return nil, noSuch("deposit", id)
	}
	found, err := h.tables.notes.all(ctx, h, "WHERE deposit = ? ORDER BY at, seq", seq)
	out := make([]Note, len(found))
	for i, n := range found {
		out[i] = Note{At: n.at, Source: n.source, Status: n.status, Move: n.move, DeliveryID: h.id(deliveryPrefix, n.delivery), Text: n.note}
	}
	return out, h.kinded("read the deposit's history", err)
}

// Heard notes what a source said of a deposit that moved nothing.
func (h *Deposits) Heard(ctx context.Context, id string, by payment.Source, said string) error {
	return h.change(ctx, "note what was said", id, func(ctx context.Context, t *tx, d depositRow) error {
		return t.deposits.note(ctx, note{deposit: d.seq, at: t.now, source: by, status: d.Status, note: payment.Line(said, mostSaid)})
	})
}

// mostSaid bounds what is kept of such a word.
const mostSaid = 300

// OfReceipt returns the deliveries that are about a receipt and no deposit, oldest
// first, with headers and bodies.
func (h *Deliveries) OfReceipt(ctx context.Context, provider payment.ProviderID, receipt string) ([]StoredDelivery, error) {
	subject := h.hash64(tagReceipt, string(provider), receipt) | math.MinInt64
	page, err := queryPositions(ctx, h.read, "SELECT received_at, seq FROM deliveries WHERE subject = ? ORDER BY seq LIMIT ?", subject, mostFound)
	if err != nil || len(page) == 0 {
		return nil, h.kinded("read the deliveries", err)
	}
	found, err := h.fetch(ctx, page, true)
	out := make([]StoredDelivery, 0, len(found))
	for _, p := range page {
		if d, ok := found[p.seq]; ok {
			out = append(out, *d)
		}
	}
	return out, h.kinded("read the deliveries", err)
}

// OfDeposit returns the queries about a deposit, newest first.
func (h *Queries) OfDeposit(ctx context.Context, id string) ([]Query, error) {
	seq, ok := h.key(depositPrefix, id)
	if !ok {
		return nil, noSuch("deposit", id)
	}
	return h.where(ctx, "WHERE deposit = ? ORDER BY seq DESC LIMIT ?", seq, mostFound)
}
