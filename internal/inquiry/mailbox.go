package inquiry

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/store"
)

// Server receives callbacks into the ledger until ctx ends.
type Server interface {
	Serve(ctx context.Context, ln net.Listener) error
}

// Mailbox sees to it that results reach the ledger: through a listener that runs already,
// or through a receiver of its own for as long as it is needed.
type Mailbox struct {
	// Addr is where to receive if no listener runs, "" for the callback URL's own address.
	Addr string
	// HTTP asks the callback URL whether a listener is there.
	HTTP *http.Client
	// Served says that one is known to be there, so that nobody is asked.
	Served bool
	// Receiver makes the receiver of its own, as "payctl listen" without forwarding.
	Receiver func(context.Context) (Server, error)
	Now      func() time.Time

	// stop ends the receiver of its own and waits; nil when there is none.
	stop func()
	// warned says that the operator knows that nobody may be listening.
	warned bool
}

// UsualAddr is where "payctl listen" listens unless told otherwise.
const UsualAddr = "127.0.0.1:4020"

// open does nothing where somebody listens. Else it receives at the callback URL's own
// address, if that is on this machine, or at the usual one, if the callback URL proves to
// lead there.
func (m *Mailbox) open(ctx context.Context, i *Inquirer) error {
	base := i.Account.CallbackURL
	if m.stop != nil || m.Served || m.listens(ctx, base) || ctx.Err() != nil {
		return nil //nolint:nilerr // whoever waits sees that ctx has ended
	}
	addr, own := m.address(base)
	if addr == "" {
		m.warn(i, "nothing of payctl's answers at callback_url; the result may not reach this ledger: start \"payctl listen\" there")
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		m.warn(i, fmt.Sprintf("nothing of payctl's answers at callback_url, and %s is taken; the result may not reach this ledger", addr))
		return nil //nolint:nilerr // the warning says it
	}
	if err := m.serve(ctx, ln, i); err != nil {
		return err
	}
	if !own && !m.listens(ctx, base) {
		m.close()
		m.warn(i, fmt.Sprintf("callback_url does not lead to %s on this machine; the result may not reach this ledger: start \"payctl listen\" behind it", addr))
		return nil
	}
	i.tell(Note, fmt.Sprintf("no listener runs: receiving the result at %s until it comes", addr))
	return nil
}

func (m *Mailbox) warn(i *Inquirer, text string) {
	if !m.warned {
		i.tell(Warning, text)
	}
	m.warned = true
}

// address is where to receive, and whether that is the callback URL's own address; ""
// when there is no such place.
func (m *Mailbox) address(callbackURL string) (addr string, own bool) {
	u, err := url.Parse(callbackURL)
	if err != nil {
		return "", false
	}
	orAddr := func(otherwise string) string {
		if m.Addr != "" {
			return m.Addr
		}
		return otherwise
	}
	if !loopback.Is(u.Hostname()) {
		return orAddr(UsualAddr), false
	}
	if u.Scheme != "http" || strings.Trim(u.Path, "/") != "" {
		// Something stands in front that only answers itself could prove.
		return m.Addr, false
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return orAddr(net.JoinHostPort(u.Hostname(), port)), true
}

// probeTimeout bounds the question whether a listener is there.
const probeTimeout = 3 * time.Second

// listens asks the callback URL whether a listener is ready there.
func (m *Mailbox) listens(ctx context.Context, callbackURL string) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, callbackURL+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := m.HTTP.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	return err == nil && resp.StatusCode == http.StatusOK && strings.TrimSpace(string(body)) == "ready"
}

// serve receives on ln.
func (m *Mailbox) serve(ctx context.Context, ln net.Listener, i *Inquirer) error {
	server, err := m.Receiver(ctx)
	if err != nil {
		_ = ln.Close()
		return err
	}
	// The result that is just arriving is taken in even if the wait is over.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		if err := server.Serve(serving, ln); err != nil {
			i.tell(Warning, "the receiver stopped: "+err.Error())
		}
	})
	m.stop = func() { cancel(); done.Wait() }
	return nil
}

// lingerTime bounds how long a receiver stays for the results of others.
const lingerTime = 5 * time.Second

// finish ends the receiver of its own, but stays a little while other commands that found
// it listening wait for results: none is sent twice (reference/daraja.md §6.5).
func (m *Mailbox) finish(ctx context.Context, i *Inquirer, own string) {
	defer m.close()
	if m.stop == nil || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lingerTime)
	defer cancel()
	told := false
	for range i.Ledger.Queries.Changes(ctx) {
		accepted, _, err := i.Ledger.Queries.List(ctx, store.QueryFilter{Status: store.QueryAccepted, Limit: 20})
		waiting := slices.ContainsFunc(accepted, func(q store.Query) bool {
			return q.ID != own && m.Now().Sub(q.CreatedAt) < Timeout
		})
		if err != nil || !waiting {
			return
		}
		if !told {
			i.tell(Note, fmt.Sprintf("staying up to %s for the results of other queries", lingerTime))
			told = true
		}
	}
}

// close ends the receiver of its own.
func (m *Mailbox) close() {
	if m.stop != nil {
		m.stop()
		m.stop = nil
	}
}
