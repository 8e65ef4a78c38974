package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Tunnel is a second socket, for what comes in through a tunnel: callbacks and the
// tunnel's own check, no health and no metrics, since a tunnel publishes a whole port.
type Tunnel struct {
	// CheckPath is the path below which the tunnel's own check arrives, and Arrive
	// reports whether it was expected.
	CheckPath string
	Arrive    func(nonce string, body []byte, header http.Header) bool
	// Appends reports whether the tunnel was seen to append the sender's address to
	// X-Forwarded-For. Only then is the right-most hop believed: local programs cannot
	// forge it, since this rule holds on this socket alone.
	Appends func() bool
}

// mostCheck bounds the body of a check, in bytes.
const mostCheck = 4 << 10

// ServeTunnel receives on ln until ctx ends, then lets open requests finish. Serve must
// run beside it.
func (s *Server) ServeTunnel(ctx context.Context, ln net.Listener, t Tunnel) error {
	capped := newCapped(ln, s.o.Limits, s.exempt, s.metrics.refused.inc)
	capped.collector = s.o.Collector
	srv := s.serverOn(ctx, s.throughTunnel(t), capped)
	failed := make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { failed <- srv.Serve(capped) })
	defer serving.Wait()
	select {
	case err := <-failed:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return &payment.Error{Kind: payment.KindInternal, Err: err, Message: "listen: the tunnel's socket failed: " + err.Error()}
	case <-ctx.Done():
	}
	s.shutdown(ctx, srv, capped)
	return nil
}

func (s *Server) throughTunnel(t Tunnel) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if nonce, ok := strings.CutPrefix(path, t.CheckPath); ok && r.Method == http.MethodPost {
			s.check(w, r, t, nonce)
			return
		}
		if !strings.HasPrefix(path, "/callbacks/") {
			s.answer(w, http.StatusNotFound, "")
			return
		}
		r.RemoteAddr = tunnelPeer(r, t)
		s.ServeHTTP(w, r)
	})
}

// check answers the tunnel's own question.
func (s *Server) check(w http.ResponseWriter, r *http.Request, t Tunnel, nonce string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, mostCheck))
	if err != nil || !t.Arrive(nonce, body, r.Header) {
		s.answer(w, http.StatusNotFound, "")
		return
	}
	s.answer(w, http.StatusOK, "arrived\n")
}

// tunnelPeer is the address and a port of whoever sent a request through the tunnel, ""
// where nothing trustworthy says it.
func tunnelPeer(r *http.Request, t Tunnel) string {
	if !t.Appends() {
		return ""
	}
	hops := strings.Split(strings.Join(r.Header.Values(forwardedFor), ","), ",")
	hop, ok := parseHop(hops[len(hops)-1])
	if !ok || hop.IsLoopback() {
		return ""
	}
	return netip.AddrPortFrom(hop, 1).String()
}

// TunnelStatus is what /readyz and the metrics say of a tunnel.
type TunnelStatus struct {
	// State is a word such as "live"; "" where there is no tunnel.
	State string
	// CheckedAt is when it was last seen to lead here.
	CheckedAt time.Time
}
