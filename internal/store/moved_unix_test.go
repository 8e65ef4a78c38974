//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// TestMoved moves the ledger's file away while it is open: a write that only the moved
// file has is no success, the same file may come back, and another one is never written to.
func TestMoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, away := filepath.Join(dir, "ledger.db"), filepath.Join(dir, "away.db")
	s := openTest(t, Options{Path: path})
	create(t, s, push(t, "INV-1"))
	move := func(from, to string) {
		t.Helper()
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Rename(from+suffix, to+suffix); err != nil {
				t.Fatal(err)
			}
		}
	}
	move(path, away)
	for range 2 { // on the connection that was open, and on a new one
		_, _, err := s.Deposits.Create(t.Context(), push(t, "INV-2"))
		if !errors.Is(err, ErrMoved) || errors.Is(err, ErrReplaced) || payment.KindOf(err) != payment.KindInternal {
			t.Fatalf("moved: %v", err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a new ledger was made")
	}
	other := openTest(t, Options{Path: path})
	if _, err := s.Deliveries.Record(t.Context(), callback("ws_1", "R1", 15000)); !errors.Is(err, ErrReplaced) {
		t.Errorf("replaced: %v", err)
	}
	if err := s.InPlace(); !errors.Is(err, ErrReplaced) {
		t.Errorf("replaced: %v", err)
	}
	if list, _, err := other.Deposits.List(t.Context(), DepositFilter{}); err != nil || len(list) != 0 {
		t.Errorf("the other ledger has %d deposits, %v", len(list), err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	move(away, path)
	if _, _, err := s.Deposits.Create(t.Context(), push(t, "INV-3")); err != nil || s.InPlace() != nil {
		t.Errorf("back in its place: %v", err)
	}
}
