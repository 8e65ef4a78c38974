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
	case path == routeReady:
		serve = s.serveReady
	case s.mayScrape(r, path, socket):
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

// mayScrape tells whether a request may read the metrics: anyone while the
// paths are not secret, else this machine and whoever knows the token.
func (s *Server) mayScrape(r *http.Request, path string, socket netip.Addr) bool {
	if path == routeMetrics {
		return s.o.InstallToken == "" || isLocal(r, socket)
	}
	token, ok := strings.CutPrefix(path, routeMetrics+"/")
	return ok && s.o.InstallToken != "" && sameText(token, s.o.InstallToken)
}

func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	if nonce := r.URL.Query().Get(presence.Parameter); s.o.Prove != nil && nonce != "" && len(nonce) <= presence.MaxNonce {
		w.Header().Set(presence.Header, s.o.Prove(nonce))
	}
	if s.draining.Load() {
		s.answer(w, http.StatusServiceUnavailable, presence.Stopping+"\n")
		return
	}
	if err := s.ready.get(r.Context()); err != nil {
		s.log.Warn("not ready: a commit would fail", "error", clean(err.Error()))
		s.answer(w, http.StatusServiceUnavailable, presence.Unready+"\n")
		return
	}
	s.answer(w, http.StatusOK, presence.Ready+"\n")
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
