package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// padded gives a callback's body the size of a real one with its surroundings.
func padded(a Arrival) Arrival {
	a.Delivery.Body = append(a.Delivery.Body, strings.Repeat(" ", max(0, 1200-len(a.Delivery.Body)))...)
	return a
}

// checkoutID has the shape of the provider's (reference/daraja.md §3.3), of a day
// with a thousand pushes a second.
func checkoutID(n int64) string {
	at := time.Date(2026, 1, 2, 6, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Millisecond)
	return "ws_CO_" + at.Format("02012006150405") + fmt.Sprintf("%03d7%08d", n%1000, uint64(n)*0x9e3779b97f4a7c15%100_000_000)
}

// hammerRecord records b.N callbacks from as many senders.
func hammerRecord(b *testing.B, s *Store, senders int, arrival func(n int64) Arrival) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	ctx := b.Context()
	perRow(b, func() {
		for range senders {
			wg.Go(func() {
				for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
					if _, err := s.Deliveries.Record(ctx, arrival(n)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// BenchmarkRecord measures deliveries with everything that is done for them,
// beside the same table filled by plain inserts in transactions of that size.
func BenchmarkRecord(b *testing.B) {
	for _, senders := range []int{1, 32, 64, 256} {
		b.Run("baseline/batch="+strconv.Itoa(senders), func(b *testing.B) { baseline(b, senders) })
		b.Run("unknown/senders="+strconv.Itoa(senders), func(b *testing.B) {
			s := openTest(b, Options{})
			hammerRecord(b, s, senders, func(n int64) Arrival { return padded(callback(checkoutID(n), "", 15000)) })
			reportSize(b, s)
		})
		b.Run("settling/senders="+strconv.Itoa(senders), func(b *testing.B) {
			s := openTest(b, Options{})
			seedDeposits(b, s, b.N)
			hammerRecord(b, s, senders, func(n int64) Arrival {
				return withToken(padded(callback(checkoutID(n), fmt.Sprintf("R%09d", n), 15000)), benchToken(n))
			})
		})
	}
}

// BenchmarkCreate measures intents from many callers, beside the same rows written by
// plain inserts in transactions of that size.
func BenchmarkCreate(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run("baseline/batch="+strconv.Itoa(callers), func(b *testing.B) {
			s := openTest(b, Options{})
			perRow(b, func() {
				for n := 0; n < b.N; {
					jobs := make([]*job, 0, callers)
					for ; len(jobs) < callers && n < b.N; n++ {
						d := benchIntent(b, int64(n))
						jobs = append(jobs, &job{done: make(chan struct{}), run: func(ctx context.Context, t *tx) error {
							_, err := t.deposits.insert(ctx, d)
							return err
						}})
					}
					err := s.do(b.Context(), "insert", func(ctx context.Context, t *tx) error {
						for _, j := range jobs {
							if err := j.run(ctx, t); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		})
		b.Run("callers="+strconv.Itoa(callers), func(b *testing.B) {
			s := openTest(b, Options{})
			var next atomic.Int64
			perRow(b, func() {
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							if _, _, err := s.Deposits.Create(b.Context(), benchIntent(b, n)); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
			})
		})
	}
}

func benchIntent(b *testing.B, n int64) payment.Deposit {
	d := push(b, "INV-"+strconv.FormatInt(n, 10))
	d.IdempotencyKey, d.CallbackToken = benchToken(-n), benchToken(n)
	return d
}

// perRow reports what one of b.N rows costs.
func perRow(b *testing.B, do func()) {
	b.Helper()
	b.ResetTimer()
	cpu := cpuTime()
	do()
	b.StopTimer()
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/row")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func reportSize(b *testing.B, s *Store) {
	b.Helper()
	if b.N < 1000 {
		return
	}
	if _, err := s.read.ExecContext(b.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		b.Log(err)
	}
	info, err := os.Stat(s.Path())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/float64(b.N), "bytes/event")
}

// benchToken is the token of the nth deposit: as scattered as a random one.
func benchToken(n int64) string {
	sum := sha256.Sum256(strconv.AppendInt(nil, n, 10))
	return hex.EncodeToString(sum[:13])
}

// seedDeposits puts pending deposits into a ledger, many to a commit.
func seedDeposits(b *testing.B, s *Store, n int) {
	b.Helper()
	const chunk = 2000
	for from := 1; from <= n; from += chunk {
		err := s.do(b.Context(), "seed", func(ctx context.Context, t *tx) error {
			for i := from; i < min(from+chunk, n+1); i++ {
				d := push(b, "INV-"+strconv.Itoa(i))
				d.ProviderID, d.MerchantRequestID, d.CallbackToken = checkoutID(int64(i)), "mr-"+checkoutID(int64(i)), benchToken(int64(i))
				row, err := t.deposits.insert(ctx, d)
				if err != nil {
					return err
				}
				after := row
				after.Status, after.SentAt, after.ExpiresAt = payment.StatusPending, t.now, t.now
				if err := t.deposits.save(ctx, row, after); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// baseline inserts rows of the same size in plain transactions.
func baseline(b *testing.B, batch int) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "baseline.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	baselineRun(b, db, batch)
}

func baselineRun(b *testing.B, db *sql.DB, batch int) {
	b.Helper()
	ctx := b.Context()
	for _, q := range []string{
		"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
		"CREATE TABLE d (seq INTEGER PRIMARY KEY, provider TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (provider, id)) STRICT",
	} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			b.Fatal(err)
		}
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	stmt, err := conn.PrepareContext(ctx, "INSERT INTO d (provider, id, at, body) VALUES (?, ?, ?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	body := padded(callback("x", "", 1)).Delivery.Body
	defer func() { _ = stmt.Close() }()
	ctx = context.WithoutCancel(ctx)
	b.ResetTimer()
	cpu := cpuTime()
	for n := 0; n < b.N; {
		if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			b.Fatal(err)
		}
		for i := 0; i < batch && n < b.N; i++ {
			if _, err := stmt.ExecContext(ctx, "daraja", checkoutID(int64(n)), time.Now().UnixMicro(), body); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/row")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// benchRows is how many deliveries the reading benchmarks fill a ledger with;
// PAYCTL_BENCH_ROWS=5000000 shows that the times do not grow.
func benchRows(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(os.Getenv("PAYCTL_BENCH_ROWS"))
	if err != nil || n <= 0 {
		return 20_000
	}
	return n
}

// BenchmarkRead measures lists and look-ups in a ledger with many deliveries,
// and beside them what a page in the middle costs with OFFSET.
func BenchmarkRead(b *testing.B) {
	n := benchRows(b)
	// Callbacks of strangers are bounded; here they are to stay.
	all := Bound{Rows: int64(2 * n), Bytes: 1 << 40}
	s := openTest(b, Options{Quarantine: Quarantine{Junk: all, Untrusted: all}})
	ids := seedDeliveries(b, s, n)
	ctx := b.Context()
	_, middle, err := s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, Cursor: position{at: 1 << 60, seq: int64(n / 2)}.cursor()})
	if err != nil {
		b.Fatal(err)
	}
	for _, bc := range []struct {
		name string
		run  func() error
	}{
		{"baseline offset to the middle", func() error {
			_, err := queryPositions(ctx, s.read,
				"SELECT received_at, seq FROM deliveries ORDER BY seq DESC LIMIT 50 OFFSET ?", n/2)
			return err
		}},
		{"latest 50", func() error { _, _, err := s.Deliveries.List(ctx, DeliveryFilter{Limit: 50}); return err }},
		{"page in the middle", func() error {
			_, _, err := s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, Cursor: middle})
			return err
		}},
		{"provider, status and day", func() error {
			_, _, err := s.Deliveries.List(ctx, DeliveryFilter{
				Limit: 50, Provider: payment.Daraja, Statuses: []payment.Status{payment.StatusCompleted},
				Since: newClock().Now().AddDate(0, 0, 1), Until: newClock().Now().AddDate(0, 0, 2),
			})
			return err
		}},
		{"a rare verdict", func() error {
			_, _, err := s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, Verdicts: []payment.Verdict{payment.VerdictMismatch}})
			return err
		}},
		{"what failed", func() error { _, _, err := s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, Failed: true}); return err }},
		{"what failed of one event", func() error {
			_, _, err := s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, Failed: true, Event: "stk.failed"})
			return err
		}},
		{"a payer of few", func() error { return listPhone(ctx, s, benchPhone(1)) }},
		{"a payer of many", func() error { return listPhone(ctx, s, benchPhone(0)) }},
		{"a payer of none", func() error { return listPhone(ctx, s, "254799999999") }},
		{"a payer's failed", func() error {
			phone, err := payment.ParsePhone(benchPhone(0))
			if err == nil {
				_, _, err = s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, Phone: phone, Failed: true})
			}
			return err
		}},
		{"one deposit's", func() error {
			_, _, err := s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, DepositID: s.id(depositPrefix, 1)})
			return err
		}},
		{"one by id", func() error { _, err := s.Deliveries.Get(ctx, ids[len(ids)/2]); return err }},
		{"deposit by the provider's id", func() error { _, err := s.Deposits.Find(ctx, checkoutID(7)); return err }},
		{"statistics", func() error { _, err := s.Stats(ctx, time.Time{}); return err }},
	} {
		b.Run(strings.ReplaceAll(bc.name, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				if err := bc.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchPhone is a payer's number: of every 100 callbacks one names payer 0, and one in
// ten is masked.
func benchPhone(i int) string {
	if i%100 == 0 {
		return "254700000222"
	}
	return fmt.Sprintf("2547%08d", 1_000_000+i)
}

func listPhone(ctx context.Context, s *Store, number string) error {
	phone, err := payment.ParsePhone(number)
	if err == nil {
		_, _, err = s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, Phone: phone})
	}
	return err
}

// BenchmarkOpen measures what a command pays for the ledger before its first answer.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	s, err := Open(b.Context(), Options{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	d := create(b, s, push(b, "INV-1"))
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(b.Context(), Options{Path: path})
		if err != nil {
			b.Fatal(err)
		}
		deposit(b, s, d.ID)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// seedDeliveries fills a ledger: callbacks a second apart, one in 10,000 forged.
func seedDeliveries(b *testing.B, s *Store, n int) []string {
	b.Helper()
	seedDeposits(b, s, 100)
	var ids []string
	const chunk = 5000
	for from := 0; from < n; from += chunk {
		var jobs []*job
		var arrivals []*arrival
		for i := from; i < min(from+chunk, n); i++ {
			a := padded(callback(checkoutID(int64(i+1000)), "", 15000))
			if i%3 == 0 {
				a = failed(a)
			}
			if i%10_000 == 77 {
				a.Inspection.Verdict = payment.VerdictMismatch
			}
			e := *a.Inspection.Event
			if e.Phone = benchPhone(i); i%10 == 0 {
				e.Phone = "2547 ***** 222"
			}
			a.Inspection.Event = &e
			a.Delivery.ReceivedAt = newClock().Now().Add(time.Duration(i) * time.Second)
			p, err := s.prepare(a)
			if err != nil {
				b.Fatal(err)
			}
			arrivals = append(arrivals, p)
			jobs = append(jobs, &job{run: p.record, arrival: p, done: make(chan struct{})})
		}
		w := newWriter(s.database)
		w.commit(context.WithoutCancel(b.Context()), jobs)
		w.tidy(context.WithoutCancel(b.Context()), jobs)
		if err := w.close(); err != nil {
			b.Fatal(err)
		}
		for i, p := range arrivals {
			if jobs[i].err != nil {
				b.Fatal(jobs[i].err)
			}
			if i%1000 == 0 {
				ids = append(ids, p.out.DeliveryID)
			}
		}
	}
	err := s.do(b.Context(), "seed", func(ctx context.Context, t *tx) error {
		for _, url := range []string{"http://127.0.0.1:3000/a", "http://127.0.0.1:3000/b"} {
			target, err := t.dict.target(ctx, url)
			if err != nil {
				return err
			}
			if err := t.exec(ctx, "INSERT INTO failing (seq, target, kind, phone, received_at) SELECT seq, ?, kind, coalesce(phone, ''), received_at FROM deliveries WHERE seq % 20 = 0", target); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return ids
}
