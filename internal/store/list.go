package store

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"
	"time"
)

// Lists are read in two steps. An index that starts with what a row is (its
// kind) and goes on with its time gives the positions of a page for each kind
// that the filter lets pass; the pages are merged, and only then are the rows
// fetched. So every list costs a page, whatever its filter and however rare
// what it asks for.

// order is the direction of a list.
type order uint8

const (
	newestFirst order = iota
	oldestFirst
)

// window is the stretch of time and the place from which a page is taken.
type window struct {
	since, until time.Time // until is exclusive; zero means open
	from         position
	hasFrom      bool
	limit        int
	order        order
}

// bounds returns the exclusive lower and upper positions of the window.
func (w window) bounds() (low, high position) {
	low, high = position{at: math.MinInt64}, position{at: math.MaxInt64}
	if !w.since.IsZero() {
		low = position{at: micros(w.since), seq: -1}
	}
	if !w.until.IsZero() {
		high = position{at: micros(w.until), seq: -1}
	}
	if w.hasFrom && w.order == newestFirst && w.from.compare(high) < 0 {
		high = w.from
	}
	if w.hasFrom && w.order == oldestFirst && w.from.compare(low) > 0 {
		low = w.from
	}
	return low, high
}

// timed tells that the window needs times, not only keys.
func (w window) timed() bool { return !w.since.IsZero() || !w.until.IsZero() }

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.at, q.at), cmp.Compare(p.seq, q.seq))
}

// indexRun is one stretch of an index: a table, its time column, and the condition that a row
// is of one kind, with its arguments.
type indexRun struct {
	table, at, where string
	args             []any
}

// mostRuns bounds the runs that are read by one statement.
const mostRuns = 50

// positions returns a page of the merged runs, which are read together where a statement
// costs a round trip.
func (db *database) positions(ctx context.Context, runs []indexRun, w window) ([]position, error) {
	var out []position
	if db.engine.Remote() {
		for many := range slices.Chunk(runs, mostRuns) {
			query, args := union(many, w)
			page, err := queryPositions(ctx, db.read, query, args...)
			if err != nil {
				return nil, err
			}
			out = append(out, page...)
		}
		runs = nil
	}
	for _, r := range runs {
		page, err := r.page(ctx, db.read, w)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
	}
	slices.SortFunc(out, func(a, b position) int {
		if w.order == newestFirst {
			a, b = b, a
		}
		return a.compare(b)
	})
	if len(out) > w.limit {
		out = out[:w.limit]
	}
	return out, nil
}

// union is a query for a page of each of the runs.
func union(runs []indexRun, w window) (query string, args []any) {
	for i, r := range runs {
		if i > 0 {
			query += " UNION ALL "
		}
		one, its := r.query(w)
		query, args = query+"("+one+")", append(args, its...)
	}
	return query, args
}

func (r indexRun) page(ctx context.Context, db *sql.DB, w window) ([]position, error) {
	query, args := r.query(w)
	return queryPositions(ctx, db, query, args...)
}

func (r indexRun) query(w window) (string, []any) {
	low, high := w.bounds()
	direction := " DESC"
	if w.order == oldestFirst {
		direction = ""
	}
	query := "SELECT " + r.at + ", seq FROM " + r.table + " WHERE " + r.where +
		" AND (" + r.at + ", seq) > (?, ?) AND (" + r.at + ", seq) < (?, ?)" +
		" ORDER BY " + r.at + direction + ", seq" + direction + " LIMIT ?"
	return query, append(slices.Clone(r.args), low.at, low.seq, high.at, high.seq, w.limit)
}

// newest returns a page of a whole table, in the order in which its rows came.
func pageByKey(ctx context.Context, db *sql.DB, table, at string, w window) ([]position, error) {
	query, from := "SELECT "+at+", seq FROM "+table+" WHERE seq < ? ORDER BY seq DESC LIMIT ?", int64(math.MaxInt64)
	if w.order == oldestFirst {
		query, from = "SELECT "+at+", seq FROM "+table+" WHERE seq > ? ORDER BY seq LIMIT ?", int64(0)
	}
	if w.hasFrom {
		from = w.from.seq
	}
	return queryPositions(ctx, db, query, from, w.limit)
}

func queryPositions(ctx context.Context, db *sql.DB, query string, args ...any) ([]position, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []position
	for rows.Next() {
		var p position
		if err := rows.Scan(&p.at, &p.seq); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// seqs returns the keys of positions.
func seqs(page []position) []int64 {
	out := make([]int64, len(page))
	for i, p := range page {
		out[i] = p.seq
	}
	return out
}

// pageSize is how many rows are read at once when all are asked for.
const pageSize = 500

// paged calls read for page after page until it has most rows (0 for all), and
// returns the cursor after the last one, "" when nothing is left.
func paged(w window, most int, read func(window) ([]position, error)) (string, error) {
	got := 0
	for {
		w.limit = pageSize
		if most > 0 {
			w.limit = min(pageSize, most-got)
		}
		page, err := read(w)
		if err != nil {
			return "", err
		}
		got += len(page)
		if len(page) < w.limit {
			return "", nil
		}
		w.from, w.hasFrom = page[len(page)-1], true
		if most > 0 && got >= most {
			return w.from.cursor(), nil
		}
	}
}
