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

// runRow is a run with its key.
type runRow struct {
	seq int64
	Run
}

func runColumns(r *runRow, to []column) []column {
	return append(to, []column{
		{"seq", (*integer)(&r.seq)},
		{"spec", (*document)(&r.Spec)},
		{"created_at", (*instant)(&r.CreatedAt)},
		{"finished_at", (*moment)(&r.FinishedAt)},
	}...)
}

// Start records a replay before its first attempt.
func (h *Runs) Start(ctx context.Context, spec json.RawMessage) (Run, error) {
	if !json.Valid(spec) {
		return Run{}, payment.Usage("replay: its description is not JSON", "marshal it")
	}
	var r Run
	err := h.do(ctx, "record the replay", func(ctx context.Context, t *tx) error {
		row := runRow{Run: Run{Spec: spec, CreatedAt: fromMicros(micros(t.now))}}
		seq, _, err := h.tables.runs.add(ctx, t, &row)
		r, r.ID = row.Run, h.id(runPrefix, seq)
		if err != nil {
			return err
		}
		return t.command(ctx, r.ID, "")
	})
	return r, err
}

// Resume writes down that a replay is taken up again.
func (h *Runs) Resume(ctx context.Context, id string) error {
	return h.do(ctx, "resume the replay", func(ctx context.Context, t *tx) error { return t.command(ctx, id, "taken up again") })
}

// Finish records that a replay came to its end.
func (h *Runs) Finish(ctx context.Context, id string) error {
	seq, ok := h.key(runPrefix, id)
	if !ok {
		return noSuch("replay run", id)
	}
	return h.do(ctx, "finish the replay", func(ctx context.Context, t *tx) error {
		err := t.exec(ctx, "UPDATE runs SET finished_at = ? WHERE seq = ?", micros(t.now), seq)
		return err
	})
}

// Find returns a replay by its id, or with "" the latest that is unfinished;
// KindNotFound if there is none.
func (h *Runs) Find(ctx context.Context, id string) (Run, error) {
	where, args := "WHERE finished_at IS NULL ORDER BY seq DESC LIMIT 1", []any(nil)
	if id != "" {
		seq, ok := h.key(runPrefix, id)
		if !ok {
			return Run{}, noSuch("replay run", id)
		}
		where, args = "WHERE seq = ?", []any{seq}
	}
	r, err := h.tables.runs.one(ctx, h, where, args...)
	if errors.Is(err, sql.ErrNoRows) {
		if id == "" {
			return Run{}, payment.NotFound("no unfinished replay in the ledger", "start one by ids or --since, and --to URL")
		}
		return Run{}, noSuch("replay run", id)
	}
	r.ID = h.id(runPrefix, r.seq)
	return r.Run, h.kinded("read the replay", err)
}
