package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// sharedFor is how long each cell of BenchmarkShared runs, sharedSenders how many senders
// wait for their answers, all listeners together.
const (
	sharedFor     = 2 * time.Second
	sharedSenders = 64
)

// BenchmarkShared measures callbacks that settle on a shared ledger, by listeners and by
// distance, beside a writer that sends each statement by itself. Listeners are in one
// process here, with a writer and connections each.
func BenchmarkShared(b *testing.B) {
	sharedOnly(b)
	for _, d := range []struct {
		rtt  time.Duration
		rows int
	}{{100 * time.Microsecond, 20_000}, {2500 * time.Microsecond, 8000}, {21 * time.Millisecond, 2000}} {
		rtt := "rtt=" + strconv.FormatFloat(float64(d.rtt)/float64(time.Millisecond), 'g', -1, 64)
		b.Run("naive/"+rtt, func(b *testing.B) { benchNaive(b, d.rtt) })
		for _, listeners := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("listeners=%d/%s", listeners, rtt), func(b *testing.B) { benchListeners(b, listeners, d.rtt, d.rows) })
		}
	}
}

// distant returns a new ledger, and one way to it that takes a round trip's time.
func distant(b *testing.B, rtt time.Duration) (place string, proxy *postgrestest.Proxy) {
	b.Helper()
	place = testPlace(b)
	proxy, err := postgrestest.NewProxy(context.WithoutCancel(b.Context()), place)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(proxy.Close)
	proxy.SetDelay(rtt)
	return place, proxy
}

