package listen

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// Ledger is what the listener needs of the store. Open the store with a
// BusyTimeout of about 2 s: Daraja is said to give up after 5 s
// (reference/daraja.md §4.3), and before that a delivery has to be spilled.
type Ledger struct {
	Deliveries Deliveries
	Forwards   Forwards
	// Ping proves that a commit would work, by making one.
	Ping func(ctx context.Context) error
	// InPlace returns an error once the ledger's file was moved, removed or replaced;
	// nil never looks.
	InPlace func() error
}

// LedgerOf takes what the listener needs from a store.
func LedgerOf(s *store.Store) Ledger {
	return Ledger{Deliveries: s.Deliveries, Forwards: s.Forwards, Ping: s.Ping, InPlace: s.InPlace}
}

// Deliveries records deliveries, and reads those that are to be forwarded.
type Deliveries interface {
	// Record commits a delivery, what it moves and what is to be forwarded, all
	// at once and durably. It returns by the end of a.Within and half of it.
	Record(ctx context.Context, a store.Arrival) (store.Recorded, error)
	Get(ctx context.Context, id string) (store.StoredDelivery, error)
}

// Forwards is the queue of what is to be forwarded.
type Forwards interface {
	// Due returns the targets that something waits for, and when to look at each.
	Due(ctx context.Context) ([]store.TargetDue, error)
	// Lease gives out the heads of lines, for a time.
	Lease(ctx context.Context, target string, limit int, lease time.Duration) ([]store.Forward, error)
	// Release gives leases back.
	Release(ctx context.Context, leased ...store.Forward) error
	// MarkAttempt records an attempt and what comes of it.
	MarkAttempt(ctx context.Context, leased store.Forward, a store.Attempt, o store.Outcome) error
}

// Options says what a Server needs. Ledger and Receivers are required.
type Options struct {
	Ledger Ledger
	// Collector, if any, is fitted to the open connections.
	Collector *Collector
	Receivers map[payment.ProviderID]payment.Receiver
	// InstallToken makes every callback path secret: a path without it, or
	// without a deposit's own token where one may stand, is unknown. "" leaves
	// tokens optional. See CheckToken and CheckBind.
	InstallToken string
	// TrustedProxies may say in X-Forwarded-For whom they speak for.
	TrustedProxies []netip.Prefix
	// Routes are the callback routes. At least those of Receivers.
	Routes []payment.Route
	// AddressCheck returns what is wrong with an address that a provider's
	// delivery came from, or "". The zero address is one that is not known. The
	// delivery is stored with that note; with enforce it moves nothing either. It
	// is never refused, since there may be no second one (reference/daraja.md §8).
	AddressCheck func(payment.ProviderID, netip.Addr) (note string, enforce bool)
	// C2BUntrusted stores C2B payments without believing them, and says so in
	// /readyz: nothing vouches for them where there is neither a secret path nor an
	// enforced check of addresses.
	C2BUntrusted bool
	// Credential is what a provider proves itself with in the Authorization header, by
	// the settings; "" for none. Forwards to this machine carry it.
	Credential func(payment.ProviderID) string
	// HashCredential makes the keyed hash that is stored in the place of a credential;
	// nil stores none.
	HashCredential func(value string) string
	// OnDelivery is told of every delivery, one after the other, after it has
	// been acknowledged. A slow one misses some when thousands arrive.
	OnDelivery func(DeliveryView)
	// OnUnproved is told, at once, of a deposit whose callback has come and proves nothing
	// by itself; it must not wait.
	OnUnproved func(depositID string)
	// OnForward is told of every attempt to forward, and OnStray of every request
	// under /callbacks/ that fits no route, from the same goroutine.
	OnForward func(ForwardView)
	OnStray   func(StrayView)
	// Forward sends deliveries on; the zero value sends none.
	Forward Forward
	// SpillDir takes what the ledger cannot of providers that send once: a
	// directory beside the ledger. "" has such deliveries refused with 503.
	SpillDir string
	// LedgerID, where not "", is noted in spilled deliveries, and those of another ledger
	// are not taken in.
	LedgerID string
	Limits   Limits
	// Tunnel says how the tunnel before the listener is; nil where there is none.
	Tunnel func() TunnelStatus
	// Prove proves the ledger to who asks at /readyz; see presence. nil proves nothing.
	Prove func(nonce string) string
	// Backlog, if set, is read for the metrics, at most once in a few seconds.
	Backlog func(context.Context) (Backlog, error)
	// TLS serves HTTPS; see TLSConfig.
	TLS *TLS
	// Metrics are shown at /metrics; nil makes new ones.
	Metrics *Metrics
	// Logger gets what the operator should know; nil means none.
	Logger *slog.Logger
	Now    func() time.Time
}

// Server is the receiver. Make one with New; it serves once.
type Server struct {
	o       Options
	routes  map[string]payment.Route
	log     *slog.Logger
	now     func() time.Time
	metrics *Metrics

	credentials credentials

	memory   bodyMemory
	flood    *flood
	inFlight chan struct{}
	spill    *spill
	forward  *forwarder
	views    *views
	ready    readiness
	backlog  backlogCache
	draining atomic.Bool
	// capped is the listener that is being served on.
	capped atomic.Pointer[cappedListener]
	// recording counts the calls of the ledger that are under way.
	recording sync.WaitGroup
	outage    outage
	// spilledNow wakes the goroutine that takes spilled deliveries in.
	spilledNow chan struct{}
	// replaced holds the error of a ledger in whose place another lies.
	replaced chan error
}

