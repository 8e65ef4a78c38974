package store

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestTallies holds what wait as tallies in a file: two processes' commits are counted at
// once and once, whatever a code holds, and the rows that wait stay few.
func TestTallies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	stores := []*Store{openTest(t, Options{Path: path}), openTest(t, Options{Path: path})}
	codes := []string{"1032", `a],"1,2`, "x\\\"\x00,[", "é<>&, 7", ""}
	want := map[string]int64{}
	for i := range 3 * mostTallies {
		s, code := stores[i%len(stores)], codes[i%len(codes)]
		d := create(t, s, payment.Deposit{
			Provider: payment.Daraja, Environment: payment.Local, Reference: fmt.Sprint("R", i), Amount: kes(1500),
		})
		_, _, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{
			Status: payment.StatusFailed, By: payment.SourceCallback, Failure: &payment.Failure{Code: code}, At: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		want[clean(code)]++
	}
	reader := stores[1]
	counted, err := reader.Rollups.Settled(t.Context(), payment.Local, time.Now().Add(-48*time.Hour), time.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, c := range counted {
		got[c.Code] += c.N
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	var waiting, added int64
	if err := reader.read.QueryRowContext(t.Context(), "SELECT count(*), (SELECT sum(n) FROM outcomes) FROM tallies").Scan(&waiting, &added); err != nil {
		t.Fatal(err)
	}
	if waiting >= mostTallies || added < 2*mostTallies {
		t.Errorf("%d commits' counts wait, %d deposits are added up", waiting, added)
	}
}

// TestDamagedTallies holds that counts which cannot be read stop no write, and that who asks
// for them is told.
func TestDamagedTallies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openTest(t, Options{Path: path})
	db := plantIn(t, path)
	for _, cells := range []string{"{oops", `{"daily":[["x"]]}`, `{"daily":[[{,1,2]]}`} {
		if _, err := db.ExecContext(t.Context(), "INSERT INTO tallies (cells) VALUES (?)", cells); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 * mostTallies {
		create(t, s, payment.Deposit{Provider: payment.Daraja, Environment: payment.Local, Reference: fmt.Sprint("R", i), Amount: kes(1500)})
	}
	var waiting, added int64
	if err := db.QueryRowContext(t.Context(), "SELECT count(*), (SELECT sum(n) FROM deposit_daily) FROM tallies").Scan(&waiting, &added); err != nil {
		t.Fatal(err)
	}
	if waiting >= mostTallies || added < mostTallies {
		t.Errorf("%d commits' counts wait, %d deposits are added up", waiting, added)
	}
	if _, err := s.Rollups.Arrived(t.Context(), time.Now(), time.Now()); err == nil {
		t.Error("nobody is told that counts cannot be read")
	}
}

// FuzzCellOf holds that a cell is taken apart into what it was put together from, or is
// called unreadable.
func FuzzCellOf(f *testing.F) {
	f.Add([]byte(`[498909,"local","KES","PENDING",1,-29,-290000]`))
	f.Add([]byte(`[",]",1,2]`))
	f.Add([]byte(`[1]`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, cell []byte) {
		keys, c, err := cellOf(cell)
		if err != nil {
			return
		}
		again, sums, err := cellOf(fmt.Appendf(nil, "%s,%d,%d]", keys[:len(keys)-1], c.n, c.sum))
		if err != nil || again != keys || sums != c {
			t.Errorf("%q: %q %v, then %q %v, %v", cell, keys, c, again, sums, err)
		}
	})
}
