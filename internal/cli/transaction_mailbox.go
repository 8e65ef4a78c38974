package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
)

// mailbox sees to it that results reach the ledger: through a listener that
// runs already, or through a receiver of its own for as long as it is needed.
type mailbox struct {
	app    *app
	conf   *config.Config
	ledger *store.Store
	addr   string
	// stop ends the receiver of its own and waits; nil when there is none.
	stop func()
	// warned says that the operator knows that nobody may be listening.
	warned bool
}

// usualAddr is where "payctl listen" listens unless told otherwise.
const usualAddr = "127.0.0.1:4020"

// open does nothing where somebody listens. Else it receives at the callback
// URL's own address, if that is on this machine, or at the usual one, if the
// callback URL proves to lead there.
func (m *mailbox) open(ctx context.Context) error {
	if m.stop != nil || m.listens(ctx) || ctx.Err() != nil {
		return nil //nolint:nilerr // whoever waits sees that ctx has ended
	}
	addr, own := m.address()
	if addr == "" {
		m.warn("nothing of payctl's answers at callback_url; the result may not reach this ledger: start \"payctl listen\" there")
		return nil
	}
	ln, err := bind(ctx, addr)
	if err != nil {
		m.warn("nothing of payctl's answers at callback_url, and %s is taken; the result may not reach this ledger", addr)
		return nil //nolint:nilerr // the warning says it
	}
	if err := m.serve(ctx, ln); err != nil {
		return err
	}
	if !own && !m.listens(ctx) {
		m.close()
		m.warn("callback_url does not lead to %s on this machine; the result may not reach this ledger: start \"payctl listen\" behind it", addr)
		return nil
	}
	m.app.out.Note("no listener runs: receiving the result at %s until it comes", addr)
	return nil
}

func (m *mailbox) warn(format string, args ...any) {
	if !m.warned {
		m.app.out.Warn(format, args...)
	}
	m.warned = true
}

// address is where to receive, and whether that is the callback URL's own
// address; "" when there is no such place.
func (m *mailbox) address() (addr string, own bool) {
	u, err := url.Parse(m.conf.CallbackURL)
	if err != nil {
		return "", false
	}
	if !loopback.Is(u.Hostname()) {
		return or(orNull(m.addr), usualAddr), false
	}
	if u.Scheme != "http" || strings.Trim(u.Path, "/") != "" {
		// Something stands in front that only answers itself could prove.
		return m.addr, false
	}
	port := or(orNull(u.Port()), "80")
	return or(orNull(m.addr), net.JoinHostPort(u.Hostname(), port)), true
}

// probeTimeout bounds the question whether a listener is there.
const probeTimeout = 3 * time.Second

// listens asks the callback URL whether a listener is ready there.
func (m *mailbox) listens(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.conf.CallbackURL+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := m.app.httpClient().Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	return err == nil && resp.StatusCode == http.StatusOK && strings.TrimSpace(string(body)) == "ready"
}

// serve receives on ln as "payctl listen" would, without forwarding.
func (m *mailbox) serve(ctx context.Context, ln net.Listener) error {
	server, err := m.server(ctx)
	if err != nil {
		_ = ln.Close()
		return err
	}
	// The result that is just arriving is taken in even if the wait is over.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		if err := server.Serve(serving, ln); err != nil {
			m.app.out.Warn("the receiver stopped: %s", firstLine(err.Error()))
		}
	})
	m.stop = func() { cancel(); done.Wait() }
	return nil
}

func (m *mailbox) server(ctx context.Context) (*listen.Server, error) {
	receivers, _, err := provider.Receivers(ctx, m.conf)
	if err != nil {
		return nil, err
	}
	path, err := m.conf.Ledger()
	if err != nil {
		return nil, err
	}
	token, err := existingToken(path)
	if err != nil {
		return nil, err
	}
	logger, err := m.app.logger("text")
	if err != nil {
		return nil, err
	}
	return listen.New(listen.Options{
		Ledger: listen.LedgerOf(m.ledger), Receivers: receivers, InstallToken: token, SpillDir: path + ".spill",
		TrustedProxies: m.conf.Listen.TrustedProxies, AddressCheck: addressCheck(m.conf),
		AddressEnforce: m.conf.Listen.IPCheck == config.IPEnforce, Logger: logger, Now: m.app.now,
	})
}

// existingToken is the secret path of this installation, "" where it has none.
func existingToken(ledger string) (string, error) {
	data, err := os.ReadFile(ledger + ".token")
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", payment.Usage("the token file beside the ledger cannot be read", "check its permissions")
	}
	token := strings.TrimSpace(string(data))
	return token, listen.CheckToken(token)
}

// lingerTime bounds how long a receiver stays for the results of others.
const lingerTime = 5 * time.Second

// finish ends the receiver of its own, but stays a little while other commands
// that found it listening wait for results: none is sent twice
// (reference/daraja.md §6.5).
func (m *mailbox) finish(ctx context.Context, own string) {
	defer m.close()
	if m.stop == nil || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lingerTime)
	defer cancel()
	told := false
	for range m.ledger.Changes(ctx) {
		accepted, _, err := m.ledger.Queries.List(ctx, store.QueryFilter{Status: store.QueryAccepted, Limit: 20})
		waiting := slices.ContainsFunc(accepted, func(q store.Query) bool {
			return q.ID != own && m.app.now().Sub(q.CreatedAt) < resultTimeout
		})
		if err != nil || !waiting {
			return
		}
		if !told {
			m.app.out.Note("staying up to %s for the results of other queries", lingerTime)
			told = true
		}
	}
}

// close ends the receiver of its own.
func (m *mailbox) close() {
	if m.stop != nil {
		m.stop()
		m.stop = nil
	}
}
