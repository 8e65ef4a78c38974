package deposit_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
)

// shelf is an index of some deposits.
type shelf []payment.Deposit

func (s shelf) Find(context.Context, string) ([]payment.Deposit, error) { return s, nil }

func (s shelf) RecentSends(context.Context, payment.Phone, payment.Amount, time.Time) ([]payment.Deposit, error) {
	return s, nil
}

// The cool-down warns, and never keeps a request back (reference/daraja.md §11 row 9).
func TestCoolDown(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	other := payment.AmountOf(100, payment.KES)
	for name, c := range map[string]struct {
		age    time.Duration
		change func(*payment.Deposit)
		want   string
	}{
		"the same amount":               {90 * time.Second, func(*payment.Deposit) {}, "within 2 minutes (code 17), wait 30s"},
		"another amount":                {50 * time.Second, func(d *payment.Deposit) { d.Amount = other }, "locks a subscriber for about a minute, wait 10s"},
		"another amount, a while ago":   {90 * time.Second, func(d *payment.Deposit) { d.Amount = other }, ""},
		"long ago":                      {2 * time.Minute, func(*payment.Deposit) {}, ""},
		"the same key":                  {time.Second, func(d *payment.Deposit) { d.IdempotencyKey = "key-1" }, ""},
		"the emulator has no such rule": {time.Second, func(d *payment.Deposit) { d.Environment = payment.Local }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := payment.Deposit{
				ID: "dep_1", Provider: payment.Daraja, Environment: payment.Sandbox, Amount: payment.AmountOf(15000, payment.KES),
				IdempotencyKey: "key-1", SentAt: now.Add(-c.age),
			}
			intent := first
			intent.IdempotencyKey = "key-2"
			c.change(&intent)
			got, err := deposit.CoolDown(t.Context(), shelf{first}, intent, now)
			if err != nil || c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, error %v, want %q", got, err, c.want)
			}
		})
	}
}

// One reference has one answer, whoever asks.
func TestFind(t *testing.T) {
	t.Parallel()
	of := func(id string, s payment.Status, change ...func(*payment.Deposit)) payment.Deposit {
		d := payment.Deposit{ID: id, Reference: "INV-1", Environment: payment.Local, Status: s}
		for _, f := range change {
			f(&d)
		}
		return d
	}
	for name, c := range map[string]struct {
		id     string
		found  shelf
		want   string
		others int
		kind   payment.Kind
	}{
		"nothing":                  {"INV-1", nil, "", 0, payment.KindNotFound},
		"blank":                    {" ", nil, "", 0, payment.KindUsage},
		"one":                      {" INV-1\n", shelf{of("a", payment.StatusFailed)}, "a", 0, 0},
		"failed ones do not count": {"INV-1", shelf{of("c", payment.StatusFailed), of("b", payment.StatusCompleted), of("a", payment.StatusCreated)}, "b", 2, 0},
		"only failed: the newest":  {"INV-1", shelf{of("b", payment.StatusFailed), of("a", payment.StatusCreated)}, "b", 1, 0},
		"all paid: the newest":     {"INV-1", shelf{of("b", payment.StatusCompleted), of("a", payment.StatusCompleted)}, "b", 1, 0},
		"paid and open":            {"INV-1", shelf{of("b", payment.StatusPending), of("a", payment.StatusCompleted)}, "", 0, payment.KindConflict},
		"two open":                 {"INV-1", shelf{of("b", payment.StatusPending), of("a", payment.StatusUnknown)}, "", 0, payment.KindConflict},
		"another environment's":    {"INV-1", shelf{of("b", payment.StatusPending, func(d *payment.Deposit) { d.Environment = payment.Sandbox }), of("a", payment.StatusCompleted)}, "a", 0, 0},
		"an id before a reference": {"a", shelf{of("b", payment.StatusPending, func(d *payment.Deposit) { d.Reference = "a" }), of("a", payment.StatusFailed)}, "a", 0, 0},
		"a receipt in any case":    {"ua2k7qx9zp", shelf{of("b", payment.StatusCompleted, func(d *payment.Deposit) { d.Receipt = "UA2K7QX9ZP" })}, "b", 0, 0},
		"a provider's id before a receipt": {"X", shelf{
			of("b", payment.StatusCompleted, func(d *payment.Deposit) { d.Receipt = "X" }), of("a", payment.StatusPending, func(d *payment.Deposit) { d.ProviderID = "X" }),
		}, "a", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := deposit.Find(t.Context(), c.found, payment.Local, c.id)
			if (err != nil) != (c.kind != 0) || err != nil && payment.KindOf(err) != c.kind {
				t.Errorf("error %v, want %s", err, c.kind)
			}
			if got.ID != c.want || len(got.Others) != c.others {
				t.Errorf("got %q and %d others, want %q and %d", got.ID, len(got.Others), c.want, c.others)
			}
		})
	}
}
