package stats

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

type fake struct {
	settled []store.Settled
	open    []store.Undecided
	back    []store.Back
	moved   []store.WalletMoved
	took    []store.Took
	bands   []store.Band
	awaited int64
}

func (f fake) Settled(context.Context, payment.Environment, time.Time, time.Time, bool) ([]store.Settled, error) {
	return f.settled, nil
}

func (f fake) Undecided(context.Context, payment.Environment, time.Time, time.Time, time.Time) ([]store.Undecided, error) {
	return f.open, nil
}

func (f fake) Awaited(context.Context, payment.Environment, time.Time, time.Time, time.Time) (int64, error) {
	return f.awaited, nil
}

func (f fake) Arrived(context.Context, time.Time, time.Time) ([]store.Arrived, error) {
	return []store.Arrived{{Verdict: payment.VerdictUnsigned, N: 9}, {Verdict: payment.VerdictUnsigned, Duplicate: true, N: 2}, {Verdict: payment.VerdictUntrusted, N: 1}}, nil
}

func (f fake) Forwarded(context.Context, time.Time, time.Time) (store.Forwarded, error) {
	return store.Forwarded{Taken: 5, Refused: 2, Waiting: 1}, nil
}

func (f fake) Wallets(context.Context, time.Time, time.Time) ([]store.WalletMoved, error) {
	return f.moved, nil
}

func (f fake) Back(context.Context, payment.Environment, time.Time, time.Time) ([]store.Back, error) {
	return f.back, nil
}

func (f fake) Times(context.Context, payment.Environment, time.Time, time.Time) ([]store.Took, error) {
	return f.took, nil
}

func (f fake) Bands(context.Context, payment.Environment, payment.Currency, time.Time, time.Time) ([]store.Band, error) {
	return f.bands, nil
}

// hour is 21:00 UTC, which is midnight of the next day in East Africa.
var hour = time.Date(2026, 11, 3, 21, 0, 0, 0, time.UTC)

func sample() fake {
	return fake{
		settled: []store.Settled{
			{Hour: hour, Provider: payment.Daraja, Status: payment.StatusCompleted, Currency: payment.KES, DecidedBy: payment.SourceCallback, N: 6, Amount: 60000},
			{Hour: hour.Add(-time.Hour), Provider: payment.Daraja, Status: payment.StatusCompleted, Currency: payment.KES, DecidedBy: payment.SourceCallback, Late: true, N: 1, Amount: 100},
			{Hour: hour, Provider: payment.WasaaPay, Status: payment.StatusCompleted, Currency: payment.UGX, DecidedBy: payment.SourcePoll, N: 1, Amount: 777},
			{Hour: hour, Provider: payment.Daraja, Status: payment.StatusFailed, Currency: payment.KES, DecidedBy: payment.SourceTransaction, Code: "1032", Lost: true, N: 2},
		},
		open: []store.Undecided{{Hour: hour, Provider: payment.Daraja, Status: payment.StatusPending, N: 2}, {Hour: hour, Provider: payment.Daraja, Status: payment.StatusUnknown, Lost: true, N: 1}},
		back: []store.Back{{Asked: hour, Provider: payment.Daraja, Amount: payment.AmountOf(5000, payment.KES)}},
		moved: []store.WalletMoved{
			{Provider: payment.Sevi, Currency: payment.KES, Status: payment.StatusCompleted, Direction: "credit", N: 2, Amount: 3000},
			{Provider: payment.Sevi, Currency: payment.KES, Status: payment.StatusCompleted, Direction: "debit", N: 1, Amount: 500},
			{Provider: payment.Sevi, Currency: payment.KES, Status: payment.StatusCompleted, N: 1, Amount: 7},
			{Provider: payment.Sevi, Currency: payment.KES, Status: payment.StatusFailed, Direction: "credit", N: 1, Amount: 9},
			{Provider: payment.Sevi, Currency: payment.KES, N: 1},
		},
		took: []store.Took{{From: 8 * time.Second, To: 10 * time.Second, N: 6}, {From: 20 * time.Second, To: 25 * time.Second, N: 2}, {From: 180 * time.Second, To: 300 * time.Second, N: 1}, {From: time.Hour, N: 1}},
		bands: []store.Band{
			{Status: payment.StatusCompleted, N: 1, Amount: 9999},
			{Status: payment.StatusFailed, Reached: 1, N: 1, Amount: 10000},
			{Status: payment.StatusPending, Reached: 7, N: 1, Amount: 99999900},
		},
	}
}

