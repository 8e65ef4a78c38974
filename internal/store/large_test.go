package store

import (
	"context"
	"errors"
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
	return makeLarge(b, largePath(b), benchRows(b))
}

func largePath(b *testing.B) string {
	b.Helper()
	if path := os.Getenv("PAYCTL_BENCH_LEDGER"); path != "" {
		return path
	}
	return filepath.Join(b.TempDir(), "ledger.db")
}

// makeLarge opens a ledger of n deliveries, making it where it is missing.
func makeLarge(b *testing.B, path string, n int) *Store {
	b.Helper()
	all := Bound{Rows: 1 << 40, Bytes: 1 << 50}
	clock := newClock()
	clock.now = largeEnd.Add(-largeSpan)
	o := Options{Path: path, Quarantine: Quarantine{Junk: all, Untrusted: all}, Now: clock.Now}
	if _, err := os.Stat(o.Path); err == nil {
		return openTest(b, o)
	}
	s := openTest(b, o)
	ctx := context.WithoutCancel(b.Context())
	w := quickWriter(b, s)
	run := func(jobs []*job) {
		b.Helper()
		w.commit(ctx, jobs)
		w.tidy(ctx, jobs)
		for _, j := range jobs {
			if j.err != nil {
				b.Fatal(j.err)
			}
		}
	}
	const chunk = 20_000
	for from := 0; from < n; from += chunk {
		to := min(from+chunk, n)
		clock.now = largeTime(from, n)
		var arrivals []Arrival
		run([]*job{{done: make(chan struct{}), run: func(ctx context.Context, t *tx) (err error) {
			arrivals, err = largeDay(ctx, b, t, from, to, n)
			return err
		}}})
		jobs := make([]*job, len(arrivals))
		for i, a := range arrivals {
			p, err := s.prepare(a)
			if err != nil {
				b.Fatal(err)
			}
			jobs[i] = &job{run: p.record, arrival: p, done: make(chan struct{})}
		}
		clock.now = largeTime(to, n)
		run(jobs)
		if from%(25*chunk) == 0 {
			b.Logf("%d of %d deliveries", from, n)
		}
	}
	if err := w.close(); err != nil {
		b.Fatal(err)
	}
	return s
}

