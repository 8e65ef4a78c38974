package wasaapay

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/socketio"
)

// socketPath is the Engine.IO path; the vendor's table writes it into the URL,
// but it is no namespace (reference/wasaapay.md §12.1, C4).
const socketPath = "/partner/socket"

const (
	// authenticatedWait is how long to wait for the server's greeting before
	// subscribing all the same (C16).
	authenticatedWait = 3 * time.Second
	// subscribedWait is how long to wait for all confirmations.
	subscribedWait = 5 * time.Second
)

// Stream follows deposits over one Socket.IO connection for all ids
// (reference/wasaapay.md §12). After each connect it waits for the greeting,
// subscribes to every id and waits for the confirmations, each for a limited
// time; then it reports StreamUp, and the caller asks once, since nothing that
// happened in the gap is replayed.
//
// An id whose confirmation has not come by then follows in a StreamDown of its
// own, which names it as Event.ProviderID, and in such a StreamUp if the server
// confirms it later: its events may or may not come.
//
// A refused key is KindUnauthorized, a certificate that cannot be trusted
// KindUnavailable; any other loss is reported as StreamDown and mended.
func (c *Client) Stream(ctx context.Context, ids []string, emit func(payment.StreamUpdate)) error {
	if !c.cfg.APIKey.IsSet() {
		with := c.cfg
		with.Wallet = "not needed"
		return needKey(with)
	}
	if len(ids) == 0 {
		return nil
	}
	client, err := socketio.NewClient(socketio.ClientOptions{
		URL: c.socket, Path: socketPath, Transports: c.cfg.Transports, HTTPClient: c.cfg.StreamHTTP, Now: c.cfg.Now,
		// The key goes into the CONNECT payload, and where asked for into a header.
		Auth:   func() any { return map[string]string{"apiKey": c.cfg.APIKey.Reveal()} },
		Header: c.socketHeader(), Trace: c.cfg.Packets,
	})
	if err != nil {
		return usage("stream: "+err.Error(), "check socket_url and the transports")
	}
	f := &follower{
		client: client, ids: uniqueIDs(ids), emit: emit, env: c.cfg.Environment,
		greetingWait: c.greetingWait, confirmationWait: c.confirmationWait, final: map[string]payment.Status{},
	}
	return f.run(ctx)
}

func (c *Client) socketHeader() http.Header {
	if c.cfg.SocketHeader == "" {
		return nil
	}
	h := http.Header{}
	h.Set(c.cfg.SocketHeader, c.cfg.APIKey.Reveal())
	return h
}

func uniqueIDs(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }

// follower is one Stream. Its fields belong to the goroutine that runs it.
type follower struct {
	client *socketio.Client
	ids    []string
	emit   func(payment.StreamUpdate)
	env    payment.Environment

	greetingWait, confirmationWait time.Duration

	// waiting holds the ids whose confirmation has not come on this connection,
	// also once up; nil before subscribing.
	waiting map[string]bool
	// connected and up are of this connection; greeted is true once any
	// connection was.
	connected, up, greeted bool
	// partner is whom the server greeted, as it is shown once.
	partner string
	// timer runs for the greeting, then for the confirmations.
	timer *time.Timer
	// final holds the decisions reported, so that each is reported once.
	final map[string]payment.Status
	// lastDown is the note of the last loss, so that the same is not repeated.
	lastDown  string
	transport string
	// stopSubscribing ends the goroutine that subscribes and waits for it.
	stopSubscribing func()
}

