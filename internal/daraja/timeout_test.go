package daraja_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// oddTimeouts are bodies of which no source says that Daraja posts them, and
// none that it does not (reference/daraja.md §6.5).
func oddTimeouts() map[string]string {
	return map[string]string{
		"nothing": "", "white space": "\r\n", "a page": "<html>timeout</html>", "a form": "ConversationID=AG_1&ResultCode=1",
		"half a document": `{"Result":{"ConversationID":"AG_20260102_2010a1b2c3d4e5f60718"`, "bytes": "\xff\x00",
	}
}

// Whatever is posted to the time-out route is a time-out that claims nothing;
// that it is not JSON is an oddity, no reason to turn it down.
func TestInspectTimeoutOfAnyBody(t *testing.T) {
	t.Parallel()
	for name, body := range oddTimeouts() {
		for _, route := range []string{"/callbacks/daraja/timeout", "/callbacks/daraja/timeout/"} {
			i := daraja.Receiver{}.Inspect(payment.Delivery{Provider: payment.Daraja, Route: route, Body: []byte(body)})
			if i.Verdict != payment.VerdictUnsigned || i.Event == nil {
				t.Errorf("%s: %+v", name, i)
				continue
			}
			e := i.Event
			if e.Name != daraja.EventTimeout || e.Status != "" || e.Key == "" || e.ConversationID != "" || len(e.Notes) != 1 || !strings.HasPrefix(e.Notes[0], "the body is not JSON") {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
	for _, body := range []string{"{}", "null", `"x"`} {
		i := daraja.Receiver{}.Inspect(payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja/timeout", Body: []byte(body)})
		if i.Verdict != payment.VerdictUnsigned || i.Event == nil || len(i.Event.Notes) > 0 {
			t.Errorf("%s: %+v", body, i)
		}
	}
}

// The token in the path says whose time-out it is. Without it, or with another,
// such a post touches no query.
func TestTimeoutOfAnyBodyInTheLedger(t *testing.T) {
	t.Parallel()
	ledger, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	for name, body := range oddTimeouts() {
		asked, err := ledger.Queries.Create(t.Context(), store.Query{Kind: "status", Provider: payment.Daraja, Environment: payment.Local, Receipt: "UA2K7QX9ZP"})
		if err != nil {
			t.Fatal(err)
		}
		for _, post := range []struct {
			token   string
			verdict payment.Verdict
			status  store.QueryStatus
		}{
			{"", payment.VerdictUntrusted, asked.Status},
			{"AAAAAAAAAAAAAAAAAAAAAAAAAA", payment.VerdictUntrusted, asked.Status},
			{asked.Token, payment.VerdictUnsigned, store.QueryTimedOut},
		} {
			d := payment.Delivery{
				Provider: payment.Daraja, Route: "/callbacks/daraja/timeout", Token: post.token, Method: http.MethodPost,
				Body: []byte(body), ReceivedAt: time.Now(),
			}
			r, err := ledger.Deliveries.Record(t.Context(), store.Arrival{Delivery: d, Inspection: daraja.Receiver{}.Inspect(d)})
			if err != nil || r.Verdict != post.verdict {
				t.Errorf("%s, token %q: %v %+v", name, post.token, err, r)
			}
			found, err := ledger.Queries.Find(t.Context(), asked.ID)
			if err != nil || len(found) != 1 || found[0].Status != post.status {
				t.Errorf("%s, token %q: %+v, want one that is %s (%v)", name, post.token, found, post.status, err)
			}
		}
	}
}
