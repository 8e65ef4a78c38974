package replay

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/payctl/payctl/internal/deliver"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

const (
	benchDeliveries = 20000
	benchLanes      = 64
)

func benchBody(i int) []byte {
	return fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, i, strings.Repeat("x", 1150))
}

// BenchmarkReplay sends 20,000 stored deliveries of 1.2 KB over 64 connections
// to a bare server, with order per payment and every answer committed to the
// ledger; beside it, in the same run, a writer of ready-made requests, net/http's
// client and a Sender, none of which records anything.
func BenchmarkReplay(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte("OK"))
	}))
	defer server.Close()
	b.Run("raw-writer", func(b *testing.B) { perSecond(b, func() { rawWriters(b, server) }) })
	b.Run("http-client", func(b *testing.B) { perSecond(b, func() { plainClient(b, server) }) })
	ledger, err := store.Open(b.Context(), store.Options{Path: filepath.Join(b.TempDir(), "ledger.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	fill(b, ledger)
	sender := deliver.New(deliver.Options{Connections: benchLanes})
	b.Run("sender", func(b *testing.B) { perSecond(b, func() { sendOnly(b, sender, server) }) })
	b.Run("replay", func(b *testing.B) {
		perSecond(b, func() {
			run, err := ledger.Runs.Start(b.Context(), []byte(`{}`))
			if err != nil {
				b.Fatal(err)
			}
			totals, err := send(b.Context(), options{
				ledger: &shelf{ledger: LedgerOf(ledger)}, runID: run.ID, targets: []string{server.URL + "/hook"}, sender: sender, concurrency: benchLanes, now: time.Now,
			})
			if err != nil || totals.Sent != benchDeliveries || totals.Failed != 0 {
				b.Fatalf("%+v, %v", totals, err)
			}
		})
	})
}

func perSecond(b *testing.B, do func()) {
	b.Helper()
	started := time.Now()
	rounds := 0
	for b.Loop() {
		do()
		rounds++
	}
	b.ReportMetric(float64(rounds*benchDeliveries)/time.Since(started).Seconds(), "deliveries/s")
}

func fill(b *testing.B, ledger *store.Store) {
	b.Helper()
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(512)
	for i := range benchDeliveries {
		group.Go(func() error {
			_, err := ledger.Deliveries.Record(ctx, store.Arrival{
				Delivery: payment.Delivery{
					Provider: payment.WasaaPay, Route: "/callbacks/wasaapay", Method: http.MethodPost, ReceivedAt: time.Now(),
					Header: http.Header{"Content-Type": {"application/json"}}, Body: benchBody(i),
				},
				Inspection: payment.Inspection{
					Verdict: payment.VerdictValid,
					Event:   &payment.Event{Provider: payment.WasaaPay, Name: "bill.completed", Key: strconv.Itoa(i), ProviderID: "bill_" + strconv.Itoa(i/3)},
				},
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func lanes(do func(next func() bool) error) error {
	var group errgroup.Group
	var n atomic.Int64
	for range benchLanes {
		group.Go(func() error { return do(func() bool { return n.Add(1) <= benchDeliveries }) })
	}
	return group.Wait()
}

func rawWriters(b *testing.B, server *httptest.Server) {
	addr := server.Listener.Addr().String()
	body := benchBody(1)
	request := append(fmt.Appendf(nil, "POST /hook HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", addr, len(body)), body...)
	err := lanes(func(next func() bool) error {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		r := bufio.NewReader(conn)
		for next() {
			if _, err := conn.Write(request); err != nil {
				return err
			}
			for {
				line, err := r.ReadSlice('\n')
				if err != nil {
					return err
				}
				if len(line) == 2 {
					break
				}
			}
			if _, err := r.Discard(2); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func sendOnly(b *testing.B, sender *deliver.Sender, server *httptest.Server) {
	header, body := http.Header{"Content-Type": {"application/json"}}, benchBody(1)
	err := lanes(func(next func() bool) error {
		for next() {
			if a := sender.Post(b.Context(), deliver.Request{Target: server.URL + "/hook", Header: header, Body: body}); !a.OK() {
				return fmt.Errorf("status %d: %w", a.Status, a.Err)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func plainClient(b *testing.B, server *httptest.Server) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchLanes, DisableCompression: true}}
	body := string(benchBody(1))
	var buffers sync.Pool
	err := lanes(func(next func() bool) error {
		for next() {
			resp, err := client.Post(server.URL+"/hook", "application/json", strings.NewReader(body))
			if err != nil {
				return err
			}
			buf, _ := buffers.Get().(*[]byte)
			if buf == nil {
				buf = new([]byte)
				*buf = make([]byte, 512)
			}
			_, err = io.CopyBuffer(io.Discard, resp.Body, *buf)
			buffers.Put(buf)
			_ = resp.Body.Close()
			if err != nil {
				return err
			}
		}
		return nil
	})
	client.CloseIdleConnections()
	if err != nil {
		b.Fatal(err)
	}
}
