package socketio

import "time"

// EventKind tells what an [Event] reports.
type EventKind int

// The kinds of events a [Client] delivers.
const (
	// EventConnected follows each successful connect and reconnect. Nothing of
	// an earlier connection holds any more: subscriptions have to be made
	// again, and what happened in the gap has to be asked for.
	EventConnected EventKind = iota + 1
	// EventMessage is a named event from the server.
	EventMessage
	// EventDisconnected ends what EventConnected began; Reason says why. The
	// client comes back after RetryIn unless the handler returns an error.
	EventDisconnected
	// EventConnectFailed is an attempt that failed for a reason that may pass;
	// Err says which. The next attempt follows after RetryIn.
	EventConnectFailed
	// EventRefused is the last event of a client that was rejected for good;
	// Err is a *ConnectError, which Run returns as well.
	EventRefused
)

// String names the kind.
func (k EventKind) String() string {
	switch k {
	case EventConnected:
		return "connected"
	case EventMessage:
		return "message"
	case EventDisconnected:
		return "disconnected"
	case EventConnectFailed:
		return "connect failed"
	case EventRefused:
		return "refused"
	default:
		return "unknown"
	}
}

// Event is what a [Client] hands to its handler.
type Event struct {
	// Kind tells which of the other fields are set.
	Kind EventKind
	// Message is the named event of EventMessage.
	Message
	// Transport is the one in use, "websocket" or "polling", when connected;
	// an upgrade to websocket may follow.
	Transport string
	// Reason says why a connection ended.
	Reason Reason
	// Err details Reason, a failed attempt or a refusal; nil otherwise. It
	// holds neither the address nor the auth payload.
	Err error
	// Failures counts the attempts and short connections in a row that went
	// wrong, including this one.
	Failures int
	// RetryIn is the pause before the next attempt.
	RetryIn time.Duration

	// size is the event's weight in the queue, in bytes.
	size int64
}
