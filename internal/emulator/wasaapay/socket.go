package wasaapay

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/socketio"
)

// socketPath is the Engine.IO path; requests go to it with a slash at its end (reference/socketio.md, client 1).
const socketPath = "/partner/socket"

// Bounds of what one client may ask for.
const (
	// maxSubscriptions is how many subscriptions of a client are remembered. The oldest make room: no unsubscribe is
	// documented (reference/wasaapay.md §12.1), so a client that stays for days collects those of every deposit it made.
	maxSubscriptions = 20_000
	maxSubject       = 128 // characters of an id
)

// socketHub is WasaaPay's real-time channel (reference/wasaapay.md §12): who is connected and what they subscribed to.
// Its lock is never held while a client is written to, nor while the emulator's is asked for.
type socketHub struct {
	e      *engine.Engine
	gate   *gate
	server *socketio.Server

	mu       sync.Mutex
	peers    map[*socketio.Conn]*interests
	audience map[topic][]*socketio.Conn // as they subscribed, so that a log is the same each time
	later    map[topic]int              // events that are left to the clock, which keeps their order
}

// interests are what one client subscribed to.
type interests struct {
	in    map[topic]struct{}
	order []topic // oldest first
}

// topic is what a client subscribes to.
type topic struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func newSocketHub(e *engine.Engine, g *gate) *socketHub {
	h := &socketHub{e: e, gate: g, peers: map[*socketio.Conn]*interests{}, audience: map[topic][]*socketio.Conn{}, later: map[topic]int{}}
	h.server = socketio.NewServer(socketio.ServerOptions{Auth: h.admit, OnConnect: h.joined})
	return h
}

