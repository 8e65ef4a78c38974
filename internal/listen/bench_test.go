package listen

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/wasaapay"
)

// workload is what senders post.
type workload struct {
	name string
	// mark is what stands in a body before its id.
	mark string
	// request is the nth request, with an id of its own.
	request func(n int64) string
	// prepare puts what is to be settled into the ledger, and check sees that it was.
	prepare, check func(b *testing.B, s *store.Store)
}

// known is how many deposits of the settling workload wait for their callback;
// a callback beyond them is an unknown one.
const known = 60_000

// workloads: callbacks that settle a deposit each, callbacks of pushes that
// somebody else made, and signed webhooks.
func workloads() []workload {
	const stkMark = `"CheckoutRequestID":"`
	signing := secret.New("a-webhook-secret")
	return []workload{
		{name: "settling", mark: stkMark, prepare: seedPushes, check: checkSettled, request: func(n int64) string {
			return post(stkPath+"/"+pushToken(n), callbackBody(n), "Content-Type: application/json")
		}},
		{name: "unknown", mark: stkMark, request: func(n int64) string {
			return post(stkPath, callbackBody(n), "Content-Type: application/json")
		}},
		{name: "signed", mark: `"depositId":"`, request: func(n int64) string {
			body := fmt.Sprintf(`{"event":"deposit.completed","timestamp":"2026-03-02T08:15:00Z","data":{"depositId":"dep_%08x","amount":"250.00",`+
				`"currency":"KES","status":"COMPLETED","description":%q}}`, n, strings.Repeat("x", 960))
			signed, err := wasaapay.Sign([]byte(body), signing)
			if err != nil {
				return ""
			}
			return post("/callbacks/wasaapay", string(signed), "Content-Type: application/json")
		}},
	}
}

// checkoutID has the shape of reference/daraja.md §3.3, of a day with a
// thousand pushes a second.
func checkoutID(n int64) string {
	at := time.Date(2026, 1, 2, 6, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Millisecond)
	return "ws_CO_" + at.Format("02012006150405") + fmt.Sprintf("%03d7%08d", n%1000, uint64(n)*0x9e3779b97f4a7c15%100_000_000)
}

// pushToken is the nth push's path token: as scattered as a random one.
func pushToken(n int64) string {
	sum := sha256.Sum256(strconv.AppendInt(nil, n, 10))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:16]))[:26]
}

// callbackBody is about 1.2 KB with an id of its own.
func callbackBody(n int64) string {
	head := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m-%d","CheckoutRequestID":%q,"ResultCode":0,"ResultDesc":"ok","CallbackMetadata":{"Item":[`+
		`{"Name":"Amount","Value":100.00},{"Name":"MpesaReceiptNumber","Value":"UA2%07d"},{"Name":"TransactionDate","Value":20260102091500},{"Name":"PhoneNumber","Value":254712345678}]},"Note":"`,
		n, checkoutID(n), n)
	return head + strings.Repeat("x", 1200-len(head)-5) + `"}}}`
}

func checkSettled(b *testing.B, s *store.Store) {
	b.Helper()
	found, err := s.Deposits.Find(b.Context(), checkoutID(1))
	if err != nil || len(found) != 1 || found[0].Status != payment.StatusCompleted {
		b.Errorf("the callback did not settle: %+v, %v", found, err)
	}
}

func seedPushes(b *testing.B, s *store.Store) {
	b.Helper()
	phone, err := payment.ParsePhone("254712345678")
	if err != nil {
		b.Fatal(err)
	}
	var senders errgroup.Group
	senders.SetLimit(256)
	for n := int64(1); n <= known; n++ {
		senders.Go(func() error {
			d, _, err := s.Deposits.Create(b.Context(), payment.Deposit{
				Provider: payment.Daraja, Environment: payment.Local, Amount: payment.AmountOf(10000, payment.KES), Phone: phone,
				Reference: "INV-" + strconv.FormatInt(n, 10), CallbackToken: pushToken(n), Status: payment.StatusCreated,
			})
			if err != nil {
				return err
			}
			_, _, err = s.Deposits.Apply(b.Context(), d.ID, payment.Claim{
				Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: checkoutID(n), MerchantRequestID: "m-" + strconv.FormatInt(n, 10), At: time.Now(),
			})
			return err
		})
	}
	if err := senders.Wait(); err != nil {
		b.Fatal(err)
	}
}

