package listen

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// spillCount is what a spill says, and what its directory says.
type spillCount struct {
	Files int
	Bytes int64
}

func said(sp *spill) (out spillCount) {
	out.Files, out.Bytes = sp.waiting()
	return out
}

func onDisk(t *testing.T, sp *spill) (out spillCount) {
	t.Helper()
	for _, name := range append(sp.list(), sp.named(suffixTaking)...) {
		info, err := os.Stat(filepath.Join(sp.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		out.Files++
		out.Bytes += info.Size()
	}
	return out
}

func twoSpills(t *testing.T, files int) (one, two *spill) {
	t.Helper()
	dir := t.TempDir()
	l := Limits{SpillFiles: files, SpillReserve: 1}.withDefaults()
	for _, sp := range []**spill{&one, &two} {
		var err error
		if *sp, err = newSpill(dir, l, time.Now); err != nil {
			t.Fatal(err)
		}
	}
	return one, two
}

func taken(context.Context, payment.Delivery) error { return nil }

// TestSpillCountShared holds that a listener knows what another one on the same
// directory put there and took away, so that it refuses nothing for which there
// is room.
func TestSpillCountShared(t *testing.T) {
	t.Parallel()
	d := payment.Delivery{Provider: payment.Daraja, Route: stkPath, Body: []byte(stkBody), ReceivedAt: time.Unix(0, 0)}
	one, two := twoSpills(t, 10)
	fill := func(sp *spill) {
		t.Helper()
		for range 10 {
			if err := sp.put(d); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(one)
	if n, _, err := two.takeIn(t.Context(), taken); n != 10 || err != nil {
		t.Fatalf("taken %d, %v", n, err)
	}
	fill(one) // without having taken anything in
	for range 3 {
		if _, _, err := two.takeIn(t.Context(), taken); err != nil {
			t.Fatal(err)
		}
		if _, _, err := one.takeIn(t.Context(), taken); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]spillCount{{}, {}}, []spillCount{said(one), said(two)}); diff != "" {
			t.Fatalf("waiting (-want +got):\n%s", diff)
		}
		fill(two)
	}
	if _, _, err := one.takeIn(t.Context(), func(context.Context, payment.Delivery) error { return errLedger }); !errors.Is(err, errLedger) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(onDisk(t, one), said(one)); diff != "" || said(one).Files != 10 {
		t.Errorf("a ledger that is down (-disk +said):\n%s", diff)
	}
	if err := one.put(d); !errors.Is(err, errSpillFull) {
		t.Errorf("a full directory: %v", err)
	}
}

// TestSpillCountInFlight holds that a file that is being put is counted once,
// however far it has come when the directory is counted.
func TestSpillCountInFlight(t *testing.T) {
	t.Parallel()
	d := payment.Delivery{Provider: payment.Daraja, Route: stkPath, Body: []byte(stkBody), ReceivedAt: time.Unix(0, 0)}
	for name, named := range map[string]bool{"before it is named": false, "after it is named": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sp, _ := twoSpills(t, 1)
			underWay, goOn, done := make(chan struct{}, 2), make(chan struct{}), make(chan error)
			sp.write = func(name string, text []byte) error {
				if !named {
					underWay <- struct{}{}
					<-goOn
				}
				err := sp.writeFile(name, text)
				if named {
					underWay <- struct{}{}
					<-goOn
				}
				return err
			}
			go func() { done <- sp.put(d) }()
			<-underWay
			sp.room.recount()
			second := make(chan error, 1)
			go func() { second <- sp.put(d) }()
			select {
			case err := <-second:
				if !errors.Is(err, errSpillFull) {
					t.Errorf("beside one that is being put: %v", err)
				}
			case <-underWay:
				t.Error("there was room beside one that is being put")
			}
			close(goOn)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(onDisk(t, sp), said(sp)); diff != "" || said(sp).Files != 1 {
				t.Errorf("counted (-disk +said):\n%s", diff)
			}
		})
	}
	t.Run("one that fails", func(t *testing.T) {
		t.Parallel()
		sp, _ := twoSpills(t, 1)
		sp.write = func(string, []byte) error { return errLedger }
		if err := sp.put(d); !errors.Is(err, errLedger) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(spillCount{}, said(sp)); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
		sp.write = sp.writeFile
		if err := sp.put(d); err != nil {
			t.Error(err)
		}
	})
}

// TestSpillCountCrowd holds that the count agrees with the directory after many
// puts beside takings in by two listeners.
func TestSpillCountCrowd(t *testing.T) {
	t.Parallel()
	const most = 8
	one, two := twoSpills(t, most)
	var putting, taking sync.WaitGroup
	stop := make(chan struct{})
	for _, sp := range []*spill{one, two} {
		for g := range 4 {
			putting.Go(func() {
				for i := range 25 {
					d := payment.Delivery{Provider: payment.Daraja, Route: stkPath, Body: []byte(strconv.Itoa(i)), ReceivedAt: time.Unix(int64(i), int64(g))}
					if err := sp.put(d); err != nil && !errors.Is(err, errSpillFull) {
						t.Error(err)
					}
					if got := said(sp); got.Files > 2*most { // the limit is each listener's
						t.Errorf("%d files are said to wait", got.Files)
					}
				}
			})
		}
		taking.Go(func() {
			for {
				if _, _, err := sp.takeIn(t.Context(), taken); err != nil {
					t.Error(err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	putting.Wait()
	close(stop)
	taking.Wait()
	for _, sp := range []*spill{one, two} {
		if _, _, err := sp.takeIn(t.Context(), taken); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(spillCount{}, said(sp)); diff != "" {
			t.Errorf("waiting (-want +got):\n%s", diff)
		}
	}
}
