package socketio

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"
)

// defaultConnectTimeout is the limit for each transport to come up.
const defaultConnectTimeout = 10 * time.Second

// ClientOptions say whom to connect to, and how.
type ClientOptions struct {
	// URL is the server's address, https, wss, http or ws. Neither a query nor
	// user information is taken: keys belong into Auth.
	URL string
	// Path is the Engine.IO path on that server, "/socket.io" by default. The
	// request goes to Path with a slash at its end (reference/socketio.md,
	// client 1), and without it only after a 404.
	Path string
	// Transports are tried in this order, each under ConnectTimeout; websocket
	// then polling by default. Polling first is upgraded when websocket is
	// listed too; websocket first is left for polling on an error and on a
	// hang alike.
	Transports []string
	// Auth gives the CONNECT payload, a JSON object, afresh for each attempt.
	// It holds the key, and goes nowhere else.
	Auth func() any
	// Header is sent with every request, User-Agent say.
	Header http.Header
	// HTTPClient carries both transports, so that its proxy and TLS settings
	// hold for both. Its Timeout is not used, since polls are held for long,
	// and redirects are not followed: they would carry the key elsewhere.
	HTTPClient *http.Client
	// ConnectTimeout bounds, for each transport, the time to the first
	// Engine.IO packet, then again the time to the namespace's answer; it also
	// bounds each write. 10 s by default.
	ConnectTimeout time.Duration
	// Backoff spaces the attempts.
	Backoff Backoff
	// MaxPayload bounds one received message and one poll answer, in bytes;
	// 4 MiB by default.
	MaxPayload int64
	// QueueLength bounds the events that wait for the handler, 64 by default;
	// their bytes are bounded by twice MaxPayload.
	QueueLength int
	// Trace is told each Engine.IO packet that is sent or received, as its text; the
	// CONNECT payload, which holds the key, is left out. It may be nil and must be
	// fast: the session waits for it.
	Trace func(sent bool, packet string)
	// Now gives the time, time.Now by default.
	Now func() time.Time
	// Rand gives numbers in [0, 1) for the jitter.
	Rand func() float64
}

// endpoint is the validated form of where to connect.
type endpoint struct {
	base url.URL
	// slash says that the path is asked for with a slash at its end.
	slash bool
}

func (o ClientOptions) endpoint() (endpoint, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return endpoint{}, errors.New("socket.io url: cannot be parsed; use https://host")
	}
	switch u.Scheme {
	case "https", "http":
	case "wss":
		u.Scheme = "https"
	case "ws":
		u.Scheme = "http"
	default:
		return endpoint{}, fmt.Errorf("socket.io url: scheme %q is not supported; use https or wss", u.Scheme)
	}
	switch {
	case u.Host == "":
		return endpoint{}, errors.New("socket.io url: host is missing; use https://host")
	case u.User != nil:
		return endpoint{}, errors.New("socket.io url: user information is not allowed; put the key into the auth payload")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return endpoint{}, errors.New("socket.io url: query and fragment are not allowed; put the key into the auth payload")
	}
	path := o.Path
	if path == "" {
		path = "/socket.io"
	}
	if strings.ContainsAny(path, "?#") {
		return endpoint{}, errors.New("socket.io path: query and fragment are not allowed; use a plain path")
	}
	u = u.JoinPath(strings.TrimRight(path, "/"))
	return endpoint{base: *u, slash: true}, nil
}

// address is the request URL for a transport; sid is empty for a handshake,
// and stamp keeps caches from answering a poll.
func (e endpoint) address(transport, sid, stamp string) string {
	u := e.base
	if e.slash {
		u.Path += "/"
		if u.RawPath != "" {
			u.RawPath += "/"
		}
	}
	query := "EIO=" + protocolVersion + "&transport=" + transport
	if stamp != "" {
		query += "&t=" + stamp
	}
	if sid != "" {
		query += "&sid=" + url.QueryEscape(sid)
	}
	u.RawQuery = query
	return u.String()
}

func (o ClientOptions) withDefaults() (ClientOptions, error) {
	if len(o.Transports) == 0 {
		o.Transports = []string{TransportWebSocket, TransportPolling}
	}
	for i, t := range o.Transports {
		if t != TransportWebSocket && t != TransportPolling {
			return o, fmt.Errorf("socket.io transports: %q is unknown; use websocket, polling", t)
		}
		if slices.Contains(o.Transports[:i], t) {
			return o, fmt.Errorf("socket.io transports: %q is listed twice; list it once", t)
		}
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = defaultConnectTimeout
	}
	if o.MaxPayload <= 0 {
		o.MaxPayload = defaultClientPayload
	}
	if o.QueueLength <= 0 {
		o.QueueLength = 64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	o.Backoff = o.Backoff.withDefaults()
	return o, nil
}

// httpClient is the caller's client without what harms here, and a function
// that closes the idle connections of a client made for want of one.
func (o ClientOptions) httpClient() (*http.Client, func()) {
	var own http.Client
	release := func() {}
	if o.HTTPClient != nil {
		own = *o.HTTPClient
	} else {
		transport := &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: defaultConnectTimeout,
		}
		own.Transport, release = transport, transport.CloseIdleConnections
	}
	if own.Jar == nil {
		// A balancer that holds a session to one server by a cookie answers 400 to a
		// poll without it. The error is for options, of which there are none.
		own.Jar, _ = cookiejar.New(nil)
	}
	own.Timeout = 0
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own, release
}
