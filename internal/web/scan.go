package web

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

const (
	// pageRows is how many rows a page begins with.
	pageRows = 100
	// scanRows and scanTime bound how much history one request goes through under a
	// filter that no index answers; scanPage is read at a time.
	scanRows = 20_000
	scanTime = time.Second
	scanPage = 250
)

// found is a page of a list.
type found[T any] struct {
	items []T
	// next continues after it, "" at the end. last is the last row looked at, whether it
	// was kept or not.
	next   string
	looked int
	last   *T
}

// scan reads a list until it has enough for a page, or has looked long enough. keep nil
// keeps all.
func scan[T any](ctx context.Context, s *Server, cursor string, read func(cursor string, limit int) ([]T, string, error), keep func(T) (bool, error)) (found[T], error) {
	if keep == nil {
		items, next, err := read(cursor, pageRows)
		return found[T]{items: items, next: next, looked: len(items)}, err
	}
	select {
	case s.scans <- struct{}{}:
		defer func() { <-s.scans }()
	case <-ctx.Done():
		return found[T]{}, busy()
	}
	f := found[T]{next: cursor}
	for began := time.Now(); ; {
		items, next, err := read(f.next, scanPage)
		if err != nil {
			return f, err
		}
		for i := range items {
			kept, err := keep(items[i])
			if err != nil {
				return f, err
			}
			if kept {
				f.items = append(f.items, items[i])
			}
			f.last = &items[i]
		}
		f.looked += len(items)
		f.next = next
		if next == "" || len(f.items) >= pageRows || f.looked >= scanRows || time.Since(began) > scanTime {
			return f, nil
		}
	}
}

// both keeps what two keep; nil keeps all.
func both[T any](a, b func(T) (bool, error)) func(T) (bool, error) {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(v T) (bool, error) {
		if kept, err := a(v); err != nil || !kept {
			return false, err
		}
		return b(v)
	}
}

// parseSince reads the mark that "from now" leaves.
func parseSince(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, payment.Usage("since "+payment.Quote(text, 40)+": is not a time", "write it as 2026-01-02T15:04:05Z")
	}
	return at, nil
}
