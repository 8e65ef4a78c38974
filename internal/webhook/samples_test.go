package webhook_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/sevi"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/webhook"
)

// testBench signs for every provider.
func testBench() webhook.Bench {
	return webhook.Bench{Providers: provider.Builtin(), Keys: map[payment.ProviderID][]*secret.Secret{
		payment.WasaaPay: {secret.New("a-webhook-secret")}, payment.Sevi: {secret.New("a-sevi-token")},
	}}
}

// Every sample is what the provider's own receiver takes for that event.
func TestSamplesAreGenuine(t *testing.T) {
	t.Parallel()
	bench := testBench()
	seviReceiver, err := sevi.New(sevi.Config{Tokens: bench.Keys[payment.Sevi]})
	if err != nil {
		t.Fatal(err)
	}
	receivers := map[payment.ProviderID]payment.Receiver{
		payment.Daraja:   daraja.Receiver{},
		payment.WasaaPay: wasaapay.NewReceiver(payment.Sandbox, bench.Keys[payment.WasaaPay]),
		payment.Sevi:     seviReceiver,
	}
	facts := bench.NewFacts(time.Date(2026, 1, 2, 0, 4, 5, 0, time.UTC))
	for id, events := range bench.Events() {
		for _, event := range events {
			t.Run(event, func(t *testing.T) {
				t.Parallel()
				s, err := bench.Build(event, facts, webhook.Edit{})
				if err != nil {
					t.Fatal(err)
				}
				if !json.Valid(s.Body) {
					t.Fatalf("not JSON: %s", s.Body)
				}
				got := receivers[id].Inspect(payment.Delivery{Provider: id, Route: s.Route, Method: http.MethodPost, Header: s.Header, Body: s.Body})
				want := payment.VerdictValid
				if id == payment.Daraja {
					want = payment.VerdictUnsigned
				}
				name, _, _ := strings.Cut(event, "/")
				if got.Verdict != want || got.Event == nil || got.Event.Name != name {
					t.Errorf("verdict %s (%s), event %+v; want %s of %s", got.Verdict, got.Reason, got.Event, want, name)
				}
			})
		}
	}
}

func TestBuildFromDeposit(t *testing.T) {
	t.Parallel()
	phone, err := payment.ParsePhone("0712345678")
	if err != nil {
		t.Fatal(err)
	}
	d := payment.Deposit{
		Provider: payment.Daraja, Amount: payment.AmountOf(12300, payment.KES), Phone: phone, Reference: "INV-9",
		ShortCode: "600111", ProviderID: "ws_CO_1", MerchantRequestID: "mr-1",
	}
	bench := testBench()
	s, err := bench.Build("stk.completed", bench.FactsOf(d, time.Now()), webhook.Edit{})
	if err != nil {
		t.Fatal(err)
	}
	got := daraja.Receiver{}.Inspect(payment.Delivery{Provider: payment.Daraja, Route: s.Route, Header: s.Header, Body: s.Body})
	if got.Event == nil || payment.Trust(d, *got.Event, "") != "" {
		t.Errorf("the deposit's own callback is not trusted: %+v", got)
	}
}

func TestBuildBadInput(t *testing.T) {
	t.Parallel()
	bench := webhook.Bench{Providers: provider.Builtin()}
	for _, event := range []string{"", "stk.paid", "deposit"} {
		if _, err := bench.Build(event, bench.NewFacts(time.Now()), webhook.Edit{}); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%q: got %v, want a usage error", event, err)
		}
	}
	if _, err := bench.Build("deposit.completed", bench.NewFacts(time.Now()), webhook.Edit{}); payment.KindOf(err) != payment.KindUnauthorized {
		t.Errorf("no secret: got %v", err)
	}
}

// Ids of one second are few; a chance meeting made a test of one payment credit another.
func TestInventedFactsNeverMeet(t *testing.T) {
	t.Parallel()
	invent := webhook.Inventor{Bench: testBench()}
	seen := map[string]bool{}
	for range 3000 {
		f := invent.Next(time.Date(2026, 1, 2, 0, 4, 5, 0, time.UTC))
		if seen[f.CheckoutRequestID] {
			t.Fatalf("%s came twice", f.CheckoutRequestID)
		}
		seen[f.CheckoutRequestID] = true
	}
}
