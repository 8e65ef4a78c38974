package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Prove returns a keyed hash of a nonce, in hexadecimal: who has the same ledger open
// gets the same, and nobody else can.
func (s *Store) Prove(nonce string) string {
	mac := hmac.New(sha256.New, s.idKey)
	mac.Write([]byte("presence\x00" + nonce))
	return hex.EncodeToString(mac.Sum(nil))
}
