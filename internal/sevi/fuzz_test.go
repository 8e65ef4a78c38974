package sevi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// FuzzInspect holds that no bytes panic, that a wrong token never verifies and
// yields no event, and that reading twice gives the same key.
func FuzzInspect(f *testing.F) {
	for _, s := range Samples() {
		f.Add(s.Body, token)
	}
	names, err := filepath.Glob(filepath.Join("..", "..", "testdata", "sevi", "*.json"))
	if err != nil || len(names) == 0 {
		f.Fatalf("fixtures: %v %v", names, err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, "Bearer "+token)
	}
	r, err := New(Config{Tokens: []*secret.Secret{secret.New(token)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, auth string) {
		d := delivery(string(body), auth)
		first, second := r.Inspect(d), r.Inspect(d)
		if diff := cmp.Diff(first, second, compareAmounts); diff != "" {
			t.Errorf("two readings differ:\n%s", diff)
		}
		if !strings.Contains(auth, token) && (first.Verdict != payment.VerdictMismatch || first.Event != nil) {
			t.Errorf("%q verified: %+v", auth, first)
		}
		if (first.Verdict == payment.VerdictValid) != (first.Event != nil) {
			t.Errorf("verdict %s with event %v", first.Verdict, first.Event)
		}
		switch got := r.Acknowledge(d, first, payment.Stored).Status; got {
		case 200, 400, 401:
		default:
			t.Errorf("status %d", got)
		}
	})
}
