package emulator_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/emulator"
)

// benchServer serves h on a loopback socket.
func benchServer(tb testing.TB, h http.Handler) *httptest.Server {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	return server
}

// benchEmulator starts an emulator behind a socket and returns its address and a token.
func benchEmulator(tb testing.TB, opts emulator.Options) (*httptest.Server, string) {
	tb.Helper()
	e, err := emulator.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	server := benchServer(tb, e.Handler())
	tb.Cleanup(func() { _ = e.Close(context.WithoutCancel(tb.Context())) })
	creds := emulator.Credentials()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, server.URL+"/oauth/v1/generate?grant_type=client_credentials", nil)
	if err != nil {
		tb.Fatal(err)
	}
	req.SetBasicAuth(creds.ConsumerKey, creds.ConsumerSecret)
	resp, err := server.Client().Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		tb.Fatal(err)
	}
	return server, strings.Split(string(body), `"`)[3]
}

var benchPhone atomic.Uint64

// benchBody is a push for a phone that none before had.
func benchBody(callback string) string {
	number := strconv.FormatUint(254711000000+benchPhone.Add(1)*100+50, 10)
	return pushBody("PartyA", number, "PhoneNumber", number, "CallBackURL", `"`+callback+`"`)
}

// benchRequest is a push as it goes over the wire.
func benchRequest(server *httptest.Server, token, callback string) string {
	body := benchBody(callback)
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		pushPath, server.Listener.Addr(), token, len(body), body)
}

// hammer sends n pushes over the given number of raw keep-alive connections and returns how long that took.
func hammer(tb testing.TB, server *httptest.Server, token, callback string, senders, n int) time.Duration {
	tb.Helper()
	return hammerEach(tb, server, senders, n, func(int) string { return benchRequest(server, token, callback) }, func(int) {})
}

// hammerEach is hammer with a request and a notice of its departure for each push.
func hammerEach(tb testing.TB, server *httptest.Server, senders, n int, request func(int) string, leaving func(int)) time.Duration {
	tb.Helper()
	var wg sync.WaitGroup
	requests := make([]string, n)
	for i := range requests {
		requests[i] = request(i)
	}
	begun := time.Now()
	for s := range senders {
		wg.Go(func() {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				tb.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			answers := bufio.NewReader(conn)
			for i := s; i < n; i += senders {
				leaving(i)
				_, _ = io.WriteString(conn, requests[i])
				resp, err := http.ReadResponse(answers, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					tb.Errorf("push %d: %v %v", i, resp, err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
			}
		})
	}
	wg.Wait()
	return time.Since(begun)
}

// bare answers 200 after reading the body, and nothing else.
func bare(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ResponseCode":"0"}`)
}

const benchBatch = 4000

// BenchmarkPushBesideBare shows accepted pushes per second as a share of what a bare net/http handler does in the same
// run: the target is 0.55.
func BenchmarkPushBesideBare(b *testing.B) {
	plain := benchServer(b, http.HandlerFunc(bare))
	server, token := benchEmulator(b, emulator.Options{CallbackDelay: 10 * time.Minute})
	var bareTime, pushTime time.Duration
	for b.Loop() {
		bareTime += hammer(b, plain, token, "http://127.0.0.1:1/", 64, benchBatch)
		pushTime += hammer(b, server, token, "http://127.0.0.1:1/", 64, benchBatch)
	}
	b.ReportMetric(bareTime.Seconds()/pushTime.Seconds(), "of-bare")
	b.ReportMetric(float64(b.N*benchBatch)/pushTime.Seconds(), "pushes/s")
	b.ReportMetric(float64(b.N*benchBatch)/bareTime.Seconds(), "bare/s")
}

// calmLatency is the time from a push to its callback in the default weather.
const calmLatency = 150 * time.Millisecond

// BenchmarkCallbacksUnderLoad shows how late callbacks are while pushes arrive as fast as they are taken: the target is
// one second for the last of them. Each is due its latency after its push has left the client, so that what a push waits
// before it is accepted counts as late too.
func BenchmarkCallbacksUnderLoad(b *testing.B) {
	const n = 5 * benchBatch
	var left, arrived [n]atomic.Int64
	var got atomic.Int64
	app := benchServer(b, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if i, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/")); err == nil {
			arrived[i].Store(time.Now().UnixNano())
		}
		got.Add(1)
	}))
	var late []time.Duration
	var load time.Duration
	for b.Loop() {
		server, token := benchEmulator(b, emulator.Options{})
		got.Store(0)
		load += hammerEach(b, server, 64, n, func(i int) string { return benchRequest(server, token, app.URL+"/"+strconv.Itoa(i)) },
			func(i int) { left[i].Store(time.Now().UnixNano()) })
		for got.Load() < n {
			runtime.Gosched()
		}
		for i := range n {
			late = append(late, time.Duration(arrived[i].Load()-left[i].Load())-calmLatency)
		}
		server.Close()
	}
	b.ReportMetric(float64(b.N*n)/load.Seconds(), "pushes/s")
	reportSpread(b, "late", late)
}

// BenchmarkOpenPayments shows the memory of 100,000 open payments: the target is 64 MB.
func BenchmarkOpenPayments(b *testing.B) {
	for b.Loop() {
		server, token := benchEmulator(b, emulator.Options{CallbackDelay: 10 * time.Minute})
		hammer(b, server, token, "http://127.0.0.1:4020/callbacks/daraja/stk/0123456789abcdef0123456789abcdef", 64, 1)
		before := heapInUse()
		for range 25 {
			hammer(b, server, token, "http://127.0.0.1:4020/callbacks/daraja/stk/0123456789abcdef0123456789abcdef", 64, benchBatch)
		}
		b.ReportMetric(float64(heapInUse()-before)/(1<<20), "MB/100k-open")
		server.Close()
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkStart shows the time until an emulator is ready: the target is 100 ms.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		e, err := emulator.New(emulator.Options{})
		if err != nil {
			b.Fatal(err)
		}
		_ = e.Close(b.Context())
	}
}
