package trace

import "time"

// Event is something that happened to a payment.
type Event struct {
	At time.Time
	// Kind is one of the kinds below.
	Kind Kind
	// Source is who said or did it: a provider, a target's URL, "payctl", a file.
	Source string
	// Summary is one line for people; numbers in it are masked.
	Summary string
	// Ref names what it is kept as, "" if it has no id of its own.
	Ref string
}

// Kind says what an event is.
type Kind string

// The kinds.
const (
	// Intent is the deposit, recorded before anything was sent.
	Intent Kind = "intent"
	// Guard is the look for the same asked before.
	Guard Kind = "guard"
	// Sent is a request that left, Answer what the provider answered to it.
	Sent   Kind = "sent"
	Answer Kind = "answer"
	// Poll and Stream are what the provider said when it was asked or listened to.
	Poll   Kind = "poll"
	Stream Kind = "stream"
	// Callback is a delivery that was believed, Duplicate one that says the same again,
	// Unbelieved one that moved nothing.
	Callback   Kind = "callback"
	Duplicate  Kind = "duplicate"
	Unbelieved Kind = "unbelieved"
	// Notice is a C2B confirmation of the receipt.
	Notice Kind = "notice"
	// Forward is an attempt to send a delivery to an app, Replay one of a replay.
	Forward Kind = "forward"
	Replay  Kind = "replay"
	// Query is a question whose answer comes by callback, Result that answer.
	Query    Kind = "query"
	Result   Kind = "result"
	Reversal Kind = "reversal"
	// Operator is what a person decided.
	Operator Kind = "operator"
	// Action is what a command changed, with who ran it and where.
	Action Kind = "action"
	// Statement is a row of a statement file.
	Statement Kind = "statement"
	// Note is what payctl recorded otherwise.
	Note Kind = "note"
)

// Gap is time in which something was to be expected and nothing came.
type Gap struct {
	From, To time.Time
	Meaning  string
}