// run owns the client's goroutine and calls emit from its own alone.
func (f *follower) run(ctx context.Context) error {
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan socketio.Event)
	ended := make(chan error, 1)
	go func() {
		ended <- f.client.Run(run, func(ctx context.Context, e socketio.Event) error {
			select {
			case events <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	f.timer = time.NewTimer(time.Hour)
	f.timer.Stop()
	defer f.reset()
	for {
		select {
		case e := <-events:
			if err := f.take(run, e); err != nil {
				cancel()
				<-ended //nolint:errcheck // the first error counts
				return err
			}
		case <-f.timer.C:
			f.timeout(run)
		case err := <-ended:
			return over(ctx, err)
		}
	}
}

// over words why the client ended. The end of ctx is no error.
func over(ctx context.Context, err error) error {
	var refused *socketio.ConnectError
	switch {
	case errors.As(err, &refused) && refused.Refused():
		return keyRefused(refused.Error(), refused.Code)
	case errors.As(err, &refused):
		return &payment.Error{
			Kind: payment.KindUnavailable, Provider: payment.WasaaPay, Err: err,
			Message: "stream: " + clean(refused.Error()),
			Hint:    "check socket_url, the clock of this machine and the proxy; the certificate must be one it trusts",
		}
	case ctx.Err() != nil, err == nil:
		return nil //nolint:nilerr // the caller ended it
	}
	return &payment.Error{Kind: payment.KindUnavailable, Provider: payment.WasaaPay, Retryable: true, Err: err, Message: "stream: " + clean(err.Error())}
}

func keyRefused(words, code string) error {
	return &payment.Error{
		Kind: payment.KindUnauthorized, Provider: payment.WasaaPay, ProviderCode: code,
		Message: "stream: " + clean(words),
		Hint:    "check the API key, that it belongs to this environment, and the dashboard's IP allow-list",
	}
}

// take acts on one event of the connection.
func (f *follower) take(ctx context.Context, e socketio.Event) error {
	switch e.Kind {
	case socketio.EventConnected:
		f.reset()
		f.connected, f.transport = true, e.Transport
		f.timer.Reset(f.greetingWait)
	case socketio.EventMessage:
		return f.message(ctx, e.Message)
	case socketio.EventDisconnected:
		// Thrown out before the greeting is a refusal in other words
		// (reference/socketio.md, client 9).
		if e.Reason == socketio.ReasonServerDisconnect && !f.greeted {
			return keyRefused("the server closed the connection without accepting the key", "")
		}
		f.reset()
		f.down(e.Reason.String(), e.RetryIn)
	case socketio.EventConnectFailed:
		f.reset()
		reason := "cannot connect"
		if e.Err != nil {
			reason += ": " + clean(e.Err.Error())
		}
		f.down(reason, e.RetryIn)
	case socketio.EventRefused:
	}
	return nil
}

// reset ends what belongs to one connection.
func (f *follower) reset() {
	f.timer.Stop()
	if f.stopSubscribing != nil {
		f.stopSubscribing()
		f.stopSubscribing = nil
	}
	f.connected, f.up, f.waiting = false, false, nil
}

func (f *follower) down(reason string, retry time.Duration) {
	if reason == f.lastDown {
		return
	}
	f.lastDown = reason
	f.emit(payment.StreamUpdate{Signal: payment.StreamDown, Note: reason + "; next attempt in " + retry.Round(100*time.Millisecond).String()})
}

// timeout goes on without what has not come in time.
func (f *follower) timeout(ctx context.Context) {
	switch {
	case !f.connected:
	case f.waiting == nil:
		f.subscribe(ctx)
	case !f.up:
		f.report(plural(len(f.waiting)) + " not confirmed by the server")
		for _, id := range f.ids {
			if f.waiting[id] {
				f.reportOne(payment.StreamDown, id, "the server has not confirmed the subscription")
			}
		}
	}
}

func plural(n int) string {
	if n == 1 {
		return "1 subscription was"
	}
	return strconv.Itoa(n) + " subscriptions were"
}

// subscribe sends all subscriptions from a goroutine of their own, so that the
// confirmations can be read meanwhile however many there are.
func (f *follower) subscribe(ctx context.Context) {
	f.waiting = make(map[string]bool, len(f.ids))
	for _, id := range f.ids {
		f.waiting[id] = true
	}
	f.timer.Reset(f.confirmationWait)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	f.stopSubscribing = func() { cancel(); <-done }
	go func() {
		defer close(done)
		for _, id := range f.ids {
			// A connection that is lost here is reported as an event.
			if f.client.Emit(ctx, "subscribe", subscription{"deposit", id}) != nil {
				return
			}
		}
	}()
}

// subscription is the payload of subscribe and subscribed (reference/wasaapay.md §12.1).
type subscription struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// message acts on a named event. Unknown ones and further arguments are ignored.
func (f *follower) message(ctx context.Context, m socketio.Message) error {
	switch {
	case m.Name == "authenticated":
		if err := f.greeting(m.Args); err != nil {
			return err
		}
		if f.waiting == nil {
			f.subscribe(ctx)
		}
	case len(m.Args) == 0:
	case m.Name == "subscribed":
		f.confirmed(m.Args[0])
	case strings.HasPrefix(m.Name, "deposit:"), strings.HasPrefix(m.Name, "withdrawal:"):
		f.event(m)
	}
	return nil
}

// greeting takes in who the server says that the key belongs to. A key of another
// environment than the profile's is KindUsage: what is asked with it would be of the
// other too. The spelling of the environment is not documented, so that only its
// known names count (reference/wasaapay.md §12.1).
func (f *follower) greeting(args []json.RawMessage) error {
	var who struct {
		Partner     string `json:"partnerName"`
		Environment string `json:"environment"`
	}
	if len(args) > 0 {
		_ = json.Unmarshal(args[0], &who) // what cannot be read says nothing
	}
	theirs := payment.Environment("")
	switch strings.ToUpper(strings.TrimSpace(who.Environment)) {
	case "PRODUCTION", "LIVE":
		theirs = payment.Production
	case "SANDBOX", "TEST":
		theirs = payment.Sandbox
	}
	if theirs != "" && (theirs == payment.Production) != (f.env == payment.Production) {
		return &payment.Error{
			Kind: payment.KindUsage, Provider: payment.WasaaPay,
			Message: "stream: the key belongs to the " + string(theirs) + " environment, and the profile to " + string(f.env),
			Hint:    "use a key of the profile's environment, or another profile",
		}
	}
	if !f.greeted {
		f.partner = clean(strings.TrimSpace(who.Partner + " " + who.Environment))
	}
	f.greeted = true
	return nil
}

// confirmed takes in the confirmation of a subscription. Nobody subscribes with
// a key that is not accepted, so it stands for the greeting too.
func (f *follower) confirmed(payload json.RawMessage) {
	f.greeted = true
	var s subscription
	if json.Unmarshal(payload, &s) != nil || !f.waiting[s.ID] {
		return
	}
	delete(f.waiting, s.ID)
	switch {
	case f.up:
		f.reportOne(payment.StreamUp, s.ID, "the server has confirmed it after all")
	case len(f.waiting) == 0:
		f.report("")
	}
}

// reportOne says of one id what of the stream as a whole does not hold.
func (f *follower) reportOne(signal payment.StreamSignal, id, note string) {
	f.emit(payment.StreamUpdate{Signal: signal, Event: payment.Event{Provider: payment.WasaaPay, ProviderID: id}, Note: note})
}

// report says that the stream is up.
func (f *follower) report(note string) {
	f.timer.Stop()
	f.up, f.lastDown = true, ""
	if note != "" {
		note = "; " + note
	}
	if f.partner != "" {
		note, f.partner = ", as "+f.partner+note, ""
	}
	f.emit(payment.StreamUpdate{Signal: payment.StreamUp, Note: "by " + f.transport + note})
}

// event reports what is said of the ids that are followed; a decision once.
func (f *follower) event(m socketio.Message) {
	read := reading{body: m.Args[0]}
	e := &emitter{names: newNameSet()}
	if len(read.body) > MaxBody {
		return
	}
	if _, err := e.emit(nil, read.body, &read.at); err != nil {
		return
	}
	event := read.event(m.Name, f.env)
	if event != nil && event.ProviderID == "" && len(f.ids) == 1 {
		f.nameless(event.Name)
		return
	}
	if event == nil || read.notText() != "" || !f.follows(event.ProviderID) {
		return
	}
	if reason := read.environment(f.env, false, true); reason != "" {
		event.Status, event.Failure = "", nil
		event.Notes = append(event.Notes, reason)
	}
	if event.Status.Final() {
		if f.final[event.ProviderID] == event.Status {
			return
		}
		f.final[event.ProviderID] = event.Status
	}
	f.emit(payment.StreamUpdate{Signal: payment.StreamEvent, Event: *event})
}

// nameless reports an event that does not say what it is about, where it can be of one
// deposit only: it decides nothing, and is a reason to ask.
func (f *follower) nameless(name string) {
	f.emit(payment.StreamUpdate{Signal: payment.StreamEvent, Event: payment.Event{
		Provider: payment.WasaaPay, Environment: f.env, ProviderID: f.ids[0], Name: name, Notes: []string{"the event has no id"},
	}})
}

func (f *follower) follows(id string) bool {
	_, found := slices.BinarySearch(f.ids, id)
	return found
}
