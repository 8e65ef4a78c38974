package tunnel

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPublicMoves: when the address moves, what was sent while the one before held is
// followed; nothing is shown before the ready line is out, and other commands see the
// address that holds.
func TestPublicMoves(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var shown []string
	var asked []time.Time
	var followed atomic.Int32
	p := &Public{
		StateDir: t.TempDir(), Profile: "shop", Ledger: "l.db", Now: func() time.Time { return now },
		Warn: func(err error) {
			if err != nil {
				t.Error(err)
			}
		},
		Left: func(_ context.Context, since time.Time) ([]string, []func()) {
			asked = append(asked, since)
			return []string{"dep_1"}, []func(){func() { followed.Add(1) }}
		},
		Show:  func(e Event, left []string) { shown = append(append(shown, string(e.State)+" "+e.URL), left...) },
		first: make(chan struct{}),
	}
	var err error
	if p.published, err = Publish(p.StateDir, p.Profile); err != nil {
		t.Fatal(err)
	}
	p.changed(t.Context(), Event{State: Live, URL: "https://a.example"})
	select {
	case <-p.first:
	default:
		t.Error("an address is nothing to begin with")
	}
	p.Announce()
	now = now.Add(time.Hour)
	p.changed(t.Context(), Event{State: Live, URL: "https://b.example", PreviousURL: "https://a.example"})
	if diff := cmp.Diff([]string{"live https://a.example", "live https://b.example", "dep_1"}, shown); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Time{now.Add(-time.Hour)}, asked); diff != "" {
		t.Errorf("asked since (-want +got):\n%s", diff)
	}
	if h, alive, err := Current(p.StateDir, p.Profile); err != nil || !alive || h.URL != "https://b.example" || h.Ledger != "l.db" || !h.Since.Equal(now) {
		t.Errorf("handed over %+v, alive %v, %v", h, alive, err)
	}
	if err := p.Stop(); err != nil || followed.Load() != 1 {
		t.Errorf("followed %d, %v", followed.Load(), err)
	}
}
