package listen

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// scanReceiver finds the id with a byte scan, as an adapter does, so that the
// figures are the listener's and the ledger's.
type scanReceiver struct{ fakeReceiver }

func (r scanReceiver) Inspect(d payment.Delivery) payment.Inspection {
	_, rest, _ := strings.Cut(string(d.Body), `"CheckoutRequestID":"`)
	id, _, ok := strings.Cut(rest, `"`)
	if !ok {
		return payment.Inspection{Verdict: payment.VerdictMalformed}
	}
	return payment.Inspection{Verdict: payment.VerdictUnsigned, Event: &payment.Event{
		Provider: payment.Daraja, Name: "stk.completed", Key: id, ProviderID: id, Status: payment.StatusCompleted,
	}}
}

// callbackBody is about 1.2 KB with an id of its own.
func callbackBody(n int64) string {
	head := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m-%d","CheckoutRequestID":"ws_CO_%d","ResultCode":0,"ResultDesc":"`, n, n)
	return head + strings.Repeat("x", 1200-len(head)-5) + `"}}}`
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
func hammer(b *testing.B, addr string, senders int, last *atomic.Int64, during time.Duration) load {
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
				if !exchange(conn, in, post(stkPath, callbackBody(last.Add(1)), "Content-Type: application/json")) {
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

// exchange makes one request and tells whether the answer was 200.
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
	var lc net.ListenConfig
	ln, err := lc.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = w.Write([]byte(`{"ResultCode":0}`))
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(ln) })
	return ln.Addr().String(), func() { _ = srv.Close(); serving.Wait() }
}

// serveLedger is the whole listener over a ledger on disk.
func serveLedger(b *testing.B) (addr string, stop func()) {
	b.Helper()
	ledger := openStore(b, filepath.Join(b.TempDir(), "l.db"))
	s, err := New(Options{
		Ledger: ledger, SpillDir: b.TempDir(), OnDelivery: func(DeliveryView) {},
		Receivers: map[payment.ProviderID]payment.Receiver{payment.Daraja: scanReceiver{}},
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
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkListener prints requests per second and latencies at 1, 64 and 256
// senders, as ratios to a bare net/http handler in the same run. The two take
// turns, so that a noisy machine is noisy to both.
func BenchmarkListener(b *testing.B) {
	for _, senders := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			bareAddr, stopBare := serveBare(b)
			defer stopBare()
			addr, stop := serveLedger(b)
			defer stop()
			var last atomic.Int64
			const turn = 700 * time.Millisecond
			hammer(b, bareAddr, senders, &last, turn/4)
			hammer(b, addr, senders, &last, turn/4)
			var ratios, rates, cpu []float64
			var p50, p99, bare99 []time.Duration
			var bad int64
			b.ResetTimer()
			for range max(3, b.N) {
				bare := hammer(b, bareAddr, senders, &last, turn)
				full := hammer(b, addr, senders, &last, turn)
				ratios, rates = append(ratios, full.perSecond/bare.perSecond), append(rates, full.perSecond)
				cpu = append(cpu, float64(bare.cpu)/float64(max(1, full.cpu)))
				p50, p99, bare99 = append(p50, full.p50), append(p99, full.p99), append(bare99, bare.p99)
				bad += full.bad
			}
			b.ReportMetric(median(ratios), "of-bare")
			b.ReportMetric(median(cpu), "of-bare-cpu")
			b.ReportMetric(median(rates), "req/s")
			b.ReportMetric(float64(median(p50).Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(median(p99).Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(median(bare99).Microseconds())/1000, "bare-p99-ms")
			b.ReportMetric(float64(bad), "bad")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median[T float64 | time.Duration](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}
