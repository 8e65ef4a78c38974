package emulator_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/emulator"
)

// What is measured here takes three processes, as it does in use: the emulator, who pushes, and who listens on sockets.
// Their stamps are the wall clock's, which they share. Every part ends after loadLimit at the latest.
const (
	loadSenders = 64
	loadEvents  = 1000
	loadRounds  = 3
	loadEvery   = 4 * time.Millisecond // an event, at most
	loadLimit   = 90 * time.Second
	loadRole    = "PAYCTL_BENCH_ROLE" // of this program, in a process of its own
)

// BenchmarkEventsUnderLoad shows how long after a payment is settled a socket client has read the event, while 64 senders
// in another process push as fast as they are answered; the targets are 1 ms at 100 sockets and 5 ms at 1,000, and a
// second for the latest callback. The yardstick is what the same arrangement takes with a bare server, which answers
// pushes without a thought and writes each event into its websocket at once: what the processors' queue costs.
func BenchmarkEventsUnderLoad(b *testing.B) {
	program := filepath.Join(b.TempDir(), "payctl")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-o", program, "../../cmd/payctl").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for _, n := range []int{100, benchSockets} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var ours, bare loadResult
			for b.Loop() {
				for range loadRounds {
					bare.add(underLoad(b, n, startBare(b)))
					ours.add(underLoad(b, n, startEmulator(b, program)))
				}
			}
			reportSpread(b, "event", ours.took)
			reportSpread(b, "bare", bare.took)
			b.ReportMetric(ours.pushes/ours.seconds, "pushes/s")
			b.ReportMetric(bare.pushes/bare.seconds, "bare/s")
			b.ReportMetric(float64(ours.late.Milliseconds()), "ms-late-max")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// loadResult is what one or more rounds gave.
type loadResult struct {
	took            []time.Duration
	pushes, seconds float64
	late            time.Duration // of the latest callback
}

func (r *loadResult) add(o loadResult) {
	r.took, r.late = append(r.took, o.took...), max(r.late, o.late)
	r.pushes, r.seconds = r.pushes+o.pushes, r.seconds+o.seconds
}

// loaded is a server under measurement.
type loaded struct {
	address string
	socket  string // path of its websockets
	greet   func(s *rawSocket, buf []byte) error
	// prepare makes n events possible and subscribes the sockets to them in turn; cause makes one happen.
	prepare func(sockets []*rawSocket, n int)
	cause   func(i int) error
	// event returns the number of the event that a frame tells of, -1 for none, and when it was made where the frame says.
	event func(frame string) (int, time.Time)
	// made returns when each event was due that was sent, nil if frames say so.
	made func() map[int]time.Time
	args []string // for the sender
}

// underLoad has events happen one after the other under full push load.
func underLoad(b *testing.B, n int, server loaded) loadResult {
	b.Helper()
	sockets := make([]*rawSocket, n)
	buf := make([]byte, 4096)
	for i := range sockets {
		s, err := dialRaw(server.address, server.socket)
		if err != nil {
			b.Fatal(err)
		}
		s.conn = &bufferedConn{s.conn, bufio.NewReader(s.conn)}
		_ = s.conn.SetDeadline(time.Now().Add(loadLimit))
		b.Cleanup(func() { _ = s.conn.Close() })
		if err := server.greet(s, buf); err != nil {
			b.Fatal(err)
		}
		sockets[i] = s
	}
	server.prepare(sockets, loadEvents)

	made, read := make([]atomic.Int64, loadEvents), make([]atomic.Int64, loadEvents)
	var readers sync.WaitGroup
	for _, s := range sockets {
		readers.Go(func() {
			buf := make([]byte, 4096)
			for {
				frame, err := s.read(buf)
				at := time.Now()
				if err != nil {
					return // closed, once all have been heard
				}
				if frame == "2" { // a heartbeat
					_ = s.write("3")
				}
				if i, stamp := server.event(frame); i >= 0 {
					read[i].Store(at.UnixNano())
					made[i].Store(stamp.UnixNano())
				}
			}
		})
	}
	load := startRole(b, "push", server.args...)
	begun := time.Now()
	time.Sleep(200 * time.Millisecond)
	pace := time.NewTicker(loadEvery)
	defer pace.Stop()
	for i := range loadEvents {
		<-pace.C
		if err := server.cause(i); err != nil {
			b.Fatalf("event %d: %v", i, err)
		}
	}
	heard := func() (n int) {
		for i := range read {
			n += int(min(read[i].Load(), 1))
		}
		return n
	}
	for deadline := time.Now().Add(5 * time.Second); heard() < loadEvents && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	seconds := time.Since(begun).Seconds()
	var pushed pushReport
	if err := json.Unmarshal([]byte(load.end()), &pushed); err != nil || pushed.Failed != "" {
		b.Fatalf("the senders: %s %v", pushed.Failed, err)
	}
	for _, s := range sockets {
		_ = s.conn.Close()
	}
	readers.Wait()
	out := loadResult{pushes: float64(pushed.Pushes), seconds: seconds, late: pushed.Late}
	stamps := server.made()
	for i := range loadEvents {
		stamp, sent := time.Unix(0, made[i].Load()), stamps == nil
		if at, known := stamps[i]; known {
			stamp, sent = at, true
		}
		switch at := read[i].Load(); {
		case at > 0:
			out.took = append(out.took, time.Unix(0, at).Sub(stamp))
		case sent:
			b.Fatalf("event %d of %d was sent and never heard", i, loadEvents)
		}
	}
	if len(out.took) < loadEvents*9/10 { // a subscription may come after the event on a busy machine
		b.Fatalf("only %d of %d events had a subscriber in time", len(out.took), loadEvents)
	}
	return out
}

// bufferedConn spares a read for each part of a frame.
type bufferedConn struct {
	net.Conn
	from *bufio.Reader
}

func (c *bufferedConn) Read(p []byte) (int, error) { return c.from.Read(p) }

// startBare starts the yardstick.
func startBare(b *testing.B) loaded {
	b.Helper()
	r := startRole(b, "bare")
	address := r.line()
	steer := newSteer(b, address)
	b.Cleanup(func() { _ = r.stdin.Close() })
	return loaded{
		address: address, socket: "/socket", args: []string{address, "-"},
		greet:   func(*rawSocket, []byte) error { return nil },
		prepare: func([]*rawSocket, int) {},
		cause: func(i int) error {
			_, err := steer.ask(http.MethodPost, "/event?"+strconv.Itoa(i), "", nil)
			return err
		},
		event: func(frame string) (int, time.Time) {
			var i int
			var stamp int64
			if n, _ := fmt.Sscanf(frame, "event %d %d", &i, &stamp); n < 2 {
				return -1, time.Time{}
			}
			return i, time.Unix(0, stamp)
		},
		made: func() map[int]time.Time { return nil },
	}
}

// startEmulator starts the program as it is released, its log in a file: that has when an event was due.
func startEmulator(b *testing.B, program string) loaded {
	b.Helper()
	dir := b.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	ready := filepath.Join(dir, "ready")
	ctx, cancel := context.WithTimeout(b.Context(), loadLimit)
	cmd := exec.CommandContext(ctx, program, "emulator", "--addr", "127.0.0.1:0", "--ready-file", ready, "--behaviour", "manual@deposit",
		"--webhook-url", "http://127.0.0.1:9/", "-o", "json", "--seed", "7")
	cmd.Env, cmd.Stdout = append(os.Environ(), "PAYCTL_PROFILE=local", "HOME="+dir), log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cancel(); _ = cmd.Wait() })
	var base []byte
	for len(base) == 0 && ctx.Err() == nil {
		base, _ = os.ReadFile(ready)
		runtime.Gosched()
	}
	address := strings.TrimPrefix(strings.TrimSpace(string(base)), "http://")
	steer := newSteer(b, address)
	ids := make([]string, loadEvents)
	var numbers sync.Map // of the events, by the deposit's id
	subscribe := func(id string) string { return `42["subscribe",{"type":"deposit","id":"` + id + `"}]` }
	var clients []*rawSocket
	return loaded{
		address: address, socket: "/partner/socket/?EIO=4&transport=websocket", args: []string{address, steer.token()},
		greet: func(s *rawSocket, buf []byte) error {
			_, err := s.ask(`40{"apiKey":"`+emulator.Credentials().WasaaPayAPIKey+`"}`, `42["authenticated"`, buf)
			return err
		},
		// Every other payment waits for its payer, who answers by the control plane; the others are made, and settled by the
		// clock, under load.
		prepare: func(sockets []*rawSocket, n int) {
			clients = sockets
			buf := make([]byte, 4096)
			for i := 0; i < n; i += 2 {
				ids[i] = steer.deposit(i, "")
				numbers.Store(ids[i], i)
				if _, err := sockets[i%len(sockets)].ask(subscribe(ids[i]), `42["subscribed"`, buf); err != nil {
					b.Fatal(err)
				}
			}
		},
		cause: func(i int) error {
			if i%2 == 1 {
				id := steer.deposit(i, "paid")
				numbers.Store(id, i)
				return clients[i%len(clients)].write(subscribe(id))
			}
			_, err := steer.ask(http.MethodPost, "/_emulator/answer", `{"id":"`+ids[i]+`","outcome":"paid"}`, nil)
			return err
		},
		event: func(frame string) (int, time.Time) {
			if !strings.HasPrefix(frame, `42["deposit:completed"`) {
				return -1, time.Time{}
			}
			_, rest, _ := strings.Cut(frame, `"id":"`)
			id, _, _ := strings.Cut(rest, `"`)
			if i, known := numbers.Load(id); known {
				return i.(int), time.Time{}
			}
			return -1, time.Time{}
		},
		made: func() map[int]time.Time {
			out := map[int]time.Time{}
			text, err := os.ReadFile(log.Name())
			if err != nil {
				b.Fatal(err)
			}
			for line := range bytes.Lines(text) {
				if !bytes.Contains(line, []byte("#deposit:completed")) {
					continue
				}
				var x emulator.Exchange
				if err := json.Unmarshal(line, &x); err == nil && x.Method == "EMIT" {
					if i, known := numbers.Load(x.PaymentID); known {
						out[i.(int)] = x.Time
					}
				}
			}
			return out
		},
	}
}
