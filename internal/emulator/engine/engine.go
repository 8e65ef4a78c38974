// Package engine is what the providers of the emulator stand on: the clock and what is scheduled on it, the journal of
// exchanges, the sender of callbacks, the behaviours that are on, requests and their answers, and repeatable ids. It knows
// no provider: who answers what, and for how much money, is said in the rooms beside it.
package engine

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Config is how an engine starts. The zero value is a calm engine on the real clock.
type Config struct {
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

// Engine is what the providers of one emulator share. Its lock guards the state of all of them.
type Engine struct {
	stateLock

	CallbackDelay time.Duration
	Clock         *clock
	IDs           *IDs
	Journal       *journal
	Sender        *sender
	// Behaviours are those that are on; adopt replaces them.
	Behaviours *Settings
	// Patience is how long a sender may take over a body, in real time whatever the clock.
	Patience time.Duration

	calm     atomic.Bool   // no behaviour is on: the hot path need not ask under the lock
	resets   atomic.Uint64 // changes with the lock held
	held     *Delivery     // a callback waiting to be overtaken (callback-out-of-order)
	retrying int           // deliveries that wait to be sent again
	dirty    bool          // state changed since it was last saved

	done    chan struct{}
	running sync.WaitGroup
}

// New makes an engine that stands still until start.
func New(c Config) (*Engine, error) {
	e := &Engine{
		CallbackDelay: c.CallbackDelay, IDs: NewIDs(c.Seed), Journal: newJournal(c.Log),
		Behaviours: &Settings{}, Patience: bodyPatience, done: make(chan struct{}),
	}
	var err error
	if e.Clock, err = newClock(c.Mode, c.Now); err != nil {
		return nil, err
	}
	e.calm.Store(true)
	e.Sender = newSender(e, c.HTTPClient)
	return e, nil
}

// Start lets a real clock run, and the log follow; on a virtual one each step is logged when it is over.
func (e *Engine) Start() {
	if !e.Clock.Virtual {
		e.Journal.start()
		e.running.Go(func() { e.Clock.loop(e.done) })
	}
}

// Stop ends the clock; nothing that is scheduled happens any more.
func (e *Engine) Stop() {
	close(e.done)
	e.running.Wait()
}

// Stopped is closed by stop.
func (e *Engine) Stopped() <-chan struct{} { return e.done }

// Now is the emulator's time.
func (e *Engine) Now() time.Time { return e.Clock.now() }

// Adopt puts behaviours in force. The lock is held, or nothing runs yet.
func (e *Engine) Adopt(next *Settings) {
	e.Behaviours = next
	e.calm.Store(len(next.on) == 0)
}

// Quiet reports whether no behaviour is on. It needs no lock.
func (e *Engine) Quiet() bool { return e.calm.Load() }

// Epoch counts the resets: what began in an earlier one must not touch the state.
func (e *Engine) Epoch() uint64 { return e.resets.Load() }

// Later runs f with the lock held once d has passed, or never when everything has been reset by then: an event may be
// waiting for the lock while a reset holds it. The lock is held.
func (e *Engine) Later(d time.Duration, f func()) {
	epoch := e.Epoch()
	e.Clock.After(d, func() {
		e.lockFirst()
		defer e.Unlock()
		if e.Epoch() == epoch {
			f()
		}
	})
}

// Locked runs f with the state locked.
func (e *Engine) Locked(f func()) {
	e.Lock()
	defer e.Unlock()
	f()
}

// Touch notes that the state has changed since it was last saved. The lock is held.
func (e *Engine) Touch() { e.dirty = true }

// Changed reports whether the state has changed since saved was called. The lock is held.
func (e *Engine) Changed() bool { return e.dirty }

// Saved notes that the state as it is now is being saved. The lock is held.
func (e *Engine) Saved() { e.dirty = false }

// Reset forgets what is scheduled, what waits to be sent and the exchanges, and starts ids and chances again. The lock
// is held.
func (e *Engine) Reset() {
	e.resets.Add(1)
	e.Clock.clear()
	e.Sender.reset()
	e.held, e.retrying = nil, 0
	e.IDs.reset()
	e.Behaviours.restart()
	e.Journal.reset()
	e.Touch()
}

// Close drops what waits to be sent and waits for what is under way; when ctx ends that is cut. All is logged then.
func (e *Engine) Close(ctx context.Context) {
	e.Sender.Close(ctx)
	e.Journal.stop()
}

// Failures of a control request, told apart for its status.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict")
)
