package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Queued is a forward in the queue with what became of its last attempt.
type Queued struct {
	Forward
	// LastStatus is 0 and LastError "" where nothing was tried yet.
	LastStatus int
	LastError  string
}

// queuedRow is a forward with its target's URL and its last attempt.
type queuedRow struct {
	forwardRow
	url, lastError string
	lastStatus     int64
}

func queuedColumns(q *queuedRow, to []column) []column {
	return append(forwardColumns(&q.forwardRow, to), column{"", (*text)(&q.url)}, column{"", (*integer)(&q.lastStatus)}, column{"", (*text)(&q.lastError)})
}

const sqlLastAttempt = "FROM attempts AS a WHERE a.delivery = f.delivery AND a.target = f.target ORDER BY a.seq DESC LIMIT 1"

// Queue returns the forward queue, what waits before what is dead, each in the
// order in which it is due; limit 0 means all.
func (h *Forwards) Queue(ctx context.Context, limit int) ([]Queued, error) {
	if limit <= 0 {
		limit = idMostKey
	}
	rows, err := h.query(ctx, "SELECT "+names("f.", forwardColumns(&forwardRow{}, nil))+`, g.url,
		coalesce((SELECT a.status `+sqlLastAttempt+`), 0), coalesce((SELECT a.error `+sqlLastAttempt+`), '')
		FROM forwards AS f JOIN targets AS g ON g.id = f.target
		ORDER BY f.state = ? DESC, f.due_at, f.created_at, f.seq LIMIT ?`, string(ForwardWaiting), limit)
	if err != nil {
		return nil, h.kinded("read the forward queue", err)
	}
	found, err := scanAll(rows, queuedColumns)
	out := make([]Queued, len(found))
	for i, q := range found {
		out[i] = Queued{Forward: h.forward(q.forwardRow, q.url), LastStatus: int(q.lastStatus), LastError: q.lastError}
	}
	return out, h.kinded("read the forward queue", err)
}

