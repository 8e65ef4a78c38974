package store

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// openTest opens a new ledger that is closed with the test.
func openTest(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Path == "" {
		o.Path = testPlace(t)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mustPhone(t testing.TB, text string) payment.Phone {
	t.Helper()
	p, err := payment.ParsePhone(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func kes(minor int64) payment.Amount { return payment.AmountOf(minor, payment.KES) }

// push is a deposit as the command line would record it.
func push(t testing.TB, reference string) payment.Deposit {
	return payment.Deposit{
		Provider: payment.Daraja, Environment: payment.Sandbox, Reference: reference, Description: "a test",
		IdempotencyKey: "key-" + reference, Amount: kes(15000), Phone: mustPhone(t, "0711000222"), ShortCode: "174379",
	}
}

// create records a deposit.
func create(t testing.TB, s *Store, d payment.Deposit) payment.Deposit {
	t.Helper()
	got, existed, err := s.Deposits.Create(t.Context(), d)
	if err != nil || existed {
		t.Fatalf("create: existed %v, error %v", existed, err)
	}
	return got
}

// pending records a deposit, sends it and stores the provider's answer.
func pending(t testing.TB, s *Store, d payment.Deposit, checkoutID string) payment.Deposit {
	t.Helper()
	d = create(t, s, d)
	if _, mine, err := s.Deposits.ClaimSend(t.Context(), d); err != nil || !mine {
		t.Fatalf("claim: mine %v, error %v", mine, err)
	}
	d, _, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{
		Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: checkoutID, MerchantRequestID: "mr-" + checkoutID,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// callback is an STK callback in the adapter's reading.
func callback(checkoutID, receipt string, minor int64) Arrival {
	e := payment.Event{
		Provider: payment.Daraja, Name: "stk.completed", Key: "stk:" + checkoutID + ":0", ProviderID: checkoutID,
		MerchantRequestID: "mr-" + checkoutID, Receipt: receipt, Status: payment.StatusCompleted, Amount: kes(minor),
		ShortCode: "174379", OccurredAt: time.Date(2026, 3, 2, 8, 15, 30, 0, time.UTC),
	}
	return Arrival{
		Delivery: payment.Delivery{
			Provider: payment.Daraja, Route: "/callbacks/daraja/stk", Method: http.MethodPost,
			Header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}, "Businessshortcode": {"174379"}},
			Body:   fmt.Appendf(nil, `{"Body":{"stkCallback":{"CheckoutRequestID":%q,"ResultCode":0,"r":%q}}}`, checkoutID, receipt),
			Peer:   "196.201.214.200", ReceivedAt: time.Date(2026, 3, 2, 8, 15, 31, 0, time.UTC),
		},
		Inspection: payment.Inspection{Verdict: payment.VerdictUnsigned, Event: &e},
	}
}

// failed turns a callback into one of a payer who cancelled.
func failed(a Arrival) Arrival {
	e := *a.Inspection.Event
	e.Name, e.Key, e.Status, e.Receipt, e.Amount = "stk.failed", "stk:"+e.ProviderID+":1032", payment.StatusFailed, "", payment.Amount{}
	e.Failure = &payment.Failure{Code: "1032", Reason: "Request cancelled by user"}
	a.Inspection.Event = &e
	a.Delivery.Body = fmt.Appendf(nil, `{"Body":{"stkCallback":{"CheckoutRequestID":%q,"ResultCode":1032}}}`, e.ProviderID)
	return a
}

func withToken(a Arrival, token string) Arrival {
	a.Delivery.Token = token
	return a
}

// genuine gives a Daraja callback what Safaricom's has and a stranger's lacks:
// the token of the push that it is about.
func genuine(t testing.TB, s *Store, a Arrival) Arrival {
	t.Helper()
	id := a.Inspection.Event.ProviderID
	found, err := s.Deposits.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range found {
		if d.ProviderID == id {
			return withToken(a, d.CallbackToken)
		}
	}
	t.Fatalf("no push has the id %q", id)
	return a
}

// deliver records a callback as the provider posts it.
func deliver(t testing.TB, s *Store, a Arrival) Recorded {
	t.Helper()
	return record(t, s, genuine(t, s, a))
}

func record(t testing.TB, s *Store, a Arrival) Recorded {
	t.Helper()
	r, err := s.Deliveries.Record(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func deposit(t testing.TB, s *Store, id string) payment.Deposit {
	t.Helper()
	d, err := s.Deposits.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func kindOf(err error) payment.Kind { return payment.KindOf(err) }

// editEvent returns the arrival with its event changed.
func editEvent(a Arrival, change func(*payment.Event)) Arrival {
	e := *a.Inspection.Event
	change(&e)
	a.Inspection.Event = &e
	return a
}
