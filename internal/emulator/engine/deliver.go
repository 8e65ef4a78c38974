package engine

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

var (
	errPublicTarget = errors.New("the target is a public address; the behaviour public-callbacks allows it")
	errNoHost       = errors.New("the address has no host")
)

// newClient bounds given, or makes a client whose dialler stays on this machine and its private networks: an
// application under test may still carry its production callback URL, and must not be told there that money came.
func (s *sender) newClient(given *http.Client) *http.Client {
	client := http.Client{}
	if given != nil {
		client = *given
	} else {
		dialer := &net.Dialer{Timeout: ackPatience, Control: s.guard}
		client.Transport = &http.Transport{
			Proxy:               nil, // a proxy setting may point at this very emulator
			DialContext:         dialer.DialContext,
			DialTLSContext:      dialTLS(dialer),
			MaxIdleConns:        maxSenders,
			MaxIdleConnsPerHost: maxPerHost,
			// Shorter than any server's: a callback on a connection that the target is about to close would be lost, and
			// there is one attempt (reference/daraja.md §4.3). Node closes after 5 s, gunicorn after 2.
			IdleConnTimeout:     time.Second,
			TLSHandshakeTimeout: ackPatience,
		}
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// dialTLS trusts whoever is on this machine: an application under test has no public certificate there, and nobody is in
// between. Certificates of other machines are verified.
func dialTLS(dialer *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err //nolint:wrapcheck // the dialler's own error
		}
		host, _, _ := net.SplitHostPort(address) // it has just been dialled
		peer, err := netip.ParseAddrPort(raw.RemoteAddr().String())
		conn := tls.Client(raw, &tls.Config{
			ServerName: host, MinVersion: tls.VersionTLS12,
			InsecureSkipVerify: err == nil && peer.Addr().Unmap().IsLoopback(), //nolint:gosec // see above
		})
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err //nolint:wrapcheck // the handshake's own error
		}
		return conn, nil
	}
}

// guard refuses public addresses after name resolution, so that no name leads out.
func (s *sender) guard(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("target address %s: %w", address, err)
	}
	if isLocal(target.Addr()) {
		return nil
	}
	var allowed bool
	s.e.Locked(func() { allowed = s.e.Behaviours.Get("public-callbacks", "") != nil })
	if !allowed {
		return errPublicTarget
	}
	return nil
}

func isLocal(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsUnspecified()
}

// Deliver sends d, its copies, its retries and what it overtook. Every attempt is one exchange in the log.
func (s *sender) Deliver(d *Delivery) {
	epoch := s.e.Epoch()
	for ; d != nil; d = d.Behind {
		for range max(d.Copies, 1) {
			status, answer := s.attempt(d)
			if !d.acknowledged(status) && d.Retries > 0 {
				again := *d
				again.Retries, again.Copies, again.Behind, again.Note = d.Retries-1, 0, nil, "sent again ("+d.retryCause()+")"
				if !s.retry(&again, d.pause(), epoch) {
					s.e.Journal.Add(s.unsent(&again, "not sent again: too many deliveries wait for that already"))
				}
			}
			if d.Then != nil {
				d.Then(status, answer)
			}
		}
	}
}

// retry has d sent again after pause, unless everything was reset since the epoch; false when too many wait already. A
// webhook that nobody takes is kept for half a day (reference/wasaapay.md §11.1), which would fill the memory under load.
func (s *sender) retry(d *Delivery, pause time.Duration, epoch uint64) bool {
	s.e.Lock()
	defer s.e.Unlock()
	if s.e.Epoch() != epoch {
		return true
	}
	if s.e.retrying >= maxRetrying {
		return false
	}
	s.e.retrying++
	s.e.Clock.After(pause, func() {
		stale := false
		s.e.Locked(func() {
			if stale = s.e.Epoch() != epoch; !stale {
				s.e.retrying--
			}
		})
		if !stale {
			s.Send(d)
		}
	})
	return true
}

// unsent is the exchange of a delivery that is not made.
func (s *sender) unsent(d *Delivery, reason string) Exchange {
	return Exchange{
		Time: s.e.Now().UTC(), Direction: DirectionOut, Provider: d.Provider, API: d.Class, Method: http.MethodPost, URL: d.URL,
		RequestBody: string(d.Body), PaymentID: d.Subject, Refused: true, Reason: reason,
	}
}

// acknowledged reports whether the answer ends the delivery.
func (d *Delivery) acknowledged(status int) bool {
	return status == http.StatusOK || d.AnySuccess && status > http.StatusOK && status < http.StatusMultipleChoices
}

// pause is the time before the next retry.
func (d *Delivery) pause() time.Duration {
	if i := len(d.Pauses) - d.Retries; i >= 0 && i < len(d.Pauses) {
		return d.Pauses[i]
	}
	return retryPause
}

