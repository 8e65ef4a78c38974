package inquiry

import (
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
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
		{name: "recorded, perhaps sent", kind: KindReversal, want: payment.KindConflict},
		{name: "forced", kind: KindReversal, force: true},
		{name: "refused", kind: KindReversal, refuse: true},
		{name: "carried out", kind: KindReversal, result: result("0"), want: payment.KindConflict},
		{name: "already reversed", kind: KindReversal, result: result("R000001"), want: payment.KindConflict},
		{name: "unknown code proves nothing", kind: KindReversal, result: result("777"), want: payment.KindConflict},
		{name: "wrong credential", kind: KindReversal, result: result("2001")},
		{name: "not this payment", kind: KindReversal, result: result("R000002")},
		{name: "only asked about", kind: KindTransaction, result: result("0")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ledger, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = ledger.Close() }()
			q, err := ledger.Queries.Create(t.Context(), store.Query{Kind: test.kind, Provider: payment.Daraja, Environment: payment.Local, Receipt: "UA2K7QX9ZP"})
			if err != nil {
				t.Fatal(err)
			}
			if test.refuse {
				if _, err := ledger.Queries.Refuse(t.Context(), q.ID, "400.002.02", "Bad Request"); err != nil {
					t.Fatal(err)
				}
			}
			if test.result != "" {
				d := payment.Delivery{
					Provider: payment.Daraja, Route: "/callbacks/daraja/result", Token: q.Token, Method: http.MethodPost,
					Body: []byte(test.result), ReceivedAt: time.Now(),
				}
				if _, err := ledger.Deliveries.Record(t.Context(), store.Arrival{Delivery: d, Inspection: daraja.Receiver{}.Inspect(d)}); err != nil {
					t.Fatal(err)
				}
			}
			_, err = recordReversal(t.Context(), ledger, store.Query{Kind: KindReversal, Provider: payment.Daraja, Environment: payment.Local, Receipt: "UA2K7QX9ZP"}, test.force)
			if test.want == 0 && err != nil || test.want != 0 && payment.KindOf(err) != test.want {
				t.Errorf("got %v, want kind %s", err, test.want)
			}
		})
	}
}

// TestReversalIsSole: of several at once one is recorded, however many other
// questions about the receipt came after it.
func TestReversalIsSole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	ask := store.Query{Kind: KindReversal, Provider: payment.Daraja, Environment: payment.Local, Receipt: "UA2K7QX9ZP"}
	var recorded, refused atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		ledger, err := store.Open(t.Context(), store.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ledger.Close() })
		all.Go(func() {
			for range 4 {
				switch _, err := recordReversal(t.Context(), ledger, ask, false); {
				case err == nil:
					recorded.Add(1)
				case payment.KindOf(err) == payment.KindConflict:
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if recorded.Load() != 1 || refused.Load() != 15 {
		t.Errorf("%d recorded, %d refused; want 1 and 15", recorded.Load(), refused.Load())
	}
	ledger, err := store.Open(t.Context(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	question := ask
	question.Kind = KindTransaction
	for range 120 {
		if _, err := ledger.Queries.Create(t.Context(), question); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := failedReversals(t.Context(), ledger, ask.Receipt); payment.KindOf(err) != payment.KindConflict {
		t.Errorf("after 120 other questions: %v", err)
	}
	if _, err := recordReversal(t.Context(), ledger, ask, true); err != nil {
		t.Errorf("forced: %v", err)
	}
}
