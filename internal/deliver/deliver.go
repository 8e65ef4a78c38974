// Package deliver posts a payload to somebody's app: one sender for forwards,
// replays, triggers and the hammer, with one rule for the headers that go along,
// one time-out, and one wording for what went wrong. It sends once; trying again,
// the order of payments and what is kept of an answer belong to the callers.
package deliver

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

const (
	// DefaultTimeout bounds one attempt unless Options say otherwise.
	DefaultTimeout = 10 * time.Second
	// MaxBody is how much of an answer's body is read, in bytes.
	MaxBody = 64 << 10
)

// Options says how a Sender works; the zero value is ready.
type Options struct {
	// Header is added to each request, and replaces what came with the delivery.
	// See ParseHeaders.
	Header http.Header
	// Roots are the certificate authorities to trust; nil are the system's.
	Roots *x509.CertPool
	// Insecure accepts any certificate, of targets on this machine only.
	Insecure bool
	// Timeout bounds one attempt; 0 means DefaultTimeout.
	Timeout time.Duration
	// Connections is how many are kept open for each target; 0 means 16.
	Connections int
	// Steady says that one request follows the other, as in a replay: see steady.
	Steady bool
}

// Sender posts to apps. It may be used by several goroutines at once.
type Sender struct {
	o      Options
	client *http.Client
	steady steady
	// routes holds what is known of each target, by its URL.
	routes sync.Map
}

// route is a target's URL, taken apart once.
type route struct {
	url   *url.URL
	local bool
	// steady is the address to which a steady Sender may keep connections, or "".
	steady string
	err    error
}

// New returns a Sender.
func New(o Options) *Sender {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Connections <= 0 {
		o.Connections = 16
	}
	return &Sender{o: o, steady: steady{idle: map[string][]*line{}}, client: &http.Client{
		Transport: &http.Transport{
			Proxy:                  proxy,
			DialContext:            dial,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // nothing is asked for that the provider did not ask for
			MaxIdleConnsPerHost:    o.Connections,
			IdleConnTimeout:        60 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, InsecureSkipVerify: o.Insecure, MinVersion: tls.VersionTLS12}, //nolint:gosec // Post refuses remote targets then
		},
		// No redirect moves a delivery to a place that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes the connections that are idle.
func (s *Sender) Close() {
	s.client.CloseIdleConnections()
	s.steady.close()
}

// Timeout returns what bounds one attempt.
func (s *Sender) Timeout() time.Duration { return s.o.Timeout }

// proxy is the environment's, for targets on other machines.
func proxy(r *http.Request) (*url.URL, error) {
	if IsLocal(r.Context(), r.URL.Hostname()) {
		return nil, nil //nolint:nilnil // no proxy is how net/http reads it
	}
	return http.ProxyFromEnvironment(r)
}

// dial connects names that are this machine's to this machine, whatever a name
// server says of them by now.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var dialer net.Dialer
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return dialer.DialContext(ctx, network, addr)
	}
	at := localAddresses(ctx, host)
	if len(at) == 0 {
		return dialer.DialContext(ctx, network, addr)
	}
	var errs error
	for _, ip := range at {
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(ip, port))
		if err == nil {
			return conn, nil
		}
		errs = errors.Join(errs, err)
	}
	return nil, errs
}

// Request is one payload on its way to one target.
type Request struct {
	Target string
	// Header is what came with the delivery; headers.go says what goes along.
	Header http.Header
	// Own are payctl's own headers, which nothing else can set.
	Own  http.Header
	Body []byte
}

// Answer is what one attempt gave.
type Answer struct {
	// Status is the HTTP status, 0 when no answer came.
	Status  int
	Latency time.Duration
	// Body is the start of the answer's body, at most MaxBody bytes, unpacked
	// where it was gzipped.
	Body []byte
	// Location is where a redirect, which is not followed, points to.
	Location string
	// Err says why no answer came: a *payment.Error of KindUnavailable (KindUsage
	// for a target that may not be used), worded for people.
	Err error
}

// ErrUnreached is in the chain of an Answer's Err when the app got nothing: the
// network, the name, the certificate or the protocol is in the way.
var ErrUnreached = errors.New("the app was not reached")

// OK reports whether a provider would take the answer for an acknowledgement.
func (a Answer) OK() bool { return a.Err == nil && a.Status >= 200 && a.Status < 300 }

