package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"strings"

	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
)

// Key is a secret that a signature may have been made with.
type Key struct {
	Secret *secret.Secret
	// Role says whose it is when it is not the current one: "the previous
	// secret", "profile shop-sandbox's secret"; "" is the current one.
	Role string
}

// Explanation is the first mistake that makes a signature fit.
type Explanation struct {
	// Mistake is the name for --wrong; "" when only the key was another one.
	Mistake string
	// Meaning is "" when the check itself says it: the signature is missing, or
	// has not the form of one.
	Meaning string
	Fix     string
	// LeftOut says what was not tried, and why; "" when everything was.
	LeftOut string
}

// Explain tries the usual mistakes on a body whose signature does not fit, one
// at a time and then a wrong text together with a wrong secret or form, and
// returns the first that matches. Neither a secret nor an expected signature
// leaves it. After these come the ways in which a receiver may have changed the body:
// see Undo. ok is false when a well-formed signature matches none: then a value was
// changed, or the secret is one that payctl does not have. It is false as well for a
// body that holds no JSON object. The work is bounded; what was left out for that is
// said.
func Explain(body []byte, keys []Key) (Explanation, bool) {
	p, err := takeApart(body)
	if err != nil {
		return Undo(body, keys)
	}
	given, found := wasaapay.SignatureOf(body)
	if !found {
		if e, found := Undo(body, keys); found {
			return e, true
		}
		return Explanation{Fix: withoutSignature(p)}, true
	}
	if e, ok := misread(body, keys); ok {
		return e, true
	}
	e, ok := explainSigned(p, given, keys)
	if ok {
		return e, true
	}
	undone, ok := Undo(body, keys)
	if !ok && undone.LeftOut == "" {
		undone.LeftOut = e.LeftOut
	}
	return undone, ok
}

// explainSigned tries the mistakes of a signer.
func explainSigned(p payload, given string, keys []Key) (Explanation, bool) {
	t := newTrial(p, given)
	for _, k := range keys {
		if k.Role != "" && t.fits(k) {
			return Explanation{Meaning: "it was signed with " + k.Role, Fix: "configure that secret, or list both while the secret is being changed"}, true
		}
	}
	for _, k := range keys {
		for _, m := range t.table {
			if t.fits(k, m) {
				return explained(k, m), true
			}
		}
	}
	if e, found := t.pairs(keys); found {
		return e, true
	}
	if !hasForm(given) {
		return Explanation{Fix: "keep the signature whole: sha256= and all 64 digits, as they came (no part left out, nothing around them)", LeftOut: t.leftOut}, true
	}
	return Explanation{LeftOut: t.leftOut}, false
}

// withoutSignature is what to do about a signature that is missing or no text.
func withoutSignature(p payload) string {
	if whole, isObject := p.whole.(object); isObject && whole.index("signature") >= 0 {
		return "write the signature as a text in quotes: \"sha256=…\" (payctl webhook sign)"
	}
	return "add \"signature\": \"sha256=…\" to the body (payctl webhook sign)"
}

// hasForm reports whether a text can be a signature at all, right or wrong. Digits
// may be in upper case (reference/wasaapay.md §11.4).
func hasForm(signature string) bool {
	digits, prefixed := strings.CutPrefix(signature, "sha256=")
	sum, err := hex.DecodeString(digits)
	return prefixed && err == nil && len(sum) == sha256.Size
}

// mostHashed bounds the bytes that are hashed for one explanation: a second or two.
const mostHashed = 512 << 20

// trial is one body on trial. What the mistakes make of it is written once, and
// hashed once for each key.
type trial struct {
	p     payload
	given string
	table []Mistake
	// texts are by mistake, nil where it does not apply; "" is no mistake.
	texts map[string][]byte
	sums  map[summed][]byte
	// left is how many bytes may still be hashed.
	left    int
	leftOut string
}

type summed struct{ text, key, hash string }

func newTrial(p payload, given string) *trial {
	return &trial{
		p: p, given: given, table: Mistakes(), texts: map[string][]byte{"": p.canonical}, sums: map[summed][]byte{}, left: mostHashed,
	}
}

// pairs tries two mistakes of different sorts together.
func (t *trial) pairs(keys []Key) (Explanation, bool) {
	for _, k := range keys {
		for i, a := range t.table {
			for _, b := range t.table[i+1:] {
				sameSort := (a.message != nil) == (b.message != nil) && (a.key != nil) == (b.key != nil)
				if !sameSort && t.fits(k, a, b) {
					e := explained(k, a)
					e.Meaning += ", and " + b.Meaning
					e.Fix += "; " + b.Fix
					return e, true
				}
			}
		}
	}
	return Explanation{}, false
}

// fits reports whether the signature is one made with these mistakes.
func (t *trial) fits(k Key, mistakes ...Mistake) bool {
	text, key, encode := "", k.Secret.Reveal(), plainly
	name, algorithm := "", sha256.New
	for _, m := range mistakes {
		if m.hash != nil {
			name, algorithm = m.Name, m.hash
		}
		if m.message != nil {
			text = m.Name
			if _, written := t.texts[text]; !written {
				t.texts[text] = m.message(t.p)
			}
		}
		if m.key != nil {
			key = m.key(key)
		}
		if m.encode != nil {
			encode = m.encode
		}
	}
	sum := t.sum(text, key, name, algorithm)
	return sum != nil && subtle.ConstantTimeCompare([]byte(encode(sum)), []byte(t.given)) == 1
}

// sum returns the HMAC of a text, nil where there is none or it was left out.
func (t *trial) sum(text, key, name string, algorithm func() hash.Hash) []byte {
	message := t.texts[text]
	if message == nil || key == "" {
		return nil
	}
	sum, known := t.sums[summed{text, key, name}]
	if known {
		return sum
	}
	if t.left -= len(message); t.left < 0 {
		t.leftOut = "not everything was tried: the payload is large, and the secrets are many"
		return nil
	}
	mac := hmac.New(algorithm, []byte(key))
	_, _ = mac.Write(message)
	sum = mac.Sum(nil)
	t.sums[summed{text, key, name}] = sum
	return sum
}

func explained(k Key, m Mistake) Explanation {
	e := Explanation{Mistake: m.Name, Meaning: m.Meaning, Fix: m.Fix}
	if k.Role != "" {
		e.Meaning += " (and it was signed with " + k.Role + ")"
	}
	return e
}