// ServeHTTP serves the channel, or its failure.
func (h *socketHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.strikes("socket-down") {
		h.log(engine.Exchange{Direction: engine.DirectionIn, Method: r.Method, Status: http.StatusServiceUnavailable, Refused: true, Reason: "behaviour socket-down"})
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	h.server.ServeHTTP(w, r)
}

// strikes rolls a behaviour of the channel.
func (h *socketHub) strikes(name string) bool { return h.roll(name) != nil }

// roll returns a copy of what struck, nil for nothing.
func (h *socketHub) roll(name string) *engine.Setting {
	e := h.e
	if e.Quiet() {
		return nil
	}
	e.Lock()
	defer e.Unlock()
	struck := e.Behaviours.Roll(name, outSocket)
	if struck == nil {
		return nil
	}
	found := *struck
	return &found
}

// log records what happened on the channel: the method is CONNECT, SUBSCRIBE, DISCONNECT or the event's EMIT. Its time
// is now, or when the event was due.
func (h *socketHub) log(x engine.Exchange) {
	now := h.e.Now().UTC()
	if x.Time.IsZero() {
		x.Time = now
	}
	x.Provider, x.API, x.DurationMS = providerWasaaPay, outSocket, now.Sub(x.Time).Milliseconds()
	if x.URL == "" {
		x.URL = socketPath + "/"
	}
	h.e.Journal.Add(x)
}

// admit checks the key, in the auth object or in the header X-API-Key (reference/wasaapay.md §12.1). The texts of a
// refusal are a payctl convention.
func (h *socketHub) admit(handshake *http.Request, auth json.RawMessage) (any, error) {
	var given struct {
		APIKey string `json:"apiKey"`
	}
	_ = json.Unmarshal(auth, &given) // anything else is no key
	if given.APIKey == "" {
		given.APIKey = handshake.Header.Get("X-API-Key")
	}
	var fits bool
	h.e.Locked(func() { fits = h.gate.keyFits(given.APIKey, outSocket) })
	switch {
	case !fits:
		h.log(engine.Exchange{Direction: engine.DirectionIn, Method: "CONNECT", Status: http.StatusUnauthorized, Refused: true, Reason: "auth.apiKey does not hold the emulator's key"})
		return nil, &socketio.RefusalError{Message: "Invalid API key", Data: map[string]string{"code": "UNAUTHORIZED"}}
	case h.strikes("socket-refused"):
		h.log(engine.Exchange{Direction: engine.DirectionIn, Method: "CONNECT", Status: http.StatusForbidden, Refused: true, Reason: "behaviour socket-refused"})
		return nil, &socketio.RefusalError{Message: "Connection refused"}
	}
	return struct{}{}, nil
}

// joined greets a client and listens to it.
func (h *socketHub) joined(peer *socketio.Conn) {
	h.mu.Lock()
	h.peers[peer] = &interests{in: map[topic]struct{}{}}
	h.mu.Unlock()
	h.log(engine.Exchange{Direction: engine.DirectionIn, Method: "CONNECT", Status: http.StatusOK})
	peer.OnDisconnect(func(reason socketio.Reason) { h.left(peer, reason) })
	silent := h.strikes("socket-silent")
	peer.On("subscribe", func(m socketio.Message) { h.subscribe(peer, m, silent) })
	if drop := h.roll("socket-drop"); drop != nil {
		h.e.Clock.After(drop.Duration, peer.Drop)
	}
	if silent {
		h.forget(peer)
		return
	}
	if !h.strikes("socket-no-authenticated") {
		environment := "SANDBOX"
		h.e.Locked(func() { environment = h.e.Behaviours.Choice("socket-environment", outSocket, environment) })
		_ = peer.Emit("authenticated", struct {
			Partner     string `json:"partnerName"`
			Environment string `json:"environment"`
		}{"Local Partner", environment}) // a client that has gone again is its own concern
	}
}

// forget takes a client out of what gets events.
func (h *socketHub) forget(peer *socketio.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if has := h.peers[peer]; has != nil {
		for _, about := range has.order {
			h.leave(peer, about)
		}
	}
	delete(h.peers, peer)
}

// leave takes a client out of the audience of one subject. The lock is held.
func (h *socketHub) leave(peer *socketio.Conn, about topic) {
	rest := slices.DeleteFunc(h.audience[about], func(other *socketio.Conn) bool { return other == peer })
	if len(rest) == 0 {
		delete(h.audience, about)
		return
	}
	h.audience[about] = rest
}

func (h *socketHub) left(peer *socketio.Conn, reason socketio.Reason) {
	h.forget(peer)
	h.log(engine.Exchange{Direction: engine.DirectionIn, Method: "DISCONNECT", Reason: reason.String()})
}

// subscribe takes {type, id}. A deposit need not exist yet, and other types are taken too (payctl convention); no event
// for a refusal is documented, so a malformed request gets no answer.
func (h *socketHub) subscribe(peer *socketio.Conn, m socketio.Message, silent bool) {
	var want topic
	if len(m.Args) > 0 {
		_ = json.Unmarshal(m.Args[0], &want) // what cannot be read stays empty and is refused
	}
	x := engine.Exchange{Direction: engine.DirectionIn, Method: "SUBSCRIBE", Status: http.StatusOK, PaymentID: want.ID}
	switch {
	case want.Type == "" || want.ID == "" || len(want.Type) > maxSubject || len(want.ID) > maxSubject:
		x.Status, x.PaymentID, x.Refused = http.StatusBadRequest, "", true
		x.Reason = "subscribe wants {type, id} with texts of at most 128 characters"
		h.log(x)
		return
	case silent:
		x.Refused, x.Reason = true, "behaviour socket-silent"
		h.log(x)
		return
	case !h.note(peer, want):
		return // the client has gone
	}
	h.log(x)
	if m.WantsAck() {
		_ = m.Ack(h.e.Sender.Base(), want)
	}
	if !h.strikes("socket-no-subscribed") {
		_ = peer.Emit("subscribed", want)
	}
	if h.strikes("socket-kick") {
		peer.Disconnect()
	}
}

// note keeps a subscription, one that the client has already included; false when the client has gone.
func (h *socketHub) note(peer *socketio.Conn, want topic) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	has := h.peers[peer]
	if has == nil {
		return false
	}
	if _, already := has.in[want]; already {
		return true
	}
	if len(has.order) >= maxSubscriptions {
		oldest := has.order[0]
		has.order = has.order[1:]
		delete(has.in, oldest)
		h.leave(peer, oldest)
	}
	has.in[want] = struct{}{}
	has.order = append(has.order, want)
	h.audience[want] = append(h.audience[want], peer)
	return true
}

