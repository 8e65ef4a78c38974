package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// TargetDue is when a target is to be looked at.
type TargetDue struct {
	Target string
	At     time.Time
}

// Due returns the targets that something waits for, and when the first of it may be
// due. It may turn out to stand behind something in its line: Lease tells.
func (h *Forwards) Due(ctx context.Context) ([]TargetDue, error) {
	rows, err := h.query(ctx, `SELECT g.url, (SELECT min(f.due_at) FROM forwards AS f
		WHERE f.state = 'waiting' AND f.target = g.id) FROM targets AS g ORDER BY g.id`)
	if err != nil {
		return nil, h.kinded("read the forward queue", err)
	}
	found, err := scanAll(rows, func(d *TargetDue, to []column) []column {
		return append(to, column{"", (*text)(&d.Target)}, column{"", (*moment)(&d.At)})
	})
	due := found[:0]
	for _, d := range found {
		if !d.At.IsZero() {
			due = append(due, d)
		}
	}
	return due, h.kinded("read the forward queue", err)
}

// sqlHead finds the first of a line. The state is spelled out, as in the index.
const sqlHead = "WHERE state = 'waiting' AND target = ? AND subject = ? ORDER BY created_at, seq LIMIT 1"

// mostLooks bounds how many forwards that stand behind others one lease looks at.
const mostLooks = 256

// Lease gives out at most limit forwards to a target that are due, oldest first: the
// heads of their lines only, so that nothing overtakes what came before it about the
// same. Nobody else is given them until the lease is over or MarkAttempt has been
// called. None are returned when none is due; Due then says when to look again.
func (h *Forwards) Lease(ctx context.Context, target string, limit int, lease time.Duration) ([]Forward, error) {
	var out []Forward
	err := h.do(ctx, "lease from the forward queue", func(ctx context.Context, t *tx) error {
		out = nil
		id, err := t.target(ctx, target)
		if err != nil {
			return err
		}
		for looks := 0; len(out) < limit && looks < mostLooks; {
			due, err := h.tables.forwards.all(ctx, t, "WHERE state = 'waiting' AND target = ? AND due_at <= ? ORDER BY due_at, created_at, seq LIMIT ?",
				id, micros(t.now), limit-len(out))
			if err != nil || len(due) == 0 {
				return err
			}
			looks += len(due)
			for _, f := range due {
				head, err := t.leaseHead(ctx, f, lease)
				if err != nil {
					return err
				}
				if head.lease > 0 {
					out = append(out, h.forward(head, target))
				}
			}
		}
		return nil
	})
	return out, err
}

// leaseHead leases the head of a due forward's line, if it is due itself; else the
// lease of what it returns is 0. A forward that is not the head is put off until the
// head may be gone: wakeLine brings it forward when that is earlier.
func (t *tx) leaseHead(ctx context.Context, f forwardRow, lease time.Duration) (forwardRow, error) {
	rows := t.db.tables.forwards
	head, err := rows.one(ctx, t, sqlHead, f.target, f.subject)
	if err != nil {
		return head, err
	}
	until := head.dueAt
	if mine := !head.dueAt.After(t.now); mine {
		before := head
		until = fromMicros(micros(t.now.Add(lease)))
		head.dueAt, head.lease = until, max(micros(until), head.lease+1, 1-head.lease)
		if err := rows.update(ctx, t, &before, &head); err != nil {
			return head, err
		}
	} else {
		head.lease = 0
	}
	if f.seq == head.seq {
		return head, nil
	}
	behind := f
	behind.dueAt = until
	return head, rows.update(ctx, t, &f, &behind)
}

// wakeLine makes the new head of a line due, when the one before it has gone.
func (t *tx) wakeLine(ctx context.Context, gone forwardRow) error {
	head, err := t.db.tables.forwards.one(ctx, t, sqlHead, gone.target, gone.subject)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (head.lease > 0 || !head.dueAt.After(t.now)) {
		return nil
	}
	if err != nil {
		return err
	}
	woken := head
	woken.dueAt = t.now
	return t.db.tables.forwards.update(ctx, t, &head, &woken)
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
			err := t.exec(ctx, "UPDATE forwards SET due_at = ?, lease = -lease WHERE seq = ? AND state = ? AND lease = ?",
				micros(t.now), key, string(ForwardWaiting), leased[i].lease)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
