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

// StartRun records a replay before its first attempt.
func (s *Store) StartRun(ctx context.Context, spec json.RawMessage) (Run, error) {
	if !json.Valid(spec) {
		return Run{}, payment.Usage("replay: its description is not JSON", "marshal it")
	}
	var r Run
	err := s.do(ctx, "record the replay", func(ctx context.Context, t *tx) error {
		now := fromMicros(micros(t.now))
		seq, err := t.insert(ctx, "INSERT INTO runs (spec, created_at, finished_at) VALUES (?, ?, NULL)", string(spec), micros(now))
		r = Run{ID: s.id(runPrefix, seq), Spec: spec, CreatedAt: now}
		return err
	})
	return r, err
}

// FinishRun records that a replay came to its end.
func (s *Store) FinishRun(ctx context.Context, id string) error {
	seq, ok := s.key(runPrefix, id)
	if !ok {
		return noSuch("replay run", id)
	}
	return s.do(ctx, "finish the replay", func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, "UPDATE runs SET finished_at = ? WHERE seq = ?", micros(t.now), seq)
		return err
	})
}

// FindRun returns a replay by its id, or with "" the latest that is unfinished;
// KindNotFound if there is none.
func (s *Store) FindRun(ctx context.Context, id string) (Run, error) {
	query, args := "SELECT seq, spec, created_at, finished_at FROM runs WHERE finished_at IS NULL ORDER BY seq DESC LIMIT 1", []any(nil)
	if id != "" {
		seq, ok := s.key(runPrefix, id)
		if !ok {
			return Run{}, noSuch("replay run", id)
		}
		query, args = "SELECT seq, spec, created_at, finished_at FROM runs WHERE seq = ?", []any{seq}
	}
	var seq, created int64
	var spec string
	var finished sql.NullInt64
	err := s.read.QueryRowContext(ctx, query, args...).Scan(&seq, &spec, &created, &finished)
	if errors.Is(err, sql.ErrNoRows) {
		if id == "" {
			return Run{}, payment.NotFound("no unfinished replay in the ledger", "start one with payctl webhook replay")
		}
		return Run{}, noSuch("replay run", id)
	}
	if err != nil {
		return Run{}, s.kinded("read the replay", err)
	}
	return Run{
		ID: s.id(runPrefix, seq), Spec: json.RawMessage(spec),
		CreatedAt: fromMicros(created), FinishedAt: fromNullMicros(finished),
	}, nil
}

// RecordAttempt records an attempt at a delivery, of a replay run if RunID says
// so. Attempts that come together share one commit.
func (s *Store) RecordAttempt(ctx context.Context, a Attempt) error {
	delivery, ok := s.key(deliveryPrefix, a.DeliveryID)
	if !ok {
		return noSuch("delivery", a.DeliveryID)
	}
	var run any
	if a.RunID != "" {
		seq, ok := s.key(runPrefix, a.RunID)
		if !ok {
			return noSuch("replay run", a.RunID)
		}
		run = seq
	}
	return s.do(ctx, "record the attempt", func(ctx context.Context, t *tx) error {
		target, err := t.target(ctx, a.Target)
		if err != nil {
			return err
		}
		return t.insertAttempt(ctx, delivery, target, run, a)
	})
}

// EachAnswered calls do for every delivery and target that got an answer with
// an HTTP status in a run: those need not be sent again when it is resumed.
func (s *Store) EachAnswered(ctx context.Context, runID string, do func(deliveryID, target string, status int) error) error {
	seq, ok := s.key(runPrefix, runID)
	if !ok {
		return noSuch("replay run", runID)
	}
	rows, err := s.read.QueryContext(ctx, `SELECT a.delivery, g.url, a.status FROM attempts AS a JOIN targets AS g ON g.id = a.target
		WHERE a.run = ? AND a.status > 0 ORDER BY a.delivery`, seq)
	if err != nil {
		return s.kinded("read the replay", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var delivery int64
		var target string
		var status int
		if err := rows.Scan(&delivery, &target, &status); err != nil {
			return s.kinded("read the replay", err)
		}
		if err := do(s.id(deliveryPrefix, delivery), target, status); err != nil {
			return err
		}
	}
	return s.kinded("read the replay", rows.Err())
}
