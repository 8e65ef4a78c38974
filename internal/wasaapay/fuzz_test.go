package wasaapay

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

func seed(f *testing.F) {
	for _, body := range handmade() {
		if len(body) < 4096 {
			f.Add(body)
		}
	}
	for i := range uint64(20) {
		g := newGenerator(i)
		g.plain, g.wild = i%3 == 0, i%3 == 1
		f.Add(g.body())
	}
	for id, v := range referenceVectors() {
		_ = id
		f.Add([]byte(v[0]))
	}
}

// FuzzCanonical: the result is the slow one, canonicalising twice is canonicalising once, it is
// JSON, the strict pass knows it for canonical, and where the strict pass
// accepts a body both ways give the same text.
func FuzzCanonical(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		againstSlow(t, body)
		once, err := Canonical(nil, body)
		p := prover{names: newNameSet()}
		proved := p.prove(body, nil)
		if err != nil {
			if proved {
				t.Fatalf("the strict pass accepts %q, the emitter refuses it: %v", body, err)
			}
			return
		}
		if proved {
			fast := append(append([]byte(nil), body[:p.cut.start]...), body[p.cut.end:]...)
			if !bytes.Equal(fast, once) {
				t.Fatalf("body %q: fast %q, slow %q", body, fast, once)
			}
		}
		if !json.Valid(once) {
			t.Fatalf("not JSON: %q", once)
		}
		twice, err := Canonical(nil, once)
		if err != nil || !bytes.Equal(twice, once) {
			t.Fatalf("not idempotent: %q, then %q (%v)", once, twice, err)
		}
		if !p.prove(once, nil) {
			t.Fatalf("the strict pass refuses canonical %q", once)
		}
	})
}

// FuzzShape: a body that is proved by the remembered shape of another is
// proved without it too, with the same signature, cut and fields; and a
// shape never refuses what would be proved without it.
func FuzzShape(f *testing.F) {
	for _, v := range referenceVectors() {
		f.Add([]byte(v[1]), uint32(60), byte('7'))
	}
	for _, s := range Samples() {
		f.Add(s.Body, uint32(100), byte('"'))
	}
	for i := range uint64(20) {
		g := newGenerator(i)
		g.plain = true
		f.Add(g.body(), uint32(i*13), byte('\\'))
	}
	f.Fuzz(func(t *testing.T, body []byte, at uint32, with byte) {
		signed, err := Sign(body, secret.New(vectorSecret))
		if err != nil {
			return
		}
		first, err := Canonical(nil, signed)
		if err != nil {
			t.Fatal(err)
		}
		if first, err = Sign(first, secret.New(vectorSecret)); err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(first)
		changed[int(at)%len(changed)] = with
		warm := prover{names: newNameSet()}
		if !warm.prove(first, nil) {
			t.Fatalf("not canonical: %q", first)
		}
		for _, other := range [][]byte{first, changed} {
			fresh := prover{names: newNameSet()}
			var was, is fields
			want, got := fresh.prove(other, &was), warm.prove(other, &is)
			if want != got || want && (fresh.signature != warm.signature || fresh.cut != warm.cut) {
				t.Fatalf("after %q, %q: got %v %v %v, want %v %v %v", first, other, got, warm.signature, warm.cut, want, fresh.signature, fresh.cut)
			}
			if want && was != is {
				t.Fatalf("after %q, %q: fields %v, want %v", first, other, is, was)
			}
		}
	})
}

// FuzzSignature: what is signed verifies, and a body with any other meaning
// does not verify under the same signature.
func FuzzSignature(f *testing.F) {
	for _, body := range handmade() {
		if len(body) < 4096 {
			f.Add(body, uint32(7), byte('x'))
		}
	}
	for _, v := range referenceVectors() {
		f.Add([]byte(v[0]), uint32(60), byte('7'))
	}
	v := NewVerifier(secretsOf(vectorSecret))
	s := secret.New(vectorSecret)
	f.Fuzz(func(t *testing.T, body []byte, at uint32, with byte) {
		signed, err := Sign(body, s)
		if err != nil || len(signed) > MaxBody {
			return
		}
		if got := v.Check(signed); got.Verdict != payment.VerdictValid || got.Matched != MatchedStringify {
			t.Fatalf("%q does not verify: %+v", signed, got)
		}
		before, err := Canonical(nil, signed)
		if err != nil {
			t.Fatal(err)
		}
		signature, _ := SignatureOf(signed)
		changed := bytes.Clone(signed)
		changed[int(at)%len(changed)] = with
		after, err := Canonical(nil, changed)
		given, _ := SignatureOf(changed)
		same := err == nil && bytes.Equal(before, after) && strings.HasPrefix(given, signaturePrefix) && strings.EqualFold(given, signature)
		if got := v.Check(changed); (got.Verdict == payment.VerdictValid) != same {
			t.Fatalf("%q became %q: %+v", signed, changed, got)
		}
	})
}

// FuzzInspect: no body makes the receiver panic, and looking twice gives the
// same event key.
func FuzzInspect(f *testing.F) {
	seed(f)
	for _, s := range Samples() {
		f.Add(s.Body)
	}
	r := NewReceiver(payment.Sandbox, secretsOf(vectorSecret))
	s := secret.New(vectorSecret)
	f.Fuzz(func(t *testing.T, body []byte) {
		if signed, err := Sign(body, s); err == nil {
			body = signed
		}
		first, second := r.Inspect(payment.Delivery{Body: body}), r.Inspect(payment.Delivery{Body: body})
		if (first.Event == nil) != (second.Event == nil) || first.Event != nil && first.Event.Key != second.Event.Key {
			t.Fatalf("%q: %+v, then %+v", body, first.Event, second.Event)
		}
		if first.Verdict == payment.VerdictValid && first.Event != nil && first.Event.Key == "" {
			t.Fatalf("%q: a valid event without a key", body)
		}
		r.Acknowledge(payment.Delivery{Body: body}, first, payment.Stored)
	})
}
