package store

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// largeEnd is when the last delivery of a large ledger came; largeSpan is how much time all
// of them took.
var largeEnd = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

const largeSpan = 90 * 24 * time.Hour

// largeLedger opens the ledger at PAYCTL_BENCH_LEDGER, or makes one of benchRows deliveries
// there, or for this benchmark alone: ninety days of pushes that were paid, cancelled or
// never answered, of payments that came unasked, and of callbacks that came twice.
func largeLedger(b *testing.B) *Store {
	b.Helper()
	all := Bound{Rows: 1 << 40, Bytes: 1 << 50}
	clock := newClock()
	clock.now = largeEnd.Add(-largeSpan)
	o := Options{Path: os.Getenv("PAYCTL_BENCH_LEDGER"), Quarantine: Quarantine{Junk: all, Untrusted: all}, Now: clock.Now}
	if o.Path == "" {
		o.Path = filepath.Join(b.TempDir(), "ledger.db")
	}
	if _, err := os.Stat(o.Path); err == nil {
		return openTest(b, o)
	}
	s := openTest(b, o)
	n := benchRows(b)
	const chunk = 5000
	for from := 0; from < n; from += chunk {
		clock.now = largeTime(from, n)
		arrivals := largeDay(b, s, from, min(from+chunk, n), n)
		w := newWriter(s.database)
		jobs := make([]*job, len(arrivals))
		for i, a := range arrivals {
			p, err := s.prepare(a)
			if err != nil {
				b.Fatal(err)
			}
			jobs[i] = &job{run: p.record, arrival: p, done: make(chan struct{})}
		}
		clock.now = largeTime(min(from+chunk, n), n)
		ctx := context.WithoutCancel(b.Context())
		w.commit(ctx, jobs)
		w.tidy(ctx, jobs)
		if err := w.close(); err != nil {
			b.Fatal(err)
		}
		for _, j := range jobs {
			if j.err != nil {
				b.Fatal(j.err)
			}
		}
		if from%(100*chunk) == 0 {
			b.Logf("%d of %d deliveries", from, n)
		}
	}
	return s
}

func largeTime(i, n int) time.Time {
	return largeEnd.Add(-largeSpan + time.Duration(float64(i)/float64(n)*float64(largeSpan)))
}

// largeDay makes the deposits of some deliveries, and those deliveries.
func largeDay(b *testing.B, s *Store, from, to, n int) []Arrival {
	b.Helper()
	var out []Arrival
	err := s.do(b.Context(), "seed", func(ctx context.Context, t *tx) error {
		out = out[:0]
		for i := from; i < to; i++ {
			at := largeTime(i, n)
			id, receipt, minor := checkoutID(int64(i)), fmt.Sprintf("UK%08X", uint64(i)*2654435761%(1<<32)), int64(1000+i*7919%500_000)
			switch {
			case i%20 >= 12: // a payment that came unasked
				out = append(out, largeNotice(receipt, minor, i, at))
				continue
			case i%20 == 11: // a callback that comes again
				out = append(out, out[len(out)-1])
				continue
			}
			d := push(b, fmt.Sprintf("INV-%d", i))
			d.Environment, d.Amount, d.Phone = payment.Local, kes(minor), mustPhone(b, fmt.Sprintf("07%08d", i*31%200_000))
			d.ProviderID, d.MerchantRequestID, d.CallbackToken = id, "mr-"+id, benchToken(int64(i))
			t.now = at.Add(-time.Duration(2+i%45) * time.Second)
			row, err := t.deposits.insert(ctx, d)
			if err != nil {
				return err
			}
			after := row
			after.Status, after.SentAt, after.ExpiresAt = payment.StatusPending, t.now, t.now.Add(payment.PromptLifetime)
			if err := t.deposits.save(ctx, row, after); err != nil {
				return err
			}
			a := editEvent(withToken(padded(callback(id, receipt, minor)), d.CallbackToken), func(e *payment.Event) { e.OccurredAt = at })
			switch {
			case i%8 == 3:
				a = editEvent(failed(a), func(e *payment.Event) {
					e.Failure = &payment.Failure{Code: []string{"1032", "1037", "2001", "1", "1025"}[i/8%5], Reason: "a reason"}
				})
			case i%500 == 7: // never answered: a delivery about another takes its place
				a = largeNotice(receipt, minor, i, at)
			case i%100 == 8: // and here the poll knew
				t.now = at
				claim := payment.Claim{Status: payment.StatusCompleted, By: payment.SourcePoll, Receipt: receipt, At: at}
				if _, _, err := t.deposits.apply(ctx, after, claim); err != nil {
					return err
				}
				a = largeNotice(receipt, minor, i, at)
			}
			a.Delivery.ReceivedAt = at
			out = append(out, a)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func largeNotice(receipt string, minor int64, i int, at time.Time) Arrival {
	e := payment.Event{
		Provider: payment.Daraja, Name: "c2b.confirmation", Key: "c2b:" + receipt, Receipt: receipt, Status: payment.StatusCompleted,
		Amount: kes(minor), ShortCode: "174379", Reference: fmt.Sprintf("WALK-%d", i), OccurredAt: at,
	}
	return Arrival{
		Delivery: payment.Delivery{
			Provider: payment.Daraja, Route: "/callbacks/daraja/c2b/confirmation", Method: http.MethodPost, ReceivedAt: at, Peer: "196.201.214.200",
			Header: http.Header{"Content-Type": {"application/json"}},
			Body: fmt.Appendf(nil, `{"TransactionType":"Pay Bill","TransID":%q,"TransTime":%q,"TransAmount":"%d.%02d","BusinessShortCode":"174379","BillRefNumber":%q,"InvoiceNumber":"","OrgAccountBalance":"100.00","ThirdPartyTransID":"","MSISDN":"2547 ***** %03d","FirstName":"ANN"}`,
				receipt, at.Add(3*time.Hour).Format("20060102150405"), minor/100, minor%100, e.Reference, i%1000),
		},
		Inspection: payment.Inspection{Verdict: payment.VerdictUnsigned, Event: &e},
	}
}

// BenchmarkLarge reads what stats and trace read of a ledger, beside a page of the newest
// deliveries, which costs the same at any size. PAYCTL_BENCH_ROWS=5000000 with
// PAYCTL_BENCH_LEDGER=FILE makes a large one once and keeps it.
func BenchmarkLarge(b *testing.B) {
	s := largeLedger(b)
	ctx := b.Context()
	for _, bc := range []struct {
		name string
		run  func() error
	}{
		{"baseline/latest_50", func() error { _, _, err := s.Deliveries.List(ctx, DeliveryFilter{Limit: 50}); return err }},
	} {
		b.Run(bc.name, func(b *testing.B) {
			for b.Loop() {
				if err := bc.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
