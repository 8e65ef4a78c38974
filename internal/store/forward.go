package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// ForwardState is where a forward stands. One that was delivered is gone: its
// attempts remain.
type ForwardState string

// The states.
const (
	// ForwardWaiting is to be sent when it is due and all before it in its line is gone.
	ForwardWaiting ForwardState = "waiting"
	// ForwardDead failed for the last time; it waits for the operator.
	ForwardDead ForwardState = "dead"
)

// Forward is a delivery that is to reach a target.
type Forward struct {
	ID         string
	DeliveryID string
	Target     string
	State      ForwardState
	// Attempts is how often it was tried, Refusals how often it was refused.
	Attempts, Refusals int
	DueAt              time.Time
	CreatedAt          time.Time
	// lease is the number of the lease with which it was given out.
	lease int64
}

// Outcome is what comes after an attempt to forward.
type Outcome struct {
	// Delivered takes the forward off the queue.
	Delivered bool
	// RetryAt is when to try again; zero, if not delivered, means never: dead.
	RetryAt time.Time
	// Refused says that the target refused this delivery.
	Refused bool
}

// forwardRow is a forward as its table has it. The forwards of one subject to one
// target are a line; they are sent one after the other, oldest first.
type forwardRow struct {
	seq, delivery, target int64
	state                 ForwardState
	attempts, refusals    int64
	dueAt, createdAt      time.Time
	subject, lease        int64
}

func forwardColumns(f *forwardRow, to []column) []column {
	return append(to, []column{
		{"seq", (*integer)(&f.seq)},
		{"delivery", (*integer)(&f.delivery)},
		{"target", (*integer)(&f.target)},
		{"state", (*text)(&f.state)},
		{"attempts", (*integer)(&f.attempts)},
		{"due_at", (*instant)(&f.dueAt)},
		{"created_at", (*instant)(&f.createdAt)},
		{"subject", (*integer)(&f.subject)},
		{"lease", (*integer)(&f.lease)},
		{"refusals", (*integer)(&f.refusals)},
	}...)
}

func (db *database) forward(f forwardRow, url string) Forward {
	return Forward{
		ID: db.id(forwardPrefix, f.seq), DeliveryID: db.id(deliveryPrefix, f.delivery), Target: url, State: f.state,
		Attempts: int(f.attempts), Refusals: int(f.refusals), DueAt: f.dueAt, CreatedAt: f.createdAt, lease: f.lease,
	}
}

// enqueue puts a delivery into the queue of its targets, once each.
func (t forwardTx) enqueue(ctx context.Context, delivery, subject int64, targets []string) error {
	for _, url := range targets {
		target, err := t.dict.target(ctx, url)
		if err != nil {
			return err
		}
		row := forwardRow{
			delivery: delivery, target: target, state: ForwardWaiting, dueAt: t.now, createdAt: t.now, subject: subject,
		}
		if err := t.db.tables.forwards.put(ctx, t.tx, &row); err != nil {
			return err
		}
	}
	return nil
}

// List returns the queue in one state, oldest first; limit 0 means all.
func (h *Forwards) List(ctx context.Context, state ForwardState, limit int) ([]Forward, error) {
	if limit <= 0 {
		limit = idMostKey
	}
	type view struct {
		forwardRow
		url string
	}
	rows, err := h.query(ctx, "SELECT "+names("f.", forwardColumns(&forwardRow{}, nil))+`, g.url
		FROM forwards AS f JOIN targets AS g ON g.id = f.target WHERE f.state = ?
		ORDER BY f.due_at, f.created_at, f.seq LIMIT ?`, string(state), limit)
	if err != nil {
		return nil, h.kinded("read the forward queue", err)
	}
	found, err := scanAll(rows, func(v *view, to []column) []column {
		return append(forwardColumns(&v.forwardRow, to), column{"", (*text)(&v.url)})
	})
	out := make([]Forward, len(found))
	for i, v := range found {
		out[i] = h.forward(v.forwardRow, v.url)
	}
	return out, h.kinded("read the forward queue", err)
}

// MarkAttempt records an attempt at a leased forward and what comes of it. If the
// lease is over and the forward was given to somebody else, or it was settled, the
// attempt is recorded and decides nothing. One that is gone is no error.
func (h *Forwards) MarkAttempt(ctx context.Context, leased Forward, a Attempt, o Outcome) error {
	seq, ok := h.key(forwardPrefix, leased.ID)
	delivery, known := h.key(deliveryPrefix, leased.DeliveryID)
	if !ok || !known {
		return noSuch("forward", leased.ID)
	}
	in := o.RetryAt.Sub(h.now()) // the ledger's clock may be another's
	return h.do(ctx, "record the attempt", func(ctx context.Context, t *tx) error {
		target, err := t.dict.target(ctx, leased.Target)
		if err != nil {
			return err
		}
		if err := t.forwards.addAttempt(ctx, delivery, target, 0, a); err != nil {
			return err
		}
		before, err := h.tables.forwards.one(ctx, t, "WHERE seq = ? AND delivery = ? AND target = ?", seq, delivery, target)
		if errors.Is(err, sql.ErrNoRows) || err == nil && (before.lease != leased.lease || before.state != ForwardWaiting) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.forwards.markFailing(ctx, delivery, target, a.Status); err != nil {
			return err
		}
		after := before
		after.attempts++
		after.lease = -after.lease // free, and the number does not come again
		if o.Refused {
			after.refusals++
		}
		switch {
		case o.Delivered:
			if err := t.exec(ctx, "DELETE FROM forwards WHERE seq = ?", seq); err != nil {
				return err
			}
			return t.forwards.wakeLine(ctx, before)
		case o.RetryAt.IsZero():
			after.state = ForwardDead
			if err := h.tables.forwards.update(ctx, t, &before, &after); err != nil {
				return err
			}
			return t.forwards.wakeLine(ctx, before)
		}
		if after.dueAt = o.RetryAt; t.remote() && !t.db.ownClock {
			after.dueAt = t.now.Add(in)
		}
		return h.tables.forwards.update(ctx, t, &before, &after)
	})
}

// MarkDeadAttempt records an attempt at a dead letter, by a replay: in the same
// transaction a 2xx takes the letter off the queue, and anything else counts as
// one more attempt at it. A letter that is gone, or that waits again, is left as
// it is, and so is another forward that was given its key since.
func (h *Forwards) MarkDeadAttempt(ctx context.Context, forwardID string, a Attempt) error {
	seq, ok := h.key(forwardPrefix, forwardID)
	if !ok {
		return noSuch("forward", forwardID)
	}
	delivery, run, err := h.attemptKeys(a)
	if err != nil {
		return err
	}
	return h.do(ctx, "record the attempt", func(ctx context.Context, t *tx) error {
		target, err := t.dict.target(ctx, a.Target)
		if err != nil {
			return err
		}
		if err := t.forwards.addAttempt(ctx, delivery, target, run, a); err != nil {
			return err
		}
		if err := t.forwards.markFailing(ctx, delivery, target, a.Status); err != nil {
			return err
		}
		query := "UPDATE forwards SET attempts = attempts + 1 WHERE seq = ? AND delivery = ? AND target = ? AND state = ?"
		if a.Status >= 200 && a.Status < 300 {
			query = "DELETE FROM forwards WHERE seq = ? AND delivery = ? AND target = ? AND state = ?"
		}
		err = t.exec(ctx, query, seq, delivery, target, string(ForwardDead))
		return err
	})
}
