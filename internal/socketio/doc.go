// Package socketio speaks Socket.IO 5 over Engine.IO 4, as client and as
// server, by websocket, by long polling, and by polling upgraded to websocket.
//
// One codec (engine.go, payload.go, packet.go) serves both ends. [Client] keeps
// one connection to the main namespace alive with backoff and hands over what
// arrives; [Server] is an http.Handler that the official JavaScript client can
// use. The wire facts are those of reference/socketio.md and
// reference/wasaapay.md §12.
//
// The package knows nothing of payments. It leaves to its users what an event
// means, what to subscribe to after each connect, and whether to go on after a
// server has thrown the client out. It writes no log.
package socketio

import "time"

// Transport names as they appear in the transport query parameter.
const (
	TransportWebSocket = "websocket"
	TransportPolling   = "polling"
)

// protocolVersion is the Engine.IO revision asked for and accepted (EIO=4).
const protocolVersion = "4"

// mainNamespace is the only namespace this package joins or serves.
const mainNamespace = "/"

// Bounds that hold whatever the other side sends.
const (
	// defaultClientPayload bounds one received message and one poll answer.
	defaultClientPayload = 4 << 20
	// defaultServerPayload is the limit the npm server announces.
	defaultServerPayload = 1_000_000
	// maxAttachments is the npm parser's own limit for one binary packet.
	maxAttachments = 10
	// maxArgs bounds the arguments of one event, because each costs a slice
	// header many times the size of its shortest text.
	maxArgs = 1024
	// maxPendingAcks bounds the answers waited for on one connection.
	maxPendingAcks = 1024
	// maxHandshakeTime is the longest ping interval or timeout believed.
	maxHandshakeTime = 10 * time.Minute
	// goodbyeTime bounds how long a clean stop waits for its last packets.
	goodbyeTime = time.Second
)
