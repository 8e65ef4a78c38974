package emulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/emulator/emulatortest"
)

const (
	benchSockets = 1000
	benchRounds  = 2000
)

// rawSocket is a websocket client without goroutine or buffer, so that what is counted is the server's.
type rawSocket struct{ conn net.Conn }

func dialRaw(address, path string) (*rawSocket, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: "+address+
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
	var head []byte
	for one := make([]byte, 1); err == nil && !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, one[0]) {
		_, err = io.ReadFull(conn, one)
		if len(head) > 2000 {
			err = fmt.Errorf("no end of %q", head)
		}
	}
	return &rawSocket{conn}, err
}

// write sends one frame of at most 125 bytes; the mask is zero, which leaves the text as it is.
func (s *rawSocket) write(text string) error {
	_, err := s.conn.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...))
	return err
}

// read returns the next frame, which is in buf.
func (s *rawSocket) read(buf []byte) (string, error) {
	if _, err := io.ReadFull(s.conn, buf[:2]); err != nil {
		return "", err
	}
	n := int(buf[1])
	if n == 126 {
		if _, err := io.ReadFull(s.conn, buf[:2]); err != nil {
			return "", err
		}
		n = int(buf[0])<<8 | int(buf[1])
	}
	_, err := io.ReadFull(s.conn, buf[:n])
	return string(buf[:n]), err
}

// await reads until a frame begins with prefix.
func (s *rawSocket) await(prefix string, buf []byte) error {
	for {
		text, err := s.read(buf)
		if err == nil && text == "2" { // a heartbeat
			err = s.write("3")
		}
		if err != nil || strings.HasPrefix(text, prefix) {
			return err
		}
		if strings.HasPrefix(text, "44") {
			return errors.New(text)
		}
	}
}

// ask writes and awaits the answer, and returns how long that took.
func (s *rawSocket) ask(text, prefix string, buf []byte) (time.Duration, error) {
	begun := time.Now()
	if err := s.write(text); err != nil {
		return 0, err
	}
	err := s.await(prefix, buf)
	return time.Since(begun), err
}

// cost is what a number of sockets takes on the server's side.
type cost struct{ goroutines, heap, stack float64 }

// connect opens n sockets, each made ready by greet, and tells what one costs.
func connect(tb testing.TB, server *httptest.Server, path string, n int, greet func(s *rawSocket, buf []byte) error) ([]*rawSocket, cost) {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	sockets, buf := make([]*rawSocket, n), make([]byte, 4096)
	for i := range sockets {
		s, err := dialRaw(server.Listener.Addr().String(), path)
		if err == nil {
			err = greet(s, buf)
		}
		if err != nil {
			tb.Fatalf("socket %d: %v", i, err)
		}
		sockets[i] = s
		tb.Cleanup(func() { _ = s.conn.Close() })
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := func(after, before uint64) float64 { return (float64(after) - float64(before)) / float64(n) }
	return sockets, cost{
		float64(runtime.NumGoroutine()-goroutines) / float64(n),
		each(after.HeapAlloc, before.HeapAlloc), each(after.StackInuse, before.StackInuse),
	}
}

// rounds asks the sockets in turn and reports how long the answers took.
func rounds(b *testing.B, name string, sockets []*rawSocket, text, prefix string) {
	b.Helper()
	took, buf := make([]time.Duration, benchRounds), make([]byte, 4096)
	for i := range took {
		var err error
		if took[i], err = sockets[i*7%len(sockets)].ask(text, prefix, buf); err != nil {
			b.Fatal(err)
		}
	}
	reportSpread(b, name, took)
}

// reportSpread reports the median, the 99th of a hundred and the last.
func reportSpread(b *testing.B, name string, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	micros := func(d time.Duration) float64 { return float64(d.Microseconds()) }
	b.ReportMetric(micros(took[len(took)/2]), "µs-"+name+"-p50")
	b.ReportMetric(micros(took[len(took)*99/100]), "µs-"+name+"-p99")
	b.ReportMetric(micros(took[len(took)-1]), "µs-"+name+"-max")
}

// echo answers every message with itself.
func echo(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	for err == nil {
		var text []byte
		if _, text, err = ws.Read(r.Context()); err == nil {
			err = ws.Write(r.Context(), websocket.MessageText, text)
		}
	}
}

const benchTopic = `42["subscribe",{"type":"deposit","id":"dep_000000000000"}]`

// BenchmarkEchoSockets is the baseline of BenchmarkSockets: bare websockets that echo.
func BenchmarkEchoSockets(b *testing.B) {
	for b.Loop() {
		server := httptest.NewServer(http.HandlerFunc(echo))
		sockets, each := connect(b, server, "/", benchSockets, func(*rawSocket, []byte) error { return nil })
		rounds(b, "echo", sockets, benchTopic, "42")
		b.ReportMetric(each.goroutines, "goroutines/socket")
		b.ReportMetric(each.heap, "heap-B/socket")
		b.ReportMetric(each.stack, "stack-B/socket")
		server.CloseClientConnections()
		server.Close()
	}
}

// partner asks an emulator in process, without a socket between.
type partner struct {
	b       *testing.B
	handler http.Handler
	asked   int
}

func (p *partner) post(path, key, body string) string {
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	req.Host = "127.0.0.1"
	req.Header.Set("X-Payctl-Control", "1")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Api-Key", emulator.Credentials().WasaaPayAPIKey)
	req.Header.Set("X-Idempotency-Key", key)
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, req)
	if answer.Code >= http.StatusBadRequest {
		p.b.Fatalf("%s: %d %s", path, answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// deposits opens a prompt for each socket and returns their ids.
func (p *partner) deposits(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		p.asked++
		body := fmt.Sprintf(`{"walletId":"wallet_local","amount":100,"phoneNumber":"+2547120%05d"}`, i)
		var answer struct{ Data struct{ ID string } }
		if err := json.Unmarshal([]byte(p.post("/api/v1/partner/deposits/mpesa", fmt.Sprint(p.asked), body)), &answer); err != nil {
			p.b.Fatal(err)
		}
		ids[i] = answer.Data.ID
	}
	return ids
}

// BenchmarkSockets shows what clients cost the emulator, how long it takes to answer one of them, and how long after the
// payer has answered a client knows: the targets are 2 goroutines, and 1 ms at 100 clients and 5 ms at 1,000.
// BenchmarkEchoSockets is the baseline.
func BenchmarkSockets(b *testing.B) {
	for _, n := range []int{100, benchSockets} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				benchEvents(b, n)
			}
		})
	}
}

