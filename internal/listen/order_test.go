package listen

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/store"
)

// TestOrder holds the line's rules without a clock or a network.
func TestOrder(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Date(2026, 3, 2, 8, 0, s, 0, time.UTC) }
	l := line{target: "t", about: "p"}
	f := func(id string, s int) store.Forward {
		return store.Forward{ID: id, Target: "t", CreatedAt: at(s), DueAt: at(s)}
	}
	o := newOrder()
	lease := 10 * time.Second
	head := func() string {
		if w := o.head(l); w != nil {
			return w.forward.ID
		}
		return ""
	}
	o.place(f("b", 2), l, at(12))
	got := []any{head(), o.overdue(l, at(59), lease)} // alone it holds up nobody
	o.place(f("a", 1), l, time.Time{})                // older, but perhaps settled elsewhere
	o.place(f("c", 3), l, at(13))
	got = append(got, head(), o.overdue(l, at(20), lease), o.overdue(l, at(22), lease))
	o.keepOnly([]store.Forward{f("b", 2), f("c", 3)})
	got = append(got, head())
	o.remove(f("b", 2))
	o.remove(f("b", 2))
	got = append(got, head())
	o.remove(f("c", 3))
	got = append(got, head())
	if diff := cmp.Diff([]any{"b", false, "a", false, true, "b", "c", ""}, got); diff != "" {
		t.Errorf("heads (-want +got):\n%s", diff)
	}
	if len(o.lines) != 0 || len(o.where) != 0 {
		t.Errorf("left over: %v %v", o.lines, o.where)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	o := Forward{}.withDefaults()
	for n, longest := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 12: 30 * time.Minute, 1 << 30: 30 * time.Minute} {
		for range 20 {
			if got := o.pause(n); got > longest || got < longest*4/5-time.Nanosecond {
				t.Errorf("pause(%d) = %s, want up to %s", n, got, longest)
			}
		}
	}
}
