package wasaapay

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

const vectorA = `{"event":"deposit.completed","timestamp":"2026-03-02T08:15:00Z","partnerId":"partner_t1","environment":"SANDBOX",` +
	`"signature":"X","data":{"depositId":"dep_t1","reference":"DEP-20260302-AAAAAA","externalReference":"INV-77","amount":"250.00",` +
	`"status":"COMPLETED","provider":"MPESA","receiptNumber":"TST0000001"}}`

const vectorB = `{
  "event": "deposit.completed",
  "timestamp": "2026-03-02T08:15:00Z",
  "partnerId": "partner_t1",
  "environment": "SANDBOX",
  "signature": "X",
  "data": {
    "depositId": "dep_t1",
    "reference": "DEP-20260302-AAAAAA",
    "externalReference": "INV-77",
    "amount": "250.00",
    "status": "COMPLETED",
    "provider": "MPESA",
    "receiptNumber": "TST0000001"
  }
}`

// referenceVectors are those of reference/wasaapay.md §11.5.
func referenceVectors() map[string][3]string {
	const sumA = "sha256=7ada61cecac42010cba4b417e27bac9ef0dd75fd772600ef2f713938c214b816"
	return map[string][3]string{
		"A": {vectorA, strings.Replace(vectorA, `"signature":"X",`, "", 1), sumA},
		"B": {vectorB, strings.Replace(vectorA, `"signature":"X",`, "", 1), sumA},
		"C": {
			`{"event":"deposit.failed","signature":"X","data":{"failureReason":"PIN <wrong> & \u0027limit\u0027 reached \/ ok","n":"caf\u00e9"}}`,
			`{"event":"deposit.failed","data":{"failureReason":"PIN <wrong> & 'limit' reached / ok","n":"café"}}`,
			"sha256=63a4f75d81015360486486bcd264c30ef4f600b9dbeef1a5a034d5681788a213",
		},
		"D": {
			`{"event":"e","signature":"X","data":{"a":1000.00,"b":1e21,"c":0.0000001,"d":-0,"e":9007199254740993,"f":1E2,"g":123456789012345680000}}`,
			`{"event":"e","data":{"a":1000,"b":1e+21,"c":1e-7,"d":0,"e":9007199254740992,"f":100,"g":123456789012345680000}}`,
			"sha256=35e2c2f86e0ae83bb1fe2cb526ff7cfb0cc24ac419751cefee629c0b66a7c3c6",
		},
		"E": {
			`{"event":"e","signature":"X","data":{"b":1,"10":2,"2":3,"a":4}}`,
			`{"event":"e","data":{"2":3,"10":2,"b":1,"a":4}}`,
			"sha256=6fe0234075c9ea558a9fa9a2611bd5be92c9241ea6458c7bd41b309498fb5640",
		},
		"F": {
			`{"event":"first","data":{"x":1},"event":"second","signature":"X"}`,
			`{"event":"second","data":{"x":1}}`,
			"sha256=87523668ad46b3243864a7cfd59833b89e9fac03a1d32469cc1865c3a5912c75",
		},
		"G": {
			"{\"event\":\"e\",\"signature\":\"X\",\"data\":{\"t\":\"a\u2028b\x7fc\\u0001\\ud800\"}}",
			"{\"event\":\"e\",\"data\":{\"t\":\"a\u2028b\x7fc\\u0001\\ud800\"}}",
			"sha256=21b5afbe024534136edf2b2c77d23b81a29d54f88d6124acdb7b67f24b3bcf50",
		},
		"H": {
			`{"event":"e","signature":"X","data":{"signature":"keep-me","id":"dep_t2"}}`,
			`{"event":"e","data":{"signature":"keep-me","id":"dep_t2"}}`,
			"sha256=2e7378f82f1641554959a980f09c4c57ecb3bcd1de3fe7cce00dda0e6a4028c5",
		},
	}
}

func TestReferenceVectors(t *testing.T) {
	t.Parallel()
	for id, v := range referenceVectors() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			body, canonical, signature := []byte(v[0]), v[1], v[2]
			got, err := Canonical(nil, body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(canonical, string(got)); diff != "" {
				t.Error(diff)
			}
			signed, err := Sign(body, secret.New(referenceSecret))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Replace(v[0], `"signature":"X"`, `"signature":"`+signature+`"`, 1),
				strings.Replace(string(signed), `"signature": "`, `"signature":"`, 1)); diff != "" && id != "B" {
				t.Error(diff)
			}
			matched, index, verdict, reason := Verify(signed, secretsOf(referenceSecret))
			if matched != MatchedStringify || index != 0 || verdict != payment.VerdictValid || reason != "" {
				t.Errorf("got %q %d %q %q", matched, index, verdict, reason)
			}
			if s, ok := SignatureOf(signed); !ok || s != signature {
				t.Errorf("got signature %q, want %q", s, signature)
			}
		})
	}
}