func benchListeners(b *testing.B, listeners int, rtt time.Duration, rows int) {
	place, proxy := distant(b, rtt)
	seedDeposits(b, openTest(b, Options{Path: place}), rows)
	var batches, retries atomic.Int64
	stores := make([]*Store, listeners)
	for i := range stores {
		stores[i] = openTest(b, Options{Path: proxy.URL, OnCommit: func(c CommitStats) {
			batches.Add(1)
			retries.Add(int64(c.Retries))
		}})
		record(b, stores[i], callback(fmt.Sprint("warm-", i), "", 100))
	}
	batches.Store(0)
	retries.Store(0)
	var next atomic.Int64
	var wg sync.WaitGroup
	took := make([][]time.Duration, sharedSenders)
	b.ResetTimer()
	start := time.Now()
	for sender := range sharedSenders {
		wg.Go(func() {
			for time.Since(start) < sharedFor {
				n := next.Add(1)
				if n > int64(rows) {
					return
				}
				at := time.Now()
				got, err := stores[sender%listeners].Deliveries.Record(b.Context(), withToken(padded(callback(checkoutID(n), fmt.Sprintf("R%09d", n), 15000)), benchToken(n)))
				if err != nil || got.Move != payment.MoveApply {
					b.Errorf("%+v, error %v", got, err)
					return
				}
				took[sender] = append(took[sender], time.Since(at))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	b.StopTimer()
	all := slices.Concat(took...)
	b.ReportMetric(float64(len(all))/elapsed.Seconds(), "rows/s")
	b.ReportMetric(float64(retries.Load())/float64(max(1, batches.Load())), "retries/batch")
	b.ReportMetric(float64(len(all))/float64(max(1, batches.Load())), "rows/batch")
	reportTimes(b, all, "ms")
}

// reportTimes reports the median and the 99th percentile of times.
func reportTimes(b *testing.B, all []time.Duration, unit string) {
	b.Helper()
	slices.Sort(all)
	if len(all) == 0 {
		b.Fatal("nothing was measured")
	}
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(all[len(all)*p/100])/float64(time.Millisecond), unit+"-p"+strconv.Itoa(p))
	}
}

// benchNaive commits the callbacks of all senders at once, as a listener does, but runs
// the statements of each row one by one, each a round trip.
func benchNaive(b *testing.B, rtt time.Duration) {
	place, proxy := distant(b, rtt)
	s := openTest(b, Options{Path: place})
	const most = 40 * sharedSenders
	seedDeposits(b, s, most)
	record(b, s, callback("warm", "", 100)) // whose kind the rows take
	ctx := b.Context()
	pg, err := pgconn.Connect(ctx, proxy.URL)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = pg.Close(context.WithoutCancel(ctx)) }()
	for name, text := range map[string]string{
		"begin":   "BEGIN ISOLATION LEVEL SERIALIZABLE",
		"deposit": "SELECT * FROM deposits WHERE callback_token = $1 AND callback_token <> ''",
		"holder":  "SELECT seq FROM deposits WHERE receipt = $1 AND receipt <> ''",
		"insert": `INSERT INTO deliveries (kind, received_at, subject, dedup, deposit, move, size, provider_id, receipt, amount, currency, header, body)
			VALUES (1, $1, $2, $3, $2, 1, 1200, $4, $5, 15000, 'KES', '', $6) RETURNING seq`,
		"settle": "UPDATE deposits SET status = 'COMPLETED', shelf = 3, receipt = $2, paid_at = $3, updated_at = $3, decided_by = 'callback', called_back = 1 WHERE seq = $1",
		"count":  "INSERT INTO daily_counts (writer, day, kind, n, bytes) VALUES (100, 1, 1, $1, $2) ON CONFLICT (writer, day, kind) DO UPDATE SET n = daily_counts.n + excluded.n",
		"commit": "COMMIT",
	} {
		if _, err := pg.Prepare(ctx, name, text, nil); err != nil {
			b.Fatal(name, err)
		}
	}
	run := func(name string, values ...string) [][][]byte {
		args := make([][]byte, len(values))
		for i, v := range values {
			args[i] = []byte(v)
		}
		got := pg.ExecPrepared(ctx, name, args, nil, nil).Read()
		if got.Err != nil {
			b.Fatal(name, got.Err)
		}
		return got.Rows
	}
	body := fmt.Sprintf("\\x%x", padded(callback("x", "", 1)).Delivery.Body)
	b.ResetTimer()
	start, rows := time.Now(), 0
	for rows < most && (rows == 0 || time.Since(start) < sharedFor) {
		run("begin")
		for range sharedSenders {
			rows++
			id, receipt, now := checkoutID(int64(rows)), fmt.Sprintf("R%09d", rows), strconv.FormatInt(time.Now().UnixMicro(), 10)
			found := run("deposit", benchToken(int64(rows)))
			run("holder", receipt)
			seq := string(found[0][0])
			run("insert", now, seq, strconv.Itoa(rows), id, receipt, body)
			run("settle", seq, receipt, now)
		}
		run("count", strconv.Itoa(sharedSenders), strconv.Itoa(1200*sharedSenders))
		run("commit")
	}
	b.StopTimer()
	b.ReportMetric(float64(rows)/time.Since(start).Seconds(), "rows/s")
}

// BenchmarkSharedCold measures what a command that has just been started pays for a write
// from another continent: opening, one deposit, closing; beside a connection that asks once.
func BenchmarkSharedCold(b *testing.B) {
	sharedOnly(b)
	const rtt = 140 * time.Millisecond
	place, proxy := distant(b, rtt)
	create(b, openTest(b, Options{Path: place}), push(b, "INV-0")) // the dictionaries are there
	ctx := b.Context()
	ms := func(d time.Duration, n int) float64 { return float64(d) / float64(time.Millisecond) / float64(n) }
	b.Run("connection", func(b *testing.B) {
		for b.Loop() {
			if err := postgrestest.Exec(ctx, proxy.URL, "SELECT 1"); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(ms(b.Elapsed(), b.N), "ms/command")
	})
	n := 0
	b.Run("create", func(b *testing.B) {
		trips := proxy.Trips()
		for b.Loop() {
			n++
			s, err := Open(ctx, Options{Path: proxy.URL, Actor: func() Actor { return Actor{Who: "me", Host: "here", Command: "test"} }})
			if err != nil {
				b.Fatal(err)
			}
			create(b, s, push(b, fmt.Sprint("INV-", n)))
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(ms(b.Elapsed(), b.N), "ms/command")
		b.ReportMetric(float64(proxy.Trips()-trips)/float64(b.N), "trips/command")
	})
}

// BenchmarkSharedWatchers measures how soon each of a hundred watchers of another machine
// sees its deposit settle, and whether they slow the listener down.
func BenchmarkSharedWatchers(b *testing.B) {
	sharedOnly(b)
	for _, watchers := range []int{0, 100} {
		b.Run("watchers="+strconv.Itoa(watchers), func(b *testing.B) { benchWatchers(b, watchers) })
	}
}

func benchWatchers(b *testing.B, watchers int) {
	const commits = 400
	place := testPlace(b)
	s, other := openTest(b, Options{Path: place}), openTest(b, Options{Path: place})
	seedDeposits(b, s, commits)
	ids := make([]string, commits+1)
	for n := range commits {
		found, err := s.Deposits.Find(b.Context(), checkoutID(int64(n+1)))
		if err != nil || len(found) != 1 {
			b.Fatal(found, err)
		}
		ids[n+1] = found[0].ID
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	settled := make([]atomic.Int64, commits+1) // when, in nanoseconds
	seen := make([][]time.Duration, watchers)
	var reads atomic.Int64
	var ready, done sync.WaitGroup
	for i := range watchers {
		// Each watches the deposits i+1, i+1+watchers, ... one after the other.
		changes := other.Changes(ctx)
		ready.Add(1)
		done.Go(func() {
			n := i + 1
			<-changes
			ready.Done()
			for range changes {
				reads.Add(1)
				d, err := other.Deposits.Get(ctx, ids[n])
				if err != nil || d.Status != payment.StatusCompleted {
					continue
				}
				seen[i] = append(seen[i], time.Since(time.Unix(0, settled[n].Load())))
				if n += watchers; n > commits {
					return
				}
			}
		})
	}
	ready.Wait()
	b.ResetTimer()
	start := time.Now()
	for n := int64(1); n <= commits; n++ {
		settled[n].Store(time.Now().UnixNano())
		deliver(b, s, withToken(callback(checkoutID(n), fmt.Sprintf("R%09d", n), 15000), benchToken(n)))
		if wait := time.Until(start.Add(time.Duration(n) * 5 * time.Millisecond)); wait > 0 { // 200 commits a second
			<-time.After(wait)
		}
	}
	b.StopTimer()
	b.ReportMetric(commits/time.Since(start).Seconds(), "commits/s")
	if watchers > 0 {
		done.Wait()
		b.ReportMetric(float64(reads.Load())/time.Since(start).Seconds(), "reads/s")
		reportTimes(b, slices.Concat(seen...), "ms/notice")
	}
}
