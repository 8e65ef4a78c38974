package cli_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/cli"
	"github.com/payctl/payctl/internal/emulator"
)

// A long poll of Socket.IO is held for 25 s when nothing happens: stopping must let it go at once and not wait the drain
// time out, whether it came directly or through the proxy.
func TestEmulatorStopsUnderALongPoll(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"direct", "proxy"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			base, proxy, stop, ended := startEmulator(t)
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			if way == "proxy" {
				base = "http://api.wasaapay.com"
				transport.Proxy = http.ProxyURL(proxy)
			}
			poll := joinByPolling(t, &http.Client{Transport: transport}, base+"/partner/socket/?EIO=4&transport=polling")
			held := make(chan string, 1)
			sent := make(chan struct{})
			go func() {
				trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) }}
				held <- poll(httptrace.WithClientTrace(t.Context(), trace), "")
			}()
			<-sent
			select {
			case got := <-held:
				t.Fatalf("the poll is not held: %q", got)
			case <-time.After(200 * time.Millisecond):
			}
			began := time.Now()
			stop()
			if code := <-ended; code != 0 {
				t.Errorf("exit %d", code)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("stopping took %s", took)
			}
			if got := <-held; got != "1" {
				t.Errorf("the poll ended with %q, want Engine.IO's close packet", got)
			}
		})
	}
}

// startEmulator runs the command with a proxy until stop is called.
func startEmulator(t *testing.T) (base string, proxy *url.URL, stop func(), ended <-chan int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	reads, writes := io.Pipe()
	codes := make(chan int, 1)
	go func() {
		var stderr bytes.Buffer
		code := cli.Main(ctx, cli.Invocation{
			Args:  []string{"emulator", "--addr", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--ready-file", ready, "-o", "ndjson"},
			Stdin: strings.NewReader(""), Stdout: writes, Stderr: &stderr,
			Environ: []string{"HOME=" + dir}, Dir: dir,
		})
		_ = writes.Close()
		codes <- code
	}()
	first := make(chan string, 1)
	go func() {
		line := make([]byte, 4096)
		n, _ := reads.Read(line)
		first <- string(line[:n])
		_, _ = io.Copy(io.Discard, reads)
	}()
	found := regexp.MustCompile(`"proxy":"([^"]+)"`).FindStringSubmatch(<-first)
	if found == nil {
		t.Fatal("the ready line names no proxy")
	}
	proxy, err := url.Parse(found[1])
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if raw, err := os.ReadFile(ready); err == nil {
			return strings.TrimSpace(string(raw)), proxy, cancel, codes
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the emulator is not ready")
	return "", nil, nil, nil
}

// joinByPolling connects as a polling client does and returns what polls again, or posts.
func joinByPolling(t *testing.T, client *http.Client, address string) func(ctx context.Context, post string) string {
	t.Helper()
	sid := ""
	do := func(ctx context.Context, post string) string {
		method := http.MethodGet
		if post != "" {
			method = http.MethodPost
		}
		req, err := http.NewRequestWithContext(ctx, method, address+sid, strings.NewReader(post))
		if err != nil {
			return err.Error()
		}
		resp, err := client.Do(req)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	open := do(t.Context(), "")
	found := regexp.MustCompile(`"sid":"([^"]+)"`).FindStringSubmatch(open)
	if found == nil {
		t.Fatalf("handshake %q", open)
	}
	sid = "&sid=" + found[1]
	if got := do(t.Context(), `40{"apiKey":"`+emulator.Credentials().WasaaPayAPIKey+`"}`); got != "ok" {
		t.Fatalf("connect %q", got)
	}
	for got := ""; !strings.Contains(got, "authenticated"); {
		if got = do(t.Context(), ""); !strings.HasPrefix(got, "4") {
			t.Fatalf("joined %q", got)
		}
	}
	return do
}