// TestWrongMethodsDoNotVerify: the two wrong results of §11.5.
func TestWrongMethodsDoNotVerify(t *testing.T) {
	t.Parallel()
	for name, sum := range map[string]string{
		"sorted keys":                "de2a90e9e30a947206c526e4e954c3035e19c1322a0c88c19974b9323400ee6b",
		"separators with one space":  "33f00df376a9e88f5b65b4efb4f31cc0bab128d829a6691467f0834b81683b85",
		"plain bytes, X as it is":    hexMAC(vectorA, referenceSecret),
		"another secret":             hexMAC(strings.Replace(vectorA, `"signature":"X",`, "", 1), "other"),
		"no key at all, only sha256": hexMAC("", ""),
	} {
		body := strings.Replace(vectorA, `"X"`, `"sha256=`+sum+`"`, 1)
		if got := NewVerifier(secretsOf(referenceSecret)).Check([]byte(body)); got != mismatch(reasonMismatch) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func hexMAC(text, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// TestRawForm: the sender signed its own bytes (§11.4 (b)); every place of the
// member, with and without white space.
func TestRawForm(t *testing.T) {
	t.Parallel()
	for body, signed := range map[string]string{
		`{"signature":"X","a":1.0}`:                     `{"a":1.0}`,
		`{"a":1.0,"signature":"X"}`:                     `{"a":1.0}`,
		`{"a":1.0,"signature":"X","b":2}`:               `{"a":1.0,"b":2}`,
		`{"signature":"X"} `:                            `{} `,
		"{\n  \"a\": 1.0,\n  \"signature\": \"X\"\n}":   "{\n  \"a\": 1.0\n}",
		"{\n  \"signature\": \"X\",\n  \"a\": 1.0\n}":   "{\n  \"a\": 1.0\n}",
		`{"a": 1.0, "signature": "X", "b": 2}`:          `{"a": 1.0, "b": 2}`,
		`{"a": 1.0, "signature" : "X" , "b": 2}`:        `{"a": 1.0,  "b": 2}`,
		"{\"a\":1,\"signature\":\"X\",\"b\":\"\xff\"} ": "{\"a\":1,\"b\":\"\xff\"} ",
		"\ufeff{\"a\":1,\"signature\":\"X\"}":           "\ufeff{\"a\":1}",
		`{"a":1.0,"sign\u0061ture":"X"}`:                `{"a":1.0}`,
	} {
		full := []byte(strings.Replace(body, `"X"`, `"sha256=`+hexMAC(signed, "k")+`"`, 1))
		want := Result{Verdict: payment.VerdictValid, Matched: MatchedRaw}
		if got := NewVerifier(secretsOf("k")).Check(full); got != want {
			t.Errorf("%q: got %+v", body, got)
		}
	}
}

func TestSignatureForms(t *testing.T) {
	t.Parallel()
	good := hexMAC(`{"a":1}`, "k")
	bodyWith := func(signature string) []byte { return []byte(`{"a":1,"signature":` + signature + `}`) }
	valid := Result{Verdict: payment.VerdictValid, Matched: MatchedStringify, Index: 0}
	for name, c := range map[string]struct {
		body []byte
		want Result
	}{
		"lower case":                {bodyWith(`"sha256=` + good + `"`), valid},
		"upper-case digits fold":    {bodyWith(`"sha256=` + strings.ToUpper(good) + `"`), valid},
		"escaped":                   {bodyWith(`"\u0073ha256=` + good + `"`), valid},
		"upper-case prefix":         {bodyWith(`"SHA256=` + good + `"`), mismatch(reasonForm)},
		"no prefix":                 {bodyWith(`"` + good + `"`), mismatch(reasonForm)},
		"too short":                 {bodyWith(`"sha256=` + good[1:] + `"`), mismatch(reasonForm)},
		"too long":                  {bodyWith(`"sha256=` + good + `0"`), mismatch(reasonForm)},
		"much too long":             {bodyWith(`"sha256=` + strings.Repeat(good, 99) + `"`), mismatch(reasonForm)},
		"not hexadecimal":           {bodyWith(`"sha256=` + good[1:] + `g"`), mismatch(reasonForm)},
		"empty":                     {bodyWith(`""`), mismatch(reasonForm)},
		"another":                   {bodyWith(`"sha256=` + strings.Repeat("0", 64) + `"`), mismatch(reasonMismatch)},
		"number":                    {bodyWith(`1`), mismatch(reasonNotString)},
		"null":                      {bodyWith(`null`), mismatch(reasonNotString)},
		"object":                    {bodyWith(`{}`), mismatch(reasonNotString)},
		"missing":                   {[]byte(`{"a":1}`), mismatch(reasonMissing)},
		"missing, not canonical":    {[]byte(`{"a": 1}`), mismatch(reasonMissing)},
		"nested only":               {[]byte(`{"data":{"signature":"sha256=` + good + `"}}`), mismatch(reasonMissing)},
		"the last of two counts":    {bodyWith(`"sha256=00","signature":"sha256=` + good + `"`), valid},
		"the first of two does not": {bodyWith(`"sha256=` + good + `","signature":"sha256=00"`), mismatch(reasonForm)},
		"something follows":         {[]byte(`{"a":1,"signature":"sha256=` + good + `"}{}`), malformed("byte 93: something follows the JSON value")},
		"an array":                  {[]byte(`[]`), malformed("byte 0: not a JSON object")},
		"HTML":                      {[]byte(`<html>`), malformed("byte 0: not a JSON object")},
		"nothing":                   {nil, malformed("byte 0: not a JSON object")},
		"over the cap":              {make([]byte, MaxBody+1), malformed(reasonTooLarge)},
	} {
		if diff := cmp.Diff(c.want, NewVerifier(secretsOf("k")).Check(c.body)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRotationKeepsTheIndex(t *testing.T) {
	t.Parallel()
	secrets := []*secret.Secret{nil, secret.New("new"), secret.New(""), secret.New("old")}
	for name, index := range map[string]int{"new": 1, "old": 3} {
		body, err := Sign([]byte(vectorA), secret.New(name))
		if err != nil {
			t.Fatal(err)
		}
		want := Result{Verdict: payment.VerdictValid, Matched: MatchedStringify, Index: index}
		if diff := cmp.Diff(want, NewPool(secrets).Check(body)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNoSecretNamesTheSetting(t *testing.T) {
	t.Parallel()
	got := NewVerifier([]*secret.Secret{nil, secret.New("")}).Check([]byte(vectorA))
	if got.Verdict != payment.VerdictMismatch || !strings.Contains(got.Reason, "PAYCTL_WASAAPAY_WEBHOOK_SECRET") {
		t.Errorf("got %+v", got)
	}
}

func TestSign(t *testing.T) {
	t.Parallel()
	sum := func(text string) string { return `"signature":"sha256=` + hexMAC(text, "k") + `"` }
	for body, want := range map[string]string{
		`{}`:                     `{` + sum(`{}`) + `}`,
		`{"a":1}`:                `{"a":1,` + sum(`{"a":1}`) + `}`,
		`{"a":1,"data":{"b":2}}`: `{"a":1,` + sum(`{"a":1,"data":{"b":2}}`) + `,"data":{"b":2}}`,
		`{ "data" : {} } `:       `{ ` + sum(`{"data":{}}`) + `,"data" : {} } `,
		`{"signature":null}`:     `{` + sum(`{}`) + `}`,
	} {
		got, err := Sign([]byte(body), secret.New("k"))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s (%v), want %s", body, got, err, want)
		}
	}
	if _, err := Sign([]byte(`{`), secret.New("k")); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("got %v, want a usage error", err)
	}
	if _, err := Sign([]byte(`{}`), nil); payment.KindOf(err) != payment.KindUnauthorized {
		t.Errorf("got %v, want an unauthorized error", err)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	// Under the race detector a hash allocates where it saves its state, twice for a body.
	saved, state := sha256.New().(savedHash), make([]byte, 0, 256)
	of := 2 * testing.AllocsPerRun(100, func() { _, _ = saved.AppendBinary(state) })
	canonical, other := benchBodies(t)
	check := checking()
	for name, bodies := range map[string][][]byte{"canonical": canonical, "pretty-printed": other} {
		for _, body := range bodies {
			if !check(body) {
				t.Fatalf("%s: a body does not verify", name)
			}
		}
		i := 0
		if n := testing.AllocsPerRun(500, func() { check(bodies[i%len(bodies)]); i++ }); n > of {
			t.Errorf("%s: %v allocations per body, want none", name, n)
		}
	}
}

// TestBodiesOfOneShape: proving by a remembered shape gives what proving
// anew and rewriting give, also when more shapes come than are remembered.
func TestBodiesOfOneShape(t *testing.T) {
	t.Parallel()
	warm := NewVerifier(secretsOf("k"))
	s := secret.New("k")
	for i := range 400 {
		g := newGenerator(uint64(i % (2 * maxShapes)))
		g.plain = true
		body, err := Sign(g.body(), s)
		if err != nil {
			t.Fatal(err)
		}
		body, err = Canonical(nil, body)
		if err != nil {
			t.Fatal(err)
		}
		if body, err = Sign(body, s); err != nil {
			t.Fatal(err)
		}
		if got := warm.Check(body); got.Verdict != payment.VerdictValid {
			t.Fatalf("%s: %+v", body, got)
		}
		at := bytes.IndexByte(body, ':') + 2
		body[at] ^= 1
		if got := warm.Check(body); got.Verdict == payment.VerdictValid {
			t.Fatalf("%s verifies though byte %d was changed", body, at)
		}
	}
	if len(warm.prover.shapes.known) != maxShapes {
		t.Errorf("%d shapes are remembered, want %d", len(warm.prover.shapes.known), maxShapes)
	}
}
