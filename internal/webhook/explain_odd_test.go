package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/webhook"
)

// A byte order mark is dropped before the signature is checked, so a mistake
// behind one is found too.
func TestExplainBehindByteOrderMark(t *testing.T) {
	t.Parallel()
	body, err := webhook.SignWrong([]byte("\ufeff"+telling), "k", "sorted-keys")
	if err != nil {
		t.Fatal(err)
	}
	marked := append([]byte("\ufeff"), body...)
	if got, ok := webhook.Explain(marked, []webhook.Key{{Secret: secret.New("k")}}); !ok || got.Mistake != "sorted-keys" {
		t.Errorf("got %+v, %v", got, ok)
	}
}

// Adding a signature mends neither a body that is no JSON object nor one whose
// signature is there but is not a text.
func TestExplainSaysAddOnlyWhereItIsMissing(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{}`: "add ", `{"data":{"signature":"x"}}`: "add ",
		`{"signature":1}`: "in quotes", `{"signature":null}`: "in quotes", `{"data":1,"signature":{"a":1}}`: "in quotes",
		``: "", `null`: "", `[]`: "", telling[:50]: "", telling + "x": "", `{"a":` + strings.Repeat("[", 600): "",
	} {
		got, ok := webhook.Explain([]byte(body), []webhook.Key{{Secret: secret.New("k")}})
		if ok != (want != "") || !strings.Contains(got.Fix, want) || !ok && got != (webhook.Explanation{}) {
			t.Errorf("%.30q: got %+v, %v, want %q", body, got, ok, want)
		}
	}
}

// A signer in JavaScript writes null for what no double holds, and 0 for -0.
func TestExplainNumbersAsJavaScript(t *testing.T) {
	t.Parallel()
	key := secret.New("k")
	// The mistake is pretty-printing; with the numbers as JavaScript writes them
	// already, the same signature must fit.
	const as = `{"event":"e","signature":"","data":{"big":null,"zero":0,"small":5e-324,"x":1}}`
	const other = `{"event":"e","signature":"","data":{"big":1e400,"zero":-0,"small":4.9e-324,"x":1.0}}`
	signed, err := webhook.SignWrong([]byte(as), "k", "pretty-printed")
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Replace(other, `"signature":""`, `"signature":"`+signatureOf(t, signed)+`"`, 1)
	if got, ok := webhook.Explain([]byte(body), []webhook.Key{{Secret: key}}); !ok || got.Mistake != "pretty-printed" {
		t.Errorf("got %+v, %v", got, ok)
	}
}

// BenchmarkExplainSlowNumbers prints what Explain takes beside Canonical for a
// payload full of numbers at the ends of what a double holds, which are slow to
// read: each is to be read once, not for every mistake.
func BenchmarkExplainSlowNumbers(b *testing.B) {
	for _, number := range []string{"2.2250738585072011e-308", "4.9406564584124654e-324", "1.7976931348623159e308"} {
		b.Run(number, func(b *testing.B) {
			body := []byte(`{"a":[1` + strings.Repeat(","+number, 3000) +
				`],"signature":"sha256=0000000000000000000000000000000000000000000000000000000000000000"}`)
			var once, all time.Duration
			for b.Loop() {
				started := time.Now()
				if _, err := wasaapay.Canonical(nil, body); err != nil {
					b.Fatal(err)
				}
				read := time.Now()
				if got, ok := webhook.Explain(body, []webhook.Key{{Secret: secret.New("k")}}); ok {
					b.Fatalf("explained as %+v", got)
				}
				once, all = once+read.Sub(started), all+time.Since(read)
			}
			b.ReportMetric(float64(all)/float64(once), "of-canonical")
		})
	}
}

// Half a surrogate pair would come out as another character, and the signature
// would then be wrong for a second reason.
func TestSignWrongKeepsTheBody(t *testing.T) {
	t.Parallel()
	body := strings.Replace(telling, "café", `caf\ud800`, 1)
	_, err := webhook.SignWrong([]byte(body), "k", "secret-newline")
	if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), "surrogate") {
		t.Errorf("got %v, want a usage error about a surrogate", err)
	}
}
