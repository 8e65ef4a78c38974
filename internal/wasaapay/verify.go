package wasaapay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// MaxBody is the largest body, in bytes, that is looked at (reference/wasaapay.md §11.4).
const MaxBody = 1 << 20

// The ways in which a signature can fit (reference/wasaapay.md §11.4).
const (
	// MatchedStringify is over the re-serialised text, as the vendor's sample does it.
	MatchedStringify = "json-stringify"
	// MatchedRaw is over the received bytes with the signature member cut out.
	MatchedRaw = "raw"
)

const (
	signaturePrefix = "sha256="
	// maxKeptOutput bounds the rewriting buffer kept from one body to the next, in bytes.
	maxKeptOutput = 64 << 10
)

// The reasons of a Result, fit for showing.
const (
	reasonTooLarge  = "the body is larger than 1 MiB"
	reasonNoSecret  = "no webhook secret is configured: set wasaapay.webhook_secret (PAYCTL_WASAAPAY_WEBHOOK_SECRET) or give --secret-file" //nolint:gosec // a text about a secret
	reasonMissing   = "the body has no signature"
	reasonNotString = "the signature is not a string"
	reasonForm      = "the signature is not sha256= and 64 hexadecimal digits"
	reasonMismatch  = "the signature fits no configured secret: a value was changed, or the secret is another one"
)

// Result is what checking one body gave.
type Result struct {
	// Verdict is valid, mismatch or malformed.
	Verdict payment.Verdict
	// Matched is MatchedStringify, MatchedRaw or "".
	Matched string
	// Index is the position of the secret that fitted, -1 if none did.
	Index int
	// Reason says why the verdict is not valid; it holds no value of the body
	// and never an expected signature.
	Reason string
}

// Verifier checks webhook signatures against one or several secrets, so that a
// secret can be rotated without losing deliveries. It keeps keyed hash states
// and buffers: one goroutine at a time. See Pool for sharing.
type Verifier struct {
	keys   []signingKey
	prover prover
	emit   emitter
	out    []byte
	// given is the signature that came.
	given [sha256.Size]byte
	text  []byte
	found fields
}

type signingKey struct {
	mac   *mac
	index int
}

// NewVerifier returns a verifier for the secrets that are set.
func NewVerifier(secrets []*secret.Secret) *Verifier {
	v := &Verifier{}
	v.prover.names, v.emit.names = newNameSet(), newNameSet()
	for i, s := range secrets {
		if s.IsSet() {
			v.keys = append(v.keys, signingKey{newMAC([]byte(s.Reveal())), i})
		}
	}
	return v
}

// Verify checks one body against the secrets. index is that of the secret that
// fitted, or -1. For many bodies use a Verifier or a Pool.
func Verify(body []byte, secrets []*secret.Secret) (matched string, index int, verdict payment.Verdict, reason string) {
	r := NewVerifier(secrets).Check(body)
	return r.Matched, r.Index, r.Verdict, r.Reason
}

// Check checks one body. It never panics, keeps nothing of the body, and
// allocates nothing when the body is canonical already.
func (v *Verifier) Check(body []byte) Result { return v.check(body, nil) }

// CheckEvent is Check that also returns the name of the event as it stands in the body, nil
// where it is no simple text.
func (v *Verifier) CheckEvent(body []byte) (Result, []byte) {
	r := v.check(body, &v.found)
	at := v.found[fieldEvent]
	if !at.isSet() || body[at.start] != '"' {
		return r, nil
	}
	name := body[at.start+1 : at.end-1]
	if stringStop(name, 0) < len(name) {
		return r, nil
	}
	return r, name
}

