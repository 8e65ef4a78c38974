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
	// ForwardWaiting is to be sent when it is due.
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
	// Attempts is how often it was tried.
	Attempts  int
	DueAt     time.Time
	CreatedAt time.Time
}

// Outcome is what comes after an attempt to forward.
type Outcome struct {
	// Delivered takes the forward off the queue.
	Delivered bool
	// RetryAt is when to try again; zero, if not delivered, means never: dead.
	RetryAt time.Time
}

// enqueue puts a delivery into the queue of its targets, once each.
func (t *tx) enqueue(ctx context.Context, delivery int64, targets []string) error {
	for _, url := range targets {
		target, err := t.target(ctx, url)
		if err != nil {
			return err
		}
		row := forwardRow{delivery: delivery, target: target, state: ForwardWaiting, dueAt: t.now, createdAt: t.now}
		if _, _, err := t.db.tables.forwards.add(ctx, t, &row); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) target(ctx context.Context, url string) (int64, error) {
	if id, ok := t.targets[url]; ok {
		return id, nil
	}
	var id int64
	err := t.row(ctx, "SELECT id FROM targets WHERE url = ?", []any{url}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		err = t.row(ctx, "INSERT INTO targets (url) VALUES (?) RETURNING id", []any{url}, &id)
	}
	if err == nil {
		t.targets[url] = id
	}
	return id, err
}

// forwardRow is a forward as its table has it.
type forwardRow struct {
	seq, delivery, target int64
	state                 ForwardState
	attempts              int64
	dueAt, createdAt      time.Time
}

func forwardColumns(f *forwardRow) []column {
	return []column{
		{"seq", (*integer)(&f.seq)},
		{"delivery", (*integer)(&f.delivery)},
		{"target", (*integer)(&f.target)},
		{"state", (*text)(&f.state)},
		{"attempts", (*integer)(&f.attempts)},
		{"due_at", (*instant)(&f.dueAt)},
		{"created_at", (*instant)(&f.createdAt)},
	}
}

// forwardView is a forward with its target's URL.
type forwardView struct {
	forwardRow
	url string
}

func forwardViewColumns(f *forwardView) []column {
	return append(forwardColumns(&f.forwardRow), column{"", (*text)(&f.url)})
}

// forwards runs a query for forwards; rest begins with WHERE and calls them f.
func (db *database) forwards(ctx context.Context, q querier, rest string, args ...any) ([]forwardView, error) {
	rows, err := q.query(ctx, "SELECT "+names("f.", forwardColumns(&forwardRow{}))+
		", g.url FROM forwards AS f JOIN targets AS g ON g.id = f.target "+rest, args...)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, forwardViewColumns)
}

func (db *database) forward(f forwardView) Forward {
	return Forward{
		ID: db.id(forwardPrefix, f.seq), DeliveryID: db.id(deliveryPrefix, f.delivery), Target: f.url, State: f.state,
		Attempts: int(f.attempts), DueAt: f.dueAt, CreatedAt: f.createdAt,
	}
}

// Lease leases at most limit forwards that are due, oldest first: nobody else
// is given them until the lease is over or MarkAttempt has been called. When
// there are none, next is when the first will be due, zero if the queue is empty.
func (h *Forwards) Lease(ctx context.Context, limit int, lease time.Duration) (due []Forward, next time.Time, err error) {
	// Reading first spares an idle queue its commits.
	if next, err = h.firstDue(ctx); err != nil || next.IsZero() || next.After(h.now()) {
		return nil, next, err
	}
	err = h.do(ctx, "lease from the forward queue", func(ctx context.Context, t *tx) error {
		due = nil
		found, err := h.forwards(ctx, t, "WHERE f.state = ? AND f.due_at <= ? ORDER BY f.due_at, f.seq LIMIT ?",
			string(ForwardWaiting), micros(t.now), limit)
		if err != nil {
			return err
		}
		for _, f := range found {
			before := f.forwardRow
			f.dueAt = t.now.Add(lease)
			if err := h.tables.forwards.update(ctx, t, &before, &f.forwardRow); err != nil {
				return err
			}
			due = append(due, h.forward(f))
		}
		return nil
	})
	if err != nil || len(due) > 0 {
		return due, time.Time{}, err
	}
	next, err = h.firstDue(ctx)
	return nil, next, err
}

// The joins go from the one forward to what is about the same thing, by indices.
const sqlBehind = `SELECT EXISTS (SELECT 1 FROM deliveries AS d
		CROSS JOIN deliveries AS e ON e.subject = d.subject
		CROSS JOIN forwards AS o ON o.delivery = e.seq AND o.target = f.target
		WHERE d.seq = f.delivery AND o.state = f.state AND (o.created_at, o.seq) < (f.created_at, f.seq))
	FROM forwards AS f WHERE f.seq = ? AND f.delivery = ? AND f.state = ?`

