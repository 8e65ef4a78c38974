package emulator_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/npmtest"
)

// nodeModules is the folder with the real packages, in the releases that the tests
// run against.
func nodeModules(t *testing.T) string {
	t.Helper()
	return npmtest.Modules(t, "socket.io-client@4.8.4", "mpesa-node@0.1.3", "mpesa-api@3.0.2", "global-agent@3.0.0",
		"daraja.js@1.0.2", "daraja@1.0.1", "mpesa-express@1.0.6", "mpesa@1.0.5")
}

// node runs a script of testdata to its end and returns what it printed.
func node(t *testing.T, stdin string, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", args...)
	for _, pair := range os.Environ() { // the machine's own proxy would stand in the way
		if name, _, _ := strings.Cut(strings.ToLower(pair), "="); !strings.HasSuffix(name, "_proxy") && !strings.HasPrefix(name, "node_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %s: %v\n%s%s", args[0], err, out.String(), complaints.String())
	}
	return out.String()
}

// house is an emulator on the real clock, behind a socket, a TLS socket and a proxy, with its certificates in files.
type house struct {
	e           *emulator.Emulator
	url, tls    string
	proxy       string
	ca          string
	certificate string
	log         func() string
}

// newHouse opens one whose customers take so long to answer, 0 for no time at all to speak of.
func newHouse(t *testing.T, delay time.Duration) *house {
	t.Helper()
	h := &house{certificate: filepath.Join(t.TempDir(), "credential.pem")}
	var mu sync.Mutex
	var log []string
	var err error
	h.e, err = emulator.New(emulator.Options{CADir: filepath.Join(t.TempDir(), "ca"), CallbackDelay: delay, Log: func(x emulator.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		line, _ := json.Marshal(x)
		log = append(log, string(line))
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.log = func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(log, "\n")
	}
	text, err := emulator.CertificatePEM()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.certificate, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewServer(h.e.Handler())
	config, err := h.e.TLSConfig()
	if err != nil {
		t.Fatal(err)
	}
	secure := httptest.NewUnstartedServer(h.e.Handler())
	secure.Listener = tls.NewListener(secure.Listener, config) // StartTLS would add a certificate of its own
	secure.Start()
	ca, err := h.e.CA()
	if err != nil {
		t.Fatal(err)
	}
	h.url, h.tls, h.ca = plain.URL, strings.Replace(secure.URL, "http:", "https:", 1), ca.File()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.proxy = "http://" + ln.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- h.e.ServeProxy(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("proxy: %v", err)
		}
		if err := h.e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("emulator: %v", err)
		}
		plain.Close()
		secure.Close()
	})
	return h
}
