package wasaapay

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

const (
	vectorSecret    = "vector-secret-01"
	referenceSecret = "test-webhook-secret-01"
)

func secretsOf(values ...string) []*secret.Secret {
	var out []*secret.Secret
	for _, v := range values {
		out = append(out, secret.New(v))
	}
	return out
}

// vectors returns the lines of a file in testdata/wasaapay.
func vectors(t testing.TB, name string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wasaapay", name))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(lines) < 400 {
		t.Fatalf("%s has %d lines, want at least 400", name, len(lines))
	}
	return lines
}

func TestValidVectorsVerify(t *testing.T) {
	t.Parallel()
	v := NewVerifier(secretsOf(vectorSecret))
	for i, body := range vectors(t, "wasaapay-valid.ndjson") {
		want := Result{Verdict: payment.VerdictValid, Matched: MatchedStringify}
		if got := v.Check(body); got != want {
			t.Errorf("line %d: got %+v, want %+v", i+1, got, want)
		}
	}
}

func TestTamperedVectorsDoNotVerify(t *testing.T) {
	t.Parallel()
	v := NewVerifier(secretsOf(vectorSecret))
	for i, body := range vectors(t, "wasaapay-tampered.ndjson") {
		if got := v.Check(body); got.Verdict != payment.VerdictMismatch || got.Matched != "" || got.Index != -1 || got.Reason == "" {
			t.Errorf("line %d: got %+v, want a mismatch with a reason", i+1, got)
		}
	}
}
