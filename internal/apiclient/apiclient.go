// Package apiclient sends one JSON request over HTTP and hands back what came:
// a bounded body and a status, whatever it is. It knows whether bytes may have
// left the machine, and it keeps secrets out of its wire log. What an answer
// means is the adapters' business, and so is trying again.
package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
)

// maxResponse bounds an answer's body, in bytes.
const maxResponse = 4 << 20

// Options configures a Client.
type Options struct {
	// HTTP does the sending; its redirects policy is replaced: none is followed,
	// since a redirected POST would be a second request for money.
	HTTP     *http.Client
	Provider payment.ProviderID
	// Log is called after each exchange with everything secret already taken
	// out; nil logs nothing.
	Log func(Exchange)
}

// Client sends requests to one provider.
type Client struct {
	http     *http.Client
	provider payment.ProviderID
	log      func(Exchange)
}

// New returns a client.
func New(o Options) *Client {
	copied := *o.HTTP
	copied.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{http: &copied, provider: o.Provider, log: o.Log}
}

// Request is one call.
type Request struct {
	Method, URL string
	Header      http.Header
	// JSON is marshalled without HTML escaping when it is not nil.
	JSON any
	// Body is sent as it is when JSON is nil.
	Body []byte
	// Endpoint names the call in errors: "stk push".
	Endpoint string
	// Secrets are the values that an answer may quote and nobody may read. Those
	// shorter than 8 bytes are left alone.
	Secrets []string
}

// Response is what came back, whatever the status.
type Response struct {
	Status int
	Header http.Header
	// Body is as it came: whoever shows or keeps a text of it passes it through Hide.
	Body []byte

	// secrets are the request's.
	secrets []string
}

// IsJSON tells by the bytes, not by the content type, whether the body is one
// JSON value: gateways label HTML as JSON and JSON as text.
func (r *Response) IsJSON() bool { return json.Valid(r.Body) }

// Do sends the request once. Any HTTP status is a Response. A transport error
// is KindUnavailable; it also is payment.ErrOutcomeUnknown when a connection
// had been obtained, so that bytes may have left. A cancelled or expired ctx
// can be told with errors.Is. A request that cannot be built is KindUsage.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	var connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, sent, err := c.build(traced, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.fail(r, err, connected.Load())
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err == nil && len(body) > maxResponse {
		err = fmt.Errorf("answer larger than %d bytes", maxResponse)
	}
	if err != nil {
		return nil, c.fail(r, err, true)
	}
	out := &Response{Status: resp.StatusCode, Header: resp.Header, Body: body, secrets: hidable(r.Secrets)}
	if c.log != nil {
		c.log(exchange(req, sent, out))
	}
	return out, nil
}

// build makes the HTTP request and returns the body that it will send beside it.
func (c *Client) build(ctx context.Context, r Request) (*http.Request, []byte, error) {
	body := r.Body
	if r.JSON != nil {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r.JSON); err != nil {
			return nil, nil, &payment.Error{Kind: payment.KindInternal, Message: r.Endpoint + ": cannot encode the request", Err: err}
		}
		body = bytes.TrimRight(b.Bytes(), "\n")
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		return nil, nil, &payment.Error{
			Kind: payment.KindUsage, Message: r.Endpoint + ": the base URL is not a URL",
			Hint: "check the profile's base_url", Provider: c.provider, Err: err,
		}
	}
	// Without GetBody the transport cannot send a POST a second time by itself.
	req.GetBody = nil
	maps.Copy(req.Header, r.Header)
	if r.JSON != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	req.Header.Set("User-Agent", "payctl")
	return req, body, nil
}

// quotedText finds what net/http quotes in its errors: pieces of an answer that
// is not HTTP, or of a redirect's address.
//
// Like the others it is compiled when first needed: every command pays for
// what is done at start-up.
var quotedText = sync.OnceValue(func() *regexp.Regexp { //nolint:gochecknoglobals // compiled once
	return regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)
})

// maxReason bounds the reason of a transport error, in bytes.
const maxReason = 200

// reason returns a transport error's text without anything the other side wrote.
func reason(err error, secrets []string) string {
	return payment.Cut(Redact([]byte(hide(quotedText().ReplaceAllString(err.Error(), "(…)"), secrets))), maxReason)
}

// fail words a transport error. The URL stays out but for its host: queries
// and paths may hold secrets and phone numbers.
func (c *Client) fail(r Request, err error, connected bool) error {
	host, hint := "the provider", "check the network and the profile's base_url"
	if u, parseErr := url.Parse(r.URL); parseErr == nil && u.Host != "" {
		host = u.Host
		if loopback.Is(u.Hostname()) {
			hint = "start it with \"payctl emulator\", or check the profile's base_url"
		}
	}
	if urlErr, ok := errors.AsType[*url.Error](err); ok {
		err = urlErr.Err
	}
	why := reason(err, hidable(r.Secrets))
	e := &payment.Error{
		Kind: payment.KindUnavailable, Provider: c.provider, Retryable: !connected, Err: err,
		Message: fmt.Sprintf("%s: cannot reach %s: %s", r.Endpoint, host, why),
		Hint:    hint,
	}
	if connected {
		e.Message = fmt.Sprintf("%s: no complete answer from %s: %s", r.Endpoint, host, why)
		e.Hint = "the request may have arrived all the same"
		e.Err = errors.Join(payment.ErrOutcomeUnknown, err)
	}
	if errors.Is(err, context.Canceled) {
		e.Kind = payment.KindInterrupted
		if !connected {
			e.Hint = "" // the operator knows why
		}
	}
	return e
}