func run(t *testing.T, f fake, by By) *Report {
	t.Helper()
	r, err := Run(t.Context(), f, Input{By: by, Meaning: func(_ payment.ProviderID, code string) string { return "means " + code }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestZone: hours and days are those of the zone; the ledger is asked for hours where its own
// days are others.
func TestZone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		zone *time.Location
		by   By
		keys string
		days string
	}{
		"East Africa":      {nil, ByHour, "2026-11-03 23:00 2026-11-04 00:00", "2026-11-03 2026-11-04"},
		"UTC":              {time.UTC, ByHour, "2026-11-03 20:00 2026-11-03 21:00", "2026-11-03"},
		"half an hour off": {time.FixedZone("IST", 19800), ByDay, "2026-11-04", "2026-11-04"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &asked{fake: sample()}
			r, err := Run(t.Context(), f, Input{By: tt.by, Zone: tt.zone, Since: hour.Add(-time.Hour), Until: hour.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			keys := func(groups []Group) string {
				out := make([]string, len(groups))
				for i, g := range groups {
					out[i] = g.Key
				}
				return strings.Join(out, " ")
			}
			if got := keys(r.Groups); got != tt.keys {
				t.Errorf("groups %s, want %s", got, tt.keys)
			}
			if got := keys(r.Days); got != tt.days {
				t.Errorf("days %s, want %s", got, tt.days)
			}
			if want := tt.zone != nil || tt.by == ByHour; f.hourly != want {
				t.Errorf("asked for hours: %v, want %v", f.hourly, want)
			}
		})
	}
	f := &asked{fake: sample()}
	if _, err := Run(t.Context(), f, Input{Since: hour, Until: hour.Add(time.Hour)}); err != nil || f.hourly {
		t.Errorf("East Africa's days are put together from hours: %v", err)
	}
}

// asked notes what it was asked for.
type asked struct {
	fake

	hourly bool
}

func (a *asked) Settled(ctx context.Context, env payment.Environment, from, to time.Time, hourly bool) ([]store.Settled, error) {
	a.hourly = hourly
	return a.fake.Settled(ctx, env, from, to, hourly)
}

// TestAwaited: a callback that may still come is not lost.
func TestAwaited(t *testing.T) {
	t.Parallel()
	f := sample()
	for awaited, want := range map[int64]int64{0: 3, 2: 1, 9: 0} {
		f.awaited = awaited
		if got := run(t, f, ByNothing).Deliveries.Lost; got != want {
			t.Errorf("%d awaited: %d lost, want %d", awaited, got, want)
		}
	}
}

func TestWhole(t *testing.T) {
	t.Parallel()
	r := run(t, sample(), ByNothing)
	want := Counts{Completed: 8, Failed: 2, Undecided: 3, Amount: 60100, Reversed: 5000}
	if diff := cmp.Diff(want, r.Counts); diff != "" || r.Asked() != 13 {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if rate, ok := r.Rate(); !ok || rate != 0.8 {
		t.Errorf("rate %v, %v", rate, ok)
	}
	if diff := cmp.Diff(map[string]int64{"callback": 7, "poll": 1, "query": 2}, r.DecidedBy); diff != "" {
		t.Errorf("decided by (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Reason{{payment.Daraja, "1032", "means 1032", 2}}, r.Reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if d := r.Deliveries; d.Total != 12 || d.Duplicated != 2 || d.Unbelieved != 1 || d.Late != 1 || d.Lost != 3 {
		t.Errorf("deliveries %+v", d)
	}
	wallet := []Wallet{{Provider: payment.Sevi, Currency: payment.KES, Completed: 4, Failed: 1, Undecided: 1, In: 3000, Out: 500, Unstated: 7}}
	if diff := cmp.Diff(wallet, r.Wallets); diff != "" {
		t.Errorf("wallets (-want +got):\n%s", diff)
	}
	// Of ten, the fifth lies in the bucket of the first six, the last in one without an end.
	if !r.HasSettle || r.P50 != 9700*time.Millisecond || r.P99 != time.Hour {
		t.Errorf("settled in %s, %s, %s", r.P50, r.P95, r.P99)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	for by, want := range map[By][]Group{
		ByDay: {
			{Key: "2026-11-03", Counts: Counts{Completed: 1, Amount: 100}},
			{Key: "2026-11-04", Counts: Counts{Completed: 7, Failed: 2, Undecided: 3, Amount: 60000, Reversed: 5000}},
		},
		ByHour: {
			{Key: "2026-11-03 23:00", Counts: Counts{Completed: 1, Amount: 100}},
			{Key: "2026-11-04 00:00", Counts: Counts{Completed: 7, Failed: 2, Undecided: 3, Amount: 60000, Reversed: 5000}},
		},
		ByProvider: {
			{Key: "daraja", Counts: Counts{Completed: 7, Failed: 2, Undecided: 3, Amount: 60100, Reversed: 5000}},
			{Key: "wasaapay", Counts: Counts{Completed: 1}},
		},
		ByReason: {{Key: "1032", Meaning: "means 1032", Counts: Counts{Failed: 2}}},
		ByAmount: {
			{Key: "0 - 100", Counts: Counts{Completed: 1, Amount: 9999, Reversed: 5000}},
			{Key: "100 - 500", Counts: Counts{Failed: 1}},
			{Key: "150000 and more", Counts: Counts{Undecided: 1}},
		},
	} {
		if diff := cmp.Diff(want, run(t, sample(), by).Groups); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", by, diff)
		}
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	r := run(t, fake{}, ByDay)
	if _, ok := r.Rate(); ok || r.HasSettle || r.Asked() != 0 || len(r.Groups) != 0 {
		t.Errorf("an empty ledger gives %+v", r)
	}
}
