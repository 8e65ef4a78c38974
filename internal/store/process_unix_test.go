//go:build unix

package store

import (
	"fmt"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// limitedProcess writes until the system refuses to let files grow.
func limitedProcess(t *testing.T, s *Store) {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	failures := 0
	for i := 0; failures < 3; i++ {
		a := callback(fmt.Sprint("ws_", i), "", 1)
		a.Delivery.Body = []byte(strings.Repeat("x", 20_000) + fmt.Sprint(i))
		r, err := s.Record(t.Context(), a)
		if err != nil {
			if kindOf(err) != payment.KindInternal {
				t.Errorf("%v", err)
			}
			failures++
			continue
		}
		fmt.Printf("ack %s %s %s\n", r.DeliveryID, r.Verdict, r.DepositID)
	}
	// A small commit may still find room where a large one did not.
	for i := 0; s.Ping(t.Context()) == nil; i++ {
		if i == 1000 {
			t.Fatal("Ping says that a commit would work")
		}
	}
}

// TestFileCannotGrow lets the file system refuse writes in the middle of commits.
func TestFileCannotGrow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	out, err := helper(t, "limited", path, "").Output()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if n := verifyAcks(t, path, acks(t, string(out))); n < 10 {
		t.Errorf("%d acknowledged", n)
	}
}
