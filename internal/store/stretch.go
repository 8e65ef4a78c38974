package store

import (
	"context"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// stretch is what a filter lets pass of a table: all of it, in the order of its keys, or
// runs of its indices.
type stretch struct {
	table, at string
	all       bool
	runs      []indexRun
}

// page returns the positions of a page.
func (db *database) page(ctx context.Context, s stretch, w window) ([]position, error) {
	if s.all {
		return pageByKey(ctx, db.read, s.table, s.at, w)
	}
	return db.positions(ctx, s.runs, w)
}

// count returns how many rows there are in the window, at most its limit. No row is read:
// the index that finds them is enough.
func (db *database) count(ctx context.Context, s stretch, w window) (n int, err error) {
	if s.all {
		err = db.read.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+s.table+" LIMIT ?) AS counted", w.limit).Scan(&n)
		return n, err
	}
	together := 1
	if db.engine.Remote() {
		together = mostRuns
	}
	for some := range slices.Chunk(s.runs, together) {
		query, args := union(some, w)
		var more int
		if err := db.read.QueryRowContext(ctx, "SELECT count(*) FROM ("+query+") AS counted", args...).Scan(&more); err != nil {
			return 0, err
		}
		n = min(n+more, w.limit)
	}
	return n, nil
}

// Count returns how many deposits a filter lets pass, at most most, whatever its Limit and
// its Cursor.
func (h *Deposits) Count(ctx context.Context, f DepositFilter, most int) (int, error) {
	w := window{since: f.Since, until: f.Until, limit: most}
	s, err := h.depositStretch(ctx, f, w.timed())
	if err != nil {
		return 0, h.kinded("count the deposits", err)
	}
	n, err := h.count(ctx, s, w)
	return n, h.kinded("count the deposits", err)
}

// Count returns how many deliveries a filter lets pass, at most most, whatever its Limit and
// its Cursor.
func (h *Deliveries) Count(ctx context.Context, f DeliveryFilter, most int) (int, error) {
	s, err := h.stretch(ctx, f)
	if err != nil {
		return 0, h.kinded("count the deliveries", err)
	}
	n, err := h.count(ctx, s, window{since: f.Since, until: f.Until, limit: most})
	return n, h.kinded("count the deliveries", err)
}

// depositStretch is what a filter lets pass; timed says that it is asked for by times.
func (db *database) depositStretch(ctx context.Context, f DepositFilter, timed bool) (stretch, error) {
	s := stretch{table: "deposits", at: "created_at"}
	if f.Conflict {
		s.runs = []indexRun{{table: s.table, at: s.at, where: "conflict <> '' AND (? = '' OR environment = ?)", args: []any{string(f.Environment), string(f.Environment)}}}
		return s, nil
	}
	if run, named := f.named(); named {
		s.runs = []indexRun{run}
		return s, nil
	}
	if len(f.Statuses) == 0 && f.Provider == "" && f.Environment == "" && !timed && !db.engine.Remote() { // whose keys are no order
		s.all = true
		return s, nil
	}
	rows, err := db.read.QueryContext(ctx, "SELECT id, provider, environment, status FROM shelves")
	if err != nil {
		return s, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		var provider, environment, status string
		if err := rows.Scan(&id, &provider, &environment, &status); err != nil {
			return s, err
		}
		if f.Provider != "" && string(f.Provider) != provider || f.Environment != "" && string(f.Environment) != environment ||
			len(f.Statuses) > 0 && !slices.Contains(f.Statuses, payment.Status(status)) {
			continue
		}
		s.runs = append(s.runs, indexRun{table: s.table, at: s.at, where: "shelf = ?", args: []any{id}})
	}
	return s, rows.Err()
}

// named is the run of a filter that names what has an index of its own: few rows, whose
// other columns are looked at one by one.
func (f DepositFilter) named() (run indexRun, named bool) {
	var where []string
	add := func(condition string, args ...any) {
		where, run.args = append(where, condition), append(run.args, args...)
	}
	if !f.Phone.IsZero() {
		add("phone = ?", f.Phone.MSISDN())
	}
	if f.Reference != "" {
		add("reference = ?", clean(f.Reference))
	}
	if f.Receipt != "" {
		add("receipt IN (?, ?) AND receipt <> ''", clean(f.Receipt), strings.ToUpper(clean(f.Receipt)))
	}
	if named = len(where) > 0; !named {
		return run, false
	}
	if f.Provider != "" {
		add("provider = ?", string(f.Provider))
	}
	if f.Environment != "" {
		add("environment = ?", string(f.Environment))
	}
	if len(f.Statuses) > 0 {
		statuses := make([]any, len(f.Statuses))
		for i, s := range f.Statuses {
			statuses[i] = string(s)
		}
		add("status IN (?"+strings.Repeat(", ?", len(statuses)-1)+")", statuses...)
	}
	run.table, run.at, run.where = "deposits", "created_at", strings.Join(where, " AND ")
	return run, true
}