func benchEvents(b *testing.B, n int) {
	b.Helper()
	answering := &http.Client{Transport: emulatortest.Transport(http.HandlerFunc(bare))}
	server, _ := benchEmulator(b, emulator.Options{Behaviours: []string{"manual"}, HTTPClient: answering})
	defer server.Close()
	defer server.CloseClientConnections()
	hello := `40{"apiKey":"` + emulator.Credentials().WasaaPayAPIKey + `"}`
	sockets, each := connect(b, server, "/partner/socket/?EIO=4&transport=websocket", n, func(s *rawSocket, buf []byte) error {
		if _, err := s.ask(hello, `42["authenticated"`, buf); err != nil {
			return err
		}
		_, err := s.ask(benchTopic, `42["subscribed"`, buf)
		return err
	})
	b.ReportMetric(each.goroutines, "goroutines/socket")
	b.ReportMetric(each.heap, "heap-B/socket")
	b.ReportMetric(each.stack, "stack-B/socket")
	rounds(b, "subscribe", sockets, benchTopic, `42["subscribed"`)
	reportSpread(b, "event", payEach(b, &partner{b: b, handler: server.Config.Handler}, sockets))
}

// payEach has one deposit for each socket paid, one after the other, and returns how long each socket waited to hear of it,
// counted from before the payer's answer is given.
func payEach(b *testing.B, p *partner, sockets []*rawSocket) []time.Duration {
	b.Helper()
	ids, buf := p.deposits(len(sockets)), make([]byte, 4096)
	for i, s := range sockets {
		if _, err := s.ask(`42["subscribe",{"type":"deposit","id":"`+ids[i]+`"}]`, `42["subscribed"`, buf); err != nil {
			b.Fatal(err)
		}
	}
	for _, s := range sockets { // a second later; what is measured is one event at a time
		if err := s.await(`42["deposit:initiated"`, buf); err != nil {
			b.Fatal(err)
		}
	}
	took := make([]time.Duration, len(sockets))
	for i, s := range sockets {
		var heard sync.WaitGroup
		var at time.Time
		heard.Go(func() {
			if err := s.await(`42["deposit:completed"`, buf); err != nil {
				b.Error(err)
			}
			at = time.Now()
		})
		begun := time.Now()
		p.post("/_emulator/answer", "", `{"id":"`+ids[i]+`","outcome":"paid"}`)
		heard.Wait()
		took[i] = at.Sub(begun)
	}
	return took
}
