package webhook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/webhook"
)

// telling is a body on which all the mistakes come out differently.
const telling = `{"event":"deposit.completed","timestamp":"2026-03-02T08:15:00Z","partnerId":"partner_t1",` +
	`"environment":"SANDBOX","signature":"","data":{"z":"café <b> & a/b","amount":1000.50,"whole":7,"a":"日本"}}`

func keyFor(name string) string {
	switch name {
	case "secret-trimmed":
		return "\"test-webhook-secret-01\" "
	case "secret-base64-decoded":
		return "dGVzdC13ZWJob29rLXNlY3JldA=="
	case "secret-hex-decoded":
		return "746573742d736563726574"
	}
	return "test-webhook-secret-01"
}

func TestExplainFindsEachMistake(t *testing.T) {
	t.Parallel()
	for _, m := range webhook.Mistakes() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			key := keyFor(m.Name)
			body, err := webhook.SignWrong([]byte(telling), key, m.Name)
			if err != nil {
				t.Fatal(err)
			}
			if m.Name == "numbers-verbatim" {
				// As it stands the raw text fits, which is accepted; on the way it got a space.
				body = append([]byte("{ "), body[1:]...)
			}
			secrets := []*secret.Secret{secret.New(key)}
			if _, _, verdict, _ := wasaapay.Verify(body, secrets); verdict != payment.VerdictMismatch {
				t.Errorf("verdict %s, want mismatch", verdict)
			}
			got, ok := webhook.Explain(body, []webhook.Key{{Secret: secrets[0]}})
			if !ok || got.Mistake != m.Name {
				t.Errorf("explained as %q (%v), want %q", got.Mistake, ok, m.Name)
			}
			if m.Meaning == "" || m.Fix == "" || strings.Contains(got.Meaning+got.Fix, key) {
				t.Errorf("meaning %q, fix %q", got.Meaning, got.Fix)
			}
		})
	}
}

// Each mistake has a fixture, as some signer out there makes it.
func TestExplainFixtures(t *testing.T) {
	t.Parallel()
	for _, m := range webhook.Mistakes() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(filepath.Join("..", "..", "testdata", "webhook", "mistakes", m.Name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			key := secret.New(keyFor(m.Name))
			if _, _, verdict, _ := wasaapay.Verify(body, []*secret.Secret{key}); verdict != payment.VerdictMismatch {
				t.Errorf("verdict %s, want mismatch", verdict)
			}
			if got, ok := webhook.Explain(body, []webhook.Key{{Secret: key}}); !ok || got.Mistake != m.Name {
				t.Errorf("explained as %q (%v), want %q", got.Mistake, ok, m.Name)
			}
		})
	}
}

// A body without a signature gets one where WasaaPay has it, before it is signed whole.
func TestSignWrongPlacesTheSignature(t *testing.T) {
	t.Parallel()
	bare := []byte(`{"event":"deposit.completed","data":{"amount":"1.00"}}`)
	for _, name := range []string{"whole-body", "whole-body-null", "whole-body-prefix"} {
		body, err := webhook.SignWrong(bare, "k", name)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := webhook.Explain(body, []webhook.Key{{Secret: secret.New("k")}}); !ok || got.Mistake != name {
			t.Errorf("%s is explained as %q", name, got.Mistake)
		}
	}
}

func TestExplainOtherSecrets(t *testing.T) {
	t.Parallel()
	body, err := wasaapay.Sign([]byte(telling), secret.New("the-old-one"))
	if err != nil {
		t.Fatal(err)
	}
	keys := []webhook.Key{
		{Secret: secret.New("the-new-one")},
		{Secret: secret.New("the-old-one"), Role: "the previous secret"},
	}
	got, ok := webhook.Explain(body, keys)
	if !ok || !strings.Contains(got.Meaning, "the previous secret") {
		t.Errorf("got %+v, %v", got, ok)
	}
}

func TestExplainTwoMistakes(t *testing.T) {
	t.Parallel()
	body, err := webhook.SignWrong([]byte(telling), "test-webhook-secret-01\n", "sorted-keys")
	if err != nil {
		t.Fatal(err)
	}
	got, ok := webhook.Explain(body, []webhook.Key{{Secret: secret.New("test-webhook-secret-01")}})
	if !ok || !strings.Contains(got.Meaning, "sorted") || !strings.Contains(got.Meaning, "line end") {
		t.Errorf("got %+v, %v", got, ok)
	}
}

func TestExplainChangedValue(t *testing.T) {
	t.Parallel()
	key := secret.New("test-webhook-secret-01")
	body, err := wasaapay.Sign([]byte(telling), key)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(body), "1000.50", "1000.51", 1)
	if got, ok := webhook.Explain([]byte(changed), []webhook.Key{{Secret: key}}); ok {
		t.Errorf("a changed value was explained as %+v", got)
	}
}

// What a stranger sends is explained in little time and memory.
func TestExplainIsBounded(t *testing.T) {
	t.Parallel()
	const signature = `,"signature":"sha256=0000000000000000000000000000000000000000000000000000000000000000"}`
	var members strings.Builder
	for i := range 30000 {
		fmt.Fprintf(&members, `,"%d":1`, i)
	}
	const deep = 500
	for name, body := range map[string]string{
		"many members": `{"data":{"a":1` + members.String() + "}" + signature,
		"long number":  `{"data":{"a":1` + strings.Repeat("0", 900000) + "}" + signature,
		"deep":         `{"data":` + strings.Repeat("[", deep) + "1" + strings.Repeat(",1", 100000) + strings.Repeat("]", deep) + signature,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := []webhook.Key{{Secret: secret.New("k")}}
			got, ok := webhook.Explain([]byte(body), keys)
			if ok || got.LeftOut == "" {
				t.Errorf("%v: %+v, want word of what was left out", ok, got)
			}
			if name != "many members" {
				return
			}
			for i := range 60 {
				keys = append(keys, webhook.Key{Secret: secret.New(fmt.Sprint("other ", i)), Role: "another"})
			}
			if got, ok = webhook.Explain([]byte(body), keys); ok || got.LeftOut == "" {
				t.Errorf("with many secrets %v: %+v, want word of what was left out", ok, got)
			}
		})
	}
}

func TestSignWrongBadInput(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"no-such": telling, "base64": "not json", "data-only": `{"event":"e"}`} {
		if _, err := webhook.SignWrong([]byte(body), "k", name); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%s on %.20s: got %v, want a usage error", name, body, err)
		}
	}
}

func FuzzExplain(f *testing.F) {
	f.Add([]byte(telling))
	f.Add([]byte(`{"signature":"sha256=00","data":[1e400,"\ud800",{"__proto__":1}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		// Whatever comes, an explanation never invents a fit: the secret is one
		// that no body was signed with.
		if got, ok := webhook.Explain(body, []webhook.Key{{Secret: secret.New("never-used-to-sign-anything")}}); ok && got.Mistake != "" {
			t.Errorf("%q explained as %+v", body, got)
		}
	})
}
