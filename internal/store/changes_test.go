package store

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	place := testPlace(t)
	s := openTest(t, Options{Path: place})
	other := openTest(t, Options{Path: place})
	ctx, cancel := context.WithCancel(t.Context())
	changed := s.Changes(ctx)
	<-changed
	for _, by := range []*Store{s, other, s, other} {
		d := push(t, "INV")
		d.IdempotencyKey = ""
		create(t, by, d)
		for {
			select {
			case <-changed:
			case <-time.After(time.Minute):
				t.Fatal("a commit was not noticed")
			}
			if list, _, err := s.Deposits.List(ctx, DepositFilter{}); err == nil && len(list) > 0 {
				break
			}
		}
	}
	cancel()
	for range changed {
	}
	if _, open := <-s.Changes(ctx); !open {
		t.Error("even a channel of a dead context has a first value")
	}
}

func TestChangesEndWithStore(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 10 {
		changed := s.Changes(t.Context())
		wg.Go(func() {
			for range changed {
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}

// The whole store works in a bubble of simulated time, and leaves nothing behind.
func TestInBubble(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		changed := s.Changes(ctx)
		d := pending(t, s, push(t, "INV-1"), "ws_1")
		a := genuine(t, s, callback("ws_1", "REC0000001", 15000))
		go func() {
			time.Sleep(time.Minute)
			_, _ = s.Deliveries.Record(ctx, a)
		}()
		start := time.Now()
		for range changed {
			if deposit(t, s, d.ID).Status.Final() {
				break
			}
		}
		if took := time.Since(start); took < time.Minute || took > time.Minute+50*time.Millisecond {
			t.Errorf("noticed after %v", took)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
