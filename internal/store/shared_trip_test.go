package store

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// newProxy stands between a store and the server.
func newProxy(t *testing.T, place string) *postgrestest.Proxy {
	t.Helper()
	p, err := postgrestest.NewProxy(context.WithoutCancel(t.Context()), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// TestBrokenTrips breaks each round trip of a callback's way into the ledger in each way:
// what was said to be stored is, what was not may come again, and both times it counts
// once. What another machine writes meanwhile, of the same payment, waits for 3 s at most
// where the server can know that nothing more comes.
func TestBrokenTrips(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	const trips = 2 // what is in the ledger is asked; what was judged is written
	for fault, name := range map[postgrestest.Fault]string{
		postgrestest.CutBefore: "cut before", postgrestest.CutHalf: "cut half", postgrestest.CutLate: "cut late", postgrestest.CutAfter: "cut after",
		postgrestest.FreezeBefore: "freeze before", postgrestest.FreezeHalf: "freeze half", postgrestest.FreezeLate: "freeze late",
		postgrestest.FreezeAfter: "freeze after",
	} {
		for n := 1; n <= trips; n++ {
			t.Run(fmt.Sprint(name, " trip ", n), func(t *testing.T) {
				t.Parallel()
				place := testPlace(t)
				proxy := newProxy(t, place)
				far := openTest(t, Options{Path: proxy.URL, BusyTimeout: 2 * time.Second})
				near := openTest(t, Options{Path: place})
				d := pending(t, near, push(t, "INV-1"), "ws_1")
				arrival := withToken(callback("ws_1", "REC0000001", 15000), d.CallbackToken)
				for i := range 4 { // until all that is asked once has been asked
					other := pending(t, near, push(t, fmt.Sprint("INV-0", i)), fmt.Sprint("ws_0", i))
					before := proxy.Trips()
					record(t, far, withToken(callback(fmt.Sprint("ws_0", i), fmt.Sprint("REC000010", i), 15000), other.CallbackToken))
					if took := proxy.Trips() - before; i > 1 && took != trips {
						t.Fatalf("a callback takes %d round trips", took)
					}
				}

				met := proxy.Break(n, fault)
				done := make(chan error, 1)
				go func() {
					_, err := far.Deliveries.Record(t.Context(), arrival)
					done <- err
				}()
				<-met
				begun := time.Now()
				record(t, near, callback("ws_third", "", 100)) // of another payment
				_, err := near.Deliveries.Record(t.Context(), arrival)
				waited := time.Since(begun)
				first := <-done
				t.Logf("the one behind the proxy got %v; the other got %v after %s", first, err, waited.Round(time.Millisecond))
				if err != nil {
					t.Errorf("the other machine could not write: %v", err)
				}
				if first != nil && kindOf(first) != payment.KindUnavailable {
					t.Errorf("%v is %s", first, kindOf(first))
				}
				if first != nil { // as a listener takes in what it spilled
					if _, err := far.Deliveries.Record(t.Context(), arrival); err != nil {
						t.Errorf("it could not come again: %v", err)
					}
				}
				new, all := 0, 0
				err = near.Deliveries.Each(t.Context(), DeliveryFilter{DepositID: d.ID}, func(s StoredDelivery) error {
					if all++; s.DuplicateOf == "" {
						new++
					}
					return nil
				})
				if got := deposit(t, near, d.ID); err != nil || new != 1 || all < 2 || got.Status != payment.StatusCompleted || !got.Conflict.IsZero() {
					t.Errorf("%d deliveries, %d of them new, the deposit %s, error %v", all, new, got.Status, err)
				}
				checkSound(t, near)
			})
		}
	}
}

// TestNoServerIsNotAskedAgain: without a server a write fails at once; trying thirty times
// to connect, as for a busy row, made callbacks wait for each other.
func TestNoServerIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	place := testPlace(t)
	proxy := newProxy(t, place)
	retries := 0
	s := openTest(t, Options{Path: proxy.URL, OnCommit: func(c CommitStats) { retries = c.Retries }})
	record(t, s, callback("ws_0", "", 100))
	proxy.SetDown(true)
	for i := range 3 { // the first finds the connection gone
		if _, err := s.Deliveries.Record(t.Context(), callback(fmt.Sprint("ws_1", i), "", 100)); kindOf(err) != payment.KindUnavailable {
			t.Fatal(err)
		}
		if most := max(0, 1-i); retries > most {
			t.Errorf("write %d was tried again %d times, want %d at most", i, retries, most)
		}
	}
	proxy.SetDown(false)
	record(t, s, callback("ws_2", "", 100))
}

// TestSilentServer: a server that takes connections and says nothing is unavailable; how
// long it was waited for is nobody's deadline.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	place := "postgres://payctl@" + ln.Addr().String() + "/postgres?sslmode=disable&connect_timeout=1"
	if _, err := Open(t.Context(), Options{Path: place}); kindOf(err) != payment.KindUnavailable {
		t.Errorf("%v is %s", err, kindOf(err))
	}
}
