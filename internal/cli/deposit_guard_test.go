package cli

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

// The cool-down warns, and never keeps a request back (reference/daraja.md §11
// row 9); --force is for those who know.
func TestCoolDownWarns(t *testing.T) {
	t.Parallel()
	phone, err := payment.ParsePhone("0711000222")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		age    time.Duration
		change func(*send)
		want   string
	}{
		{"the same amount", 90 * time.Second, func(*send) {}, "within 2 minutes (code 17), wait 30s"},
		{"another amount", 50 * time.Second, func(s *send) { s.intent.Amount = payment.AmountOf(100, payment.KES) }, "locks a subscriber for about a minute, wait 10s"},
		{"another amount, a while ago", 90 * time.Second, func(s *send) { s.intent.Amount = payment.AmountOf(100, payment.KES) }, ""},
		{"long ago", 2 * time.Minute, func(*send) {}, ""},
		{"the same key", time.Second, func(s *send) { s.intent.IdempotencyKey = "key-1" }, ""},
		{"forced", time.Second, func(s *send) { s.force = true }, ""},
		{"the emulator", time.Second, func(s *send) { s.intent.Environment = payment.Local }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
			ledger, err := store.Open(t.Context(), store.Options{
				Path: filepath.Join(t.TempDir(), "ledger.db"), Now: func() time.Time { return now.Add(-test.age) },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = ledger.Close() }()
			d := payment.Deposit{
				Provider: payment.Daraja, Environment: payment.Sandbox, Amount: payment.AmountOf(15000, payment.KES), Phone: phone,
				IdempotencyKey: "key-1",
			}
			first, _, err := ledger.Deposits.Create(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if _, mine, err := ledger.Deposits.ClaimSend(t.Context(), first); err != nil || !mine {
				t.Fatalf("mine %v, error %v", mine, err)
			}
			var talk bytes.Buffer
			a := newApp(Invocation{Stdin: strings.NewReader(""), Stdout: &talk, Stderr: &talk})
			a.now = func() time.Time { return now }
			a.global.quiet = true // it is a warning, not a note
			if a.out, err = a.newPrinter(ui.FormatText); err != nil {
				t.Fatal(err)
			}
			d.IdempotencyKey = "key-2"
			s := send{intent: d}
			test.change(&s)
			if err := a.coolDown(t.Context(), ledger, s); err != nil {
				t.Fatal(err)
			}
			if got := talk.String(); test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// What makes a person think again comes before the amount is typed, and both are
// said under -q.
func TestWarnedBeforeTheAmountIsTyped(t *testing.T) {
	t.Parallel()
	phone, err := payment.ParsePhone("0712345678")
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	d := payment.Deposit{
		Provider: payment.Daraja, Environment: payment.Production, Amount: payment.AmountOf(15000, payment.KES), Phone: phone,
		IdempotencyKey: "key-1",
	}
	first, _, err := ledger.Deposits.Create(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.Deposits.ClaimSend(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	d.IdempotencyKey = "key-2"
	var talk bytes.Buffer
	a := newApp(Invocation{Stdin: strings.NewReader("15\n"), Stdout: &talk, Stderr: &talk})
	a.ledger, a.conf, a.global.quiet = ledger, &config.Config{Profile: "shop"}, true
	if a.out, err = a.newPrinter(ui.FormatText); err != nil {
		t.Fatal(err)
	}
	err = a.depositSend(t.Context(), provider.Provider{ID: payment.Daraja}, send{intent: d})
	if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), "the typed amount is not 150.00") {
		t.Errorf("error %v", err)
	}
	order := regexp.MustCompile(`(?s)warning: 2547\*+678 was asked for the same amount .*warning: this asks 2547\*+678 for 150.00 KES of real money \(profile shop\)\..*Type the amount \(150.00\) to go on: $`)
	if !order.MatchString(talk.String()) {
		t.Errorf("said %q", &talk)
	}
}