// quickWriter writes a ledger that nobody else writes and that is worth nothing if the
// machine stops: its cache holds the indices, and nothing is awaited from the disk.
func quickWriter(b *testing.B, s *Store) *writer {
	b.Helper()
	w, ctx := newWriter(s.database), context.WithoutCancel(b.Context())
	_, _, _, err := w.conn.Begin(ctx) // which connects
	if err == nil {
		err = w.conn.Commit(ctx)
	}
	for _, pragma := range []string{"PRAGMA synchronous = OFF", "PRAGMA cache_size = -2000000"} {
		if err == nil {
			_, err = w.conn.Exec(ctx, pragma, nil)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	return w
}

func largeTime(i, n int) time.Time {
	return largeEnd.Add(-largeSpan + time.Duration(float64(i)/float64(n)*float64(largeSpan)))
}

// largeReceipt is scattered over those of its day, whose date it begins with (reference/daraja.md §3.3).
func largeReceipt(i, n int) string {
	at := largeTime(i, n)
	return fmt.Sprintf("U%c%c%07X", 'A'+at.Month()-1, "0123456789ABCDEFGHIJKLMNOPQRSTUV"[at.Day()], uint64(i)*2654435761%(1<<28))
}

// largeDay makes the deposits of some deliveries, and those deliveries.
func largeDay(ctx context.Context, b *testing.B, t *tx, from, to, n int) ([]Arrival, error) {
	b.Helper()
	var out []Arrival
	for i := from; i < to; i++ {
		at := largeTime(i, n)
		id, receipt, minor := checkoutID(int64(i)), largeReceipt(i, n), int64(1000+i*7919%500_000)
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
			return nil, err
		}
		after := row
		after.Status, after.SentAt, after.ExpiresAt = payment.StatusPending, t.now, t.now.Add(payment.PromptLifetime)
		if err := t.deposits.save(ctx, row, after); err != nil {
			return nil, err
		}
		a := editEvent(withToken(largeBody(b, callback(id, receipt, minor)), d.CallbackToken), func(e *payment.Event) { e.OccurredAt = at })
		switch {
		case i%8 == 3:
			a = editEvent(failed(a), func(e *payment.Event) {
				e.Failure = &payment.Failure{Code: []string{"1032", "1037", "2001", "1", "1025"}[i/8%5], Reason: "a reason"}
			})
		case i%max(n/200/40*40, 40) == 7: // never answered, some 200 in any ledger: another delivery takes its place
			a = largeNotice(receipt, minor, i, at)
		case i%100 == 8: // and here the poll knew
			t.now = at
			claim := payment.Claim{Status: payment.StatusCompleted, By: payment.SourcePoll, Receipt: receipt, At: at}
			if _, _, err := t.deposits.apply(ctx, after, claim); err != nil {
				return nil, err
			}
			a = largeNotice(receipt, minor, i, at)
		}
		a.Delivery.ReceivedAt = at
		out = append(out, a)
	}
	return out, nil
}

// largeBody gives a callback's body the size of a real one, unless so many are asked for that
// the ledger would not fit on most disks.
func largeBody(b *testing.B, a Arrival) Arrival {
	if benchRows(b) > 5_000_000 {
		return a
	}
	return padded(a)
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

// BenchmarkLarge measures every list and look-up of a large ledger in a file and, where
// there is a server, of its copy there. PAYCTL_BENCH_ROWS=5000000 with
// PAYCTL_BENCH_LEDGER=FILE makes a large one once and keeps it. The newest page of all
// deliveries is the yardstick: it costs the same at any size.
func BenchmarkLarge(b *testing.B) {
	s := largeLedger(b)
	largeTroubles(b, s)
	b.Run("file", func(b *testing.B) { benchLarge(b, s) })
	if testServer() != "" {
		shared := copyLarge(b, s)
		b.Run("postgres", func(b *testing.B) { benchLarge(b, shared) })
	}
}

// largeTroubles adds what is rare: deliveries that did not get through, one in twenty and
// to two targets each, and forged ones, which did.
func largeTroubles(b *testing.B, s *Store) {
	b.Helper()
	var there bool
	if err := s.read.QueryRowContext(b.Context(), "SELECT EXISTS (SELECT 1 FROM failing)").Scan(&there); err != nil || there {
		if err != nil {
			b.Fatal(err)
		}
		return
	}
	for i := range 300 {
		a := editEvent(padded(callback(checkoutID(int64(i)), "", 15000)), func(e *payment.Event) { e.Phone = benchPhone(100) })
		a.Inspection.Verdict, a.Delivery.ReceivedAt = payment.VerdictMismatch, largeEnd.Add(time.Duration(i)*time.Second)
		record(b, s, a)
	}
	err := s.do(b.Context(), "seed", func(ctx context.Context, t *tx) error {
		for _, url := range []string{"http://127.0.0.1:3000/a", "http://127.0.0.1:3000/b"} {
			target, err := t.dict.target(ctx, url)
			if err != nil {
				return err
			}
			err = t.exec(ctx, "INSERT INTO failing (seq, target, kind, phone, received_at) SELECT v.seq, ?, v.kind, "+sqlPayer+
				", v.received_at FROM deliveries AS v WHERE v.seq % 20 = 0 AND v.kind IN (SELECT id FROM kinds WHERE verdict <> 'mismatch')", target)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// largeOthers adds a query and a wallet's transaction for each hundred deposits, the latter
// in one hour of a day, and 200 forwards that wait and 200 that are dead.
func largeOthers(b *testing.B, s *Store) {
	b.Helper()
	var there bool
	if err := s.read.QueryRowContext(b.Context(), "SELECT EXISTS (SELECT 1 FROM queries)").Scan(&there); err != nil || there {
		if err != nil {
			b.Fatal(err)
		}
		return
	}
	err := s.do(b.Context(), "seed", func(ctx context.Context, t *tx) error {
		target, err := t.dict.target(ctx, "http://127.0.0.1:3000/a")
		if err != nil {
			return err
		}
		for _, query := range []string{
			`INSERT INTO queries (kind, provider, environment, status, deposit, receipt, original_conversation_id, request, token, conversation_id,
					originator_conversation_id, code, message, created_at, updated_at, answered_at)
				SELECT 'transaction_status', provider, environment, 'ANSWERED', seq, receipt, '', '{}', callback_token, 'AG_' || seq, 'OC_' || seq, '0', '',
					created_at, created_at, created_at FROM deposits WHERE seq % 100 = 0`,
			`INSERT INTO wallet_transactions (provider, wallet, transaction_id, status, amount, currency, conflict, delivery, created_at, updated_at, direction)
				SELECT 'sevi', '3001', 'TX' || seq, 'COMPLETED', amount, currency, '', seq, created_at / 86400000000 * 86400000000, created_at, 'credit'
				FROM deposits WHERE seq % 100 = 0`,
			`INSERT INTO wallet_hourly (hour, provider, currency, status, direction, n, amount)
				SELECT (created_at / 1000000 + 10800) / 3600, provider, currency, status, direction, count(*), sum(amount) FROM wallet_transactions GROUP BY 1, 2, 3, 4, 5`,
		} {
			if err := t.exec(ctx, query); err != nil {
				return err
			}
		}
		for i, state := range []ForwardState{ForwardWaiting, ForwardDead} {
			err := t.exec(ctx, `INSERT INTO forwards (delivery, target, state, attempts, due_at, created_at, subject)
				SELECT seq, ?, ?, 1, received_at, received_at, subject FROM deliveries WHERE seq > ? ORDER BY seq LIMIT 200`, target, string(state), 1000*i)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func benchLarge(b *testing.B, s *Store) {
	b.Helper()
	ctx := b.Context()
	payer, many, none := mustPhone(b, "0700000031"), mustPhone(b, benchPhone(100)), mustPhone(b, "0799999999")
	some, _, err := s.Deposits.List(ctx, DepositFilter{Limit: 1000})
	if err != nil || len(some) < 1000 {
		b.Fatal(len(some), err)
	}
	old, end := some[999], largeEnd
	deliveries := func(f DeliveryFilter) func() error {
		f.Limit = 50
		return func() error { _, _, err := s.Deliveries.List(ctx, f); return err }
	}
	deposits := func(f DepositFilter) func() error {
		f.Limit = 50
		return func() error { _, _, err := s.Deposits.List(ctx, f); return err }
	}
	find := func(id string) func() error {
		return func() error { _, err := s.Deposits.Find(ctx, id); return err }
	}
	mismatch := []payment.Verdict{payment.VerdictMismatch}
	for _, bc := range []struct {
		name string
		run  func() error
	}{
		{"baseline/latest_50", deliveries(DeliveryFilter{})},
		{"webhook/verdict", deliveries(DeliveryFilter{Verdicts: mismatch})},
		{"webhook/event_and_day", deliveries(DeliveryFilter{Event: "stk.failed", Since: end.AddDate(0, 0, -40), Until: end.AddDate(0, 0, -39)})},
		{"webhook/failed", deliveries(DeliveryFilter{Failed: true})},
		{"webhook/failed_event", deliveries(DeliveryFilter{Failed: true, Event: "stk.failed"})},
		{"webhook/failed_verdict_none", deliveries(DeliveryFilter{Failed: true, Verdicts: mismatch})},
		{"webhook/phone", deliveries(DeliveryFilter{Phone: payer})},
		{"webhook/phone_none", deliveries(DeliveryFilter{Phone: none})},
		{"webhook/phone_failed", deliveries(DeliveryFilter{Phone: payer, Failed: true})},
		{"webhook/phone_failed_none", deliveries(DeliveryFilter{Phone: many, Failed: true})},
		{"webhook/phone_verdict", deliveries(DeliveryFilter{Phone: many, Verdicts: mismatch})},
		{"webhook/deposit", deliveries(DeliveryFilter{DepositID: old.ID})},
		{"deposit/latest_50", deposits(DepositFilter{})},
		{"deposit/status_and_day", deposits(DepositFilter{Statuses: []payment.Status{payment.StatusFailed}, Since: end.AddDate(0, 0, -40), Until: end.AddDate(0, 0, -39)})},
		{"deposit/pending", deposits(DepositFilter{Statuses: []payment.Status{payment.StatusPending}})},
		{"deposit/conflict", deposits(DepositFilter{Conflict: true})},
		{"deposit/find_provider_id", find(old.ProviderID)},
		{"deposit/find_reference", find(old.Reference)},
		{"deposit/find_nothing", find("nothing")},
		{"deposit/recent_of_phone", func() error {
			_, err := s.Deposits.RecentSends(ctx, payer, payment.Amount{}, end.AddDate(0, 0, -1))
			return err
		}},
		{"doubts", func() error { _, err := s.Deposits.Doubts(ctx, old.ID); return err }},
		{"ledger_stats", func() error { _, err := s.Stats(ctx, end.AddDate(0, 0, -7)); return err }},
		{"stats/week", func() error { return readStats(ctx, s, 7) }},
		{"stats/ninety_days", func() error { return readStats(ctx, s, 90) }},
		{"forward_queue", func() error { _, err := s.Forwards.Queue(ctx, 50); return err }},
	} {
		b.Run(bc.name, func(b *testing.B) {
			if err := bc.run(); err != nil { // what is read is in memory
				b.Fatal(err)
			}
			cpu, n := cpuTime(), 0
			for b.Loop() {
				n++
				if err := bc.run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(n)/1000, "cpu-ms/op")
			b.ReportMetric(float64(b.Elapsed())/float64(time.Millisecond)/float64(n), "ms/op")
		})
	}
}

// readStats reads what package stats does.
func readStats(ctx context.Context, s *Store, days int) error {
	from, to := largeEnd.AddDate(0, 0, -days), largeEnd
	_, settledErr := s.Rollups.Settled(ctx, payment.Local, from, to, false)
	_, openErr := s.Rollups.Undecided(ctx, payment.Local, from, to, to)
	_, awaitedErr := s.Rollups.Awaited(ctx, payment.Local, from, to, to)
	_, backErr := s.Rollups.Back(ctx, payment.Local, from, to)
	_, arrivedErr := s.Rollups.Arrived(ctx, from, to)
	_, forwardErr := s.Rollups.Forwarded(ctx, from, to)
	_, walletErr := s.Rollups.Wallets(ctx, from, to)
	_, timesErr := s.Rollups.Times(ctx, payment.Local, from, to)
	return errors.Join(settledErr, openErr, awaitedErr, backErr, arrivedErr, forwardErr, walletErr, timesErr)
}
