package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
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
	switch mode {
	case "":
		return
	case "unwritable":
		unwritableProcess(t, path)
		return
	}
	var now func() time.Time
	if mode == "jumping" {
		now = jumpingClock(name)
	}
	s, err := Open(t.Context(), Options{Path: path, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	switch mode {
	case "hammer":
		hammer{name: name, most: 1 << 40}.run(t, s)
	case "jumping":
		hammer{name: name, most: 1 << 40, now: now}.run(t, s)
	case "full":
		fullProcess(t, s, name)
	case "some":
		hammer{name: name, most: someRecords}.run(t, s)
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

// TestTwoListenersAndCommands runs two processes that record without pause
// beside others that open, write and close: nobody is refused.
func TestTwoListenersAndCommands(t *testing.T) {
	t.Parallel()
	path := testPlace(t)
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
	list, _, err := s.Deposits.List(t.Context(), DepositFilter{})
	if err != nil || len(list) != someRecords+2*someCommands {
		t.Errorf("%d deposits, error %v", len(list), err)
	}
}

// TestStartAtOnce lets processes make the same ledger at the same time.
func TestStartAtOnce(t *testing.T) {
	t.Parallel()
	path := testPlace(t)
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
	if list, _, err := s.Deposits.List(t.Context(), DepositFilter{}); err != nil || len(list) != 4 {
		t.Errorf("%d deposits, error %v", len(list), err)
	}
	checkSound(t, s)
}

// TestChangesAcrossProcesses waits for the commit of another process.
func TestChangesAcrossProcesses(t *testing.T) {
	t.Parallel()
	place := testPlace(t)
	s := openTest(t, Options{Path: place})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	changed := s.Changes(ctx)
	cmd := helper(t, "one", place, "INV-1")

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	for range changed {
		found, err := s.Deposits.Find(ctx, "INV-1")
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 1 {
			return
		}
	}
	t.Error("the commit was not noticed")
}
