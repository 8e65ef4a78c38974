package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/payctl/payctl/internal/payment"
)

// plainAgainstTLS is said of a target that answered plain HTTP with TLS.
const plainAgainstTLS = "plain HTTP against a TLS port: write https://"

// failure words why no answer came; ctx is the caller's own.
func (s *Sender) failure(ctx context.Context, to route, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if ctx.Err() != nil {
		return &payment.Error{Kind: payment.KindOf(ctx.Err()), Message: "payctl was stopping", Err: ctx.Err()}
	}
	message, hint, reached := s.cause(to, err)
	if !reached {
		err = errors.Join(ErrUnreached, err)
	}
	return &payment.Error{Kind: payment.KindUnavailable, Message: message, Hint: hint, Retryable: true, Err: err}
}

// cause names the true cause of a failed exchange and what helps against it;
// reached says that the app had a hand in it.
func (s *Sender) cause(to route, err error) (message, hint string, reached bool) {
	var timeout net.Error
	var dns *net.DNSError
	var op *net.OpError
	dialing := errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timed out after " + seconds(s.o.Timeout), "--send-timeout gives it longer", !dialing
	case errors.As(err, &dns):
		return "unknown host " + to.url.Hostname(), "check the name", false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens on " + to.url.Host, "is the app running?", false
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to " + to.url.Hostname(), "check the address and the network", false
	}
	if message, hint := certificate(err); message != "" {
		return message, hint, false
	}
	return protocol(err)
}

// certificate words what is wrong with a target's certificate, "" if nothing is.
func certificate(err error) (message, hint string) {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "certificate of unknown authority", "name the authority's certificate with --ca FILE, or use --insecure for a target on this machine"
	case errors.As(err, &name):
		return "certificate of another name than " + name.Host, "use the name that it was made for, or make another"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate that has expired, or is not valid yet", "renew it"
	case errors.As(err, &invalid):
		return "certificate that is not valid", "make another"
	}
	return "", ""
}

// protocol words an exchange that was not HTTP as it was spoken here.
func protocol(err error) (message, hint string, reached bool) {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	text := err.Error()
	switch {
	case errors.As(err, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return "TLS against a plain HTTP port: write http://", "the app does not speak TLS there", false
	case errors.As(err, &alert), strings.HasPrefix(text, "remote error: tls"):
		return "the TLS handshake was refused", "the app may want another protocol version, or a client certificate", false
	case strings.Contains(text, "malformed HTTP") || strings.Contains(text, "unsupported HTTP"):
		_, quoted, _ := strings.Cut(text, `"`)
		switch {
		case strings.HasPrefix(quoted, `\x15\x03`):
			return plainAgainstTLS, "the app speaks TLS there", false
		case strings.HasPrefix(quoted, `\x00\x00`) && len(quoted) > 12 && strings.HasPrefix(quoted[12:], `\x04`):
			return "HTTP/2 only: the app does not speak HTTP/1.1 there", "switch HTTP/1.1 on, or use https://, where the protocol is agreed on", false
		}
		return "the target did not speak HTTP", "is it the app's port?", false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		strings.Contains(text, "server closed idle connection"), strings.Contains(text, "server sent GOAWAY"):
		return "closed before an answer", "the app may have crashed on it; see its log", true
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op + ": " + op.Err.Error(), "", false
	}
	return "the target did not speak HTTP", "is it the app's port?", false
}
