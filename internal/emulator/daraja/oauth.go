package daraja

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// tokenLife is what expires_in says, with a second taken off as the gateway does (reference/daraja.md §2).
const tokenLife = 3600 * time.Second

// maxTokens bounds the tokens that are remembered; the expired ones go first.
const maxTokens = 5000

// oauth mints a token (reference/daraja.md §2).
func (d *door) oauth(c *engine.Call) {
	scheme, value, _ := strings.Cut(c.Request.Header.Get("Authorization"), " ")
	pair, err := base64.StdEncoding.DecodeString(value)
	key, secret, found := strings.Cut(string(pair), ":")
	if !strings.EqualFold(scheme, "Basic") || err != nil || !found {
		fail(c, refusal{
			http.StatusBadRequest, "400.008.01", "Invalid Authentication passed",
			"the Authorization header is not Basic and base64 of key:secret",
		})
		return
	}
	if c.Request.URL.Query().Get("grant_type") != "client_credentials" {
		fail(c, refusal{http.StatusBadRequest, "400.008.02", "Invalid grant type passed", "grant_type is not client_credentials"})
		return
	}
	d.e.Lock()
	defer d.e.Unlock()
	creds := engine.Credentials()
	if (key != creds.ConsumerKey || secret != creds.ConsumerSecret) && d.e.Behaviours.Get("any-credentials", c.API) == nil {
		c.Reason = "the consumer key or secret is not " + creds.ConsumerKey + " and its secret (any-credentials takes all)"
		c.RefuseRaw(http.StatusBadRequest, "text/plain", "")
		return
	}
	token := d.mint(d.e.Behaviours.Roll("single-token", c.API) != nil)
	d.e.Touch()
	replyToken(c, token, d.e.Behaviours.Choice("expires-in", c.API, "string"))
}

// mint makes a token, forgetting dead ones, or all others when only one may live. The lock is held.
func (d *door) mint(single bool) string {
	now := d.e.Now()
	if single {
		clear(d.tokens)
	}
	if len(d.tokens) >= maxTokens {
		for token, end := range d.tokens {
			if !now.Before(end) {
				delete(d.tokens, token)
			}
		}
	}
	if len(d.tokens) >= maxTokens {
		clear(d.tokens)
	}
	token := newToken(d.e.IDs)
	d.tokens[token] = now.Add(tokenLife)
	return token
}

func replyToken(c *engine.Call, token, form string) {
	switch form {
	case "number":
		c.Reply(http.StatusOK, struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   int    `json:"expires_in"`
		}{token, 3599})
	case "missing":
		c.Reply(http.StatusOK, struct {
			AccessToken string `json:"access_token"`
		}{token})
	default:
		c.Reply(http.StatusOK, struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   string `json:"expires_in"`
		}{token, "3599"})
	}
}

const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// newToken is 28 letters and digits (reference/daraja.md §2).
func newToken(g *engine.IDs) string {
	_, a, b := g.Words(engine.IDToken)
	buf := make([]byte, 0, 28)
	for _, word := range []uint64{a, b, engine.Mix(b)} {
		for range 10 {
			if len(buf) < 28 {
				buf = append(buf, alnum[word%uint64(len(alnum))])
			}
			word /= uint64(len(alnum))
		}
	}
	return string(buf)
}
