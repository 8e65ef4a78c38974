package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// TestRollupsAgree: whatever moves deposits make, overruled ones included, what is
// counted on the way is what counting anew gives.
func TestRollupsAgree(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := openTest(t, Options{Now: clock.Now})
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 120 {
		d, _, err := s.Deposits.Create(t.Context(), payment.Deposit{
			Provider: payment.Daraja, Environment: payment.Local, Reference: fmt.Sprint("R", i), Amount: payment.AmountOf(int64(100+i), payment.KES),
		})
		if err != nil {
			t.Fatal(err)
		}
		clock.Add(time.Duration(rng.IntN(400)) * time.Second)
		for range rng.IntN(4) {
			c := payment.Claim{Status: []payment.Status{payment.StatusPending, payment.StatusCompleted, payment.StatusFailed}[rng.IntN(3)], By: []payment.Source{payment.SourcePoll, payment.SourceCallback, payment.SourceTransaction}[rng.IntN(3)], At: clock.Now()}
			if c.Status == payment.StatusFailed {
				c.Failure = &payment.Failure{Code: fmt.Sprint(1030 + rng.IntN(3))}
			}
			if _, _, err := s.Deposits.Apply(t.Context(), d.ID, c); err != nil {
				t.Fatal(err)
			}
			clock.Add(time.Duration(rng.IntN(100)) * time.Second)
		}
	}
	kept, err := s.Rollups.Settled(t.Context(), payment.Local, time.Unix(0, 0), clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, k := range kept {
		got[fmt.Sprint(k.Hour, k.Status, k.DecidedBy, k.Code, k.From)] += k.N
	}
	all, _, err := s.Deposits.List(t.Context(), DepositFilter{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	amounts := int64(0)
	for _, d := range all {
		cell, final := settledOf(&depositRow{Deposit: d})
		if !final {
			continue
		}
		from := time.Duration(0)
		if cell.bucket > 0 {
			from = time.Duration(settleBounds()[cell.bucket-1]) * time.Second
		}
		want[fmt.Sprint(startOfHour(cell.hour), cell.status, cell.decidedBy, cell.code, from)]++
		amounts += d.Amount.Minor()
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("counts (-anew +kept):\n%s", diff)
	}
	for _, k := range kept {
		amounts -= k.Amount
	}
	if amounts != 0 {
		t.Errorf("the amounts are off by %d cents", amounts)
	}
	open, err := s.Rollups.Undecided(t.Context(), payment.Local, time.Unix(0, 0), clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, o := range open {
		n += o.N
	}
	for _, k := range kept {
		n += k.N
	}
	if n != int64(len(all)) {
		t.Errorf("%d of %d deposits are counted", n, len(all))
	}
}
