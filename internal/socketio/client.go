package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/payctl/payctl/internal/timing"
)

// Handler receives what a [Client] reports, one event at a time and in order.
// It may emit, and may call [Client.Close]. An error ends the client: Run
// returns it. While the handler works, a bounded number of events waits for it;
// beyond that the connection is not read.
type Handler func(ctx context.Context, event Event) error

// Client keeps one connection to a server's main namespace: it connects, falls
// back, upgrades, answers heartbeats and comes back after a loss. Make it with
// [NewClient] and run it once with [Client.Run].
type Client struct {
	opts    ClientOptions
	http    *http.Client
	release func()

	events chan Event
	budget *semaphore.Weighted

	current atomic.Pointer[clientSession]

	mu      sync.Mutex
	started bool
	closed  bool
	stop    context.CancelCauseFunc

	// at and order are the loop's own: the form of the address and the order
	// of transports that worked last.
	at    endpoint
	order []string
	// secrets are the last auth payload's strings, not to be repeated in an error.
	secrets atomic.Pointer[[]string]
	// requests numbers the polling requests.
	requests atomic.Uint64
}

// NewClient checks the options. It connects nothing; the error names the
// option that is wrong.
func NewClient(opts ClientOptions) (*Client, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	at, err := opts.endpoint()
	if err != nil {
		return nil, err
	}
	c := &Client{
		opts:   opts,
		at:     at,
		order:  slices.Clone(opts.Transports),
		events: make(chan Event, opts.QueueLength),
		budget: semaphore.NewWeighted(2 * opts.MaxPayload),
	}
	c.http, c.release = opts.httpClient()
	return c, nil
}

// Run connects and delivers events to handle until the client is over, and
// then leaves no goroutine behind. It returns nil after [Client.Close], ctx's
// error when ctx ended, the handler's error when that ended it, and a
// *[ConnectError] when the server refused or its certificate is not trusted.
// An event that asks for an answer the handler did not give is answered with
// an empty one.
func (c *Client) Run(ctx context.Context, handle Handler) error {
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := c.start(cancel); err != nil {
		return err
	}
	defer c.release()

	result := make(chan error, 1)
	go func() {
		result <- c.loop(run)
		close(c.events)
	}()
	var verdict error
	for event := range c.events {
		if verdict == nil && (run.Err() == nil || event.Kind == EventRefused) {
			if verdict = c.dispatch(run, event, handle); verdict != nil {
				cancel(verdict)
			}
		}
		c.budget.Release(event.size)
	}
	err := <-result
	switch {
	case verdict != nil:
		return verdict
	case errors.Is(err, errClosedHere):
		return nil
	default:
		return err
	}
}

func (c *Client) dispatch(ctx context.Context, event Event, handle Handler) error {
	if err := handle(ctx, event); err != nil {
		return err
	}
	if event.Kind == EventMessage && event.WantsAck() {
		// A lost answer is the server's to notice: the connection is gone then.
		_ = event.Ack(ctx)
	}
	return nil
}

func (c *Client) start(cancel context.CancelCauseFunc) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started {
		return errRunTwice
	}
	c.started, c.stop = true, cancel
	if c.closed {
		cancel(errClosedHere)
	}
	return nil
}

// Close asks the client to say goodbye and stop. It does not wait: Run returns
// when everything is down. It may be called at any time, from anywhere.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.stop != nil {
		c.stop(errClosedHere)
	}
}

// Emit sends an event over the connection that stands, waiting for room in the
// send queue. Nil means queued, not received. Without a connection the error
// is [ErrNotConnected]; beyond the server's payload limit it is [ErrTooLarge].
func (c *Client) Emit(ctx context.Context, name string, args ...any) error {
	s := c.current.Load()
	if s == nil {
		return ErrNotConnected
	}
	text, err := eventText(-1, name, args)
	if err != nil {
		return err
	}
	return s.push(ctx, text)
}

// EmitAck sends an event and waits for the server's answer. Give ctx a limit:
// a server need not answer. If the connection ends first the error is
// [ErrDisconnected].
func (c *Client) EmitAck(ctx context.Context, name string, args ...any) ([]json.RawMessage, error) {
	s := c.current.Load()
	if s == nil {
		return nil, ErrNotConnected
	}
	call := ackCall{table: &s.acks, push: s.push, gone: s.done}
	return call.do(ctx, name, args)
}

// Transport is the transport in use, empty while there is no connection.
func (c *Client) Transport() string {
	if s := c.current.Load(); s != nil {
		return s.transport()
	}
	return ""
}

// loop connects again and again until ctx ends or the server refuses.
func (c *Client) loop(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		s, err := c.connect(ctx)
		if ctx.Err() != nil && s == nil {
			break
		}
		event := Event{Kind: EventConnectFailed, Err: err}
		if err == nil {
			began := c.opts.Now()
			err = s.wait(ctx)
			if ctx.Err() != nil {
				break
			}
			if c.opts.Now().Sub(began) >= c.opts.Backoff.Held {
				failures = 0
			}
			event = Event{Kind: EventDisconnected, Reason: reasonOf(err), Err: err}
		}
		if isFinal(err) {
			if event.Kind == EventDisconnected {
				_ = c.deliver(ctx, event)
			}
			_ = c.deliver(ctx, Event{Kind: EventRefused, Err: err})
			return err
		}
		failures++
		event.Err = c.worded(event.Err)
		event.Failures, event.RetryIn = failures, c.opts.Backoff.delay(failures, c.opts.Rand)
		if c.deliver(ctx, event) != nil || timing.Wait(ctx, event.RetryIn) != nil {
			break
		}
	}
	return context.Cause(ctx)
}

// connect tries the transports in order and returns the first connection on
// which the server accepted the namespace.
func (c *Client) connect(ctx context.Context) (*clientSession, error) {
	var failed attemptErrors
	for i, transport := range c.order {
		s, err := c.open(ctx, transport)
		if err == nil {
			err = s.join(ctx)
		}
		if err == nil {
			// What failed now would cost its whole limit at each reconnect, so
			// what worked goes first next time, and upgrades if it can.
			c.order = append([]string{transport}, slices.Delete(slices.Clone(c.order), i, i+1)...)
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		err = asFinal(err)
		if isFinal(err) {
			return nil, err
		}
		failed = append(failed, fmt.Errorf("%s: %w", transport, err))
	}
	return nil, failed
}

// asFinal turns a certificate error into a final one, and unwraps a refusal.
func asFinal(err error) error {
	if refused, ok := errors.AsType[*ConnectError](err); ok {
		return refused
	}
	if cert := certificateError(err); cert != nil {
		return &ConnectError{Message: "certificate not trusted", Err: cert}
	}
	return err
}

// deliver queues an event for the handler, waiting for room.
func (c *Client) deliver(ctx context.Context, event Event) error {
	event.size = min(event.size, 2*c.opts.MaxPayload)
	if err := c.budget.Acquire(ctx, event.size); err != nil {
		return context.Cause(ctx)
	}
	select {
	case c.events <- event:
		return nil
	case <-ctx.Done():
		c.budget.Release(event.size)
		return context.Cause(ctx)
	}
}
