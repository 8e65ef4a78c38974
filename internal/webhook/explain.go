package webhook

import (
	"crypto/subtle"

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
	Meaning string
	Fix     string
}

// Explain tries the usual mistakes on a body whose signature does not fit, one
// at a time and then a wrong text together with a wrong secret or form, and
// returns the first that matches. Neither a secret nor an expected signature
// leaves it. ok is false when none matches: then a value was changed, or the
// secret is one that payctl does not have.
func Explain(body []byte, keys []Key) (Explanation, bool) {
	given, found := wasaapay.SignatureOf(body)
	if !found {
		return Explanation{Meaning: "the body has no signature that is a string", Fix: "add \"signature\": \"sha256=…\" to the body (payctl webhook sign)"}, true
	}
	p, err := takeApart(body)
	if err != nil {
		return Explanation{}, false
	}
	for _, k := range keys {
		if k.Role != "" && fits(p, k, given) {
			return Explanation{Meaning: "it was signed with " + k.Role, Fix: "configure that secret, or list both while the secret is being changed"}, true
		}
	}
	for _, k := range keys {
		for _, m := range Mistakes() {
			if fits(p, k, given, m) {
				return explained(k, m), true
			}
		}
	}
	return explainPairs(p, keys, given)
}

// explainPairs tries two mistakes of different sorts together.
func explainPairs(p payload, keys []Key, given string) (Explanation, bool) {
	table := Mistakes()
	for _, k := range keys {
		for i, a := range table {
			for _, b := range table[i+1:] {
				sameSort := (a.message != nil) == (b.message != nil) && (a.key != nil) == (b.key != nil)
				if !sameSort && fits(p, k, given, a, b) {
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

func explained(k Key, m Mistake) Explanation {
	e := Explanation{Mistake: m.Name, Meaning: m.Meaning, Fix: m.Fix}
	if k.Role != "" {
		e.Meaning += " (and it was signed with " + k.Role + ")"
	}
	return e
}

func fits(p payload, k Key, given string, mistakes ...Mistake) bool {
	signature, ok := sign(p, k.Secret.Reveal(), mistakes...)
	return ok && subtle.ConstantTimeCompare([]byte(signature), []byte(given)) == 1
}
