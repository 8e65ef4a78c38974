package store

import (
	"context"
	"slices"
	"strings"
	"time"
)

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

func (a Attempt) ok() bool { return a.Status >= 200 && a.Status < 300 }

// mostExcerpt bounds what is kept of an answer and of an error.
const mostExcerpt = 1024

func excerpt(text string) string {
	if len(text) > mostExcerpt {
		text = text[:mostExcerpt]
	}
	return strings.ToValidUTF8(text, "�")
}

// attemptRow is an attempt as its table has it; latency is in microseconds.
type attemptRow struct {
	seq, delivery, target, run int64
	at                         time.Time
	status, latency            int64
	error, body                string
}

func attemptColumns(a *attemptRow, to []column) []column {
	return append(to, []column{
		{"seq", (*integer)(&a.seq)},
		{"delivery", (*integer)(&a.delivery)},
		{"target", (*integer)(&a.target)},
		{"run", (*key)(&a.run)},
		{"at", (*instant)(&a.at)},
		{"status", (*integer)(&a.status)},
		{"latency", (*integer)(&a.latency)},
		{"error", (*text)(&a.error)},
		{"body", (*text)(&a.body)},
	}...)
}

// attemptView is an attempt with its target's URL.
type attemptView struct {
	attemptRow
	url string
}

func attemptViewColumns(a *attemptView, to []column) []column {
	return append(attemptColumns(&a.attemptRow, to), column{"", (*text)(&a.url)})
}

// attemptHead leaves out what was answered but the status.
func attemptHead(a *attemptView, to []column) []column {
	all := attemptColumns(&a.attemptRow, to)
	return append(all[:len(all)-2], column{"", (*text)(&a.url)})
}

// sqlAttempts is a query for one of these lists, whose last column is the URL.
func sqlAttempts(list func(*attemptView, []column) []column, rest string) string {
	own := list(new(attemptView), nil)
	return "SELECT " + names("a.", own[:len(own)-1]) + ", g.url FROM attempts AS a JOIN targets AS g ON g.id = a.target " + rest
}

func (db *database) attempt(a attemptView) Attempt {
	return Attempt{
		DeliveryID: db.id(deliveryPrefix, a.delivery), Target: a.url, RunID: db.id(runPrefix, a.run), At: a.at, Status: int(a.status),
		Latency: time.Duration(a.latency) * time.Microsecond, Error: a.error, Body: a.body,
	}
}

// addAttempt records nothing at a delivery that was pruned meanwhile: nobody
// would ever take the attempt away again.
func (t forwardTx) addAttempt(ctx context.Context, delivery, target, run int64, a Attempt) error {
	failing, err := t.there(ctx, []int64{delivery})
	if _, there := failing[delivery]; err != nil || !there {
		return err
	}
	return t.putAttempt(ctx, delivery, target, run, a)
}

// there has those of some deliveries that the ledger has, and whether they are failing at
// some target.
func (t forwardTx) there(ctx context.Context, seqs []int64) (map[int64]bool, error) {
	rows, err := t.rows(ctx, "SELECT v.seq, EXISTS (SELECT 1 FROM failing AS f WHERE f.seq = v.seq) FROM deliveries AS v WHERE "+t.db.engine.In("v.seq"), t.db.engine.Numbers(seqs))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	failing := make(map[int64]bool, len(seqs))
	for rows.Next() {
		var seq int64
		var fails bool
		if err := rows.Scan(&seq, &fails); err != nil {
			return nil, err
		}
		failing[seq] = fails
	}
	return failing, rows.Err()
}

func (t forwardTx) putAttempt(ctx context.Context, delivery, target, run int64, a Attempt) error {
	row := attemptRow{
		delivery: delivery, target: target, run: run, at: a.At, status: int64(a.Status), latency: a.Latency.Microseconds(),
		error: excerpt(a.Error), body: excerpt(a.Body),
	}
	if row.at.IsZero() {
		row.at = t.now
	}
	if run == 0 {
		add(t.tally.attempts, attemptCell{dayOf(micros(row.at)), row.status >= 200 && row.status <= 299}, 1, 0)
	}
	return t.db.tables.attempts.put(ctx, t.tx, &row)
}

// attemptKeys returns the keys of an attempt's delivery and of its run, 0 for none.
func (db *database) attemptKeys(a Attempt) (delivery, run int64, err error) {
	delivery, ok := db.key(deliveryPrefix, a.DeliveryID)
	if !ok {
		return 0, 0, noSuch("delivery", a.DeliveryID)
	}
	if a.RunID == "" {
		return delivery, 0, nil
	}
	if run, ok = db.key(runPrefix, a.RunID); !ok {
		return 0, 0, noSuch("replay run", a.RunID)
	}
	return delivery, run, nil
}

// Attempts returns the attempts at a delivery, by the forwarder and by replay,
// oldest first.
func (h *Deliveries) Attempts(ctx context.Context, deliveryID string) ([]Attempt, error) {
	seq, ok := h.key(deliveryPrefix, deliveryID)
	if !ok {
		return nil, noSuch("delivery", deliveryID)
	}
	rows, err := h.query(ctx, sqlAttempts(attemptViewColumns, "WHERE a.delivery = ?"), seq)
	if err != nil {
		return nil, h.kinded("read the attempts", err)
	}
	found, err := scanAll(rows, attemptViewColumns)
	out := make([]Attempt, len(found))
	for i, a := range found {
		out[i] = h.attempt(a)
	}
	slices.SortStableFunc(out, func(a, b Attempt) int { return a.At.Compare(b.At) })
	return out, h.kinded("read the attempts", err)
}

// RecordAttempts records attempts at deliveries, each of a replay run if its RunID says
// so, all or none.
func (h *Runs) RecordAttempts(ctx context.Context, list []Attempt) error {
	deliveries, runs := make([]int64, len(list)), make([]int64, len(list))
	for i, a := range list {
		var err error
		if deliveries[i], runs[i], err = h.attemptKeys(a); err != nil {
			return err
		}
	}
	return h.do(ctx, "record the attempts", func(ctx context.Context, t *tx) error {
		failing, err := t.forwards.there(ctx, deliveries)
		if err != nil {
			return err
		}
		for i, a := range list {
			target, err := t.dict.target(ctx, a.Target)
			if err != nil {
				return err
			}
			fails, there := failing[deliveries[i]]
			if !there {
				continue
			}
			if err := t.forwards.putAttempt(ctx, deliveries[i], target, runs[i], a); err != nil {
				return err
			}
			if !fails && a.ok() {
				continue
			}
			failing[deliveries[i]] = true
			if err := t.forwards.markFailing(ctx, deliveries[i], target, a.Status); err != nil {
				return err
			}
		}
		return nil
	})
}

// EachAttempt calls do for every attempt of a run, those at one delivery and
// target together and in their order, without what was answered but the status: a
// run that is resumed goes on after them.
func (h *Runs) EachAttempt(ctx context.Context, runID string, do func(Attempt) error) error {
	seq, ok := h.key(runPrefix, runID)
	if !ok {
		return noSuch("replay run", runID)
	}
	rows, err := h.query(ctx, sqlAttempts(attemptHead, "WHERE a.run = ? ORDER BY a.delivery, a.target, a.seq"), seq)
	if err != nil {
		return h.kinded("read the replay", err)
	}
	defer func() { _ = rows.Close() }()
	var a attemptView
	into := places(attemptHead(&a, nil))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return h.kinded("read the replay", err)
		}
		if err := do(h.attempt(a)); err != nil {
			return err
		}
	}
	return h.kinded("read the replay", rows.Err())
}
