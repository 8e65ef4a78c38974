package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
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

// Attempt is one try at sending a delivery to a target, with its answer.
type Attempt struct {
	DeliveryID string
	Target     string
	// RunID is the replay run, "" for the forwarder.
	RunID string
	At    time.Time
	// Status is the HTTP status, 0 when there was no answer.
	Status  int
	Latency time.Duration
	// Error says why there was no answer; Body is the start of the answer.
	Error string
	Body  string
}

// mostExcerpt bounds what is kept of an answer and of an error.
const mostExcerpt = 1024

func excerpt(text string) string {
	if len(text) > mostExcerpt {
		text = text[:mostExcerpt]
	}
	return strings.ToValidUTF8(text, "�")
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
		now := micros(t.now)
		_, err = t.exec(ctx, `INSERT INTO forwards (delivery, target, state, attempts, due_at, created_at)
			VALUES (?, ?, ?, 0, ?, ?) ON CONFLICT (delivery, target) DO NOTHING`,
			delivery, target, string(ForwardWaiting), now, now)
		if err != nil {
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

const forwardColumns = "f.seq, f.delivery, g.url, f.state, f.attempts, f.due_at, f.created_at"

// scan reads and closes rows.
func (h *Forwards) scan(rows rowSet) ([]Forward, []int64, error) {
	defer func() { _ = rows.Close() }()
	var out []Forward
	var keys []int64
	for rows.Next() {
		var f Forward
		var seq, delivery, due, created int64
		var state string
		if err := rows.Scan(&seq, &delivery, &f.Target, &state, &f.Attempts, &due, &created); err != nil {
			return nil, nil, err
		}
		f.ID, f.DeliveryID, f.State = h.id(forwardPrefix, seq), h.id(deliveryPrefix, delivery), ForwardState(state)
		f.DueAt, f.CreatedAt = fromMicros(due), fromMicros(created)
		out, keys = append(out, f), append(keys, seq)
	}
	return out, keys, rows.Err()
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
		var keys []int64
		rows, err := t.rows(ctx, "SELECT "+forwardColumns+` FROM forwards AS f JOIN targets AS g ON g.id = f.target
			WHERE f.state = ? AND f.due_at <= ? ORDER BY f.due_at, f.seq LIMIT ?`,
			string(ForwardWaiting), micros(t.now), limit)
		if err != nil {
			return err
		}
		due, keys, err = h.scan(rows)
		if err != nil {
			return err
		}
		until := micros(t.now.Add(lease))
		for i, key := range keys {
			if _, err := t.exec(ctx, "UPDATE forwards SET due_at = ? WHERE seq = ?", until, key); err != nil {
				return err
			}
			due[i].DueAt = fromMicros(until)
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
		CROSS JOIN deliveries AS e ON e.thing = d.thing
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
		if err := t.insertAttempt(ctx, delivery, target, nil, a); err != nil {
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

// insertAttempt records nothing at a delivery that was pruned meanwhile: nobody
// would ever take the attempt away again.
func (t *tx) insertAttempt(ctx context.Context, delivery, target int64, run any, a Attempt) error {
	at := a.At
	if at.IsZero() {
		at = t.now
	}
	_, err := t.exec(ctx, `INSERT INTO attempts (delivery, target, run, at, status, latency, error, body)
		SELECT seq, ?, ?, ?, ?, ?, ?, ? FROM deliveries WHERE seq = ?`,
		target, run, micros(at), a.Status, a.Latency.Microseconds(), excerpt(a.Error), excerpt(a.Body), delivery)
	return err
}

// List returns the queue in one state, oldest first; limit 0 means all.
func (h *Forwards) List(ctx context.Context, state ForwardState, limit int) ([]Forward, error) {
	if limit <= 0 {
		limit = idMostKey
	}
	rows, err := h.read.QueryContext(ctx, "SELECT "+forwardColumns+` FROM forwards AS f
		JOIN targets AS g ON g.id = f.target WHERE f.state = ? ORDER BY f.due_at, f.seq LIMIT ?`, string(state), limit)
	if err != nil {
		return nil, h.kinded("read the forward queue", err)
	}
	defer func() { _ = rows.Close() }()
	out, _, err := h.scan(rows)
	return out, h.kinded("read the forward queue", errors.Join(err, rows.Err()))
}

// Attempts returns the attempts at a delivery, by the forwarder and by replay,
// oldest first.
func (h *Deliveries) Attempts(ctx context.Context, deliveryID string) ([]Attempt, error) {
	seq, ok := h.key(deliveryPrefix, deliveryID)
	if !ok {
		return nil, noSuch("delivery", deliveryID)
	}
	rows, err := h.read.QueryContext(ctx, `SELECT g.url, coalesce(a.run, 0), a.at, a.status, a.latency, a.error, a.body
		FROM attempts AS a JOIN targets AS g ON g.id = a.target WHERE a.delivery = ?`, seq)
	if err != nil {
		return nil, h.kinded("read the attempts", err)
	}
	defer func() { _ = rows.Close() }()
	out := []Attempt{}
	for rows.Next() {
		a := Attempt{DeliveryID: deliveryID}
		var run, at, latency int64
		if err := rows.Scan(&a.Target, &run, &at, &a.Status, &latency, &a.Error, &a.Body); err != nil {
			return nil, h.kinded("read the attempts", err)
		}
		a.RunID, a.At, a.Latency = h.id(runPrefix, run), fromMicros(at), time.Duration(latency)*time.Microsecond
		out = append(out, a)
	}
	slices.SortStableFunc(out, func(a, b Attempt) int { return a.At.Compare(b.At) })
	return out, h.kinded("read the attempts", rows.Err())
}
