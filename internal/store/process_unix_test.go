//go:build unix

package store

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

const canLimitFiles = true

// limitFiles bounds how large any file of this process may become.
func limitFiles(t *testing.T, size uint64) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
}

// fullProcess hammers a ledger whose files are about to reach their limit, which
// is raised a little every so many refusals, as if somebody made room.
func fullProcess(t *testing.T, s *Store, name string) {
	size := uint64(0)
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(s.Path() + suffix); err == nil {
			size = max(size, uint64(info.Size()))
		}
	}
	// Enough for a few pushes and their callbacks at first.
	const first, more = 2 << 20, 512 << 10
	size += first
	limitFiles(t, size)
	refusals := 0
	hammer{name: name, most: 1 << 40, pad: 4000, refused: func(err error) {
		if kindOf(err) != payment.KindInternal {
			t.Error(err)
		}
		fmt.Println("refused", refusals)
		if refusals++; refusals%200 == 0 {
			size += more
			limitFiles(t, size)
		}
	}}.run(t, s)
}

// limitedProcess writes until the system refuses to let files grow.
func limitedProcess(t *testing.T, s *Store) {
	limitFiles(t, 1<<20)
	failures := 0
	for i := 0; failures < 3; i++ {
		a := callback(fmt.Sprint("ws_", i), "", 1)
		a.Delivery.Body = []byte(strings.Repeat("x", 20_000) + fmt.Sprint(i))
		r, err := s.Deliveries.Record(t.Context(), a)
		if err != nil {
			if kindOf(err) != payment.KindInternal {
				t.Errorf("%v", err)
			}
			failures++
			continue
		}
		tellAck(r)
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
