package sevi

import (
	"encoding/json"
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

// TestIDsAreStrings: a number has many texts, of which another reader may take another; an
// id in one is malformed wherever it stands, amounts are numbers (reference/sevi.md §4, §5).
func TestIDsAreStrings(t *testing.T) {
	t.Parallel()
	r, err := New(Config{Tokens: []*secret.Secret{secret.New(token)}})
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range idBodies() {
		for _, value := range []string{"9007199254740993", "9007199254740992", "5", "5.0", "5e0", "-0", "true", `{"a":1}`, `["x"]`} {
			got := r.Inspect(delivery(strings.Replace(body, "ID", value, 1), token))
			want := payment.Inspection{Verdict: payment.VerdictMalformed, Matched: "token", Reason: name + " is not a string, as every id is"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s: %s", name, value, diff)
			}
		}
		for _, value := range []string{`"5"`, "null"} {
			if got := r.Inspect(delivery(strings.Replace(body, "ID", value, 1), token)); name != "id" && got.Verdict != payment.VerdictValid {
				t.Errorf("%s %s: %+v", name, value, got)
			}
		}
	}
}

// idBodies are bodies by the name of an id in them, with ID where it stands.
func idBodies() map[string]string {
	const head = `{"amount":150,"fee":0,"totalAmount":150,"currency":"KES","transactionType":"CREDIT","status":"COMPLETED",`
	return map[string]string{
		"id":                      head + `"id":ID}`,
		"walletId":                head + `"id":"t","walletId":ID}`,
		"orderId":                 head + `"id":"t","orderId":ID}`,
		"order.id":                head + `"id":"t","order":{"id":ID}}`,
		"order.referenceNumber":   `{"order":{"id":"o","referenceNumber":ID}}`,
		"order.platformReference": head + `"id":"t","order":{"platformReference":ID}}`,
	}
}

// FuzzIDs: every id that is read is a string of the body.
func FuzzIDs(f *testing.F) {
	for _, seed := range []string{`"t1"`, `9007199254740993`, `5.0`, `null`, `"\u0074"`, `[5]`, `1e400`, `" x "`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !json.Valid([]byte(value)) {
			return
		}
		var meant string
		isText := json.Unmarshal([]byte(value), &meant) == nil
		for name, body := range idBodies() {
			e, err := Parse([]byte(strings.Replace(body, "ID", value, 1)))
			if err != nil {
				continue
			}
			if !isText {
				t.Fatalf("%s: %s was read as an id: %+v", name, value, e)
			}
			for _, id := range []string{e.ProviderID, e.ShortCode, e.Reference} {
				if id != "" && id != "t" && id != "o" && id != strings.TrimSpace(meant) {
					t.Fatalf("%s: read %q, sent %s", name, id, value)
				}
			}
		}
	})
}