// New checks the options and returns a Server. Errors are KindUsage, or
// KindInternal when the spill directory cannot be made.
func New(o Options) (*Server, error) {
	if o.Ledger.Deliveries == nil || len(o.Receivers) == 0 {
		return nil, payment.Usage("listen: needs a ledger and a receiver", "set Options.Ledger and Options.Receivers")
	}
	if o.InstallToken != "" {
		if err := CheckToken(o.InstallToken); err != nil {
			return nil, err
		}
	}
	o.Limits = o.Limits.withDefaults()
	s := &Server{
		o: o, routes: map[string]payment.Route{}, log: o.Logger, now: o.Now, metrics: o.Metrics,
		memory: bodyMemory{most: o.Limits.BodyMemory}, flood: newFlood(o.Limits.PeerRate),
		inFlight: make(chan struct{}, o.Limits.InFlight), spilledNow: make(chan struct{}, 1), replaced: make(chan error, 1),
	}
	for _, r := range o.Routes {
		s.routes[r.Path] = r
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.metrics == nil {
		s.metrics = NewMetrics()
	}
	var err error
	if s.spill, err = newSpill(o.SpillDir, o.Limits, s.now); err != nil {
		return nil, err
	}
	s.spill.ledger = o.LedgerID
	s.spill.knows = func(d payment.Delivery) bool {
		r, ok := s.routes[d.Route]
		return ok && r.Provider == d.Provider
	}
	if s.forward, err = newForwarder(s); err != nil {
		return nil, err
	}
	s.views = newViews(s.metrics.viewsLost.inc)
	s.ready = readiness{check: o.Ledger.Ping}
	s.metrics.watch(s)
	return s, nil
}

// Handler returns the handler alone, for tests and for serving elsewhere.
// Forwarding, OnDelivery and the taking in of spilled deliveries need Serve.
func (s *Server) Handler() http.Handler { return s }

// Serve receives on ln until ctx ends, then lets open requests finish, parks
// the forwarder and returns nil; that takes Limits.Drain at most, and a moment.
// Any other end is an error, such as another ledger in the place of the one that is
// open: the next start works with it. ln is closed in all cases.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	capped := newCapped(ln, s.o.Limits, s.exempt, s.metrics.refused.inc)
	capped.collector = s.o.Collector
	s.capped.Store(capped)
	srv := s.serverOn(ctx, s, capped)
	srv.TLSConfig = s.o.TLS.config()

	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	var work sync.WaitGroup
	work.Go(func() { s.takeInLoop(background) })
	work.Go(func() { s.forward.run(background) })
	work.Go(func() { s.o.TLS.watch(background, s.log) })
	viewing := make(chan struct{})
	go func() { defer close(viewing); s.views.run() }()

	served := make(chan error, 1)
	work.Go(func() { served <- s.accept(srv, capped) })

	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		s.shutdown(ctx, srv, capped)
	case err = <-s.replaced:
		s.shutdown(ctx, srv, capped)
	}
	stopBackground()
	work.Wait()
	s.views.close()
	s.settle(viewing)
	return err
}

// serverOn returns the HTTP server of a handler behind capped.
func (s *Server) serverOn(ctx context.Context, h http.Handler, capped *cappedListener) *http.Server {
	l := s.o.Limits
	srv := &http.Server{
		Handler: h, ConnState: capped.note, ConnContext: withConn, MaxHeaderBytes: l.Header,
		ReadHeaderTimeout: l.HeaderTime, ReadTimeout: l.RequestTime, IdleTimeout: l.IdleTime,
		WriteTimeout: l.RequestTime + l.Admission + 2*l.RecordTime,
		ErrorLog:     slog.NewLogLogger(quietHandler{s.log.Handler()}, slog.LevelDebug),
		BaseContext:  func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	srv.DisableGeneralOptionsHandler = true
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true) // no provider needs HTTP/2, and it has many more ways to attack
	return srv
}

// settleTime is what an output that is stuck and a ledger that hangs get before
// they are left behind: stopping must not depend on them.
const settleTime = time.Second

// settle waits for what the listener cannot make hurry.
func (s *Server) settle(viewing <-chan struct{}) {
	recording := make(chan struct{})
	go func() { defer close(recording); s.recording.Wait() }()
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	for _, done := range []<-chan struct{}{recording, viewing} {
		select {
		case <-done:
		case <-timer.C:
			s.log.Warn("stopping without waiting for the output or the ledger, which hang")
			return
		}
	}
}

func (s *Server) accept(srv *http.Server, ln net.Listener) error {
	var err error
	if s.o.TLS != nil {
		err = srv.ServeTLS(ln, "", "")
	} else {
		err = srv.Serve(ln)
	}
	_ = ln.Close()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return &payment.Error{Kind: payment.KindInternal, Err: err, Message: "listen: accepting connections failed: " + err.Error()}
}

// shutdown takes no more connections, gives open requests their time, then cuts them
// off. What had been acknowledged is committed in either case. http.Server's own
// Shutdown would close what it takes for idle, whatever lies in the socket.
func (s *Server) shutdown(ctx context.Context, srv *http.Server, capped *cappedListener) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Limits.Drain)
	defer cancel()
	s.draining.Store(true)
	_ = capped.Close()
	if !capped.farewell(ctx) {
		s.log.Warn("some requests were cut off while stopping")
	}
	_ = srv.Close()
}

// exempt spares the operator's own machine and proxies the limits per peer.
func (s *Server) exempt(peer netip.Addr) bool {
	return !peer.IsValid() || peer.IsLoopback() || s.trusts(peer)
}

// quietHandler masks what net/http logs of its own accord, which quotes bytes
// of broken requests.
type quietHandler struct{ slog.Handler }

// Handle cleans the message.
func (h quietHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Message = clean(r.Message)
	return h.Handler.Handle(ctx, r)
}