// load is what some senders saw.
type load struct {
	perSecond float64
	p50, p99  time.Duration
	// cpu is the processor's time for one request, sender included; it says more
	// than the clock on a machine that others use.
	cpu time.Duration
	bad int64
}

// hammer has senders post callbacks with unique ids over connections of their
// own for a while. It writes and reads raw bytes: a client library would cost
// more than the server that is measured.
func hammer(b *testing.B, addr string, w workload, senders int, last *atomic.Int64, during time.Duration) load {
	b.Helper()
	var all sync.WaitGroup
	var out load
	var bad atomic.Int64
	took := make([][]time.Duration, senders)
	began, used := time.Now(), cpuTime()
	end := began.Add(during)
	for i := range senders {
		all.Go(func() {
			var d net.Dialer
			conn, err := d.DialContext(b.Context(), "tcp", addr)
			if err != nil {
				bad.Add(1)
				return
			}
			defer func() { _ = conn.Close() }()
			in := bufio.NewReader(conn)
			for time.Now().Before(end) {
				start := time.Now()
				if !exchange(conn, in, w.request(last.Add(1))) {
					bad.Add(1)
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	all.Wait()
	elapsed, used := time.Since(began), cpuTime()-used
	flat := slices.Concat(took...)
	slices.Sort(flat)
	if len(flat) == 0 {
		b.Fatal("nothing was answered")
	}
	out.perSecond = float64(len(flat)) / elapsed.Seconds()
	out.cpu = used / time.Duration(len(flat))
	out.p50, out.p99, out.bad = flat[len(flat)/2], flat[len(flat)*99/100], bad.Load()
	return out
}

// exchange makes one request and reports whether the answer was 200.
func exchange(conn net.Conn, in *bufio.Reader, request string) bool {
	if _, err := io.WriteString(conn, request); err != nil {
		return false
	}
	status, err := in.ReadString('\n')
	if err != nil || !strings.Contains(status, " 200 ") {
		return false
	}
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == "\r\n" {
			break
		}
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if _, err := fmt.Sscan(v, &length); err != nil {
				return false
			}
		}
	}
	_, err = in.Discard(length)
	return err == nil
}

// serveBare answers 200 after reading the body, and nothing more.
func serveBare(b *testing.B) (addr string, stop func()) {
	b.Helper()
	return serveHandler(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = w.Write([]byte(`{"ResultCode":0}`))
	}))
}

func serveHandler(b *testing.B, handler http.Handler) (addr string, stop func()) {
	b.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: handler}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(ln) })
	return ln.Addr().String(), func() { _ = srv.Close(); serving.Wait() }
}

