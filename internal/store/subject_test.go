package store

import (
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// TestSubject holds that what is about one payment has one subject, whatever says so
// and by whatever name.
func TestSubject(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	about := accept(t, s, newQuery(t, s, d.ID).ID, "AG_1")
	alone := accept(t, s, newQuery(t, s, "").ID, "AG_2")
	signed := func(name, id string) Arrival {
		a := callback(id, "", 100)
		a.Delivery.Provider, a.Delivery.Route, a.Inspection.Verdict = payment.WasaaPay, "/callbacks/wasaapay", payment.VerdictValid
		e := *a.Inspection.Event
		e.Provider, e.Name, e.Key, e.Status = payment.WasaaPay, name, name+id, ""
		a.Delivery.Body, a.Inspection.Event = []byte(e.Key), &e
		return a
	}
	c2b := func(name string) Arrival {
		a := callback("", "RCPT000001", 100)
		e := *a.Inspection.Event
		e.ProviderID, e.Name, e.Key = "", name, name+"/RCPT000001"
		a.Delivery.Route, a.Inspection.Event = c2bRoutes+strings.TrimPrefix(name, "c2b."), &e
		a.Delivery.Body = []byte(e.Key)
		return a
	}
	with := func(receipt string, a Arrival) Arrival {
		e := *a.Inspection.Event
		e.Receipt, a.Inspection.Event = receipt, &e
		return a
	}
	subject := func(a Arrival) string {
		got, err := s.Deliveries.Get(t.Context(), record(t, s, a).DeliveryID)
		if err != nil {
			t.Fatal(err)
		}
		return got.Subject
	}
	for _, c := range []struct {
		name     string
		arrivals []Arrival
		want     string
	}{
		{"a deposit", []Arrival{
			genuine(t, s, callback("ws_1", "REC0000001", 15000)), genuine(t, s, callback("ws_1", "REC0000001", 15000)),
			callback("ws_1", "REC0000002", 15000), withToken(result("AG_1", payment.StatusCompleted, 15000, "REC0000001"), about.Token),
			withToken(result("AG_1", payment.StatusCompleted, 15000, "REC0000001"), "wrong"),
		}, d.ID},
		{"a query about nothing here", []Arrival{
			withToken(result("AG_2", payment.StatusCompleted, 15000, "REC0000003"), alone.Token),
			withToken(result("AG_2", payment.StatusFailed, 0, ""), "wrong"),
		}, alone.ID},
		{"a deposit made elsewhere", []Arrival{signed("deposit.pending", "dep_9"), with("R9", signed("deposit.completed", "dep_9"))}, ""},
		{"another one", []Arrival{signed("deposit.pending", "dep_8"), signed("deposit.completed", "dep_8")}, ""},
		{"a customer's payment", []Arrival{c2b("c2b.validation"), c2b("c2b.confirmation")}, ""},
	} {
		first := subject(c.arrivals[0])
		if c.want != "" && first != c.want || c.want == "" && !strings.HasPrefix(first, "about_") {
			t.Errorf("%s: subject %s, want %s", c.name, first, c.want)
		}
		for i, a := range c.arrivals[1:] {
			if got := subject(a); got != first {
				t.Errorf("%s: subject %s of the delivery %d, want %s", c.name, got, i+1, first)
			}
		}
	}
	if subject(signed("deposit.pending", "dep_9")) == subject(signed("deposit.pending", "dep_8")) {
		t.Error("two deposits have one subject")
	}
}
