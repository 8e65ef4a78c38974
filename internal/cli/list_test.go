package cli

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// numbers is a list of 0 to n-1, and which pages of it were read.
func numbers(n int, keep func(int) (bool, error)) (l listing[int], pages *[]int) {
	pages = new([]int)
	l.keep = keep
	l.page = func(cursor string, most int) ([]int, string, error) {
		from := 0
		if cursor != "" {
			var err error
			if from, err = strconv.Atoi(cursor); err != nil {
				return nil, "", err
			}
		}
		var items []int
		for i := from; i < min(from+most, n); i++ {
			items = append(items, i)
		}
		*pages = append(*pages, len(items))
		if from+most >= n {
			return items, "", nil
		}
		return items, strconv.Itoa(from + most), nil
	}
	return l, pages
}

func upTo(n int) []int {
	out := []int{}
	for i := range n {
		out = append(out, i)
	}
	return out
}

func TestListing(t *testing.T) {
	t.Parallel()
	even := func(i int) (bool, error) { return i%2 == 0, nil }
	for name, tt := range map[string]struct {
		n, limit  int
		keep      func(int) (bool, error)
		count     bool
		want      int
		wantTotal int
		wantPages []int
	}{
		"nothing":          {n: 0, limit: 50, count: true, want: 0, wantTotal: 0, wantPages: []int{0}},
		"all":              {n: 1200, limit: 0, want: 1200, wantTotal: 1200, wantPages: []int{500, 500, 200}},
		"a page":           {n: 1200, limit: 50, want: 50, wantTotal: -1, wantPages: []int{50}},
		"read to be told":  {n: 1200, limit: 50, count: true, want: 50, wantTotal: 1200, wantPages: []int{50, 500, 500, 150}},
		"too many to tell": {n: 20_000, limit: 50, count: true, want: 50, wantTotal: -1, wantPages: slices.Concat([]int{50}, slices.Repeat([]int{500}, 20))},
		"a filter":         {n: 1200, limit: 300, keep: even, want: 300, wantTotal: -1, wantPages: []int{500, 500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, pages := numbers(tt.n, tt.keep)
			kept, total, err := l.take(tt.limit, tt.count)
			if err != nil || total != tt.wantTotal {
				t.Errorf("%d in all, want %d, error %v", total, tt.wantTotal, err)
			}
			want := upTo(tt.want)
			if tt.keep != nil {
				for i := range want {
					want[i] *= 2
				}
			}
			if diff := cmp.Diff(want, kept); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.wantPages, *pages); diff != "" {
				t.Errorf("pages: %s", diff)
			}
			l, _ = numbers(tt.n, tt.keep)
			each := []int{}
			if err := l.each(tt.limit, func(items []int) error { each = append(each, items...); return nil }); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(want, each); diff != "" {
				t.Errorf("page by page: %s", diff)
			}
		})
	}
}

// What can count itself is not read for it.
func TestListingCounts(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{60: 60, 10_049: 10_049, 10_050: -1, 1_000_000: -1} {
		l, pages := numbers(n, nil)
		l.count = func(most int) (int, error) { return min(n, most), nil }
		if kept, total, err := l.take(50, true); err != nil || len(kept) != 50 || total != want || len(*pages) != 1 {
			t.Errorf("%d: %d kept, %d in all, want %d, in %d pages, error %v", n, len(kept), total, want, len(*pages), err)
		}
	}
}

// A page is given away before the next one is read.
func TestListingGivesPagesAway(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	l, _ := numbers(1200, func(i int) (bool, error) {
		if i > 700 {
			return false, broken
		}
		return true, nil
	})
	got := 0
	if err := l.each(0, func(items []int) error { got += len(items); return nil }); !errors.Is(err, broken) || got != 500 {
		t.Errorf("%d given, error %v", got, err)
	}
	stop := errors.New("stop")
	l, pages := numbers(1200, nil)
	if err := l.each(0, func([]int) error { return stop }); !errors.Is(err, stop) || len(*pages) != 1 {
		t.Errorf("%d pages after an error, error %v", len(*pages), err)
	}
}
