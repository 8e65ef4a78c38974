package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Actor is who works with a ledger, from which host and by which command. The zero
// Actor's changes are not written down. What deliveries change is nobody's action: they
// speak for themselves.
type Actor struct{ Who, Host, Command string }

// Actions are what commands have changed, in the order in which they did.
type Actions struct{ *database }

// Action is one change by a command.
type Action struct {
	At        time.Time
	Who, Host string
	// What was done, most often the command, Subject the id of what it changed, "" for the
	// ledger itself or for what is not in it.
	What, Subject string
	// Because is the reason that was given, "" for none.
	Because string

	seq  int64
	hash string
}

// digest returns the hash of an action after another.
func (a Action) digest(before string) string {
	h := sha256.New()
	for _, text := range []string{before, fmt.Sprint(a.seq, micros(a.At)), a.Who, a.Host, a.What, a.Subject, a.Because} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// mostBecause bounds an action's reason, in bytes.
const mostBecause = 1000

const sqlLastAction = "SELECT seq, hash FROM actions ORDER BY seq DESC LIMIT 1"

// act writes an action down in the transaction that makes the change.
func (t *tx) act(ctx context.Context, what, subject, because string) error {
	if t.db.actor == nil {
		return nil
	}
	var before Action
	err := t.row(ctx, sqlLastAction, nil, &before.seq, &before.hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	actor := t.db.actor()
	a := Action{
		seq: before.seq + 1, At: t.now, Who: actor.Who, Host: actor.Host,
		What: what, Subject: subject, Because: payment.Line(clean(because), mostBecause),
	}
	a.hash = a.digest(before.hash)
	if err := t.exec(ctx, "INSERT INTO actions (seq, at, who, host, what, subject, because, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		a.seq, micros(a.At), a.Who, a.Host, a.What, a.Subject, a.Because, a.hash); err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO meta (name, value) VALUES ('actions_head', ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, a.hash)
}

// command is act by the name of the command that is running.
func (t *tx) command(ctx context.Context, subject, because string) error {
	if t.db.actor == nil {
		return nil
	}
	return t.act(ctx, t.db.actor().Command, subject, because)
}

// Add writes down what the running command has changed outside of the ledger, or of the
// ledger as a whole.
func (h *Actions) Add(ctx context.Context, because string) error {
	return h.do(ctx, "write the action down", func(ctx context.Context, t *tx) error { return t.command(ctx, "", because) })
}

// migrated writes down that opening the ledger has brought it to another schema.
func (h *Actions) migrated(ctx context.Context, from, to int) error {
	return h.do(ctx, "write the migration down", func(ctx context.Context, t *tx) error {
		return t.act(ctx, "ledger migrate", "", fmt.Sprintf("schema %d to %d", from, to))
	})
}

// Of returns the actions on a subject, oldest first.
func (h *Actions) Of(ctx context.Context, subject string) ([]Action, error) {
	var out []Action
	err := h.each(ctx, "WHERE subject = ? ORDER BY seq", []any{subject}, func(a Action) { out = append(out, a) })
	return out, err
}

func (h *Actions) each(ctx context.Context, where string, args []any, do func(Action)) error {
	rows, err := h.query(ctx, "SELECT seq, at, who, host, what, subject, because, hash FROM actions "+where, args...)
	if err != nil {
		return h.kinded("read the actions", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a Action
		var at int64
		if err := rows.Scan(&a.seq, &at, &a.Who, &a.Host, &a.What, &a.Subject, &a.Because, &a.hash); err != nil {
			return h.kinded("read the actions", err)
		}
		a.At = fromMicros(at)
		do(a)
	}
	return h.kinded("read the actions", rows.Err())
}

// Verify reads every action and returns how many there are, the hash of the last, and what
// shows that one was altered or removed. Who can write the file can make the whole chain
// anew: a hash that is kept elsewhere tells that.
func (h *Actions) Verify(ctx context.Context) (n int64, head string, problems []string, err error) {
	err = h.each(ctx, "ORDER BY seq", nil, func(a Action) {
		n++
		if a.seq != n {
			problems = append(problems, fmt.Sprintf("actions %d to %d are missing", n, a.seq-1))
			n = a.seq
		}
		if a.hash != a.digest(head) {
			problems = append(problems, fmt.Sprintf("action %d (%s %s) does not fit the one before: one of them was altered or removed", a.seq, a.What, a.Subject))
		}
		head = a.hash
	})
	if err != nil {
		return n, head, problems, err
	}
	var kept string
	err = h.read.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'actions_head'").Scan(&kept)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	if kept != head {
		problems = append(problems, "the last action is not the one that was written last: some were removed")
	}
	return n, head, problems, h.kinded("read the actions", err)
}
