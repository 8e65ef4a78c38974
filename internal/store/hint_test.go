package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

func fitting(d payment.Deposit, receipt string) payment.Hint {
	return payment.Hint{Source: "pull", Provider: d.Provider, Receipt: receipt, Amount: d.Amount, Phone: d.Phone.MSISDN(), Reference: d.Reference, At: d.SentAt.Add(time.Minute)}
}

// A payment that fits one COMPLETED deposit which lacks the receipt alone is its receipt;
// it is told, once, to others, and moves none of them.
func TestSee(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{Now: newClock().Now})
	sent := func(reference string, status payment.Status) payment.Deposit {
		t.Helper()
		d := create(t, s, push(t, reference))
		d, _, err := s.Deposits.ClaimSend(t.Context(), d)
		if err == nil && status != payment.StatusUnknown {
			d, _, err = s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: status, By: payment.SourceQuery, ProviderID: "ws_" + reference})
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for i, status := range []payment.Status{payment.StatusUnknown, payment.StatusPending, payment.StatusFailed, payment.StatusCompleted} {
		d := sent(fmt.Sprint("R-", status), status)
		receipt := fmt.Sprintf("UA2K7QX9Z%d", i)
		for range 2 {
			fits, err := s.Deposits.See(t.Context(), payment.Sandbox, fitting(d, receipt))
			if err != nil || len(fits) > 1 {
				t.Fatalf("%s: fits %v, error %v", status, fits, err)
			}
		}
		got := deposit(t, s, d.ID)
		doubts, err := s.Deposits.Doubts(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		hinted, err := s.Deposits.Hinted(t.Context(), receipt)
		if err != nil {
			t.Fatal(err)
		}
		wantReceipt, wantDoubts := "", 1
		if status == payment.StatusCompleted {
			wantReceipt, wantDoubts = receipt, 0
		}
		if got.Status != status || got.Receipt != wantReceipt || len(doubts[d.ID]) != wantDoubts || len(hinted) != wantDoubts || !got.Conflict.IsZero() {
			t.Errorf("%s: now %s, receipt %q, doubts %v, %d hinted, conflict %+v", status, got.Status, got.Receipt, doubts[d.ID], len(hinted), got.Conflict)
		}
	}
	// A receipt that is some deposit's own fits no other.
	other := sent("R-other", payment.StatusPending)
	if fits, err := s.Deposits.See(t.Context(), payment.Sandbox, fitting(other, "UA2K7QX9Z3")); err != nil || len(fits) > 0 {
		t.Errorf("fits %v, error %v", fits, err)
	}
	// What fits goes away once it is the deposit's own.
	pending := "R-" + string(payment.StatusPending)
	list, err := s.Deposits.Find(t.Context(), pending)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if _, _, err := s.Deposits.Apply(t.Context(), list[0].ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceTransaction, Receipt: "UA2K7QX9Z1"}); err != nil {
		t.Fatal(err)
	}
	if doubts, err := s.Deposits.Doubts(t.Context(), list[0].ID); err != nil || len(doubts) > 0 {
		t.Errorf("doubts %v, error %v", doubts, err)
	}
	checkSound(t, s)
}

// A C2B confirmation that fits an open deposit is told of as a doubt of it; one that fits
// a deposit which lacks the receipt alone is its payment, told twice.
func TestC2BFits(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{Now: newClock().Now})
	confirm := func(d payment.Deposit, receipt string) Recorded {
		t.Helper()
		e := payment.Event{
			Provider: payment.Daraja, Name: "c2b.confirmation", Key: "c2b:" + receipt, Receipt: receipt, Reference: d.Reference,
			Amount: d.Amount, ShortCode: d.ShortCode, Phone: "2547 ***** 222",
		}
		rec, err := s.Deliveries.Record(t.Context(), Arrival{
			Delivery:   payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja/c2b/confirmation", Body: []byte(receipt), ReceivedAt: d.SentAt.Add(time.Second)},
			Inspection: payment.Inspection{Verdict: payment.VerdictUnsigned, Event: &e},
		})
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	open := create(t, s, push(t, "R-open"))
	open, _, err := s.Deposits.ClaimSend(t.Context(), open)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if rec := confirm(open, "UA2K7QX9Z1"); rec.DepositID != "" {
			t.Errorf("an open deposit got the payment: %+v", rec)
		}
	}
	doubts, err := s.Deposits.Doubts(t.Context(), open.ID)
	if err != nil || len(doubts[open.ID]) != 1 || doubts[open.ID][0].DeliveryID == "" {
		t.Errorf("doubts %+v, error %v", doubts[open.ID], err)
	}
	paid := create(t, s, push(t, "R-paid"))
	if paid, _, err = s.Deposits.ClaimSend(t.Context(), paid); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Deposits.Apply(t.Context(), paid.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceQuery}); err != nil {
		t.Fatal(err)
	}
	if rec := confirm(paid, "UA2K7QX9Z2"); rec.DepositID != paid.ID {
		t.Errorf("the payment is not the deposit's: %+v", rec)
	}
	if got := deposit(t, s, paid.ID); got.Receipt != "UA2K7QX9Z2" || !got.Conflict.IsZero() {
		t.Errorf("receipt %q, conflict %+v", got.Receipt, got.Conflict)
	}
	checkSound(t, s)
}

// Callbacks of an adopted push that prove nothing complete what a question has decided,
// unless they differ: then one of them is forged.
func TestUnprovedCallbacksThatDiffer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		receipts []string
		want     string
	}{
		"one":                 {[]string{"UA2K7QX9Z1"}, "UA2K7QX9Z1"},
		"the same twice":      {[]string{"UA2K7QX9Z1", "UA2K7QX9Z1"}, "UA2K7QX9Z1"},
		"forged, then true":   {[]string{"FORGED0001", "UA2K7QX9Z1"}, ""},
		"none that proves it": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Options{Now: newClock().Now})
			d, _, err := s.Deposits.Adopt(t.Context(), payment.Deposit{
				Provider: payment.Daraja, Environment: payment.Sandbox, ProviderID: "ws_CO_1", Amount: kes(0),
			}, payment.Claim{Status: payment.StatusPending, By: payment.SourceQuery})
			if err != nil {
				t.Fatal(err)
			}
			for i, receipt := range c.receipts {
				e := payment.Event{
					Provider: payment.Daraja, Name: "stk.completed", Key: "stk:ws_CO_1:0", ProviderID: "ws_CO_1", Receipt: receipt,
					Status: payment.StatusCompleted, Amount: kes(15000),
				}
				_, err := s.Deliveries.Record(t.Context(), Arrival{
					Delivery:   payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja/stk", Body: fmt.Append(nil, receipt, i)},
					Inspection: payment.Inspection{Verdict: payment.VerdictUnsigned, Event: &e},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			got, _, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceQuery})
			if err != nil || got.Status != payment.StatusCompleted || got.Receipt != c.want {
				t.Errorf("%s with receipt %q, want %q; error %v", got.Status, got.Receipt, c.want, err)
			}
			doubts, err := s.Deposits.Doubts(t.Context(), d.ID)
			if err != nil || (len(doubts[d.ID]) > 0) != (len(c.receipts) > 0) {
				t.Errorf("doubts %v, error %v", doubts[d.ID], err)
			}
		})
	}
}
