package tunnel

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// CheckPath is the path below which a probe arrives; its last segment is the nonce.
const CheckPath = "/callbacks/check/"

// Probe sends a request round through the public address and sees whether it arrives
// here with the same bytes. A warning page or another program cannot fake that.
type Probe struct {
	// Transport carries the probe; nil is a new one with the system's settings.
	Transport *http.Transport
	// Resolve looks a name up; nil asks the system.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	Now     func() time.Time

	mu      sync.Mutex
	waiting map[string]*arrived
	// appends says that the tunnel adds the sender's address to X-Forwarded-For.
	appends bool
}

// arrived is what came in under a nonce.
type arrived struct {
	body []byte
	came bool
	hops []string
}

// sentHop is written by the probe as a sender would forge it; what the tunnel appends
// stands right of it. The address belongs to nobody (RFC 5737).
const sentHop = "192.0.2.1"

// Arrive takes a request that came in through the tunnel's own socket. It reports
// whether the nonce is one that was sent.
func (p *Probe) Arrive(nonce string, body []byte, header http.Header) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, known := p.waiting[nonce]
	if !known || a.came {
		return false
	}
	a.came, a.body, a.hops = true, body, splitHops(header)
	return true
}

// Appends reports whether the tunnel was seen to append the sender's address, so that
// the right-most hop may be believed.
func (p *Probe) Appends() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.appends
}

func splitHops(header http.Header) []string {
	var out []string
	for hop := range strings.SplitSeq(strings.Join(header.Values("X-Forwarded-For"), ","), ",") {
		if hop = strings.TrimSpace(hop); hop != "" {
			out = append(out, hop)
		}
	}
	return out
}

// Check sends one probe to the address. issued is when a program gave the name, zero
// for a name that the operator gave. Errors are KindUnavailable with a hint.
func (p *Probe) Check(ctx context.Context, url string, issued time.Time) error {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return err
	}
	nonce := hex.EncodeToString(raw[:16])
	// Bytes that a re-encoding would change: invalid UTF-8, CR LF, a number's last zero.
	body := append([]byte("{\"payctl\":1.50,\r\n\"odd\":\"\xff\\u00e9\"}"), hex.EncodeToString(raw[16:])...)
	a := p.expect(nonce)
	defer p.forget(nonce)
	status, err := p.send(ctx, url+CheckPath+nonce, body, issued)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case a.came && !bytes.Equal(a.body, body):
		return unavailable("the tunnel changes bodies on their way, so signatures cannot verify", "turn off what rewrites requests there, or use another program")
	case a.came:
		p.appends = len(a.hops) > 0 && a.hops[len(a.hops)-1] != sentHop
		return nil
	case err != nil:
		return err
	}
	return unavailable(fmt.Sprintf("the address answered %d, but the request did not arrive here: something else answers there", status),
		"check that nothing else uses this name, and that no warning page stands before it")
}

func (p *Probe) expect(nonce string) *arrived {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = map[string]*arrived{}
	}
	a := &arrived{}
	p.waiting[nonce] = a
	return a
}

func (p *Probe) forget(nonce string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, nonce)
}

func (p *Probe) send(ctx context.Context, url string, body []byte, issued time.Time) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "payctl")
	req.Header.Set("X-Forwarded-For", sentHop)
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second}
	if p.Transport != nil {
		transport = p.Transport.Clone()
	}
	transport.DisableKeepAlives = true
	if !issued.IsZero() {
		transport.DialContext = p.dialIssued(transport.DialContext, issued)
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer transport.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		if errors.Is(err, errNotYet) {
			return 0, unavailable("not checked yet: the new name may not be known everywhere", "")
		}
		return 0, unavailable("the address cannot be reached: "+rootCause(err), "wait a moment; the program may still be connecting")
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	return res.StatusCode, nil
}

func unavailable(message, hint string) error {
	return &payment.Error{Kind: payment.KindUnavailable, Message: message, Hint: hint, Retryable: true}
}

func rootCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// errNotYet says that a name is too young to be asked for.
var errNotYet = errors.New("tunnel: too early to resolve the name")

// settling is how long a new name is not asked for where another way was not found.
const settling = 20 * time.Second

// dialIssued dials a name that was given moments ago without asking for it: the first
// look-up that fails is remembered by resolvers, for half an hour in the zone of
// trycloudflare.com, and the check itself would make the address dead for this network.
// The zone's own address is the same edge, which finds the tunnel by the name in TLS.
func (p *Probe) dialIssued(dial func(context.Context, string, string) (net.Conn, error), issued time.Time) func(context.Context, string, string) (net.Conn, error) {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		_, zone, _ := strings.Cut(host, ".")
		if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(zone, ".") {
			return dial(ctx, network, addr)
		}
		found, err := p.resolve(ctx, zone)
		if err == nil && len(found) > 0 {
			return dial(ctx, network, net.JoinHostPort(found[0].Unmap().String(), port))
		}
		if p.Now().Sub(issued) < settling {
			return nil, errNotYet
		}
		return dial(ctx, network, addr)
	}
}

func (p *Probe) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if p.Resolve != nil {
		return p.Resolve(ctx, host)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	// Networks without IPv6 still resolve its addresses.
	slices.SortStableFunc(found, func(a, b netip.Addr) int { return boolInt(b.Unmap().Is4()) - boolInt(a.Unmap().Is4()) })
	return found, err
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
