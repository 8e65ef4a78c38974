package listen

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// ServeHTTP serves one request. Nothing in it redirects or cleans a path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	clientWait(r.Context(), false)
	peer, socket := s.peerOf(r)
	if !s.exempt(peer) && !s.flood.allow(peer, s.now()) {
		s.metrics.limited.with("peer").inc()
		s.refuse(w, http.StatusTooManyRequests, time.Second)
		return
	}
	path := r.URL.EscapedPath()
	rt, token, ok := s.findCallback(path)
	switch {
	case r.Method == http.MethodPost && fromPage(r):
		s.refusePage(w, r, path, peer)
	case !ok && isCallback(path), ok && !s.mayEnter(rt, token):
		s.stray(w, r, path, peer)
	case !ok:
		s.serveOwn(w, r, path, socket)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		s.answer(w, http.StatusMethodNotAllowed, visitorText(rt))
	default:
		s.receive(w, r, arrival{route: rt, token: token, peer: peer})
	}
}

// visitorText tells a person who opened a callback URL in a browser what it is.
func visitorText(rt payment.Route) string {
	return "This is payctl's callback address for " + string(rt.Provider) + " (" + rt.Path + "), and it works: the provider POSTs here. There is nothing to see with a browser.\n"
}

// mayEnter holds the install token, where there is one. Where a deposit or a
// query may have a token of its own, any token enters: the ledger judges it.
func (s *Server) mayEnter(rt payment.Route, token string) bool {
	if s.o.InstallToken == "" || rt.PerDeposit && token != "" {
		return true
	}
	return sameText(token, s.o.InstallToken)
}

// sameText compares secrets in constant time, their lengths included.
func sameText(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// answer writes a short answer of our own.
func (s *Server) answer(w http.ResponseWriter, status int, body string) {
	if body == "" {
		body = http.StatusText(status) + "\n"
	}
	s.reply(w, payment.Reply{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(body)})
}

// refuse sends a client away for a while, and hangs up.
func (s *Server) refuse(w http.ResponseWriter, status int, wait time.Duration) {
	h := w.Header()
	h.Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	h.Set("Connection", "close")
	s.answer(w, status, "")
}

func (s *Server) reply(w http.ResponseWriter, reply payment.Reply) {
	h := w.Header()
	h["Content-Type"] = []string{reply.ContentType}
	h["Content-Length"] = []string{strconv.Itoa(len(reply.Body))}
	if l := s.capped.Load(); s.draining.Load() || l != nil && l.crowded() {
		h["Connection"] = []string{"close"}
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body) // the client may be gone; the delivery is stored all the same
	s.metrics.answered(reply.Status)
}

// arrival is a request that is a delivery.
type arrival struct {
	route payment.Route
	token string
	peer  netip.Addr
}

// receive reads, judges, stores and acknowledges, in this order.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, a arrival) {
	receiver := s.o.Receivers[a.route.Provider]
	if receiver == nil {
		s.log.Warn("delivery for a provider that is not configured", "provider", string(a.route.Provider))
		s.refuse(w, http.StatusServiceUnavailable, time.Minute)
		return
	}
	d := payment.Delivery{
		Provider: a.route.Provider, Route: a.route.Path, Token: a.token, Method: r.Method,
		Header: r.Header, ReceivedAt: s.now(),
	}
	if a.peer.IsValid() {
		d.Peer = a.peer.String()
	}
	clientWait(r.Context(), true)
	body, release, err := s.memory.read(r, s.o.Limits.Body)
	clientWait(r.Context(), false)
	defer release()
	if err != nil {
		s.unread(w, receiver, d, err)
		return
	}
	d.Body = body
	n := s.read(receiver, d, a.peer)
	recorded, what := s.keep(r.Context(), n)
	reply := receiver.Acknowledge(d, n.Inspection, what.disposition())
	if what == nowhere {
		w.Header().Set("Retry-After", "5")
	}
	s.reply(w, reply)
	s.tell(r.Context(), n, recorded, told{status: reply.Status, spilled: what == inSpill})
}

