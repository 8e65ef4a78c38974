//go:build unix

package tunnel_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary play the programs: it is found on PATH under their names.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "cloudflared":
		os.Exit(playCloudflared(os.Args[1:]))
	case "ngrok":
		os.Exit(playNgrok(os.Args[1:]))
	}
	if os.Getenv("TUNNEL_TEST_PARENT") != "" {
		playParent()
	}
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "payctl-tunnel-test-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"cloudflared", "ngrok"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			panic(err)
		}
	}
	_ = os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return m.Run()
}

// role is what a fake program does; it asks the port that it is to lead to.
type role struct {
	// Host is the name that it gives; "" for none.
	Host string
	// Late is the wait before the name is given, Dies the time until it ends.
	Late, Dies time.Duration
	// Says is written to stderr before it ends with 1.
	Says string
	// Service is the ingress service of its configuration; "" is ours.
	Service string
	// IgnoresTerm has it live on after SIGTERM.
	IgnoresTerm bool
	// NotReady keeps /ready at 503.
	NotReady bool
}

// played is one fake's start.
type played struct {
	args []string
	pid  int
}

// stage is the local port together with the edge in front of it.
type stage struct {
	mu    sync.Mutex
	roles []role
	seen  []played
	// bodies decides what the edge makes of a body; nil leaves it.
	bodies func([]byte) []byte
	// hops decides whether the edge appends the sender's address.
	hops bool
	// answer, when set, is the edge's own answer: the request never arrives.
	answer func(w http.ResponseWriter)

	port   int
	local  *httptest.Server
	edge   *httptest.Server
	arrive func(nonce string, body []byte, header http.Header) bool
}

func newStage(t *testing.T, roles ...role) *stage {
	t.Helper()
	s := &stage{roles: roles, hops: true}
	s.local = httptest.NewServer(http.HandlerFunc(s.serveLocal))
	t.Cleanup(s.local.Close)
	at, err := url.Parse(s.local.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Sscan(at.Port(), &s.port)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(at)
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
		if s.hops {
			r.SetXForwarded()
		}
	}}
	s.edge = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		answer, bodies := s.answer, s.bodies
		s.mu.Unlock()
		if answer != nil {
			answer(w)
			return
		}
		if bodies != nil {
			body, _ := io.ReadAll(r.Body)
			body = bodies(body)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.edge.Close)
	return s
}

func (s *stage) setAnswer(answer func(http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// serveLocal is the tunnel's socket, and tells fakes their role.
func (s *stage) serveLocal(w http.ResponseWriter, r *http.Request) {
	if nonce, ok := strings.CutPrefix(r.URL.Path, "/callbacks/check/"); ok {
		body, _ := io.ReadAll(r.Body)
		if s.arrive == nil || !s.arrive(nonce, body, r.Header) {
			w.WriteHeader(http.StatusNotFound)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var p played
	_ = json.NewDecoder(r.Body).Decode(&p.args)
	_, _ = fmt.Sscan(r.Header.Get("Pid"), &p.pid)
	now := s.roles[min(len(s.seen), len(s.roles)-1)]
	s.seen = append(s.seen, p)
	_ = json.NewEncoder(w).Encode(now)
}

func (s *stage) starts() []played {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]played(nil), s.seen...)
}

// transport leads every dial to the edge.
func (s *stage) transport() *http.Transport {
	tr := s.edge.Client().Transport.(*http.Transport).Clone()
	addr := s.edge.Listener.Addr().String()
	tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return tr
}

func learnRole(target string, args []string) (role, bool) {
	body, _ := json.Marshal(args)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, target, strings.NewReader(string(body)))
	if err != nil {
		return role{}, false
	}
	req.Header.Set("Pid", fmt.Sprint(os.Getpid()))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return role{}, false
	}
	defer func() { _ = res.Body.Close() }()
	var r role
	return r, json.NewDecoder(res.Body).Decode(&r) == nil
}

func valueOf(args []string, flagName string) string {
	for i, arg := range args {
		if arg == flagName && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

func playCloudflared(args []string) int {
	local := valueOf(args, "--url")
	r, ok := learnRole(local, args)
	if !ok {
		return 9
	}
	if r.Says != "" {
		fmt.Fprintln(os.Stderr, r.Says)
		return 1
	}
	began := time.Now()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /quicktunnel", func(w http.ResponseWriter, _ *http.Request) {
		host := r.Host
		if time.Since(began) < r.Late {
			host = ""
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"hostname": host})
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if r.NotReady {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) {
		service := r.Service
		if service == "" {
			service = local
		}
		_, _ = fmt.Fprintf(w, `{"version":0,"config":{"ingress":[{"hostname":"","path":"","service":%q}]}}`, service)
	})
	server := &http.Server{Addr: valueOf(args, "--metrics"), Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { _ = server.ListenAndServe() }()
	return liveOn(r)
}

func playNgrok(args []string) int {
	r, ok := learnRole("http://127.0.0.1:"+args[1], args)
	if !ok {
		return 9
	}
	if r.Says != "" {
		fmt.Println(r.Says)
		return 1
	}
	time.Sleep(r.Late)
	fmt.Printf("{\"addr\":\"127.0.0.1:1\",\"lvl\":\"info\",\"msg\":\"starting web service\",\"obj\":\"web\"}\n")
	fmt.Printf("{\"addr\":\"http://localhost:%s\",\"lvl\":\"info\",\"msg\":\"started tunnel\",\"obj\":\"tunnels\",\"url\":\"https://%s\"}\n", args[1], r.Host)
	return liveOn(r)
}

// liveOn waits for the end that the role has.
func liveOn(r role) int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	if r.IgnoresTerm {
		signal.Ignore(syscall.SIGTERM)
	}
	dies := make(<-chan time.Time)
	if r.Dies > 0 {
		dies = time.After(r.Dies)
	}
	select {
	case <-term:
		return 0
	case <-dies:
		fmt.Fprintln(os.Stderr, "the last words")
		return 3
	case <-time.After(2 * time.Minute):
		return 4
	}
}

// selfCommand starts this binary anew.
func selfCommand(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}
