package cli

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/config"
)

func TestMailboxAddress(t *testing.T) {
	t.Parallel()
	type place struct {
		Addr string
		Own  bool
	}
	for _, test := range []struct {
		url, flag string
		want      place
	}{
		{"http://127.0.0.1:4020", "", place{"127.0.0.1:4020", true}},
		{"http://localhost:5000", "", place{"localhost:5000", true}},
		{"http://[::1]:5000", "", place{"[::1]:5000", true}},
		{"http://127.0.0.1", "", place{"127.0.0.1:80", true}},
		{"http://127.0.0.1:4020", "127.0.0.1:4021", place{"127.0.0.1:4021", true}},
		// A proxy with a certificate, or under a path, must prove that it leads here.
		{"https://127.0.0.1:4020", "", place{"", false}},
		{"http://127.0.0.1:4020/hooks", "127.0.0.1:4021", place{"127.0.0.1:4021", false}},
		{"https://pay.payctl.co.ke", "", place{usualAddr, false}},
		{"https://pay.payctl.co.ke", "127.0.0.1:9000", place{"127.0.0.1:9000", false}},
	} {
		m := mailbox{conf: &config.Config{CallbackURL: test.url}, addr: test.flag}
		var got place
		got.Addr, got.Own = m.address()
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %s: (-want +got)\n%s", test.url, test.flag, diff)
		}
	}
}

// mailboxApp is an app with a ledger of its own and a client for which every
// host name leads to one address, as a tunnel would.
func mailboxApp(t *testing.T, leadsTo string) (*app, *mailbox) {
	t.Helper()
	dir := t.TempDir()
	a := quietApp(t)
	a.in.Environ = []string{
		"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_STATE_HOME=" + dir, "XDG_CACHE_HOME=" + dir,
		"PAYCTL_PROFILE=local", "PAYCTL_DB=" + filepath.Join(dir, "ledger.db"), "PAYCTL_CALLBACK_URL=http://pay.payctl.co.ke",
	}
	a.in.Dir = dir
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, leadsTo)
	}}
	a.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	conf, err := a.config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := a.openLedger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	return a, &mailbox{app: a, conf: conf, ledger: ledger}
}

// freeAddr is an address that nothing listens on, and that nobody gets by chance
// before the test listens there: its port is below those that systems give out
// by themselves.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 28000+rand.IntN(4000))
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
		if err != nil {
			continue
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		return addr
	}
	t.Fatal("no port is free")
	return ""
}

// A public callback URL that leads to this machine, with nothing behind it, is
// served for as long as it is needed.
func TestMailboxBehindTunnel(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	a, m := mailboxApp(t, addr)
	m.addr = addr
	if err := m.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.stop == nil || !m.listens(t.Context()) {
		t.Fatal("nothing receives behind the callback URL")
	}
	url, _ := resultURLs(m.conf, "AAAAAAAAAAAAAAAAAAAAAAAAAA")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"Result":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := a.httpClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d, want 200", resp.StatusCode)
	}
	m.finish(t.Context(), "")
	if m.stop != nil || m.listens(t.Context()) {
		t.Error("the receiver is still there")
	}
}

// A callback URL that leads elsewhere is not served here: the port would be
// open for nobody.
func TestMailboxElsewhere(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	_, m := mailboxApp(t, other.Listener.Addr().String())
	m.addr = freeAddr(t)
	if err := m.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.stop != nil {
		m.close()
		t.Error("a receiver was opened that the callback URL does not lead to")
	}
	if !m.warned {
		t.Error("the operator was not told")
	}
}
