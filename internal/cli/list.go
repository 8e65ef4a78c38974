package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/payctl/payctl/internal/ui"
)

// listing is a list that is read page by page.
type listing[T any] struct {
	// page reads at most n items, 0 for all, after a cursor, "" at the beginning.
	page func(cursor string, n int) ([]T, string, error)
	// keep says which items are meant; nil keeps all.
	keep func(T) (bool, error)
	// count returns how many items there are, at most most, without reading them; nil
	// where they must be read.
	count func(most int) (int, error)
}

// listPage is how many items are read at a time where not all of them are kept.
const listPage = 500

// mostCounted bounds how many items are read only to be counted.
const mostCounted = 10_000

// pages calls do with what is kept of page after page, and with how many items were read
// for it, until do returns false. A list of so many needs but one page, if all are kept.
func (l listing[T]) pages(limit int, do func(kept []T, read int) bool) error {
	n := listPage
	if limit > 0 && l.keep == nil {
		n = limit
	}
	for cursor := ""; ; n = listPage {
		items, next, err := l.page(cursor, n)
		if err != nil {
			return err
		}
		kept := items
		if l.keep != nil {
			kept = nil
			for _, item := range items {
				ok, err := l.keep(item)
				if err != nil {
					return err
				}
				if ok {
					kept = append(kept, item)
				}
			}
		}
		if !do(kept, len(items)) || next == "" {
			return nil
		}
		cursor = next
	}
}

// each calls do with at most limit items, 0 for all, page by page.
func (l listing[T]) each(limit int, do func([]T) error) error {
	left := limit
	var fromDo error
	err := l.pages(limit, func(items []T, _ int) bool {
		if limit > 0 {
			items = items[:min(left, len(items))]
			left -= len(items)
		}
		fromDo = do(items)
		return fromDo == nil && (limit == 0 || left > 0)
	})
	return cmp.Or(err, fromDo)
}

// take gathers at most limit items, 0 for all. With count it says how many there are, -1
// if there are too many to count.
func (l listing[T]) take(limit int, count bool) (kept []T, total int, err error) {
	kept = []T{}
	beyond, counted := 0, false
	err = l.pages(limit, func(items []T, read int) bool {
		total += len(items)
		if limit > 0 {
			items = items[:min(limit-len(kept), len(items))]
		}
		kept = append(kept, items...)
		if limit == 0 || len(kept) < limit {
			return true
		}
		beyond += read
		counted = count && l.count != nil && l.keep == nil
		if !count || beyond > mostCounted {
			total = -1
		}
		return total >= 0 && !counted
	})
	if counted && err == nil {
		total, err = l.count(limit + mostCounted)
		if total == limit+mostCounted {
			total = -1
		}
	}
	return kept, total, err
}

// show prints at most limit items of a list, 0 for all: where each has a line of its own
// and nobody counts, page by page, as they are read.
func show[T any, R ui.Row](ctx context.Context, e *env, what string, l listing[T], limit int, columns []ui.Column, views func([]T) ([]R, error)) error {
	if format := e.out.Format(); format == ui.FormatNDJSON || format == ui.FormatCSV {
		shown := 0
		err := l.each(limit, func(items []T) error {
			rows, err := views(items)
			if err != nil || len(rows) == 0 {
				return err
			}
			shown += len(rows)
			return ui.List(e.out, columns, rows)
		})
		if err != nil || shown > 0 {
			return err
		}
		return ui.List(e.out, columns, []R{})
	}
	items, total, err := l.take(limit, e.counts())
	if err != nil {
		return err
	}
	rows, err := views(items)
	if err != nil {
		return err
	}
	e.listed(ctx, what, len(rows), total)
	return ui.List(e.out, columns, rows)
}

// cutAt is take for lists that are short enough to be read whole.
func cutAt[T any](limit int, count bool, read func(limit int) ([]T, error)) (kept []T, total int, err error) {
	most := limit
	if count && limit > 0 {
		most = limit + mostCounted
	}
	all, err := read(most)
	if err != nil || limit == 0 || len(all) <= limit {
		return all, len(all), err
	}
	if total = len(all); total == most {
		total = -1
	}
	return all[:limit], total, nil
}

// counts reports whether people want to know how long a list is.
func (e *env) counts() bool { return e.out.Format() == ui.FormatText && !e.out.Quiet() }

// listed says what a list does not show: that it was cut, or where nothing was found.
// total is -1 where there are too many to count.
func (e *env) listed(ctx context.Context, what string, shown, total int) {
	if !e.counts() {
		return
	}
	switch {
	case shown == 0:
		e.out.Note("no %s%s", what, e.lookedAt(ctx))
	case total < 0:
		e.out.Note("%d of more than %d; --limit 0 for all", shown, mostCounted)
	case total > shown:
		e.out.Note("%d of %d; --limit 0 for all", shown, total)
	}
}

// lookedAt names the profile and the ledger.
func (e *env) lookedAt(ctx context.Context) string {
	conf, err := e.settings(ctx)
	if err != nil {
		return ""
	}
	path, err := conf.Ledger()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("; looked at profile %s, ledger %s", conf.Profile, path)
}

// narrow says which columns a narrow terminal does without.
func narrow(columns []ui.Column) string {
	return "\n\nOn a narrow terminal long columns are shortened, then left out in this order:\n" + ui.DropOrder(columns) + "."
}
