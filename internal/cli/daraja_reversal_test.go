package cli

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// A receipt is not reversed twice while an earlier request may have been
// carried out; one that certainly was not may be asked again.
func TestReversedBefore(t *testing.T) {
	t.Parallel()
	result := func(code string) string {
		return `{"Result":{"ResultType":0,"ResultCode":"` + code + `","ResultDesc":"x","ConversationID":"AG_1","OriginatorConversationID":"o-1"}}`
	}
	for _, test := range []struct {
		name   string
		result string
		refuse bool
		kind   string
		force  bool
		want   payment.Kind
	}{
		{name: "recorded, perhaps sent", kind: kindReversal, want: payment.KindConflict},
		{name: "forced", kind: kindReversal, force: true},
		{name: "refused", kind: kindReversal, refuse: true},
		{name: "carried out", kind: kindReversal, result: result("0"), want: payment.KindConflict},
		{name: "already reversed", kind: kindReversal, result: result("R000001"), want: payment.KindConflict},
		{name: "unknown code proves nothing", kind: kindReversal, result: result("777"), want: payment.KindConflict},
		{name: "wrong credential", kind: kindReversal, result: result("2001")},
		{name: "not this payment", kind: kindReversal, result: result("R000002")},
		{name: "only asked about", kind: kindTransaction, result: result("0")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ledger, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = ledger.Close() }()
			q, err := ledger.CreateQuery(t.Context(), store.Query{Kind: test.kind, Provider: payment.Daraja, Environment: payment.Local, Receipt: "UA2K7QX9ZP"})
			if err != nil {
				t.Fatal(err)
			}
			if test.refuse {
				if _, err := ledger.RefuseQuery(t.Context(), q.ID, "400.002.02", "Bad Request"); err != nil {
					t.Fatal(err)
				}
			}
			if test.result != "" {
				d := payment.Delivery{
					Provider: payment.Daraja, Route: "/callbacks/daraja/result", Token: q.Token, Method: http.MethodPost,
					Body: []byte(test.result), ReceivedAt: time.Now(),
				}
				if _, err := ledger.Record(t.Context(), store.Arrival{Delivery: d, Inspection: daraja.Receiver{}.Inspect(d)}); err != nil {
					t.Fatal(err)
				}
			}
			err = reversedBefore(t.Context(), ledger, "UA2K7QX9ZP", test.force)
			if test.want == 0 && err != nil || test.want != 0 && payment.KindOf(err) != test.want {
				t.Errorf("got %v, want kind %s", err, test.want)
			}
		})
	}
}