// serveLedger is the whole listener over a ledger on disk.
func serveLedger(b *testing.B, w workload, options ...func(*store.Options)) (addr string, stop func()) {
	b.Helper()
	collector := EaseCollector()
	metrics := NewMetrics()
	o := store.Options{Path: filepath.Join(b.TempDir(), "l.db"), BusyTimeout: 2 * time.Second, OnCommit: metrics.Commit}
	for _, change := range options {
		change(&o)
	}
	ledger, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	if w.prepare != nil {
		w.prepare(b, ledger)
	}
	s, err := New(Options{
		Routes: provider.Builtin().Routes(), Ledger: LedgerOf(ledger), SpillDir: b.TempDir(), Collector: collector, OnDelivery: func(DeliveryView) {}, Metrics: metrics,
		Receivers: map[payment.ProviderID]payment.Receiver{
			payment.Daraja:   daraja.Receiver{},
			payment.WasaaPay: wasaapay.NewReceiver(payment.Sandbox, []*secret.Secret{secret.New("a-webhook-secret")}),
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	return ln.Addr().String(), func() {
		cancel()
		err := <-done
		collector.Restore()
		if w.check != nil {
			w.check(b, ledger)
		}
		if err := errors.Join(err, ledger.Close()); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkListener prints requests per second and latencies at 1, 64 and 256
// senders, as ratios to a bare net/http handler in the same run that gets the
// same requests; floor-of-bare is what the least durable listener has of it, see
// floor, and rows-of-bare the least one that writes a ledger's rows. They take turns, so that a noisy machine is noisy to all.
func BenchmarkListener(b *testing.B) {
	for _, w := range workloads() {
		for _, senders := range []int{1, 64, 256} {
			b.Run(fmt.Sprintf("%s/senders=%d", w.name, senders), func(b *testing.B) { compare(b, w, senders) })
		}
	}
}

func compare(b *testing.B, w workload, senders int) {
	b.Helper()
	bareAddr, stopBare := serveBare(b)
	defer stopBare()
	floorAddr, stopFloor := w.serveFloor(b)
	defer stopFloor()
	rowsAddr := ""
	if w.prepare != nil {
		addr, stopRows := w.serveRows(b)
		defer stopRows()
		rowsAddr = addr
	}
	addr, stop := serveLedger(b, w)
	defer stop()
	// Each counts for itself, so that none uses up the others' ids.
	var last, floorLast, rowsLast, bareLast atomic.Int64
	const turn = 700 * time.Millisecond
	hammer(b, bareAddr, w, senders, &bareLast, turn/4)
	hammer(b, floorAddr, w, senders, &floorLast, turn/4)
	hammer(b, addr, w, senders, &last, turn/4)
	var ratios, floors, unjudged, rates, cpu []float64
	var p50, p99, bare99 []time.Duration
	var bad int64
	b.ResetTimer()
	for range max(3, b.N) {
		bare := hammer(b, bareAddr, w, senders, &bareLast, turn)
		least := hammer(b, floorAddr, w, senders, &floorLast, turn)
		full := hammer(b, addr, w, senders, &last, turn)
		floors = append(floors, least.perSecond/bare.perSecond)
		if rowsAddr != "" {
			unjudged = append(unjudged, hammer(b, rowsAddr, w, senders, &rowsLast, turn).perSecond/bare.perSecond)
		}
		ratios, rates = append(ratios, full.perSecond/bare.perSecond), append(rates, full.perSecond)
		cpu = append(cpu, float64(bare.cpu)/float64(max(1, full.cpu)))
		p50, p99, bare99 = append(p50, full.p50), append(p99, full.p99), append(bare99, bare.p99)
		bad += full.bad + least.bad
	}
	b.ReportMetric(median(ratios), "of-bare")
	b.ReportMetric(slices.Max(ratios), "best-of-bare")
	b.ReportMetric(median(floors), "floor-of-bare")
	if len(unjudged) > 0 {
		b.ReportMetric(median(unjudged), "rows-of-bare")
	}
	b.ReportMetric(median(cpu), "of-bare-cpu")
	b.ReportMetric(median(rates), "req/s")
	b.ReportMetric(float64(median(p50).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(median(p99).Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(median(bare99).Microseconds())/1000, "bare-p99-ms")
	b.ReportMetric(float64(bad), "bad")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkListenerRollups prints what the statistics cost a listener that settles deposits:
// its requests per second as a ratio to those of one that keeps none, in the same run. They
// take short turns, each first in every other one, while there are deposits to settle.
func BenchmarkListenerRollups(b *testing.B) {
	w := workloads()[0]
	for _, senders := range []int{1, 64} {
		b.Run(fmt.Sprintf("%s/senders=%d", w.name, senders), func(b *testing.B) {
			with, stopWith := serveLedger(b, w)
			defer stopWith()
			without, stopWithout := serveLedger(b, w, func(o *store.Options) { o.NoRollups = true })
			defer stopWithout()
			var last, bareLast atomic.Int64
			const turn, most = 250 * time.Millisecond, known * 9 / 10
			hammer(b, with, w, senders, &last, turn)
			hammer(b, without, w, senders, &bareLast, turn)
			var ratios, cpu []float64
			b.ResetTimer()
			for i := 0; i < max(12, 8*b.N) && last.Load() < most && bareLast.Load() < most; i++ {
				var full, bare load
				if i%2 == 0 {
					full, bare = hammer(b, with, w, senders, &last, turn), hammer(b, without, w, senders, &bareLast, turn)
				} else {
					bare, full = hammer(b, without, w, senders, &bareLast, turn), hammer(b, with, w, senders, &last, turn)
				}
				if full.bad+bare.bad > 0 {
					b.Fatalf("%d requests failed", full.bad+bare.bad)
				}
				ratios = append(ratios, full.perSecond/bare.perSecond)
				cpu = append(cpu, float64(bare.cpu)/float64(max(1, full.cpu)))
			}
			b.ReportMetric(median(ratios), "of-without")
			b.ReportMetric(median(cpu), "of-without-cpu")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median[T float64 | time.Duration](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}