// Problem says in words what is wrong with an answer beyond its status, "" if
// nothing is.
func (a Answer) Problem() string {
	switch {
	case a.Err != nil:
		return a.Err.Error()
	case a.Location != "":
		return "redirect to " + a.Location + " not followed"
	case a.Status == http.StatusBadRequest && bytes.Contains(bytes.ToLower(a.Body[:min(len(a.Body), 1024)]), []byte("http request")) &&
		bytes.Contains(a.Body[:min(len(a.Body), 1024)], []byte("HTTPS")):
		return plainAgainstTLS
	}
	return ""
}

// Post sends once and does not follow redirects.
func (s *Sender) Post(ctx context.Context, r Request) Answer {
	to := s.route(ctx, r.Target)
	if to.err != nil {
		return Answer{Err: to.err}
	}
	started := time.Now()
	answer := s.post(ctx, to, r)
	answer.Latency = time.Since(started)
	return answer
}

func (s *Sender) route(ctx context.Context, target string) route {
	if known, ok := s.routes.Load(target); ok {
		if r, isRoute := known.(route); isRoute {
			return r
		}
	}
	u, err := url.Parse(target)
	r := route{url: u}
	switch {
	case err != nil || u.Host == "":
		r.err = payment.Usage("to: is not a URL", "write http://127.0.0.1:8080/path")
	default:
		r.local = IsLocal(ctx, u.Hostname())
		if s.o.Insecure && !r.local {
			r.err = insecureElsewhere(u.Host)
		}
		if s.o.Steady && r.local && u.Scheme == "http" && u.User == nil {
			r.steady = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))
		}
	}
	s.routes.Store(target, r)
	return r
}

func (s *Sender) post(ctx context.Context, to route, r Request) Answer {
	req := &http.Request{
		Method: http.MethodPost, URL: to.url, Host: to.url.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: s.headers(r, to.local), Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)),
	}
	if len(r.Body) == 0 {
		req.Body = http.NoBody
	}
	if host := s.o.Header.Get("Host"); host != "" {
		req.Host = host
	}
	if req.Header.Get("Idempotency-Key") == "" && req.Header.Get("X-Idempotency-Key") == "" {
		// With it the client sends again on a connection that took nothing of the
		// request. Beside these headers it would do so after the target had it all.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
	}
	answer, err := s.do(ctx, to, req)
	if err != nil {
		return Answer{Err: s.failure(ctx, to, err)}
	}
	return answer
}

func (s *Sender) do(ctx context.Context, to route, req *http.Request) (Answer, error) {
	if to.steady != "" && req.ContentLength <= mostSteady {
		return s.steady.do(ctx, to, req, time.Now().Add(s.o.Timeout))
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	resp, err := s.client.Do(req.WithContext(ctx))
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ := to.read(resp)
	return answer, nil
}

// read returns a target's answer; ended says that nothing is left of its body, so that the
// connection can be used again.
func (to route) read(resp *http.Response) (answer Answer, ended bool) {
	answer.Status = resp.StatusCode
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		answer.Location = location(to.url, resp.Header.Get("Location"))
	}
	answer.Body, ended = readBody(resp)
	return answer, ended
}

// readBody returns the start of an answer's body, nil where it broke off, since the status
// is an answer all the same.
func readBody(resp *http.Response) (body []byte, ended bool) {
	size := int64(512)
	if resp.ContentLength >= 0 {
		size = min(resp.ContentLength, MaxBody)
	}
	raw := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := raw.ReadFrom(io.LimitReader(resp.Body, MaxBody)); err != nil {
		return nil, false
	}
	_, err := resp.Body.Read(make([]byte, 1))
	ended = errors.Is(err, io.EOF)
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return raw.Bytes(), ended
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(raw.Bytes()))
	if err != nil {
		return raw.Bytes(), ended
	}
	plain, err := io.ReadAll(io.LimitReader(unpacked, MaxBody))
	if err != nil && len(plain) == 0 {
		return raw.Bytes(), ended
	}
	return plain, ended
}

// location is where a redirect points, made absolute and without what may be
// secret in it.
func location(from *url.URL, to string) string {
	if to == "" {
		return ""
	}
	u, err := from.Parse(to)
	if err != nil {
		return "an unreadable URL"
	}
	return Shown(u.String())
}

// seconds writes a duration as people say it.
func seconds(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + " s"
	}
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
}
