package listen

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// TestReplacedLedgerEnds holds that a delivery which finds another ledger in the place of
// the one that is open is spilled, and ends the listener with that error.
func TestReplacedLedgerEnds(t *testing.T) {
	t.Parallel()
	s, err := New(Options{
		Ledger: (&fakeLedger{}).ledger(), Receivers: map[payment.ProviderID]payment.Receiver{payment.Daraja: nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.noteReplaced(store.ErrMoved); !errors.Is(err, store.ErrMoved) || len(s.replaced) != 0 {
		t.Errorf("a ledger that is gone ends the listener: %v", err)
	}
	for range 2 {
		if err := s.noteReplaced(errors.Join(store.ErrMoved, store.ErrReplaced)); !errors.Is(err, store.ErrReplaced) {
			t.Error(err)
		}
	}
	if len(s.replaced) != 1 {
		t.Error("a replaced ledger does not end the listener")
	}
}

// TestSpillDirectoryGone holds that a spill directory which somebody removed is made again,
// for its owner alone.
func TestSpillDirectoryGone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger.db.spill")
	sp, err := newSpill(dir, Limits{SpillReserve: 4096}.withDefaults(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	d := payment.Delivery{Provider: payment.Daraja, Route: stkPath, Body: []byte("{}"), ReceivedAt: time.Unix(1, 0)}
	if err := sp.put(d); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 != 0 || len(sp.list()) != 1 {
		t.Errorf("%v %v, %d files", info.Mode(), err, len(sp.list()))
	}
}