// Behind tells whether an older forward to the same target, of a delivery about
// the same thing, still waits, whoever has it. KindNotFound says that this one
// does not wait itself: it was delivered or given up, and must not be sent.
func (h *Forwards) Behind(ctx context.Context, f Forward) (bool, error) {
	seq, ok := h.key(forwardPrefix, f.ID)
	delivery, known := h.key(deliveryPrefix, f.DeliveryID)
	if !ok || !known {
		return false, noSuch("forward", f.ID)
	}
	var behind bool
	err := h.read.QueryRowContext(ctx, sqlBehind, seq, delivery, string(ForwardWaiting)).Scan(&behind)
	if errors.Is(err, sql.ErrNoRows) {
		return false, noSuch("forward", f.ID)
	}
	return behind, h.kinded("read the forward queue", err)
}

// Release gives back leases that are still the callers': the forwards are due at
// once. One that was settled, or leased again, since is left alone.
func (h *Forwards) Release(ctx context.Context, leased ...Forward) error {
	keys := make([]int64, len(leased))
	for i, f := range leased {
		seq, ok := h.key(forwardPrefix, f.ID)
		if !ok {
			return noSuch("forward", f.ID)
		}
		keys[i] = seq
	}
	return h.do(ctx, "give back leases on the forward queue", func(ctx context.Context, t *tx) error {
		for i, key := range keys {
			_, err := t.exec(ctx, "UPDATE forwards SET due_at = ? WHERE seq = ? AND state = ? AND due_at = ?",
				micros(t.now), key, string(ForwardWaiting), micros(leased[i].DueAt))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *Forwards) firstDue(ctx context.Context) (time.Time, error) {
	var at sql.NullInt64
	err := h.read.QueryRowContext(ctx, "SELECT min(due_at) FROM forwards WHERE state = ?", string(ForwardWaiting)).Scan(&at)
	return fromNullMicros(at), h.kinded("read the forward queue", err)
}

// MarkAttempt records an attempt at a leased forward and what comes of it. A
// forward that is gone, or whose key another one has by now, is no error and
// nothing is recorded.
func (h *Forwards) MarkAttempt(ctx context.Context, forwardID string, a Attempt, o Outcome) error {
	seq, ok := h.key(forwardPrefix, forwardID)
	if !ok {
		return noSuch("forward", forwardID)
	}
	return h.do(ctx, "record the attempt", func(ctx context.Context, t *tx) error {
		var delivery, target int64
		err := t.row(ctx, "SELECT delivery, target FROM forwards WHERE seq = ?", []any{seq}, &delivery, &target)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil || a.DeliveryID != "" && a.DeliveryID != h.id(deliveryPrefix, delivery) {
			return err
		}
		if err := t.addAttempt(ctx, delivery, target, 0, a); err != nil {
			return err
		}
		switch {
		case o.Delivered:
			_, err = t.exec(ctx, "DELETE FROM forwards WHERE seq = ?", seq)
		case o.RetryAt.IsZero():
			_, err = t.exec(ctx, "UPDATE forwards SET state = ?, attempts = attempts + 1 WHERE seq = ?", string(ForwardDead), seq)
		default:
			_, err = t.exec(ctx, "UPDATE forwards SET attempts = attempts + 1, due_at = ? WHERE seq = ?", micros(o.RetryAt), seq)
		}
		return err
	})
}

// MarkDeadAttempt is RecordAttempt for one at a dead letter: in the same
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
		target, err := t.target(ctx, a.Target)
		if err != nil {
			return err
		}
		if err := t.addAttempt(ctx, delivery, target, run, a); err != nil {
			return err
		}
		query := "UPDATE forwards SET attempts = attempts + 1 WHERE seq = ? AND delivery = ? AND target = ? AND state = ?"
		if a.Status >= 200 && a.Status < 300 {
			query = "DELETE FROM forwards WHERE seq = ? AND delivery = ? AND target = ? AND state = ?"
		}
		_, err = t.exec(ctx, query, seq, delivery, target, string(ForwardDead))
		return err
	})
}

// List returns the queue in one state, oldest first; limit 0 means all.
func (h *Forwards) List(ctx context.Context, state ForwardState, limit int) ([]Forward, error) {
	if limit <= 0 {
		limit = idMostKey
	}
	found, err := h.forwards(ctx, h, "WHERE f.state = ? ORDER BY f.due_at, f.seq LIMIT ?", string(state), limit)
	out := make([]Forward, len(found))
	for i, f := range found {
		out[i] = h.forward(f)
	}
	return out, h.kinded("read the forward queue", err)
}
