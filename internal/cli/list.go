package cli

import (
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

// take gathers at most limit items, 0 for all. With count it says how many there are, -1
// if there are too many to count.
func (l listing[T]) take(limit int, count bool) (kept []T, total int, err error) {
	n := listPage
	if limit > 0 && l.keep == nil {
		n = limit
	}
	kept = []T{}
	for cursor, beyond := "", 0; ; {
		items, next, err := l.page(cursor, n)
		if err != nil {
			return nil, 0, err
		}
		for _, item := range items {
			if ok, err := l.keeps(item); err != nil {
				return nil, 0, err
			} else if !ok {
				continue
			}
			if total++; limit == 0 || len(kept) < limit {
				kept = append(kept, item)
			}
		}
		if limit > 0 && len(kept) == limit {
			beyond, n = beyond+len(items), listPage
			if !count || beyond > mostCounted {
				return kept, -1, nil
			}
			if l.keep == nil && l.count != nil {
				total, err := l.countUpTo(limit + mostCounted)
				return kept, total, err
			}
		}
		if next == "" {
			return kept, total, nil
		}
		cursor = next
	}
}

// countUpTo returns how many items there are, -1 if they are most or more.
func (l listing[T]) countUpTo(most int) (int, error) {
	total, err := l.count(most)
	if total == most {
		total = -1
	}
	return total, err
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

func (l listing[T]) keeps(item T) (bool, error) {
	if l.keep == nil {
		return true, nil
	}
	return l.keep(item)
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
