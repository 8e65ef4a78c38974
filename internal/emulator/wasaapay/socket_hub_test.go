package wasaapay

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/socketio"
)

// Of a long run's transfers the latest are remembered.
func TestTransfersStayBounded(t *testing.T) {
	t.Parallel()
	w := &transfers{}
	w.reset()
	for i := range maxTransfers + 10 {
		w.keep(&transfer{ID: fmt.Sprint(i)})
	}
	if len(w.all) != maxTransfers || w.all["9"] != nil || w.all["10"] == nil {
		t.Errorf("%d transfers are kept, want the latest %d", len(w.all), maxTransfers)
	}
}

// No unsubscribe is documented (reference/wasaapay.md §12.1): a client that stays for days must go on hearing of new
// deposits, and what is remembered of it and of those that have gone must not grow.
func TestSocketSubscriptionsStayBounded(t *testing.T) {
	t.Parallel()
	h := newSocketHub(&engine.Engine{}, &gate{})
	stays, goes := new(socketio.Conn), new(socketio.Conn)
	for _, peer := range []*socketio.Conn{stays, goes} {
		h.peers[peer] = &interests{in: map[topic]struct{}{}}
	}
	about := func(i int) topic { return topic{"deposit", fmt.Sprint("dep_", i)} }
	for i := range 2*maxSubscriptions + 1 {
		for range 2 { // the second time changes nothing
			if !h.note(stays, about(i)) {
				t.Fatalf("subscription %d is not kept", i)
			}
		}
	}
	h.note(goes, about(2*maxSubscriptions))
	if to := h.audience[about(2*maxSubscriptions)]; len(to) != 2 || to[0] != stays || to[1] != goes {
		t.Errorf("%d clients hear of the latest deposit, want both in order", len(to))
	}
	if n, m := len(h.audience), len(h.peers[stays].in); n != maxSubscriptions || m != n || len(h.audience[about(0)]) != 0 {
		t.Errorf("%d subjects and %d of the client's are remembered, want %d", n, m, maxSubscriptions)
	}
	h.forget(stays)
	h.forget(goes)
	if h.note(stays, about(1)) || len(h.audience) != 0 || len(h.peers) != 0 {
		t.Errorf("%d subjects and %d clients are left", len(h.audience), len(h.peers))
	}
}

// An event that is due is sent at once, but not before earlier ones about the same subject that the clock has yet to send.
func TestSocketEventsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, err := engine.New(engine.Config{})
		if err != nil {
			t.Fatal(err)
		}
		h := newSocketHub(e, &gate{})
		tell := func(id, step string, delay time.Duration) {
			e.Locked(func() { h.tell(topic{"deposit", id}, step, nil, delay) })
		}
		tell("dep_1", "initiated", time.Second)
		tell("dep_1", "completed", 0)
		tell("dep_2", "completed", 0)
		h.mu.Lock()
		if n := h.later[topic{"deposit", "dep_1"}]; n != 2 || len(h.later) != 1 {
			t.Errorf("%d events about the first are left to the clock, want 2; of %d subjects", n, len(h.later))
		}
		h.mu.Unlock()
		e.Start()
		defer e.Close(t.Context())
		defer e.Stop()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.later) != 0 {
			t.Errorf("%v is left", h.later)
		}
	})
}
