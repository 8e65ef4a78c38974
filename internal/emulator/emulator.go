// Package emulator is an offline Daraja and WasaaPay: one http.Handler that answers on the providers' real paths, keeps
// one consistent ledger of customers, balances and receipts behind them, and calls the application back as the providers
// do, good and bad days included. It composes the rooms below it and adds the control plane and the state file; opening
// sockets and printing belong to the caller.
//
// A behaviour is a row in the catalogue of its provider and one question where it strikes; a provider is a package with
// the methods of part, one line in New and one in behaviours.
package emulator

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/emulator/daraja"
	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
	"github.com/payctl/payctl/internal/emulator/wasaapay"
)

// Options say how an Emulator starts. The zero value is a calm emulator on the real clock, in memory only.
type Options struct {
	// Seed makes ids and chances repeatable: the same seed and the same inputs give the same ids.
	Seed uint64
	// Clock is "real" (default) or "virtual": a virtual clock stands still until it is advanced.
	Clock string
	// Weather names the preset of behaviours to start with: "calm" (default), "realistic", "salary-day" or "worst-case".
	Weather string
	// Behaviours are NAME or NAME=VALUE, applied over the weather in order.
	Behaviours []string
	// CallbackDelay is the time from the answer of a push to its callback; 0 leaves it to the weather (calm: 150 ms).
	CallbackDelay time.Duration
	// WebhookURL is where webhooks that have no address of their own are posted; empty is DefaultWebhookURL.
	WebhookURL string
	// CADir is the folder of the certificate authority for HTTPS and the proxy, made when it is first needed; empty makes
	// an authority that lasts as long as the emulator.
	CADir string
	// StateFile keeps the state between runs (mode 0600, replaced atomically); empty keeps it in memory only.
	StateFile string
	// PublicHosts are names, beside this machine's and the providers', under which requests may reach the emulator.
	PublicHosts []string
	// Log is called once for each exchange, one at a time and in order. It must not call the emulator. It may be nil.
	Log func(engine.Exchange)
	// Now tells the time that goes into ids and records; nil is time.Now. A virtual clock starts at Now(), or at a
	// fixed moment when Now is nil, so that two runs are alike.
	Now func() time.Time
	// HTTPClient sends the callbacks; nil is a bounded client that only reaches loopback and private addresses.
	HTTPClient *http.Client
}

// DefaultWebhookURL is the listener that payctl itself starts by default.
const DefaultWebhookURL = "http://127.0.0.1:4020/callbacks/wasaapay"

// Emulator is one running emulator. Make it with New and end it with Close.
type Emulator struct {
	opts    Options
	engine  *engine.Engine
	net     *mpesa.Network
	parts   []part
	handler http.Handler

	authority authority
	proxyAddr atomic.Pointer[string] // while ServeProxy runs
	weather   string                 // the preset that was last chosen; the engine's lock guards it

	// replace puts a file in the place of another at once, atomicfile.WriteFrom but in tests.
	replace   func(name string, write func(io.Writer) error) error
	closeOnce sync.Once
	running   sync.WaitGroup
	closeErr  error
}

// part is one provider's half of the emulator. Methods marked "locked" are called with the
// engine's lock held.
type part interface {
	// Name is the key of the part in the state view and the state file.
	Name() string
	// Routes registers the provider's paths.
	Routes(mux *http.ServeMux)
	// Reset forgets everything (locked).
	Reset()
	// View is what GET /_emulator/state shows (locked); full leaves phone numbers unmasked.
	View(full bool) any
	// Save copies what the state file keeps (locked), and cheaply, for nothing else goes on meanwhile; what it returns makes
	// the file's form of the copy without the lock. load is its inverse and schedules again what was under way (locked).
	Save() func() any
	Load(raw []byte) error
	// Prompts lists the payments that wait for a payer (locked).
	Prompts() []mpesa.Prompt
	// Answer plays the payer of one open payment (locked). errNoPrompt means that the id is not this part's.
	Answer(id string, o *mpesa.Outcome) (mpesa.Prompt, error)
	// Env is what a client of this provider needs to reach the emulator at base.
	Env(base string) map[string]string
}

// closer is a part with connections of its own; close ends them, and cuts them when ctx ends.
type closer interface{ Close(ctx context.Context) }

// New makes an emulator and starts its clock. An unknown clock, weather or behaviour, a bad value, and a state
// file that cannot be read are errors that name the culprit.
func New(opts Options) (*Emulator, error) {
	if opts.CallbackDelay < 0 {
		return nil, fmt.Errorf("callback delay %s is negative: give 0 or more", opts.CallbackDelay)
	}
	opts.WebhookURL = cmp.Or(opts.WebhookURL, DefaultWebhookURL)
	if fault := engine.LintURL(opts.WebhookURL, false); fault != "" {
		return nil, fmt.Errorf("the webhook url %s: give one such as %s", fault, DefaultWebhookURL)
	}
	eng, err := engine.New(engine.Config{
		Seed: opts.Seed, Mode: opts.Clock, Now: opts.Now, CallbackDelay: opts.CallbackDelay, Log: opts.Log, HTTPClient: opts.HTTPClient,
	})
	if err != nil {
		return nil, err
	}
	e := &Emulator{opts: opts, engine: eng, replace: atomicfile.WriteFrom, weather: cmp.Or(opts.Weather, calm)}
	behaviours, err := startBehaviours(opts)
	if err != nil {
		return nil, err
	}
	eng.Adopt(behaviours)
	e.net = mpesa.NewNetwork(eng)
	gateway := daraja.New(eng, e.net)
	e.parts = []part{gateway, wasaapay.New(eng, e.net, opts.WebhookURL)} // adding a provider is one line here
	if e.handler, err = e.newHandler(gateway.Stranger()); err != nil {
		return nil, err
	}
	if err := e.loadState(); err != nil {
		return nil, err
	}
	eng.Start()
	if opts.StateFile != "" {
		e.running.Go(e.keepState)
	}
	return e, nil
}

// Handler serves every provider and the control plane under /_emulator/ on one address.
func (e *Emulator) Handler() http.Handler { return e.handler }

// Close stops the clock, drops callbacks that are not under way, waits for those that are (until ctx ends, then
// they are cut), and saves the state. It returns when no goroutine of the emulator is left. Calling it again is harmless.
func (e *Emulator) Close(ctx context.Context) error {
	e.closeOnce.Do(func() {
		e.engine.Stop()
		e.running.Wait()
		e.HangUp(ctx)
		e.engine.Close(ctx)
		e.closeErr = e.saveState()
	})
	return e.closeErr
}

// HangUp ends the connections that clients hold open until something happens (Socket.IO), takes no new ones, and returns
// when they are gone; when ctx ends they are cut. A server in front of Handler that lets open requests finish would wait
// for such a one in vain unless it is called first. Close does it too.
func (e *Emulator) HangUp(ctx context.Context) {
	for _, p := range e.parts {
		if open, ok := p.(closer); ok {
			open.Close(ctx)
		}
	}
}
