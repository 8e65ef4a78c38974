package emulator

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// tokenLife is what expires_in says, with a second taken off as the gateway does (reference/daraja.md §2).
const tokenLife = 3600 * time.Second

// maxTokens bounds the tokens that are remembered; the expired ones go first.
const maxTokens = 5000

// oauth mints a token (reference/daraja.md §2).
func (d *daraja) oauth(c *call) {
	scheme, value, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	pair, err := base64.StdEncoding.DecodeString(value)
	key, secret, found := strings.Cut(string(pair), ":")
	if scheme != "Basic" || err != nil || !found {
		c.fail(refusal{
			http.StatusBadRequest, "400.008.01", "Invalid Authentication passed",
			"the Authorization header is not Basic and base64 of key:secret",
		})
		return
	}
	if c.r.URL.Query().Get("grant_type") != "client_credentials" {
		c.fail(refusal{http.StatusBadRequest, "400.008.02", "Invalid grant type passed", "grant_type is not client_credentials"})
		return
	}
	d.e.mu.Lock()
	defer d.e.mu.Unlock()
	creds := Credentials()
	if (key != creds.ConsumerKey || secret != creds.ConsumerSecret) && d.e.behaviours.get("any-credentials", c.api) == nil {
		c.reason = "the consumer key or secret is not " + creds.ConsumerKey + " and its secret (any-credentials takes all)"
		c.refuseRaw(http.StatusBadRequest, "text/plain", "")
		return
	}
	token := d.mint(d.e.behaviours.roll("single-token", c.api) != nil)
	d.e.dirty = true
	c.replyToken(token, d.e.behaviours.choice("expires-in", c.api, "string"))
}

// mint makes a token, forgetting dead ones, or all others when only one may live. The lock is held.
func (d *daraja) mint(single bool) string {
	now := d.e.now()
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
	token := d.e.ids.token()
	d.tokens[token] = now.Add(tokenLife)
	return token
}

func (c *call) replyToken(token, form string) {
	switch form {
	case "number":
		c.reply(http.StatusOK, struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   int    `json:"expires_in"`
		}{token, 3599})
	case "missing":
		c.reply(http.StatusOK, struct {
			AccessToken string `json:"access_token"`
		}{token})
	default:
		c.reply(http.StatusOK, struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   string `json:"expires_in"`
		}{token, "3599"})
	}
}
