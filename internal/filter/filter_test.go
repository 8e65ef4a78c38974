package filter

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

func someDelivery() store.StoredDelivery {
	return store.StoredDelivery{
		Delivery: payment.Delivery{ID: "dlv_1", Provider: payment.WasaaPay, ReceivedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Verdict:  payment.VerdictValid, DepositID: "dep_1", DuplicateOf: "dlv_0",
		Event: &payment.Event{
			Name: "deposit.completed", Status: payment.StatusCompleted, Amount: payment.AmountOf(100010, payment.KES),
			Reference: "INV-1", Receipt: "TST0000001", ProviderID: "dep_x",
		},
	}
}

func TestFilterHolds(t *testing.T) {
	t.Parallel()
	bare := store.StoredDelivery{Delivery: payment.Delivery{ID: "dlv_2"}}
	for text, want := range map[string][2]bool{
		`amount == 1000.10`:                           {true, false},
		`amount > 1000 && amount < 1000.11`:           {true, false},
		`amount < 1`:                                  {false, false},
		`amount != 5`:                                 {true, true},
		`event startsWith "deposit."`:                 {true, false},
		`status == "COMPLETED" and duplicate`:         {true, false},
		`verdict in ["valid"] || currency == "USD"`:   {true, false},
		`receipt matches "^TST" && provider_id != ""`: {true, false},
		`time == received_at && deposit_id == ""`:     {false, true},
		`received_at > date("2026-01-01")`:            {true, false},
	} {
		f, err := Deliveries(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got [2]bool
		for i, d := range []store.StoredDelivery{someDelivery(), bare} {
			if got[i], err = f(d); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// Every number of cents is equal to its own decimal and greater than the one before.
func TestFilterAmountsAreExact(t *testing.T) {
	t.Parallel()
	for _, minor := range []int64{1, 29, 57, 113, 100010, 999999, 25000001, 1 << 40, 9007199254740} {
		a := payment.AmountOf(minor, payment.KES)
		f, err := parse[Delivery]("amount == " + a.String() + " && amount > " + payment.AmountOf(minor-1, payment.KES).String())
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := f.keeps(Delivery{Amount: amount(a)}); !ok || err != nil {
			t.Errorf("%s: %v, %v", a, ok, err)
		}
	}
}

func TestFilterMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`evnt == "x"`:                         "filter: column 1: unknown name evnt",
		"amount > 1 &&\n  foo":                "filter: column 3: unknown name foo",
		"amount":                              `filter "amount": is not a condition`,
		`status == 5`:                         "filter: column 8: ",
		`(`:                                   "filter: column ",
		`receipt matches "("`:                 "filter: column ",
		strings.Repeat("not ", 1200) + "true": "filter",
	} {
		_, err := parse[Delivery](text)
		if payment.KindOf(err) != payment.KindUsage || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: got %v, want one line that begins with %q", text, err, want)
		}
	}
}

func TestFilterFailsAtRun(t *testing.T) {
	t.Parallel()
	f, err := Deliveries(`[1, 2][int(amount)] == 1`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f(someDelivery()); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("got %v", err)
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`amount >= 1000 && event contains "."`)
	f.Add("a\n\tb ^ \"é")
	f.Add(`{"a": [1..3]}?.a[duration("1h")]`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 200 {
			return
		}
		keep, err := Deliveries(text)
		if keep != nil {
			_, err = keep(someDelivery())
		}
		if err != nil && (payment.KindOf(err) != payment.KindUsage || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
