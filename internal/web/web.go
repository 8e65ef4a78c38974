package web

import (
	"context"
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/presence"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
)

// Options is what the view shows and may do. Ledger, Providers, Sender, the filters and
// Now are required.
type Options struct {
	Ledger      *store.Store
	Providers   provider.Table
	Environment payment.Environment
	// Profile and LedgerName are shown on every page.
	Profile, LedgerName string
	// Flags follow "payctl" in commands that are shown, such as " --profile shop".
	Flags string
	// Addr is the address that is served: who names another is refused.
	Addr string
	Now  func() time.Time
	Zone *time.Location
	// ShowPhone shows whole numbers.
	ShowPhone bool
	// AllowActions lets pages act in any environment.
	AllowActions bool
	// Sender sends deliveries again.
	Sender replay.Sender
	// Deliveries and Deposits compile an expression of --filter. Errors are KindUsage.
	Deliveries func(text string) (func(store.StoredDelivery) (bool, error), error)
	Deposits   func(text string) (func(payment.Deposit) (bool, error), error)
	// Why says more of why a delivery was not believed than the ledger does; nil or ""
	// for nothing.
	Why func(ctx context.Context, d store.StoredDelivery) string
	// Listener asks who answers where the listener should be; nil for nobody.
	Listener func(ctx context.Context) presence.Who
	// Tunnel tells of the profile's tunnel; nil for none.
	Tunnel func() (Tunnel, bool)
	// CallbackURL is the base of the addresses to register, "" while unknown.
	CallbackURL string
	// Emulator calls the control plane of a running emulator; nil for none.
	Emulator func(ctx context.Context, method, path string, in, out any) error
}

// Tunnel is where the listener can be reached from outside.
type Tunnel struct {
	URL string
	// Alive says that its listener runs, State how the address does.
	Alive     bool
	State     string
	CheckedAt time.Time
}

// Server serves the view.
type Server struct {
	Options
	door    *door
	hub     *hub
	handler http.Handler
	// scans bounds how many requests go through the history at once.
	scans   chan struct{}
	watched watched
}

// mostScans is how many requests may go through the history at once.
const mostScans = 4

// New returns a server. Close ends what it began.
func New(o Options) (*Server, error) {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	s := &Server{Options: o, scans: make(chan struct{}, mostScans)}
	g, err := newGuard(o.Addr)
	if err != nil {
		return nil, err
	}
	s.door = newDoor(o.Addr)
	s.hub = newHub(s)
	s.handler = g.wrap(s.door.wrap(http.HandlerFunc(s.bounded)))
	return s, nil
}

// Close ends the streams and waits for what runs behind them.
func (s *Server) Close(context.Context) { s.hub.close() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// StartURL opens the view in one browser, once.
func (s *Server) StartURL() string { return "http://" + s.Addr + startPath + "?token=" + s.door.start }

// Bearer is the token for scripts.
func (s *Server) Bearer() string { return s.door.bearer }

// requestTime bounds a request that is no stream.
const requestTime = 15 * time.Second

// bounded routes a request that passed the guards. A stream alone may last.
func (s *Server) bounded(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/events" {
		s.hub.serve(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTime)
	defer cancel()
	s.routes().ServeHTTP(w, r.WithContext(ctx))
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, page := range map[string]func(*http.Request) (answer, error){
		"GET /{$}":                     s.deliveries,
		"GET /deliveries/{id}":         s.delivery,
		"GET /deliveries/{id}/body":    s.body,
		"POST /deliveries/{id}/send":   s.sendAgain,
		"GET /deposits":                s.deposits,
		"GET /deposits/{id}":           s.timeline,
		"GET /stats":                   s.stats,
		"GET /strip":                   s.stripPart,
		"GET /phone":                   s.phone,
		"POST /phone/answer":           s.answerPrompt,
		"POST /phone/clock":            s.moveClock,
		"POST /phone/weather":          s.setWeather,
		"POST /phone/behaviour":        s.setBehaviour,
		"GET /api/deliveries":          s.apiDeliveries,
		"GET /api/deliveries/{id}":     s.apiDelivery,
		"GET /api/deposits":            s.apiDeposits,
		"GET /api/deposits/{id}":       s.apiDeposit,
		"GET /api/deposits/{id}/trace": s.apiTrace,
		"GET /api/stats":               s.apiStats,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, page) })
	}
	mux.HandleFunc("GET /assets/{name}", serveAsset)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, func(*http.Request) (answer, error) {
			return answer{}, payment.NotFound("there is no page "+payment.Quote(r.URL.Path, 80), "begin at the deliveries")
		})
	})
	return mux
}
