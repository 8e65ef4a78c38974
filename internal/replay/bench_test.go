package replay

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
// ledger; beside it, in the same run, hey, a writer of ready-made requests, net/http's
// client and a Sender, none of which records anything. All but the first take turns, so
// that a noisy machine is noisy to all.
func BenchmarkReplay(b *testing.B) {
	defer EaseCollector()()
	server := bareServer(b)
	ledger, err := store.Open(b.Context(), store.Options{Path: filepath.Join(b.TempDir(), "ledger.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	fill(b, ledger)
	sender := deliver.New(deliver.Options{Connections: benchLanes, Steady: true})
	replayed := func() {
		run, err := ledger.Runs.Start(b.Context(), []byte(`{}`))
		if err != nil {
			b.Fatal(err)
		}
		totals, err := send(b.Context(), options{
			ledger: &shelf{ledger: LedgerOf(ledger)}, runID: run.ID, targets: []string{server + "/hook"}, sender: sender, concurrency: benchLanes, now: time.Now,
		})
		if err != nil || totals.Sent != benchDeliveries || totals.Failed != 0 {
			b.Fatalf("%+v, %v", totals, err)
		}
	}
	rates := map[string][]float64{}
	for range max(3, b.N) {
		for _, w := range []struct {
			name string
			do   func()
		}{
			{"raw-writer", func() { rawWriters(b, server) }},
			{"http-client", func() { plainClient(b, server) }},
			{"sender", func() { sendOnly(b, sender, server) }},
			{"replay", replayed},
		} {
			began := time.Now()
			w.do()
			rates[w.name] = append(rates[w.name], benchDeliveries/time.Since(began).Seconds())
		}
		if rate := hey(b, server); rate > 0 {
			rates["hey"] = append(rates["hey"], rate)
		}
	}
	for name, list := range rates {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], name+"/s")
	}
	b.ReportMetric(0, "ns/op")
}

// TestBareServer is no test but the bare server of BenchmarkReplay, in a process of its
// own as hey is: on a busy machine, two processes get more of it than one.
func TestBareServer(t *testing.T) {
	if os.Getenv("PAYCTL_BENCH_SERVER") == "" {
		t.Skip("a benchmark's server")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte("OK"))
	}))
	defer server.Close()
	_, _ = fmt.Fprintln(os.Stdout, server.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// bareServer returns the address of a server that answers OK.
func bareServer(b *testing.B) (url string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run", "^TestBareServer$")
	cmd.Env = append(os.Environ(), "PAYCTL_BENCH_SERVER=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		url, err = bufio.NewReader(stdout).ReadString('\n')
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = stdin.Close(), cmd.Wait() })
	return strings.TrimSpace(url)
}

// hey returns how many requests a second github.com/rakyll/hey makes, 0 where it cannot be
// run.
func hey(b *testing.B, server string) float64 {
	b.Helper()
	body := filepath.Join(b.TempDir(), "body")
	if err := os.WriteFile(body, benchBody(1), 0o600); err != nil {
		b.Fatal(err)
	}
	out, err := exec.CommandContext(b.Context(), "go", "run", "github.com/rakyll/hey@v0.1.4", "-n", strconv.Itoa(benchDeliveries), "-c", strconv.Itoa(benchLanes),
		"-m", "POST", "-T", "application/json", "-D", body, server+"/hook").Output()
	_, rest, found := strings.Cut(string(out), "Requests/sec:")
	if err != nil || !found {
		b.Logf("hey did not run: %v", err)
		return 0
	}
	rate, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return rate
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

func rawWriters(b *testing.B, server string) {
	addr := strings.TrimPrefix(server, "http://")
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

func sendOnly(b *testing.B, sender *deliver.Sender, server string) {
	header, body := http.Header{"Content-Type": {"application/json"}}, benchBody(1)
	err := lanes(func(next func() bool) error {
		for next() {
			if a := sender.Post(b.Context(), deliver.Request{Target: server + "/hook", Header: header, Body: body}); !a.OK() {
				return fmt.Errorf("status %d: %w", a.Status, a.Err)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func plainClient(b *testing.B, server string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchLanes, DisableCompression: true}}
	body := string(benchBody(1))
	var buffers sync.Pool
	err := lanes(func(next func() bool) error {
		for next() {
			resp, err := client.Post(server+"/hook", "application/json", strings.NewReader(body))
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
