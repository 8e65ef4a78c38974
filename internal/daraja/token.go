package daraja

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
)

const (
	// tokenLifetime is assumed when expires_in is absent or unusable (§2).
	tokenLifetime = 3599 * time.Second
	// earlyRefresh is how long before its end a token counts as stale (§2).
	earlyRefresh = 60 * time.Second
)

// token is one access token.
type token struct {
	value   string
	expires time.Time
}

// fresh reports whether the token may still be used. A short-lived token is good
// for half its life, or it would be minted for each call.
func (t token) fresh(now time.Time) bool {
	return t.value != "" && now.Before(t.expires) && t.expires.Sub(now) <= tokenLifetime+time.Second
}

// tokens hands out the one token of a (host, key): a new token may kill the
// one before (§2), so it is minted by one goroutine of one process at a time.
type tokens struct {
	client *Client
	file   *tokenFile // nil without a cache path
	// turn holds one element: whoever takes it may mint.
	turn chan struct{}

	mu      sync.Mutex
	current token
}

func newTokens(c *Client) *tokens {
	t := &tokens{client: c, turn: make(chan struct{}, 1)}
	if c.cfg.TokenCache != "" {
		t.file = newTokenFile(c.cfg.TokenCache, c.host, c.cfg.ConsumerKey)
	}
	return t
}

func (t *tokens) memory() token {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current
}

func (t *tokens) remember(tok token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = tok
}

// get returns a usable token that is not refused, the value that an answer has
// just turned down ("" for none).
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	if tok := t.memory(); tok.value != refused && tok.fresh(t.client.cfg.Now()) {
		return tok.value, nil
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", interrupted("oauth", ctx.Err())
	}
	if tok := t.memory(); tok.value != refused && tok.fresh(t.client.cfg.Now()) {
		return tok.value, nil
	}
	if t.file == nil {
		return t.mint(ctx)
	}
	return t.shared(ctx, refused)
}

// shared looks into the file under its lock before minting, and leaves what it
// minted there. A cache that cannot be used costs a mint, never a payment: where
// the lock is not to be had, it goes on without. Two processes may then mint at
// once, and the one whose token that kills comes back for the newer one.
func (t *tokens) shared(ctx context.Context, refused string) (string, error) {
	if unlock, err := t.file.lock(ctx); err == nil {
		defer unlock()
	}
	if ctx.Err() != nil {
		return "", interrupted("oauth", ctx.Err())
	}
	if tok := t.file.read(); tok.value != refused && tok.fresh(t.client.cfg.Now()) {
		t.remember(tok)
		return tok.value, nil
	}
	value, err := t.mint(ctx)
	if err == nil {
		t.file.write(t.memory(), t.client.cfg.Now())
	}
	return value, err
}

// mint asks for a new token. It moves no money, so no failure of it leaves an
// outcome unknown.
func (t *tokens) mint(ctx context.Context) (string, error) {
	c := t.client
	if err := require("oauth", missingKeys(c.cfg)); err != nil {
		return "", err
	}
	pair := base64.StdEncoding.EncodeToString([]byte(c.cfg.ConsumerKey.Reveal() + ":" + c.cfg.ConsumerSecret.Reveal()))
	began := c.cfg.Now()
	resp, err := c.http.Do(ctx, apiclient.Request{
		Method: http.MethodGet, Endpoint: "oauth",
		URL:    c.base + "/oauth/v1/generate?grant_type=client_credentials",
		Header: http.Header{"Authorization": {"Basic " + pair}}, Secrets: append(c.secrets(nil), pair),
	})
	if err != nil {
		return "", harmless(err)
	}
	r := read(APIOAuth, resp)
	value := r.root.get("access_token").scalar()
	if resp.Status != http.StatusOK || value == "" {
		return "", c.tokenRefused(r)
	}
	if !visible(value) {
		return "", &payment.Error{
			Kind: payment.KindUnavailable, Retryable: true, Provider: payment.Daraja,
			Message: "oauth: " + c.host + " gave an access token that no header can carry: it holds spaces, control characters or letters beyond ASCII",
			Hint:    "nothing was sent: try again shortly, and look for a proxy that changes answers",
		}
	}
	life := lifetime(r.root.get("expires_in").scalar())
	early := min(earlyRefresh, life/2)
	t.remember(token{value: value, expires: began.Add(life - early)})
	return value, nil
}

// lifetime reads expires_in, which comes as a string, a number or not at all.
func lifetime(text string) time.Duration {
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds <= 0 || seconds > int(tokenLifetime/time.Second)+1 {
		return tokenLifetime
	}
	return time.Duration(seconds) * time.Second
}

func (c *Client) tokenRefused(r reply) error {
	e := c.problem("oauth", r)
	switch {
	case r.status == http.StatusBadRequest && len(r.body) == 0:
		e.Message = "oauth: " + c.host + " refused the consumer key or secret (empty answer, HTTP 400)"
		e.Hint = "key and secret must be of the same app and of this host; see payctl config show"
	case r.row.class == ClassToken:
		e.Kind, e.Retryable = payment.KindUnauthorized, false
	case r.row.class == ClassUnknown && r.status >= 400 && r.status < 500:
		e.Kind, e.Retryable = payment.KindUnauthorized, false
	case r.row.class == ClassUnknown:
		e.Kind, e.Retryable, e.Hint = payment.KindUnavailable, true, "no token was given, so nothing was sent: try again shortly"
	}
	return e
}