// keep makes a delivery durable. The client hanging up does not undo it.
func (s *Server) keep(ctx context.Context, n store.Arrival) (store.Recorded, kept) {
	if s.admit(ctx) {
		defer func() { <-s.inFlight }()
		return s.record(context.WithoutCancel(ctx), n)
	}
	s.metrics.limited.with("in_flight").inc()
	if s.keepAside(ctx, n.Delivery, slog.LevelError, []any{"provider", string(n.Delivery.Provider), "error", "too many deliveries at once"}) {
		return store.Recorded{}, inSpill
	}
	return store.Recorded{}, nowhere
}

// unread answers a delivery whose body was not read to its end.
func (s *Server) unread(w http.ResponseWriter, receiver payment.Receiver, d payment.Delivery, err error) {
	w.Header().Set("Connection", "close")
	attrs := []any{"provider", string(d.Provider), "route", d.Route, "peer", d.Peer}
	switch {
	case errors.Is(err, errTooLarge):
		s.metrics.limited.with("body").inc()
		s.log.Warn("delivery refused: the body is over the cap", attrs...)
		s.reply(w, receiver.Acknowledge(d, payment.Inspection{Verdict: payment.VerdictMalformed}, payment.TooLarge))
	case errors.Is(err, errNoMemory):
		s.metrics.limited.with("memory").inc()
		s.log.Warn("delivery refused: too many bodies are being read", attrs...)
		s.refuse(w, http.StatusServiceUnavailable, time.Second)
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.metrics.limited.with("slow").inc()
		s.log.Warn("delivery refused: the body came too slowly", attrs...)
		s.answer(w, http.StatusRequestTimeout, "")
	default:
		s.log.Warn("delivery refused: the body ended early", attrs...)
		s.answer(w, http.StatusBadRequest, "")
	}
}

// admit takes a place in flight, waiting a little: refusing a delivery that
// never comes again is the last resort.
func (s *Server) admit(ctx context.Context) bool {
	select {
	case s.inFlight <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(s.o.Limits.Admission)
	defer timer.Stop()
	select {
	case s.inFlight <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// read makes a delivery ready for the ledger: what it means, what speaks
// against it, and where it goes on to.
func (s *Server) read(receiver payment.Receiver, d payment.Delivery, peer netip.Addr) store.Arrival {
	n := store.Arrival{Delivery: d, Inspection: s.inspect(receiver, d)}
	n.Distrust = s.distrustRoute(d.Route)
	if s.o.AddressCheck != nil {
		note, enforce := s.o.AddressCheck(d.Provider, peer)
		if note != "" && n.Inspection.Event != nil {
			n.Inspection.Event.Notes = append(n.Inspection.Event.Notes, note)
		}
		if note != "" && enforce {
			n.Distrust = note
		}
	}
	n.Targets, n.ForwardUntrusted = s.forward.urls(n.Inspection, d), s.o.Forward.Untrusted
	if len(n.Targets) > 0 && n.Inspection.Verdict == payment.VerdictValid {
		s.credentials.keep(d, d.Header.Get("Authorization"))
	}
	n.Delivery.Header = s.withoutCredentials(d.Header)
	n.Stranger = s.o.InstallToken != "" && !sameText(d.Token, s.o.InstallToken)
	return n
}

// inspect has the adapter judge a delivery. A bug in an adapter must not lose
// the bytes: they are stored as malformed.
func (s *Server) inspect(receiver payment.Receiver, d payment.Delivery) (out payment.Inspection) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("reading a delivery panicked; it is stored as malformed", "provider", string(d.Provider), "panic", clean(fmt.Sprint(p)))
			out = payment.Inspection{Verdict: payment.VerdictMalformed, Reason: "payctl failed to read it"}
		}
	}()
	return receiver.Inspect(d)
}
