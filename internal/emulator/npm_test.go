package emulator_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
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
)

// npmPackages are the releases that the tests run against.
func npmPackages() []string {
	return []string{"socket.io-client@4.8.4", "mpesa-node@0.1.3", "mpesa-api@3.0.2", "global-agent@3.0.0"}
}

// npmOnce installs the packages once for each run of the tests; later runs find them in the user's cache.
var npmOnce = sync.OnceValues(installNPM)

// nodeModules is the folder with the real packages. Without Node, npm or a registry the test is skipped, loudly.
func nodeModules(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED in short mode: the emulator against real npm packages")
	}
	dir, err := npmOnce()
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED against the npm packages %s: %v", strings.Join(npmPackages(), ", "), err)
	}
	return dir
}

func installNPM() (string, error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", err
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	parent := filepath.Join(cache, "payctl-test")
	home := filepath.Join(parent, "emulator-"+strings.NewReplacer("@", "-").Replace(strings.Join(npmPackages(), "+")))
	modules := filepath.Join(home, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "mpesa-api", "package.json")); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(parent, "install-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	args := append([]string{"install", "--prefix", fresh, "--no-audit", "--no-fund", "--ignore-scripts"}, npmPackages()...)
	cmd := exec.CommandContext(ctx, "npm", args...)
	cmd.WaitDelay = 10 * time.Second // for children that hold its output
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install: %w: %s", err, out)
	}
	// Another run may have been faster; then its installation is as good.
	if err := os.Rename(fresh, home); err != nil {
		if _, statErr := os.Stat(modules); statErr != nil {
			return "", err
		}
	}
	return modules, nil
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