// Waiting returns how many forwards wait for each target.
func (h *Forwards) Waiting(ctx context.Context) (map[string]int, error) {
	rows, err := h.query(ctx, `SELECT g.url, count(*) FROM forwards AS f JOIN targets AS g ON g.id = f.target
		WHERE f.state = ? GROUP BY g.url`, string(ForwardWaiting))
	if err != nil {
		return nil, h.kinded("read the forward queue", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]int{}
	for rows.Next() {
		var url string
		var n int
		if err := rows.Scan(&url, &n); err != nil {
			return nil, h.kinded("read the forward queue", err)
		}
		out[url] = n
	}
	return out, h.kinded("read the forward queue", rows.Err())
}

// Choice says which forwards are meant; the zero value means none.
type Choice struct {
	// Deliveries are ids of deliveries, Target a URL.
	Deliveries []string
	Target     string
	All        bool
}

// where is the choice as a condition.
func (h *Forwards) where(c Choice) (string, []any, error) {
	switch {
	case c.All:
		return "TRUE", nil, nil
	case c.Target != "":
		return "target = (SELECT id FROM targets WHERE url = ?)", []any{c.Target}, nil
	case len(c.Deliveries) == 0:
		return "FALSE", nil, nil
	}
	var keys []any
	for _, id := range c.Deliveries {
		seq, ok := h.key(deliveryPrefix, id)
		if !ok {
			return "", nil, noSuch("delivery", id)
		}
		keys = append(keys, seq)
	}
	return "delivery IN (?" + strings.Repeat(", ?", len(keys)-1) + ")", keys, nil
}

// Drop takes forwards off the queue, waiting and dead ones, for good: nobody tries
// them again, and they count as failed no longer. It returns how many there were.
func (h *Forwards) Drop(ctx context.Context, c Choice) (int, error) {
	where, args, err := h.where(c)
	if err != nil {
		return 0, err
	}
	var n int
	err = h.do(ctx, "drop forwards", func(ctx context.Context, t *tx) error {
		gone, err := t.forwards.where(ctx, where, args)
		if err != nil {
			return err
		}
		n = len(gone)
		if n > 0 {
			if err := t.act(ctx, "webhook queue drop", "", fmt.Sprintf("%d forwards", n)); err != nil {
				return err
			}
		}
		for _, f := range gone {
			if err := t.forwards.drop(ctx, f); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// Move gives what is queued for one target to another, due at once and with all
// its attempts before it; what is queued there already stays one. It returns how
// many there were.
func (h *Forwards) Move(ctx context.Context, from, to string) (int, error) {
	var n int
	err := h.do(ctx, "move forwards", func(ctx context.Context, t *tx) error {
		moved, err := t.forwards.where(ctx, "target = (SELECT id FROM targets WHERE url = ?)", []any{from})
		if err != nil {
			return err
		}
		if n = len(moved); n == 0 {
			return nil
		}
		if err := t.act(ctx, "webhook queue move", "", fmt.Sprintf("%d forwards from %s to %s", n, from, to)); err != nil {
			return err
		}
		target, err := t.dict.target(ctx, to)
		if err != nil {
			return err
		}
		for _, f := range moved {
			if err := t.forwards.drop(ctx, f); err != nil {
				return err
			}
			f.seq, f.target, f.state, f.attempts, f.refusals, f.lease, f.dueAt = 0, target, ForwardWaiting, 0, 0, 0, t.now
			if err := t.db.tables.forwards.put(ctx, t, &f); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

func (t forwardTx) where(ctx context.Context, where string, args []any) ([]forwardRow, error) {
	return t.db.tables.forwards.all(ctx, t.tx, "WHERE "+where+" ORDER BY created_at, seq", args...)
}

// drop takes one off the queue, and lets the next of its line go.
func (t forwardTx) drop(ctx context.Context, f forwardRow) error {
	if err := t.exec(ctx, "DELETE FROM forwards WHERE seq = ?", f.seq); err != nil {
		return err
	}
	if err := t.exec(ctx, "DELETE FROM failing WHERE seq = ? AND target = ?", f.delivery, f.target); err != nil {
		return err
	}
	if f.state != ForwardWaiting {
		return nil
	}
	return t.wakeLine(ctx, f)
}

// markFailing keeps what an attempt says of a delivery and a target.
func (t forwardTx) markFailing(ctx context.Context, delivery, target int64, status int) error {
	if status >= 200 && status < 300 {
		err := t.exec(ctx, "DELETE FROM failing WHERE seq = ? AND target = ?", delivery, target)
		return err
	}
	return t.exec(ctx, "INSERT INTO failing (seq, target, kind, phone, received_at) SELECT v.seq, ?, v.kind, "+sqlPayer+
		", v.received_at FROM deliveries AS v WHERE v.seq = ? ON CONFLICT DO NOTHING", target, delivery)
}

// sqlPayer is the phone of a delivery's deposit or, without one, the delivery's own.
const sqlPayer = "coalesce((SELECT d.phone FROM deposits AS d WHERE d.seq = v.subject AND d.phone <> ''), v.phone, '')"

// renewFailing brings what is kept of deliveries that fail up to date, once they, or the
// phone of their deposit, have changed.
func (t forwardTx) renewFailing(ctx context.Context, where string, arg int64) error {
	return t.exec(ctx, "UPDATE failing SET (kind, phone) = (SELECT v.kind, "+sqlPayer+
		" FROM deliveries AS v WHERE v.seq = failing.seq) WHERE "+where, arg)
}

// sqlAboutSubject chooses rows by a delivery that is about a subject.
const sqlAboutSubject = "seq IN (SELECT o.seq FROM deliveries AS o WHERE o.subject = ?)"

// Failing returns the targets at which a delivery's last attempt got no 2xx, in
// the order of their names, but for those that were dropped.
func (h *Forwards) Failing(ctx context.Context, deliveryID string) ([]string, error) {
	seq, ok := h.key(deliveryPrefix, deliveryID)
	if !ok {
		return nil, noSuch("delivery", deliveryID)
	}
	rows, err := h.query(ctx, "SELECT g.url FROM failing AS f JOIN targets AS g ON g.id = f.target WHERE f.seq = ? ORDER BY g.url", seq)
	if err != nil {
		return nil, h.kinded("read the failed forwards", err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var url string
		if err := rows.Scan(&url); err != nil {
			return nil, h.kinded("read the failed forwards", err)
		}
		out = append(out, url)
	}
	err = rows.Err()
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return out, h.kinded("read the failed forwards", err)
}
