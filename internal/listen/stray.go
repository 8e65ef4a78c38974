package listen

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// StrayView is what there is to show of a request to a path that is no route.
type StrayView struct {
	// ID is the ledger's, "" when nothing was kept.
	ID         string
	Method     string
	Path       string
	Peer       string
	StatusCode int
	At         time.Time
}

// strayRoute stands for every path that is no route: the ledger counts by route,
// and strangers choose paths.
const strayRoute = callbackPrefix

// callbackPrefix is what the callback routes begin with.
const callbackPrefix = "/callbacks/"

// isCallback reports whether a path lies where callbacks are sent.
func isCallback(path string) bool { return strings.HasPrefix(tidied(path)+"/", callbackPrefix) }

// mostPath is how much of a path is kept and shown, in bytes.
const mostPath = 200

// stray answers 404 to a request under /callbacks/ that fits no route. A POST is
// kept, as what it is: a provider that was given a mistyped URL may send it once
// only (reference/daraja.md §4.3).
func (s *Server) stray(w http.ResponseWriter, r *http.Request, path string, peer netip.Addr) {
	v := StrayView{Method: payment.Line(r.Method, 20), Path: s.shownPath(path), StatusCode: http.StatusNotFound, At: s.now()}
	if peer.IsValid() {
		v.Peer = peer.String()
	}
	if r.Method == http.MethodPost {
		v.ID = s.keepStray(w, r, v)
	}
	s.metrics.strays.inc()
	text := ""
	if s.o.InstallToken == "" { // whoever does not know the token is told nothing
		text = "404: payctl has no route " + v.Path + "; its routes are\n" + strings.Join(s.callbackPaths(), "\n") + "\n"
	}
	s.answer(w, http.StatusNotFound, text)
	s.log.Warn("a request came to a path that is no route", "method", v.Method, "path", v.Path, "peer", v.Peer, "kept", v.ID)
	if s.o.OnStray != nil {
		s.views.put(func() { s.o.OnStray(v) })
	}
}

// refusePage answers 403 to a post that a browser sent on behalf of a page, shows it and
// keeps nothing of it.
func (s *Server) refusePage(w http.ResponseWriter, r *http.Request, path string, peer netip.Addr) {
	v := StrayView{Method: payment.Line(r.Method, 20), Path: s.shownPath(path), StatusCode: http.StatusForbidden, At: s.now()}
	if peer.IsValid() {
		v.Peer = peer.String()
	}
	s.metrics.strays.inc()
	s.answer(w, http.StatusForbidden, "403: payctl takes no posts from pages\n")
	s.log.Warn("a post that a browser sent from a page was refused", "path", v.Path, "peer", v.Peer)
	if s.o.OnStray != nil {
		s.views.put(func() { s.o.OnStray(v) })
	}
}

// longSegment is how long a segment of a path may be before it is taken for a
// token, which is a secret also where it stands in the wrong place. No route has a
// segment near it.
const longSegment = 16

// shownPath is a path as it may be logged and kept.
func (s *Server) shownPath(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if len(segment) > longSegment || s.o.InstallToken != "" && segment == s.o.InstallToken {
			segments[i] = "…"
		}
	}
	return payment.Line(strings.Join(segments, "/"), mostPath)
}

// keepStray puts a stray POST into quarantine and returns its id, "" when it
// could not be read or kept.
func (s *Server) keepStray(w http.ResponseWriter, r *http.Request, v StrayView) string {
	body, release, err := s.memory.read(r, s.o.Limits.Body)
	defer release()
	if err != nil {
		w.Header().Set("Connection", "close")
		return ""
	}
	ctx := context.WithoutCancel(r.Context())
	if !s.admit(r.Context()) {
		s.metrics.limited.with("in_flight").inc()
		return ""
	}
	defer func() { <-s.inFlight }()
	recorded, err := s.commit(ctx, store.Arrival{
		Delivery: payment.Delivery{
			Provider: s.strayProvider(v.Path), Route: strayRoute, Method: r.Method, Header: s.withoutCredentials(r.Header), Body: body, Peer: v.Peer, ReceivedAt: v.At,
		},
		Inspection: payment.Inspection{Verdict: payment.VerdictStray, Reason: "no route: " + v.Path},
	})
	if err != nil {
		s.log.Error("a stray delivery could not be kept", "path", v.Path, "error", clean(err.Error()))
	}
	return recorded.DeliveryID
}

// strayProvider is the provider that a path names, else one that nobody is.
func (s *Server) strayProvider(path string) payment.ProviderID {
	for _, r := range s.o.Routes {
		if strings.HasPrefix(tidied(path)+"/", callbackPrefix+string(r.Provider)+"/") {
			return r.Provider
		}
	}
	return "unknown"
}

func (s *Server) callbackPaths() []string {
	var out []string
	for _, r := range s.o.Routes {
		out = append(out, r.Path)
	}
	return out
}
