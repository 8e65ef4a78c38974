package socketio

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Errors callers can tell apart with errors.Is.
var (
	// ErrNotConnected means that nothing was sent: no connection stands.
	ErrNotConnected = errors.New("socket.io: not connected")
	// ErrDisconnected means that the connection ended before the answer came.
	ErrDisconnected = errors.New("socket.io: the connection ended before the answer came")
	// ErrTooLarge means a packet over the payload limit; it was not sent.
	ErrTooLarge = errors.New("socket.io: packet larger than the payload limit")
	// ErrQueueFull means that the peer reads too slowly for what is sent to it.
	ErrQueueFull = errors.New("socket.io: send queue full")
	// ErrNoAck means that the message carries no acknowledgement id, or that
	// it has been answered already.
	ErrNoAck = errors.New("socket.io: no acknowledgement is waited for")
	// ErrMalformed means bytes that are not Engine.IO 4 and Socket.IO 5.
	ErrMalformed = errors.New("socket.io: malformed packet")

	errClosedHere   = errors.New("socket.io: closed by this side")
	errRunTwice     = errors.New("socket.io: a client runs once; make another one")
	errReservedName = errors.New("socket.io: event name is reserved by the protocol")
	errTooManyAcks  = errors.New("socket.io: too many acknowledgements waited for")
)

// Reason says why an established connection ended.
type Reason int

// The reasons for the end of a connection, named as the official client does.
const (
	// ReasonServerDisconnect is a disconnect packet (41) from the server.
	ReasonServerDisconnect Reason = iota + 1
	// ReasonClientDisconnect is a disconnect packet, or a close, by the client.
	ReasonClientDisconnect
	// ReasonTransportClose is an orderly end of the transport by the peer.
	ReasonTransportClose
	// ReasonTransportError is a broken connection or a failed request.
	ReasonTransportError
	// ReasonPingTimeout is silence beyond pingInterval + pingTimeout.
	ReasonPingTimeout
	// ReasonParseError is a packet that is not of the protocol.
	ReasonParseError
	// ReasonShutdown is the server going down.
	ReasonShutdown
)

// String gives the wording of the official client.
func (r Reason) String() string {
	switch r {
	case ReasonServerDisconnect:
		return "io server disconnect"
	case ReasonClientDisconnect:
		return "io client disconnect"
	case ReasonTransportClose:
		return "transport close"
	case ReasonTransportError:
		return "transport error"
	case ReasonPingTimeout:
		return "ping timeout"
	case ReasonParseError:
		return "parse error"
	case ReasonShutdown:
		return "server shutting down"
	default:
		return "unknown"
	}
}

// ConnectError is a final refusal: the server rejected the namespace
// (connect_error on the wire, `44{…}`), or its certificate cannot be trusted.
// Trying again with the same settings is pointless, so the client does not
// (reference/socketio.md, client 7).
type ConnectError struct {
	// Message is the server's own, shortened and stripped of control
	// characters and of every string of the auth payload.
	Message string
	// Code is data.code when the server sent one, as text.
	Code string
	// Err is the certificate error; nil for a refusal by the server.
	Err error
}

// Error gives the message and, when there is one, the code.
func (e *ConnectError) Error() string {
	switch {
	case e.Err != nil:
		return "server certificate not accepted: " + e.Err.Error()
	case e.Code != "":
		return fmt.Sprintf("the server rejected the connection: %s (code %s)", e.Message, e.Code)
	default:
		return "the server rejected the connection: " + e.Message
	}
}

// Unwrap gives the certificate error, if that is what it was.
func (e *ConnectError) Unwrap() error { return e.Err }

// Refused tells a refusal by the server from a certificate error.
func (e *ConnectError) Refused() bool { return e.Err == nil }

// StatusError is an HTTP answer that is not the protocol's, such as a gateway's
// 403 or a captive portal's redirect. The client keeps trying after it.
type StatusError struct {
	// Status is the HTTP status code.
	Status int
	// Code is the Engine.IO error code of the body, -1 without one.
	Code int
}

// Error names the status and, when there is one, the Engine.IO code.
func (e *StatusError) Error() string {
	if e.Code >= 0 {
		return fmt.Sprintf("unexpected http status %d (engine.io code %d)", e.Status, e.Code)
	}
	return fmt.Sprintf("unexpected http status %d", e.Status)
}

// endError is the cause with which a connection's context is cancelled.
type endError struct {
	reason Reason
	err    error
}

// Error gives the reason and what caused it.
func (e *endError) Error() string {
	if e.err == nil {
		return e.reason.String()
	}
	return e.reason.String() + ": " + e.err.Error()
}

// Unwrap gives the cause, nil for a reason that says it all.
func (e *endError) Unwrap() error { return e.err }

// ended wraps err with the reason for which it ends a connection, unless it
// has one; malformed packets have a reason of their own.
func ended(reason Reason, err error) *endError {
	if end, ok := errors.AsType[*endError](err); ok {
		return end
	}
	if errors.Is(err, ErrMalformed) {
		reason = ReasonParseError
	}
	return &endError{reason: reason, err: err}
}

// reasonOf finds the reason in a connection's cause of death.
func reasonOf(err error) Reason {
	if end, ok := errors.AsType[*endError](err); ok {
		return end.reason
	}
	return ReasonTransportError
}

// withoutURL drops the address from an HTTP client's error: it carries the
// session id, which lets its holder read the events.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

// certificateError finds the error of an untrusted server certificate, which
// no waiting mends.
func certificateError(err error) error {
	var (
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		roots     x509.SystemRootsError
	)
	switch {
	case errors.As(err, &authority):
		return authority
	case errors.As(err, &host):
		return host
	case errors.As(err, &invalid):
		return invalid
	case errors.As(err, &roots):
		return roots
	case errors.As(err, &verify):
		return verify
	default:
		return nil
	}
}

// wordedError is an error whose own words may not be shown. Only its kind can be
// asked for: there is no way back to the words.
type wordedError struct {
	text string
	err  error
}

// Error gives the words that may be shown.
func (e *wordedError) Error() string { return e.text }

// Is tells what errors.Is tells of the error that is hidden.
func (e *wordedError) Is(target error) bool { return errors.Is(e.err, target) }

// isFinal tells the errors after which no further attempt is made.
func isFinal(err error) bool {
	var refused *ConnectError
	return errors.As(err, &refused)
}

// attemptErrors are the errors of all transports of one attempt, in one line.
type attemptErrors []error

// Error joins them with semicolons.
func (e attemptErrors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives each transport's error.
func (e attemptErrors) Unwrap() []error { return e }
