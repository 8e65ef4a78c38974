package emulator_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/payctl/payctl/internal/emulator"
)

// role is this program, or payctl, in a process of its own, until its input is closed.
type role struct {
	b     *testing.B
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Reader
}

func startRole(b *testing.B, name string, args ...string) *role {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), loadLimit)
	b.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestLoadRole$")
	cmd.Env = append(os.Environ(), loadRole+"="+strings.Join(append([]string{name}, args...), " "))
	r := &role{b: b, cmd: cmd}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	r.stdin, r.lines = stdin, bufio.NewReader(stdout)
	b.Cleanup(func() { _, _ = stdin.Close(), cmd.Wait() })
	return r
}

func (r *role) line() string {
	r.b.Helper()
	text, err := r.lines.ReadString('\n')
	if err != nil {
		r.b.Fatalf("%s: %v", r.cmd.Env[len(r.cmd.Env)-1], err)
	}
	return strings.TrimSpace(text)
}

// end closes the role's input and returns its last word.
func (r *role) end() string {
	r.b.Helper()
	_ = r.stdin.Close()
	return r.line()
}

// TestLoadRole is no test but the other processes of BenchmarkEventsUnderLoad.
func TestLoadRole(t *testing.T) {
	words := strings.Fields(os.Getenv(loadRole))
	if len(words) == 0 {
		t.Skip("a benchmark's other processes")
	}
	switch words[0] {
	case "bare":
		bareSockets()
	case "push":
		_ = json.NewEncoder(os.Stdout).Encode(pushUntilEnd(words[1], words[2]))
	}
}

// bareSockets answers pushes, holds websockets, and for each line of its input writes an event into the next of them.
func bareSockets() {
	var mu sync.Mutex
	var sockets []*websocket.Conn
	mux := http.NewServeMux()
	mux.HandleFunc("/", bare)
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		mu.Lock()
		sockets = append(sockets, ws)
		mu.Unlock()
		_, _, _ = ws.Read(r.Context()) // until it is closed
	})
	padding := strings.Repeat(" ", 400)
	mux.HandleFunc("/event", func(_ http.ResponseWriter, r *http.Request) {
		i, _ := strconv.Atoi(r.URL.RawQuery)
		mu.Lock()
		ws := sockets[i%len(sockets)]
		mu.Unlock()
		_ = ws.Write(r.Context(), websocket.MessageText, fmt.Appendf(nil, "event %d %d %s", i, time.Now().UnixNano(), padding))
	})
	server := &http.Server{Handler: mux}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return
	}
	go func() { _ = server.Serve(ln) }()
	_, _ = fmt.Fprintln(os.Stdout, ln.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = server.Close()
}

// steer asks a server one thing after the other.
type steer struct {
	b       *testing.B
	address string
	conn    net.Conn
	answers *bufio.Reader
}

func newSteer(b *testing.B, address string) *steer {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(loadLimit))
	b.Cleanup(func() { _ = conn.Close() })
	return &steer{b, address, conn, bufio.NewReader(conn)}
}

func (s *steer) ask(method, path, body string, header http.Header) (string, error) {
	req, err := http.NewRequest(method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	maps.Copy(req.Header, header)
	req.Header.Set("X-Payctl-Control", "1")
	req.Header.Set("Content-Type", "application/json")
	if err := req.Write(s.conn); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(s.answers, req)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %d %s", path, resp.StatusCode, answer)
	}
	return string(answer), err
}

// token gets an access token.
func (s *steer) token() string {
	creds := emulator.Credentials()
	req := &http.Request{Header: http.Header{}}
	req.SetBasicAuth(creds.ConsumerKey, creds.ConsumerSecret)
	answer, err := s.ask(http.MethodGet, "/oauth/v1/generate?grant_type=client_credentials", "", req.Header)
	if err != nil {
		s.b.Fatal(err)
	}
	return strings.Split(answer, `"`)[3]
}

// deposit asks for money and returns its id; without an outcome the prompt waits for an answer.
func (s *steer) deposit(i int, outcome string) string {
	header := http.Header{"X-Api-Key": {emulator.Credentials().WasaaPayAPIKey}, "X-Idempotency-Key": {strconv.Itoa(i)}}
	if outcome != "" {
		header.Set("X-Emulator-Outcome", outcome)
	}
	answer, err := s.ask(http.MethodPost, "/api/v1/partner/deposits/mpesa", fmt.Sprintf(`{"walletId":"wallet_local","amount":100,"phoneNumber":"+2541100%05d"}`, i), header)
	var got struct{ Data struct{ ID string } }
	if err == nil {
		err = json.Unmarshal([]byte(answer), &got)
	}
	if err != nil {
		s.b.Fatal(err)
	}
	return got.Data.ID
}

// pushReport is what the senders did.
type pushReport struct {
	Pushes int64         `json:"pushes"`
	Late   time.Duration `json:"late"` // of the latest callback, after its push had left and its latency had passed
	Failed string        `json:"failed"`
}

// pushUntilEnd pushes with 64 senders until this process's input is closed, and awaits the callbacks if there is a token.
func pushUntilEnd(address, token string) (out pushReport) {
	var late, called, failed atomic.Int64
	app, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return pushReport{Failed: err.Error()}
	}
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		left, _ := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/"), 10, 64)
		for wait := time.Now().UnixNano() - left - int64(calmLatency); ; {
			if most := late.Load(); wait <= most || late.CompareAndSwap(most, wait) {
				break
			}
		}
		called.Add(1)
	})}
	go func() { _ = server.Serve(app) }()
	defer func() { _ = server.Close() }()
	var pushes, over atomic.Int64
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		over.Store(1)
	}()
	var wg sync.WaitGroup
	for range loadSenders {
		wg.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				failed.Add(1)
				return
			}
			defer func() { _ = conn.Close() }()
			answers := bufio.NewReader(conn)
			for over.Load() == 0 {
				body := benchBody("http://" + app.Addr().String() + "/" + strconv.FormatInt(time.Now().UnixNano(), 10))
				_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
					pushPath, address, token, len(body), body)
				resp, err := http.ReadResponse(answers, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					failed.Add(1)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				pushes.Add(1)
			}
		})
	}
	wg.Wait()
	out.Pushes = pushes.Load()
	for deadline := time.Now().Add(30 * time.Second); token != "-" && called.Load() < out.Pushes && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	switch {
	case failed.Load() > 0:
		out.Failed = fmt.Sprintf("%d senders failed", failed.Load())
	case token != "-" && called.Load() < out.Pushes:
		out.Failed = fmt.Sprintf("%d of %d callbacks came", called.Load(), out.Pushes)
	}
	out.Late = time.Duration(late.Load())
	return out
}
