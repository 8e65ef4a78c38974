package payment

import (
	"context"
	"errors"
	"fmt"
)

// Kind says what a script may conclude from an error. The command line maps
// each kind to one exit code.
type Kind uint8

// The kinds of error, in the order of the exit-code table.
const (
	// KindInternal is anything unclassified: a bug, the disk.
	KindInternal Kind = iota
	// KindDeclined means that the payment is FAILED, finally.
	KindDeclined
	// KindUnauthorized means that credentials are missing or were refused.
	KindUnauthorized
	// KindNotFound means that there is no such deposit, delivery or transaction.
	KindNotFound
	// KindBadSignature means that at least one payload does not verify.
	KindBadSignature
	// KindUnavailable means network trouble, a 5xx or a rate limit: safe to try again.
	KindUnavailable
	// KindPending means undecided or unknown: not a failure.
	KindPending
	// KindConflict means a duplicate, contradicting results, or a ledger newer than the tool.
	KindConflict
	// KindUsage means that flags, arguments, configuration or input are wrong.
	KindUsage
	// KindInterrupted means that the operator stopped the command.
	KindInterrupted
)

// String returns the kind's name as it stands in JSON errors.
func (k Kind) String() string {
	switch k {
	case KindInternal:
		return "internal"
	case KindDeclined:
		return "declined"
	case KindUnauthorized:
		return "unauthorized"
	case KindNotFound:
		return "not_found"
	case KindBadSignature:
		return "bad_signature"
	case KindUnavailable:
		return "unavailable"
	case KindPending:
		return "pending"
	case KindConflict:
		return "conflict"
	case KindUsage:
		return "usage"
	case KindInterrupted:
		return "interrupted"
	}
	return "internal"
}

// Error is an error with a kind. Message is lower case, says what was attempted
// and on which reference, and holds no secret and no full phone number. Hint is
// what to do about it, kept apart so that it can be shown on its own line.
type Error struct {
	Kind     Kind
	Message  string
	Hint     string
	Provider ProviderID
	// ProviderCode is the provider's own code, verbatim ("400.002.02").
	ProviderCode string
	// Retryable says that the same call may be sent again without harm.
	Retryable bool
	// Err is the cause, if there is one; its text is not shown again.
	Err error
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrOutcomeUnknown marks an error after which a request for money may or may
// not have reached the customer: bytes were sent and no trustworthy answer
// came. Such a request is never repeated (money rule 1).
var ErrOutcomeUnknown = errors.New("outcome unknown")

// KindOf returns the kind of the first *Error in err's chain. A cancelled
// context is KindInterrupted, a passed deadline KindPending, and an error of
// no known kind KindInternal.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled):
		return KindInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return KindPending
	default:
		return KindInternal
	}
}

// Usage returns a KindUsage error for a field: its problem and the fix.
func Usage(message, hint string) *Error {
	return &Error{Kind: KindUsage, Message: message, Hint: hint}
}

// Usagef is Usage with a message that is formatted.
func Usagef(hint, format string, args ...any) *Error {
	return Usage(fmt.Sprintf(format, args...), hint)
}

// NotFound returns a KindNotFound error.
func NotFound(message, hint string) *Error {
	return &Error{Kind: KindNotFound, Message: message, Hint: hint}
}
