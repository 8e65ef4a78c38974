package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// The tests here run the test binary again as other processes.

const (
	helperMode = "PAYCTL_STORE_TEST_MODE"
	helperPath = "PAYCTL_STORE_TEST_LEDGER"
	helperName = "PAYCTL_STORE_TEST_NAME"
)

// helper starts another process on a ledger.
func helper(t *testing.T, mode, path, name string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperProcess$", "-test.count=1")
	cmd.Env = append(os.Environ(), helperMode+"="+mode, helperPath+"="+path, helperName+"="+name)

	return cmd
}

// TestHelperProcess is what the other processes run; by itself it does nothing.
func TestHelperProcess(t *testing.T) {
	mode, path, name := os.Getenv(helperMode), os.Getenv(helperPath), os.Getenv(helperName)
	if mode == "" {
		return
	}
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	switch mode {
	case "hammer":
		hammerProcess(t, s, name, 1<<30)
	case "some":
		hammerProcess(t, s, name, someRecords)
	case "commands":
		commandsProcess(t, name)
	case "one":
		create(t, s, push(t, name))
	case "limited":
		limitedProcess(t, s)
	default:
		t.Fatalf("unknown mode %q", mode)
	}
}

// someRecords and someCommands are what each process of a short test does.
const (
	someRecords  = 120
	someCommands = 10
)

// hammerProcess settles deposits by callbacks from several senders, and tells
// each acknowledged delivery on stdout.
func hammerProcess(t *testing.T, s *Store, name string, most int64) {
	var out sync.Mutex
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > most {
					return
				}
				id := fmt.Sprintf("%s_%d", name, n)
				if n%2 == 0 {
					pending(t, s, push(t, id), id)
				}
				r, err := s.Record(t.Context(), callback(id, "R"+id, 15000))
				if err != nil {
					t.Error(err)
					return
				}
				out.Lock()
				fmt.Printf("ack %s %s %s\n", r.DeliveryID, r.Verdict, r.DepositID)
				out.Unlock()
			}
		})
	}
	wg.Wait()
}

// commandsProcess does what a row of short commands does: open, write, close.
func commandsProcess(t *testing.T, name string) {
	for i := range someCommands {
		start := time.Now()
		s, err := Open(t.Context(), Options{Path: os.Getenv(helperPath)})
		if err != nil {
			t.Fatal(err)
		}
		create(t, s, push(t, fmt.Sprintf("%s-%d", name, i)))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("took %d\n", time.Since(start).Milliseconds())
	}
}

// acks reads what a process acknowledged, and its other lines.
func acks(t *testing.T, out string) map[string][2]string {
	t.Helper()
	got := map[string][2]string{}
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		// A process that was killed may have left half a line.
		f := strings.Split(lines.Text(), " ")
		if len(f) == 4 && f[0] == "ack" && strings.HasPrefix(f[1], string(deliveryPrefix)) {
			got[f[1]] = [2]string{f[2], f[3]}
		}
	}
	return got
}

// TestKilled kills a process at work, again and again: what it acknowledged is
// in the ledger, whole.
func TestKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	rounds, total := 3, 0
	for round := range rounds {
		out := killedAtWork(t, helper(t, "hammer", path, fmt.Sprint("r", round)), time.Duration(50+97*round)*time.Millisecond)
		total += verifyAcks(t, path, acks(t, out))
	}
	t.Logf("%d rounds, %d acknowledged, none lost", rounds, total)
	if total == 0 {
		t.Error("nothing was acknowledged: the test tested nothing")
	}
}

// killedAtWork kills a process some time after its first line, and returns its lines.
func killedAtWork(t *testing.T, cmd *exec.Cmd, after time.Duration) string {
	t.Helper()
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if out.Len() == 0 {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		out.WriteString(lines.Text() + "\n")
	}
	_ = cmd.Wait()
	return out.String()
}

func verifyAcks(t *testing.T, path string, told map[string][2]string) int {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for id, want := range told {
		// The last line may end early.
		v, err := s.Delivery(t.Context(), id)
		if err != nil {
			t.Errorf("acknowledged and lost: %v", err)
			continue
		}
		if string(v.Verdict) != want[0] || v.DepositID != want[1] {
			t.Errorf("%s: %s %s, told %v", id, v.Verdict, v.DepositID, want)
		}
		if v.DepositID == "" {
			continue
		}
		if d := deposit(t, s, v.DepositID); d.Status != payment.StatusCompleted || d.Receipt != v.Event.Receipt {
			t.Errorf("half applied: %+v", d)
		}
	}
	checkSound(t, s)
	return len(told)
}

// TestTwoListenersAndCommands runs two processes that record without pause
// beside others that open, write and close: nobody is refused.
func TestTwoListenersAndCommands(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	outs := make([]strings.Builder, 4)
	var wg sync.WaitGroup
	for i, mode := range []string{"some", "some", "commands", "commands"} {
		wg.Go(func() {
			cmd := helper(t, mode, path, fmt.Sprint("p", i))
			cmd.Stdout = &outs[i]
			if err := cmd.Run(); err != nil {
				t.Errorf("%s: %v\n%s", mode, err, outs[i].String())
			}
		})
	}
	wg.Wait()
	all := map[string][2]string{}
	for i := range 2 {
		for id, v := range acks(t, outs[i].String()) {
			if _, twice := all[id]; twice {
				t.Errorf("%s was given twice", id)
			}
			all[id] = v
		}
	}
	if n := verifyAcks(t, path, all); n != 2*someRecords {
		t.Errorf("%d acknowledged", n)
	}
	s := openTest(t, Options{Path: path})
	list, _, err := s.ListDeposits(t.Context(), DepositFilter{})
	if err != nil || len(list) != someRecords+2*someCommands {
		t.Errorf("%d deposits, error %v", len(list), err)
	}
}

// TestStartAtOnce lets processes make the same ledger at the same time.
func TestStartAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if out, err := helper(t, "one", path, fmt.Sprint("p", i)).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wg.Wait()
	s := openTest(t, Options{Path: path})
	if list, _, err := s.ListDeposits(t.Context(), DepositFilter{}); err != nil || len(list) != 4 {
		t.Errorf("%d deposits, error %v", len(list), err)
	}
	checkSound(t, s)
}

// TestChangesAcrossProcesses waits for the commit of another process.
func TestChangesAcrossProcesses(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	changed := s.Changes(ctx)
	cmd := helper(t, "one", s.path, "INV-1")

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	for range changed {
		found, err := s.FindDeposit(ctx, "INV-1")
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 1 {
			return
		}
	}
	t.Error("the commit was not noticed")
}
