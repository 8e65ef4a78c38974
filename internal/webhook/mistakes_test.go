package webhook_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/webhook"
)

// Whoever asks for a wrong signature must never be handed a right one: their own
// check would pass it, and they would think the check broken.
func TestSignWrongIsNeverRight(t *testing.T) {
	t.Parallel()
	const key = "test-webhook-secret-01"
	// On a body and a secret as plain as these, some mistakes change nothing.
	plain := []byte(`{"event":"deposit.completed","data":{"zone":"b","amount":"1000.50"}}`)
	idle := []string{
		"php", "escaped-html", "ascii-escaped", "escaped-slashes", "numbers-verbatim", "numbers-two-decimals", "numbers-point-zero",
		"latin-1", "secret-trimmed", "secret-base64-decoded", "secret-hex-decoded",
	}
	for _, m := range webhook.Mistakes() {
		body, err := webhook.SignWrong([]byte(telling), keyFor(m.Name), m.Name)
		if err != nil {
			t.Errorf("%s on a telling body: %v", m.Name, err)
		} else if signatureOf(t, body) == rightSignature(t, telling, keyFor(m.Name)) {
			t.Errorf("%s on a telling body: the signature is right", m.Name)
		}

		body, err = webhook.SignWrong(plain, key, m.Name)
		if !slices.Contains(idle, m.Name) {
			if err != nil {
				t.Errorf("%s on a plain body: %v", m.Name, err)
			} else if signatureOf(t, body) == rightSignature(t, string(plain), key) {
				t.Errorf("%s on a plain body: the signature is right", m.Name)
			}
			continue
		}
		what := "body"
		if strings.HasPrefix(m.Name, "secret-") {
			what = "secret"
		}
		want := "wrong " + m.Name + ": makes no difference to this " + what
		var e *payment.Error
		if !errors.As(err, &e) || e.Kind != payment.KindUsage || e.Message != want || !strings.Contains(e.Hint, "another "+what) {
			t.Errorf("%s on a plain body: got %s, %v, want usage: %s", m.Name, body, err, want)
		}
	}
}

func signatureOf(t *testing.T, body []byte) string {
	t.Helper()
	signature, found := wasaapay.SignatureOf(body)
	if !found {
		t.Fatalf("%s: has no signature", body)
	}
	return signature
}

func rightSignature(t *testing.T, body, key string) string {
	t.Helper()
	signed, err := wasaapay.Sign([]byte(body), secret.New(key))
	if err != nil {
		t.Fatal(err)
	}
	return signatureOf(t, signed)
}