// listeners is how many clients subscribed to a subject.
func (h *socketHub) listeners(about topic) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.audience[about])
}

func (h *socketHub) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.peers)
}

// publish sends an event that was due at a time to those who subscribed to its subject. wake gets what has it leave.
func (h *socketHub) publish(due time.Time, about topic, event string, body []byte, copies int, extra bool, wake func(func())) {
	h.mu.Lock()
	to := slices.Clone(h.audience[about])
	h.mu.Unlock()
	args := []any{json.RawMessage(body)}
	if extra {
		args = append(args, "offset-1")
	}
	prepared, err := socketio.Prepare(event, args...)
	if err != nil {
		return // its name is not one of the protocol's, its body is JSON
	}
	for _, peer := range to {
		for range max(copies, 1) {
			x := engine.Exchange{
				Time: due, Direction: engine.DirectionOut, Method: "EMIT", URL: socketPath + "/#" + event, Status: http.StatusOK,
				RequestBody: string(body), PaymentID: about.ID,
			}
			if err := peer.Queue(prepared); err != nil {
				x.Status, x.Refused, x.Reason = 0, true, err.Error()
			}
			h.log(x)
		}
		wake(peer.Flush)
	}
}

// Close ends all connections.
func (h *socketHub) Close(ctx context.Context) { _ = h.server.Close(ctx) } // cut off when ctx ends

// tell has an event about something sent after delay, with the behaviours that spoil it (reference/wasaapay.md §12.3). The
// emulator's lock is held.
func (h *socketHub) tell(about topic, step string, data jsObject, delay time.Duration) {
	on := h.e.Behaviours
	event := about.Type + ":" + step
	if on.Roll("socket-event-lost", outSocket) != nil {
		return
	}
	if late := on.Roll("socket-event-late", outSocket); late != nil {
		delay += late.Duration
	}
	copies := 1
	if twin := on.Roll("socket-event-duplicate", outSocket); twin != nil {
		copies = twin.Count
	}
	if status := on.Choice("socket-status", outSocket, ""); status != "" {
		data = data.replace("status", status)
	}
	if on.Roll("failure-reason-missing", outSocket) != nil {
		data = data.without("failureReason")
	}
	if on.Roll("socket-id-missing", outSocket) != nil {
		data = data.without("id")
	}
	extra := on.Roll("socket-extra-argument", outSocket) != nil
	due := h.e.Now().UTC().Add(delay)
	send := func(wake func(func())) {
		body := jsObject{{"event", event}, {"timestamp", millis(h.e.Now())}, {"data", data}}.write(nil)
		h.publish(due, about, event, body, copies, extra, wake)
	}
	if h.now(about, delay) {
		send(h.e.Wake)
		return
	}
	h.e.Clock.After(delay, func() {
		send(func(wake func()) { wake() })
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.later[about]--; h.later[about] <= 0 {
			delete(h.later, about)
		}
	})
}

// now reports whether an event need not be left to the clock: it is due, and none about the same subject is left to it.
func (h *socketHub) now(about topic, delay time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if delay <= 0 && !h.e.Clock.Virtual && h.later[about] == 0 {
		return true
	}
	h.later[about]++
	return false
}

// reset forgets what was left to the clock.
func (h *socketHub) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.later)
}

// announce tells the sockets how a deposit ended. The emulator's lock is held.
func (d *deposits) announce(p *deposit) {
	step := "failed"
	if p.Receipt != "" {
		step = "completed"
	}
	d.sock.tell(topic{"deposit", p.ID}, step, socketData(p.view()), 0)
}

// socketData has the fields and the order of the sample in reference/wasaapay.md §12.3.
func socketData(v depositView) jsObject {
	amount, _ := v.Amount.(string)
	return textMembers("id", v.ID, "reference", v.Reference, "externalReference", v.External, "walletId", v.Wallet,
		"amount", amount, "fee", v.Fee, "currency", v.Currency, "status", v.Status, "provider", v.Provider,
		"method", v.Method, "phoneNumber", v.Phone, "providerReference", v.Checkout, "receiptNumber", v.Receipt,
		"failureReason", v.FailureReason, "initiatedAt", v.Initiated, "completedAt", v.Completed)
}
