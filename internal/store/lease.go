package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"
)

// TargetDue is when a target is to be looked at, by this process's clock.
type TargetDue struct {
	Target string
	At     time.Time
}

// Due returns the targets that something waits for, and when the first of it may be
// due. It may turn out to stand behind something in its line: Lease tells.
func (h *Forwards) Due(ctx context.Context) ([]TargetDue, error) {
	rows, err := h.query(ctx, `SELECT g.url, (SELECT min(f.due_at) FROM forwards AS f
		WHERE f.state = 'waiting' AND f.target = g.id), `+h.engine.Clock()+` FROM targets AS g ORDER BY g.id`)
	if err != nil {
		return nil, h.kinded("read the forward queue", err)
	}
	type seen struct {
		TargetDue
		clock time.Time
	}
	found, err := scanAll(rows, func(d *seen, to []column) []column {
		return append(to, column{"", (*text)(&d.Target)}, column{"", (*moment)(&d.At)}, column{"", (*moment)(&d.clock)})
	})
	var due []TargetDue
	for _, d := range found {
		if d.At.IsZero() {
			continue
		}
		if !d.clock.IsZero() && !h.ownClock {
			d.At = h.now().Add(d.At.Sub(d.clock))
		}
		due = append(due, d.TargetDue)
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
		id, err := t.dict.target(ctx, target)
		if err != nil {
			return err
		}
		if t.remote() {
			leased, err := t.forwards.leaseTogether(ctx, id, limit, lease)
			for _, f := range leased {
				out = append(out, h.forward(f, target))
			}
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
				head, err := t.forwards.leaseHead(ctx, f, lease)
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

// leaseTogether is Lease as two statements, for where each costs a round trip. Heads that
// another forwarder is just leasing are passed over.
func (t forwardTx) leaseTogether(ctx context.Context, target int64, limit int, lease time.Duration) ([]forwardRow, error) {
	until, now := micros(t.now.Add(lease)), micros(t.now)
	rows, err := t.rows(ctx, `UPDATE forwards SET due_at = ?, lease = greatest(?, lease + 1, 1 - lease) WHERE seq IN (
		SELECT h.seq FROM forwards AS h WHERE h.state = 'waiting' AND h.target = ? AND h.due_at <= ?
		AND NOT EXISTS (SELECT 1 FROM forwards AS e WHERE e.state = 'waiting' AND e.target = h.target AND e.subject = h.subject
			AND (e.created_at, e.seq) < (h.created_at, h.seq))
		ORDER BY h.due_at, h.created_at, h.seq LIMIT ? FOR UPDATE OF h SKIP LOCKED)
		RETURNING `+t.db.tables.forwards.texts().names, until, until, target, now, limit)
	if err != nil {
		return nil, err
	}
	t.writes++
	out, err := scanAll(rows, forwardColumns)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b forwardRow) int {
		return cmp.Or(a.createdAt.Compare(b.createdAt), cmp.Compare(a.seq, b.seq))
	})
	return out, t.exec(ctx, `UPDATE forwards AS b SET due_at = h.due_at FROM forwards AS h
		WHERE b.state = 'waiting' AND b.target = ? AND b.due_at <= ? AND h.seq <> b.seq AND h.due_at > ?
		AND h.seq = (SELECT e.seq FROM forwards AS e WHERE e.state = 'waiting' AND e.target = b.target AND e.subject = b.subject
			ORDER BY e.created_at, e.seq LIMIT 1)`, target, now, now)
}

// leaseHead leases the head of a due forward's line, if it is due itself; else the
// lease of what it returns is 0. A forward that is not the head is put off until the
// head may be gone: wakeLine brings it forward when that is earlier.
func (t forwardTx) leaseHead(ctx context.Context, f forwardRow, lease time.Duration) (forwardRow, error) {
	rows := t.db.tables.forwards
	head, err := rows.one(ctx, t.tx, sqlHead, f.target, f.subject)
	if err != nil {
		return head, err
	}
	until := head.dueAt
	if mine := !head.dueAt.After(t.now); mine {
		before := head
		until = fromMicros(micros(t.now.Add(lease)))
		head.dueAt, head.lease = until, max(micros(until), head.lease+1, 1-head.lease)
		if err := rows.update(ctx, t.tx, &before, &head); err != nil {
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
	return head, rows.update(ctx, t.tx, &f, &behind)
}

// wakeLine makes the new head of a line due, when the one before it has gone.
func (t forwardTx) wakeLine(ctx context.Context, gone forwardRow) error {
	head, err := t.db.tables.forwards.one(ctx, t.tx, sqlHead, gone.target, gone.subject)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (head.lease > 0 || !head.dueAt.After(t.now)) {
		return nil
	}
	if err != nil {
		return err
	}
	woken := head
	woken.dueAt = t.now
	return t.db.tables.forwards.update(ctx, t.tx, &head, &woken)
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
