package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
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
			Provider: payment.Daraja, Environment: payment.Local, Reference: fmt.Sprint("R", i), Amount: payment.AmountOf(int64(100+i)*int64(1+i%3*100), payment.KES),
		})
		if err != nil {
			t.Fatal(err)
		}
		clock.Add(time.Duration(rng.IntN(9000)) * time.Second)
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
	kept, err := s.Rollups.Settled(t.Context(), payment.Local, time.Unix(0, 0), clock.Now(), true)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, k := range kept {
		got[fmt.Sprint(k.Hour, k.Status, k.DecidedBy, k.Code)] += k.N
	}
	all, _, err := s.Deposits.List(t.Context(), DepositFilter{})
	if err != nil {
		t.Fatal(err)
	}
	want, times, bands := map[string]int64{}, map[int64]int64{}, map[string]int64{}
	amounts := int64(0)
	for _, d := range all {
		cell, took, final := settledOf(&depositRow{Deposit: d})
		bands[fmt.Sprint(d.Status, reached(AmountBounds(), d.Amount.Minor()))]++
		if !final {
			continue
		}
		times[took.bucket]++
		want[fmt.Sprint(startOfHour(cell.hour), cell.status, cell.decidedBy, cell.code)]++
		amounts += d.Amount.Minor()
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("counts (-anew +kept):\n%s", diff)
	}
	daily, err := s.Rollups.Settled(t.Context(), payment.Local, time.Unix(0, 0), clock.Now(), false)
	if err != nil {
		t.Fatal(err)
	}
	if len(daily) >= len(kept) {
		t.Errorf("%d cells by day, %d by hour", len(daily), len(kept))
	}
	for _, k := range daily {
		got[""] += k.N
	}
	for _, k := range kept {
		got[""] -= k.N
	}
	if got[""] != 0 {
		t.Errorf("by day %d more are counted than by hour", got[""])
	}
	took, err := s.Rollups.Times(t.Context(), payment.Local, time.Unix(0, 0), clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range took {
		times[reached(settleBounds(), int64(k.From/time.Second))] -= k.N
	}
	ranges, err := s.Rollups.Bands(t.Context(), payment.Local, payment.KES, time.Unix(0, 0), clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range ranges {
		bands[fmt.Sprint(k.Status, k.Reached)] -= k.N
	}
	for k, n := range times {
		if n != 0 {
			t.Errorf("time %d is off by %d", k, n)
		}
	}
	for k, n := range bands {
		if n != 0 {
			t.Errorf("band %s is off by %d", k, n)
		}
	}
	for _, k := range kept {
		amounts -= k.Amount
	}
	if amounts != 0 {
		t.Errorf("the amounts are off by %d cents", amounts)
	}
	checkSpans(t, s, rng, clock.Now())
	open, err := s.Rollups.Undecided(t.Context(), payment.Local, time.Unix(0, 0), clock.Now(), clock.Now())
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

// checkSpans holds the counts of whole days and of the hours at both ends against those
// of the hours alone.
func checkSpans(t *testing.T, s *Store, rng *rand.Rand, end time.Time) {
	t.Helper()
	first := newClock().Now().Add(-30 * time.Hour)
	all := int(end.Sub(first) / time.Hour)
	for range 40 {
		from := first.Add(time.Duration(rng.IntN(all)) * time.Hour)
		to := from.Add(time.Duration(rng.IntN(all)) * time.Hour)
		sums := [3]map[string]int64{{}, {}, {}}
		for i, hourly := range []bool{true, false} {
			counts, err := s.Rollups.Settled(t.Context(), payment.Local, from, to, hourly)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range counts {
				sums[i][fmt.Sprint(hourOf(micros(c.Hour))/24, c.Status, c.DecidedBy, c.Code)] += c.N
				sums[i]["all"] += c.N
			}
		}
		took, err := s.Rollups.Times(t.Context(), payment.Local, from, to)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range took {
			sums[2]["all"] += c.N
		}
		if diff := cmp.Diff(sums[0], sums[1]); diff != "" || sums[2]["all"] != sums[0]["all"] {
			t.Fatalf("%s to %s: %d times (-by hour +by day):\n%s", from, to, sums[2]["all"], diff)
		}
	}
}

// TestCalledBack holds the counts of late and lost callbacks against a ledger made by
// hand, whatever decided a deposit.
func TestCalledBack(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := openTest(t, Options{Now: clock.Now})
	sent := func(n int) (payment.Deposit, string) {
		id := fmt.Sprint("ws_CO_", n)
		return pending(t, s, push(t, fmt.Sprint("INV-", n)), id), id
	}
	after := func(d time.Duration, a Arrival) Arrival {
		a.Delivery.ReceivedAt = clock.Now().Add(d)
		return a
	}
	poll := func(d payment.Deposit, status payment.Status) {
		t.Helper()
		if _, _, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: status, By: payment.SourcePoll, At: clock.Now().Add(20 * time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	_, inTime := sent(1)
	deliver(t, s, after(9*time.Second, callback(inTime, "R1", 15000)))
	deliver(t, s, after(10*time.Second, callback(inTime, "R1", 15000))) // again
	_, late := sent(2)
	deliver(t, s, after(121*time.Second, callback(late, "R2", 15000)))
	polled, lateAfterPoll := sent(3)
	poll(polled, payment.StatusCompleted)
	deliver(t, s, after(300*time.Second, callback(lateAfterPoll, "R3", 15000)))
	polledToo, inTimeAfterPoll := sent(4)
	poll(polledToo, payment.StatusCompleted)
	deliver(t, s, after(30*time.Second, callback(inTimeAfterPoll, "R4", 15000)))
	lost, forged := sent(5)
	poll(lost, payment.StatusFailed)
	record(t, s, withToken(after(3*time.Second, callback(forged, "R5", 15000)), "another-token")) // is not believed
	sent(6)                                                                                       // nobody says anything
	refused := create(t, s, push(t, "INV-7"))
	if _, _, err := s.Deposits.ClaimSend(t.Context(), refused); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Deposits.Apply(t.Context(), refused.ID, payment.Claim{Status: payment.StatusFailed, By: payment.SourceAnswer}); err != nil {
		t.Fatal(err)
	}
	create(t, s, push(t, "INV-8")) // never sent
	elsewhere := push(t, "")
	elsewhere.ProviderID = "ws_CO_9"
	if _, _, err := s.Deposits.Adopt(t.Context(), elsewhere, payment.Claim{Status: payment.StatusCompleted, By: payment.SourcePoll, Receipt: "R9"}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		now        time.Duration
		late, lost int64
	}{{time.Minute, 2, 0}, {2*payment.PromptLifetime - time.Second, 2, 0}, {2*payment.PromptLifetime + time.Second, 2, 2}, {time.Hour, 2, 2}} {
		var lateN, lostN int64
		settled, err := s.Rollups.Settled(t.Context(), payment.Sandbox, clock.Now(), clock.Now(), false)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range settled {
			if c.Late {
				lateN += c.N
			}
			if c.Lost {
				lostN += c.N
			}
		}
		awaited, err := s.Rollups.Awaited(t.Context(), payment.Sandbox, clock.Now(), clock.Now(), clock.Now().Add(tt.now))
		if err != nil {
			t.Fatal(err)
		}
		lostN -= awaited
		open, err := s.Rollups.Undecided(t.Context(), payment.Sandbox, clock.Now(), clock.Now(), clock.Now().Add(tt.now))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range open {
			if c.Lost {
				lostN += c.N
			}
		}
		if lateN != tt.late || lostN != tt.lost {
			t.Errorf("after %s: %d late and %d lost, want %d and %d", tt.now, lateN, lostN, tt.late, tt.lost)
		}
	}
}

// TestWalletsCounted: a transaction is counted once, as it stands after all that was said
// of it.
func TestWalletsCounted(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := openTest(t, Options{Now: clock.Now})
	say := func(id, name string, status payment.Status, minor int64) {
		t.Helper()
		e := payment.Event{Provider: payment.Sevi, Name: name, Key: fmt.Sprint(id, status, minor), ProviderID: id, ShortCode: "w-1", Status: status, Amount: kes(minor)}
		record(t, s, Arrival{
			Delivery:   payment.Delivery{Provider: payment.Sevi, Route: "/callbacks/sevi", Body: []byte(fmt.Sprint(id, name, status)), ReceivedAt: clock.Now()},
			Inspection: payment.Inspection{Verdict: payment.VerdictValid, Event: &e},
		})
	}
	say("t-1", "wallet.transaction", payment.StatusPending, 500)
	say("t-1", "wallet.credit", payment.StatusCompleted, 500)
	say("t-1", "wallet.credit", payment.StatusCompleted, 500)
	say("t-2", "wallet.debit", payment.StatusCompleted, 70)
	say("t-3", "wallet.credit", payment.StatusFailed, 9)
	clock.Add(time.Hour)
	say("t-4", "wallet.credit", payment.StatusCompleted, 1)
	moved, err := s.Rollups.Wallets(t.Context(), clock.Now().Add(-time.Hour), clock.Now().Add(-time.Minute*59))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, m := range moved {
		got[fmt.Sprintf("%s %s %d", m.Direction, m.Status, m.Amount)] = m.N
	}
	if diff := cmp.Diff(map[string]int64{"credit COMPLETED 500": 1, "debit COMPLETED 70": 1, "credit FAILED 9": 1}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// TestAwaitedGoesByTheList: by the index of providers' ids it would read every deposit.
func TestAwaitedGoesByTheList(t *testing.T) {
	t.Parallel()
	fileOnly(t)
	plan := planOf(t, openTest(t, Options{}), sqlAwaited, string(payment.Local), 0, 1, string(payment.SourceAnswer), 0)
	if !strings.Contains(plan, "deposits_list (shelf=? AND created_at>? AND created_at<?)") {
		t.Errorf("the plan is\n%s", plan)
	}
}
