package listen

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestParentGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var parent atomic.Int64
		parent.Store(42)
		ctx, gone := context.WithCancel(t.Context())
		defer gone()
		go WatchParent(ctx, nil, func() int { return int(parent.Load()) }, gone)
		time.Sleep(time.Hour)
		if ctx.Err() != nil {
			t.Fatal("ended although the parent is there")
		}
		parent.Store(1)
		time.Sleep(2 * parentEvery)
		if ctx.Err() == nil {
			t.Error("the parent is gone, and it goes on")
		}
	})
}

func TestStdinCloses(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	ctx, gone := context.WithCancel(t.Context())
	defer gone()
	go WatchParent(ctx, r, func() int { return 42 }, gone)
	if _, err := w.WriteString("not the end\n"); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Error("stdin closed, and it goes on")
	}
}