func (v *Verifier) check(body []byte, found *fields) Result {
	if found != nil {
		found.reset()
	}
	if len(body) > MaxBody {
		return malformed(reasonTooLarge)
	}
	if v.prover.prove(body, found) {
		signature := v.prover.signature
		cut := v.prover.cut
		if reason := v.read(body, signature); reason != "" {
			return mismatch(reason)
		}
		return v.result(v.fits(body[:cut.start], body[cut.end:]), MatchedStringify)
	}
	if found != nil {
		found.reset()
	}
	out, err := v.emit.emit(v.out[:0], body, found)
	if err != nil {
		return malformed(err.Error())
	}
	if v.out = out[:0]; cap(out) > maxKeptOutput {
		v.out, v.emit.scratch, v.emit.members, v.emit.named = nil, nil, nil, nil
	}
	if reason := v.read(body, v.emit.signature); reason != "" {
		return mismatch(reason)
	}
	if i := v.fits(out, nil); i >= 0 {
		return v.result(i, MatchedStringify)
	}
	return v.result(v.fitsRaw(body), MatchedRaw)
}

// fitsRaw tries the received bytes without the signature member. Both places
// of the comma are tried where white space makes them differ; with more than
// one signature it is not clear what a sender would cut, and none is tried.
func (v *Verifier) fitsRaw(body []byte) int {
	if v.emit.signatures != 1 {
		return -1
	}
	for i, cut := range v.emit.cuts {
		if i > 0 && cut == v.emit.cuts[0] {
			break
		}
		if k := v.fits(body[:cut.start], body[cut.end:]); k >= 0 {
			return k
		}
	}
	return -1
}

// read takes the given signature apart; it returns why that is impossible.
// Upper-case digits are folded (reference/wasaapay.md §11.4).
func (v *Verifier) read(body []byte, at span) string {
	if len(v.keys) == 0 {
		return reasonNoSecret
	}
	if !at.isSet() {
		return reasonMissing
	}
	quoted := at.of(body)
	if quoted[0] != '"' {
		return reasonNotString
	}
	if len(quoted) > 6*(len(signaturePrefix)+2*sha256.Size)+2 {
		return reasonForm
	}
	if inner := quoted[1 : len(quoted)-1]; parseSignature(&v.given, inner) == "" {
		return ""
	}
	v.text = appendText(v.text[:0], quoted)
	return parseSignature(&v.given, v.text)
}

func parseSignature(dst *[sha256.Size]byte, text []byte) string {
	if len(text) != len(signaturePrefix)+2*sha256.Size || string(text[:len(signaturePrefix)]) != signaturePrefix {
		return reasonForm
	}
	if _, err := hex.Decode(dst[:], text[len(signaturePrefix):]); err != nil {
		return reasonForm
	}
	return ""
}

// fits returns the index of the secret under which the given signature belongs
// to head and tail, or -1. Each comparison takes constant time.
func (v *Verifier) fits(head, tail []byte) int {
	for _, k := range v.keys {
		if hmac.Equal(k.mac.sum(head, tail), v.given[:]) {
			return k.index
		}
	}
	return -1
}

func (v *Verifier) result(index int, matched string) Result {
	if index < 0 {
		return mismatch(reasonMismatch)
	}
	return Result{Verdict: payment.VerdictValid, Matched: matched, Index: index}
}

func malformed(reason string) Result {
	return Result{Verdict: payment.VerdictMalformed, Index: -1, Reason: reason}
}

func mismatch(reason string) Result {
	return Result{Verdict: payment.VerdictMismatch, Index: -1, Reason: reason}
}

// Pool lends Verifiers to any number of goroutines.
type Pool struct{ verifiers sync.Pool }

// NewPool returns a pool of verifiers for the secrets that are set.
func NewPool(secrets []*secret.Secret) *Pool {
	p := &Pool{}
	p.verifiers.New = func() any { return NewVerifier(secrets) }
	return p
}

// Check checks one body with a verifier of the pool.
func (p *Pool) Check(body []byte) Result {
	var found fields
	return p.check(body, &found)
}

// check also says where the fields are. They are copied, for what is handed to a verifier
// itself would be allocated.
func (p *Pool) check(body []byte, found *fields) Result {
	v, _ := p.verifiers.Get().(*Verifier)
	defer p.verifiers.Put(v)
	r := v.check(body, &v.found)
	*found = v.found
	return r
}
