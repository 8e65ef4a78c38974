package inquiry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
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
		{"https://pay.payctl.co.ke", "", place{UsualAddr, false}},
		{"https://pay.payctl.co.ke", "127.0.0.1:9000", place{"127.0.0.1:9000", false}},
	} {
		m := Mailbox{Addr: test.flag}
		var got place
		got.Addr, got.Own = m.address(test.url)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %s: (-want +got)\n%s", test.url, test.flag, diff)
		}
	}
}

// behind is an inquirer whose callback URL leads to one address, as a tunnel would, and
// whose own receiver says that it is ready and takes what comes.
func behind(t *testing.T, leadsTo string) *Inquirer {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, leadsTo)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &Inquirer{
		Ledger: openLedger(t), Account: Account{Environment: payment.Local, CallbackURL: "http://pay.payctl.co.ke"},
		Mailbox: &Mailbox{
			HTTP: &http.Client{Transport: transport}, Now: time.Now,
			Receiver: func(context.Context) (Server, error) { return readyServer{}, nil },
		},
	}
}

type readyServer struct{}

func (readyServer) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ready\n") })}
	go func() { <-ctx.Done(); _ = server.Close() }()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
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
	i := behind(t, addr)
	m := i.Mailbox
	m.Addr = addr
	if err := m.open(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	if m.stop == nil || !m.listens(t.Context(), i.Account.CallbackURL) {
		t.Fatal("nothing receives behind the callback URL")
	}
	m.finish(t.Context(), i, "")
	if m.stop != nil || m.listens(t.Context(), i.Account.CallbackURL) {
		t.Error("the receiver is still there")
	}
}

// A callback URL that leads elsewhere is not served here: the port would be
// open for nobody.
func TestMailboxElsewhere(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	i := behind(t, other.Listener.Addr().String())
	m := i.Mailbox
	m.Addr = freeAddr(t)
	if err := m.open(t.Context(), i); err != nil {
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
