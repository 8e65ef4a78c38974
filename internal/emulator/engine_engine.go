package emulator

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// config is how an engine starts. The zero value is a calm engine on the real clock.
type config struct {
	// Seed makes ids and chances repeatable.
	Seed uint64
	// Mode is the clock's, "real" (default) or "virtual".
	Mode string
	// Now tells the time that goes into ids and records; nil is time.Now.
	Now func() time.Time
	// CallbackDelay is the time from the answer of a push to its callback; 0 leaves it to the behaviours.
	CallbackDelay time.Duration
	// Log is called once for each exchange, one at a time and in order. It may be nil.
	Log func(Exchange)
	// HTTPClient sends the callbacks; nil is a bounded client that only reaches loopback and private addresses.
	HTTPClient *http.Client
}

// engine is what the providers of one emulator share. Its lock guards the state of all of them.
type engine struct {
	sync.Mutex

	callbackDelay time.Duration
	clock         *clock
	ids           *ids
	journal       *journal
	sender        *sender
	// behaviours are those that are on; adopt replaces them.
	behaviours *settings
	// patience is how long a sender may take over a body, in real time whatever the clock.
	patience time.Duration

	calm     atomic.Bool   // no behaviour is on: the hot path need not ask under the lock
	resets   atomic.Uint64 // changes with the lock held
	held     *delivery     // a callback waiting to be overtaken (callback-out-of-order)
	retrying int           // deliveries that wait to be sent again
	dirty    bool          // state changed since it was last saved

	done    chan struct{}
	running sync.WaitGroup
}

// newEngine makes an engine that stands still until start.
func newEngine(c config) (*engine, error) {
	e := &engine{
		callbackDelay: c.CallbackDelay, ids: newIDs(c.Seed), journal: newJournal(c.Log),
		behaviours: &settings{}, patience: bodyPatience, done: make(chan struct{}),
	}
	var err error
	if e.clock, err = newClock(c.Mode, c.Now); err != nil {
		return nil, err
	}
	e.calm.Store(true)
	e.sender = newSender(e, c.HTTPClient)
	return e, nil
}

// start lets a real clock run.
func (e *engine) start() {
	if !e.clock.virtual {
		e.running.Go(func() { e.clock.loop(e.done) })
	}
}

// stop ends the clock; nothing that is scheduled happens any more.
func (e *engine) stop() {
	close(e.done)
	e.running.Wait()
}

// stopped is closed by stop.
func (e *engine) stopped() <-chan struct{} { return e.done }

// now is the emulator's time.
func (e *engine) now() time.Time { return e.clock.now() }

// adopt puts behaviours in force. The lock is held, or nothing runs yet.
func (e *engine) adopt(next *settings) {
	e.behaviours = next
	e.calm.Store(len(next.on) == 0)
}

// quiet reports whether no behaviour is on. It needs no lock.
func (e *engine) quiet() bool { return e.calm.Load() }

// epoch counts the resets: what began in an earlier one must not touch the state.
func (e *engine) epoch() uint64 { return e.resets.Load() }

// later runs f with the lock held once d has passed, or never when everything has been reset by then: an event may be
// waiting for the lock while a reset holds it. The lock is held.
func (e *engine) later(d time.Duration, f func()) {
	epoch := e.epoch()
	e.clock.after(d, func() {
		e.Lock()
		defer e.Unlock()
		if e.epoch() == epoch {
			f()
		}
	})
}

// locked runs f with the state locked.
func (e *engine) locked(f func()) {
	e.Lock()
	defer e.Unlock()
	f()
}

// touch notes that the state has changed since it was last saved. The lock is held.
func (e *engine) touch() { e.dirty = true }

// changed reports whether the state has changed since saved was called. The lock is held.
func (e *engine) changed() bool { return e.dirty }

// saved notes that the state as it is now is being saved. The lock is held.
func (e *engine) saved() { e.dirty = false }

// reset forgets what is scheduled, what waits to be sent and the exchanges, and starts ids and chances again. The lock
// is held.
func (e *engine) reset() {
	e.resets.Add(1)
	e.clock.clear()
	e.sender.reset()
	e.held, e.retrying = nil, 0
	e.ids.reset()
	e.behaviours.restart()
	e.journal.reset()
	e.touch()
}

// close drops what waits to be sent and waits for what is under way; when ctx ends that is cut.
func (e *engine) close(ctx context.Context) { e.sender.close(ctx) }

// Failures of a control request, told apart for its status.
var (
	errNotFound = errors.New("not found")
	errConflict = errors.New("conflict")
)
