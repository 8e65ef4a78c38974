package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Run is one replay: what was asked for, so that it can be taken up again.
type Run struct {
	ID string
	// Spec is the replayer's own description of the run.
	Spec      json.RawMessage
	CreatedAt time.Time
	// FinishedAt is zero for a run that did not come to its end.
	FinishedAt time.Time
}

// Start records a replay before its first attempt.
func (h *Runs) Start(ctx context.Context, spec json.RawMessage) (Run, error) {
	if !json.Valid(spec) {
		return Run{}, payment.Usage("replay: its description is not JSON", "marshal it")
	}
	var r Run
	err := h.do(ctx, "record the replay", func(ctx context.Context, t *tx) error {
		now := fromMicros(micros(t.now))
		seq, err := t.insert(ctx, "INSERT INTO runs (spec, created_at, finished_at) VALUES (?, ?, NULL)", string(spec), micros(now))
		r = Run{ID: h.id(runPrefix, seq), Spec: spec, CreatedAt: now}
		return err
	})
	return r, err
}

// Finish records that a replay came to its end.
func (h *Runs) Finish(ctx context.Context, id string) error {
	seq, ok := h.key(runPrefix, id)
	if !ok {
		return noSuch("replay run", id)
	}
	return h.do(ctx, "finish the replay", func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, "UPDATE runs SET finished_at = ? WHERE seq = ?", micros(t.now), seq)
		return err
	})
}

// Find returns a replay by its id, or with "" the latest that is unfinished;
// KindNotFound if there is none.
func (h *Runs) Find(ctx context.Context, id string) (Run, error) {
	query, args := "SELECT seq, spec, created_at, finished_at FROM runs WHERE finished_at IS NULL ORDER BY seq DESC LIMIT 1", []any(nil)
	if id != "" {
		seq, ok := h.key(runPrefix, id)
		if !ok {
			return Run{}, noSuch("replay run", id)
		}
		query, args = "SELECT seq, spec, created_at, finished_at FROM runs WHERE seq = ?", []any{seq}
	}
	var seq, created int64
	var spec string
	var finished sql.NullInt64
	err := h.read.QueryRowContext(ctx, query, args...).Scan(&seq, &spec, &created, &finished)
	if errors.Is(err, sql.ErrNoRows) {
		if id == "" {
			return Run{}, payment.NotFound("no unfinished replay in the ledger", "start one with payctl webhook replay")
		}
		return Run{}, noSuch("replay run", id)
	}
	if err != nil {
		return Run{}, h.kinded("read the replay", err)
	}
	return Run{
		ID: h.id(runPrefix, seq), Spec: json.RawMessage(spec),
		CreatedAt: fromMicros(created), FinishedAt: fromNullMicros(finished),
	}, nil
}

// RecordAttempt records an attempt at a delivery, of a replay run if RunID says
// so. Attempts that come together share one commit.
func (h *Runs) RecordAttempt(ctx context.Context, a Attempt) error {
	delivery, run, err := h.attemptKeys(a)
	if err != nil {
		return err
	}
	return h.do(ctx, "record the attempt", func(ctx context.Context, t *tx) error {
		target, err := t.target(ctx, a.Target)
		if err != nil {
			return err
		}
		return t.insertAttempt(ctx, delivery, target, run, a)
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
		if err := t.insertAttempt(ctx, delivery, target, run, a); err != nil {
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

// attemptKeys returns the key of an attempt's delivery and of its run, nil for
// none.
func (db *database) attemptKeys(a Attempt) (delivery int64, run any, err error) {
	delivery, ok := db.key(deliveryPrefix, a.DeliveryID)
	if !ok {
		return 0, nil, noSuch("delivery", a.DeliveryID)
	}
	if a.RunID == "" {
		return delivery, nil, nil
	}
	seq, ok := db.key(runPrefix, a.RunID)
	if !ok {
		return 0, nil, noSuch("replay run", a.RunID)
	}
	return delivery, seq, nil
}

// EachAttempt calls do for every attempt of a run, those at one delivery and
// target together and in their order, without what was answered but the status:
// a run that is resumed goes on after them.
func (h *Runs) EachAttempt(ctx context.Context, runID string, do func(Attempt) error) error {
	seq, ok := h.key(runPrefix, runID)
	if !ok {
		return noSuch("replay run", runID)
	}
	rows, err := h.read.QueryContext(ctx, `SELECT a.delivery, g.url, a.at, a.status, a.latency FROM attempts AS a
		JOIN targets AS g ON g.id = a.target WHERE a.run = ? ORDER BY a.delivery, a.target, a.seq`, seq)
	if err != nil {
		return h.kinded("read the replay", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		a := Attempt{RunID: runID}
		var delivery, at, latency int64
		if err := rows.Scan(&delivery, &a.Target, &at, &a.Status, &latency); err != nil {
			return h.kinded("read the replay", err)
		}
		a.DeliveryID, a.At, a.Latency = h.id(deliveryPrefix, delivery), fromMicros(at), time.Duration(latency)*time.Microsecond
		if err := do(a); err != nil {
			return err
		}
	}
	return h.kinded("read the replay", rows.Err())
}
