package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"
)

// cause says in words why an address was not reached, and what to do.
func cause(err error, host string) (problem, fix string) {
	var (
		name      *net.DNSError
		authority x509.UnknownAuthorityError
		wrongHost x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		netErr    net.Error
	)
	switch {
	case errors.As(err, &name):
		return host + " cannot be resolved", "check DNS: getent hosts " + bare(host)
	case errors.As(err, &authority):
		return host + "'s certificate is signed by nobody that this machine knows", "a proxy may stand between; install its CA, or set SSL_CERT_FILE"
	case errors.As(err, &wrongHost):
		return host + "'s certificate is for another name", "check the address, or the proxy in between"
	case errors.As(err, &invalid):
		return host + "'s certificate is not valid now", "check this machine's clock, then ask the host's operator"
	case errors.As(err, &record), strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return host + " does not speak TLS there", "check the address's scheme and port"
	case errors.Is(err, syscall.ECONNREFUSED):
		return host + " refuses connections", "check that it runs, and the port"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return host + " did not answer in time", "check firewall and proxy (HTTPS_PROXY)"
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return host + " was not reached: " + err.Error(), "check network, firewall and proxy (HTTPS_PROXY)"
}

func bare(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