func (d *Delivery) retryCause() string {
	if d.Pauses != nil {
		return "retry " + strconv.Itoa(len(d.Pauses)-d.Retries+1) + " of " + strconv.Itoa(len(d.Pauses))
	}
	return "callback-retries"
}

// attempt posts d once and logs it. The status is 0 when there was no answer.
func (s *sender) attempt(d *Delivery) (int, []byte) {
	begun := s.e.Now()
	status, answer, err := s.post(d)
	x := Exchange{
		Time: begun.UTC(), Direction: DirectionOut, Provider: d.Provider, API: d.Class, Method: http.MethodPost, URL: d.URL,
		RequestBody: string(d.Body), Status: status, ResponseBody: string(answer), PaymentID: d.Subject, Reason: d.Note,
		DurationMS: s.e.Now().Sub(begun).Milliseconds(),
	}
	switch {
	case err != nil:
		x.Refused, x.Reason = true, because(err)
	case status >= 300 && status < 400:
		x.Refused, x.Reason = true, fmt.Sprintf("the target redirects (%d): redirects are not followed", status)
	case !d.acknowledged(status):
		x.Refused, x.Reason = true, fmt.Sprintf("the target answered %d instead of 200", status)
	}
	if x.Refused && d.Retries == 0 && d.Then == nil { // whoever listens decides for itself
		x.Reason += "; it is not sent again"
	}
	s.e.Journal.Add(x)
	return status, answer
}

func (s *sender) post(d *Delivery) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(s.Base(), cmp.Or(d.Patience, ackPatience))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0, nil, fmt.Errorf("callback address: %w", err)
	}
	if req.URL.Host == "" {
		return 0, nil, errNoHost
	}
	maps.Copy(req.Header, d.Header)
	req.Header["User-Agent"] = nil // the gateway's is not documented
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("the answer broke off: %w", err)
	}
	return resp.StatusCode, answer, nil
}

// because words why a target was not reached, without its address, which the log shows beside it.
func because(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	switch {
	case errors.Is(err, errPublicTarget):
		return "not sent: " + errPublicTarget.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "the target did not answer in time"
	case errors.Is(err, context.Canceled):
		return "cut: the emulator is stopping"
	default:
		return "the target cannot be reached: " + err.Error()
	}
}

// safaricomAddress is the address that sandbox callbacks were seen to come from (reference/daraja.md §8).
const safaricomAddress = "196.201.212.69"

// Emit sends d after delay, with the delivery behaviours that strike it. The emulator's lock is held.
func (e *Engine) Emit(d *Delivery, delay time.Duration) {
	if e.Behaviours.Roll("callback-lost", d.Class) != nil {
		e.Lose(d, delay, "not sent: callback-lost")
		return
	}
	if late := e.Behaviours.Roll("callback-late", d.Class); late != nil {
		delay += late.Duration
		d.Note = "late (callback-late)"
	}
	if twin := e.Behaviours.Roll("callback-duplicate", d.Class); twin != nil {
		d.Copies = twin.Count
		d.Note = "doubled (callback-duplicate)"
	}
	if e.Behaviours.Roll("callback-forwarded-for", d.Class) != nil {
		d.Header.Set("X-Forwarded-For", safaricomAddress)
	}
	if again := e.Behaviours.Roll("callback-retries", d.Class); again != nil {
		d.Retries = again.Count
	}
	e.Clock.After(delay, func() { e.dispatch(d) })
}

// Lose logs a callback that is never sent, at the time at which it would have been. Whoever waits for an answer to it
// learns after its patience that none came.
func (e *Engine) Lose(d *Delivery, delay time.Duration, reason string) {
	if d.Then != nil {
		e.Clock.After(delay+cmp.Or(d.Patience, ackPatience), func() { d.Then(0, nil) })
	}
	e.Clock.After(delay, func() {
		e.Journal.Add(e.Sender.unsent(d, reason))
	})
}

// maxHeld is how long a callback waits to be overtaken before it is sent anyway.
const maxHeld = 3 * time.Second

// dispatch hands d to the sender, or holds it until the next one passes by.
func (e *Engine) dispatch(d *Delivery) {
	e.lockFirst()
	if e.held != nil {
		d.Behind, e.held = e.held, nil
	} else if e.Behaviours.Roll("callback-out-of-order", d.Class) != nil {
		d.Note = "overtaken (callback-out-of-order)"
		e.held = d
		e.Unlock()
		e.Clock.After(maxHeld, func() { e.release(d) })
		return
	}
	e.Unlock()
	e.Sender.Send(d)
}

// release sends d if it is still held.
func (e *Engine) release(d *Delivery) {
	e.lockFirst()
	still := e.held == d
	if still {
		e.held = nil
	}
	e.Unlock()
	if still {
		e.Sender.Send(d)
	}
}
