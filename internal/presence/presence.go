// Package presence asks whether the listener of a ledger answers at an address. A
// listener proves its ledger without telling anything about it: it returns a keyed hash
// of the asker's nonce, whose key only the ledger holds.
package presence

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"io"
	"net/http"
	"strings"
)

// Who is who answers where a listener should be.
type Who uint8

// The answers.
const (
	// Nobody answers.
	Nobody Who = iota
	// SomethingElse answers, and is no listener of payctl's.
	SomethingElse
	// OtherListener is a listener that did not prove this ledger.
	OtherListener
	// NotReady is the listener of this ledger, which cannot commit now.
	NotReady
	// ThisListener is the listener of this ledger.
	ThisListener
)

const (
	// Path is what is asked.
	Path = "/readyz"
	// Parameter carries the asker's nonce in the query.
	Parameter = "nonce"
	// Header carries the listener's proof.
	Header = "X-Payctl-Ledger"
	// MaxNonce bounds a nonce, in bytes.
	MaxNonce = 64
)

// What a listener answers.
const (
	Ready    = "ready"
	Unready  = "not ready"
	Stopping = "stopping"
)

// Ask asks the base URL. prove is the ledger's own proof of a nonce; nil believes no
// listener to be of this ledger. The error says why nobody answered.
func Ask(ctx context.Context, client *http.Client, base string, prove func(nonce string) string) (Who, error) {
	nonce := rand.Text()
	url := strings.TrimRight(base, "/") + Path + "?" + Parameter + "=" + nonce
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return Nobody, err
	}
	res, err := client.Do(req)
	if err != nil {
		return Nobody, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 256))
	if err != nil {
		return Nobody, err
	}
	text := strings.TrimSpace(string(body))
	ready := res.StatusCode == http.StatusOK && strings.HasPrefix(text, Ready)
	switch {
	case !ready && !strings.HasPrefix(text, Unready) && text != Stopping:
		return SomethingElse, nil
	case prove == nil || subtle.ConstantTimeCompare([]byte(res.Header.Get(Header)), []byte(prove(nonce))) != 1:
		return OtherListener, nil
	case !ready:
		return NotReady, nil
	}
	return ThisListener, nil
}

// AskRoute asks a URL that somebody is to post to, posting nothing: a listener's route is
// told by 405, since it is one for posts. The error says why nobody answered.
func AskRoute(ctx context.Context, client *http.Client, url string) (isRoute bool, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false, 0, err
	}
	res, err := client.Do(req)
	if err != nil {
		return false, 0, err
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusMethodNotAllowed, res.StatusCode, nil
}
