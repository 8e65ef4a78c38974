package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Prove returns a keyed hash of a nonce, in hexadecimal: who has the same ledger open
// gets the same, and nobody else can.
func (s *Store) Prove(nonce string) string {
	mac := hmac.New(sha256.New, s.ids)
	mac.Write([]byte("presence\x00" + nonce))
	return hex.EncodeToString(mac.Sum(nil))
}

// HeaderCredential holds the keyed hash of an Authorization header that came with a
// delivery and was not stored: whoever has the ledger and the credential can tell that
// they fit, and nobody can make a credential of it.
const HeaderCredential = "X-Payctl-Credential" //nolint:gosec // a header's name

// ProveCredential returns the keyed hash of an Authorization header's value. The case of
// a scheme and the blanks around it do not matter.
func (s *Store) ProveCredential(value string) string {
	words := strings.Fields(value)
	if len(words) > 1 {
		words[0] = strings.ToLower(words[0])
	}
	mac := hmac.New(sha256.New, s.ids)
	mac.Write([]byte("credential\x00" + strings.Join(words, " ")))
	return hex.EncodeToString(mac.Sum(nil))
}
