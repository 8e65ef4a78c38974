package store

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/payctl/payctl/internal/payment"
)

// TestTurnAfterConflict: a writer that another kept from its end waits for its turn from
// then on; one that nobody disturbed does not.
func TestTurnAfterConflict(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	place := testPlace(t)
	var retries [2]atomic.Int64
	stores := make([]*Store, 2)
	for i := range stores {
		stores[i] = openTest(t, Options{Path: place, OnCommit: func(c CommitStats) { retries[i].Add(int64(c.Retries)) }})
	}
	d := create(t, stores[0], push(t, "INV-1"))
	claim := func(s *Store) func() error {
		return func() error {
			_, _, err := s.Deposits.ClaimSend(t.Context(), d)
			return err
		}
	}
	if errA, errB := together(t, stores[0], stores[1], claim(stores[0]), claim(stores[1])); errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	disturbed, calm := stores[0], stores[1]
	if retries[0].Load() == 0 {
		disturbed, calm = calm, disturbed
	}
	if retries[0].Load()+retries[1].Load() == 0 {
		t.Fatal("nobody was kept from the end")
	}
	if retries[0].Load() > 0 && retries[1].Load() > 0 {
		t.Skip("both were kept from the end")
	}
	pg, err := pgconn.Connect(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pg.Close(context.WithoutCancel(t.Context())) }()
	if _, err := pg.Exec(t.Context(), "BEGIN; LOCK TABLE meta IN SHARE UPDATE EXCLUSIVE MODE").ReadAll(); err != nil {
		t.Fatal(err)
	}
	done := make(chan payment.Deposit, 1)
	go func() {
		got, _, err := disturbed.Deposits.Create(context.WithoutCancel(t.Context()), push(t, "INV-2"))
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	create(t, calm, push(t, "INV-3"))
	waiting := "SELECT count(*) FROM pg_locks AS l WHERE NOT l.granted AND l.relation = CAST('meta' AS regclass)"
	for deadline := time.Now().Add(10 * time.Second); ; {
		got, err := pg.Exec(t.Context(), waiting).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if string(got[0].Rows[0][0]) == "1" {
			break
		}
		select {
		case d := <-done:
			t.Fatalf("%s did not wait for its turn", d.Reference)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for a turn")
		}
	}
	if _, err := pg.Exec(t.Context(), "COMMIT").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got.Reference != "INV-2" {
		t.Errorf("%+v", got)
	}
}
