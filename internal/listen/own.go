package listen

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/presence"
)

// serveOwn answers the paths that are not callbacks.
func (s *Server) serveOwn(w http.ResponseWriter, r *http.Request, path string, socket netip.Addr) {
	var serve func(http.ResponseWriter, *http.Request)
	switch {
	case path == routeHealth:
		serve = func(w http.ResponseWriter, _ *http.Request) { s.answer(w, http.StatusOK, "ok\n") }
	case s.maySee(r, routeReady, path, socket), path == routeReady && s.nonce(r) != "":
		serve = s.serveReady
	case s.maySee(r, routeMetrics, path, socket):
		serve = func(w http.ResponseWriter, r *http.Request) {
			s.backlog.refresh(r.Context(), s.o.Backlog)
			s.metrics.ServeHTTP(w, r)
		}
	default:
		s.answer(w, http.StatusNotFound, "")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.answer(w, http.StatusMethodNotAllowed, "")
		return
	}
	serve(w, r)
}

// maySee reports whether a path is the route and the request may read it: anyone
// while the paths are not secret, else this machine and whoever knows the token.
func (s *Server) maySee(r *http.Request, route, path string, socket netip.Addr) bool {
	if path == route {
		return s.o.InstallToken == "" || isLocal(r, socket)
	}
	token, ok := strings.CutPrefix(path, route+"/")
	return ok && s.o.InstallToken != "" && sameText(token, s.o.InstallToken)
}

// nonce is what an asker of presence wants proved, "" where there is none. Who holds the
// ledger asks so from anywhere, by way of the public URL; a stranger learns no more by it
// than that a listener is there.
func (s *Server) nonce(r *http.Request) string {
	nonce := r.URL.Query().Get(presence.Parameter)
	if s.o.Prove == nil || len(nonce) > presence.MaxNonce {
		return ""
	}
	return nonce
}

func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	if nonce := s.nonce(r); nonce != "" {
		w.Header().Set(presence.Header, s.o.Prove(nonce))
	}
	if s.draining.Load() {
		s.answer(w, http.StatusServiceUnavailable, presence.Stopping+"\n")
		return
	}
	err := s.lookForLedger() // costs no commit, so that no answer need hold
	if err == nil {
		err = s.ready.get(r.Context())
	}
	if err != nil {
		s.log.Warn("not ready: a commit would fail", "error", clean(err.Error()))
		s.answer(w, http.StatusServiceUnavailable, presence.Unready+"\n"+unready(err))
		return
	}
	text := presence.Ready + "\n"
	if s.o.C2BUntrusted {
		text += "c2b untrusted: " + openC2B + "\n"
	}
	if s.o.Tunnel != nil {
		text += "tunnel " + s.o.Tunnel().State + "\n"
	}
	s.answer(w, http.StatusOK, text)
}

// How long an answer about readiness holds, and how long the ledger may take
// for it: asking costs a commit, and strangers may ask.
const (
	readyFor  = time.Second
	readyTime = 3 * time.Second
)

// readiness asks the ledger, once for all who ask together.
type readiness struct {
	check func(context.Context) error

	mu  sync.Mutex
	at  time.Time
	err error
}

func (r *readiness) get(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && time.Since(r.at) < readyFor {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTime)
	defer cancel()
	r.err = r.check(ctx)
	r.at = time.Now()
	return r.err
}
