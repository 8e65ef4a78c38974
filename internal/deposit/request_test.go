package deposit

import (
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

func TestRequestCheck(t *testing.T) {
	t.Parallel()
	good := Request{Phone: "0712345678", Amount: "100", Reference: "INV-1"}
	for name, c := range map[string]struct {
		change func(*Request)
		want   string
	}{
		"good":              {func(*Request) {}, ""},
		"no phone":          {func(r *Request) { r.Phone = "" }, "phone: --phone is missing"},
		"no amount":         {func(r *Request) { r.Amount = "" }, "amount: --amount is missing"},
		"an empty key":      {func(r *Request) { r.KeyGiven = true }, "idempotency-key: --idempotency-key is empty"},
		"a key with a line": {func(r *Request) { r.KeyGiven, r.Key = true, "k\n" }, "idempotency-key: ends with a blank or a line break"},
		"a blank reference": {func(r *Request) { r.Reference = "INV-1 " }, "reference: ends with a blank or a line break"},
	} {
		r := good
		c.change(&r)
		got := ""
		err := r.Check()
		if err != nil {
			got = err.Error()
		}
		if got != c.want || err != nil && payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, bad := range []Request{{Phone: "12", Amount: "100"}, {Phone: "0712345678", Amount: "1e3"}} {
		if err := bad.Check(); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestIntent: two requests without a key are two deposits, and a request's own wallet goes
// before the account's.
func TestIntent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	to := Account{Provider: payment.WasaaPay, Environment: payment.Sandbox, Wallet: "w1"}
	r := Request{Phone: "0712345678", Amount: "100", Wallet: "w2"}
	one, err := r.Intent(to, now)
	if err != nil {
		t.Fatal(err)
	}
	r.Wallet = ""
	two, err := r.Intent(to, now)
	if err != nil {
		t.Fatal(err)
	}
	if one.IdempotencyKey == "" || one.IdempotencyKey == two.IdempotencyKey || one.CallbackToken == two.CallbackToken {
		t.Errorf("keys %q and %q, tokens alike: %v", one.IdempotencyKey, two.IdempotencyKey, one.CallbackToken == two.CallbackToken)
	}
	if one.Wallet != "w2" || two.Wallet != "w1" || one.Status != payment.StatusCreated || one.Amount != payment.AmountOf(10000, payment.KES) || !one.CreatedAt.Equal(now) {
		t.Errorf("%+v, %+v", one, two)
	}
	r.Key = "k"
	if d, err := r.Intent(to, now); err != nil || d.IdempotencyKey != "k" {
		t.Errorf("%+v, %v", d, err)
	}
	if got := Total([]Planned{{Intent: one}, {Intent: two}}); got != payment.AmountOf(20000, payment.KES) {
		t.Errorf("total %v", got)
	}
}

func TestLineRequest(t *testing.T) {
	t.Parallel()
	otherwise := Request{Phone: "0799999999", Amount: "9", Reference: "R", Key: "k", Description: "rent", Wallet: "w"}
	got, err := Line{Phone: "0712345678", Amount: "1", Reference: "A", Key: "plan-1", Wallet: "x"}.Request(otherwise)
	if want := (Request{Phone: "0712345678", Amount: "1", Reference: "A", Key: "plan-1", Wallet: "x", Description: "rent"}); got != want || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := (Line{Phone: "0712345678", Amount: "1"}).Request(otherwise); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("without a reference: %v", err)
	}
}
