package listen

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// TestCredentialIsNotStored: what proved a delivery opens the door again, so that no
// ledger, spill file or backup holds it; a live forward to this machine has it from
// memory, one after a restart from the settings.
func TestCredentialIsNotStored(t *testing.T) {
	t.Parallel()
	s, ledger := newServer(t, Options{HashCredential: func(v string) string { return "hash of " + v }, Credential: func(payment.ProviderID) string { return "of the settings" }})
	w := askWith(t, s, "POST", "/callbacks/sevi", home, stkBody, "Authorization: tok", "Cookie: session=1", "Proxy-Authorization: x", "X-Kept: y")
	if w.Code != 200 {
		t.Fatalf("status %d", w.Code)
	}
	if w := askWith(t, s, "POST", "/callbacks/nowhere", home, stkBody, "Authorization: secret"); w.Code != 404 {
		t.Errorf("stray: %d", w.Code)
	}
	for _, a := range ledger.stored() {
		for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
			if _, there := a.Delivery.Header[name]; there {
				t.Errorf("%s of %s is stored", name, a.Delivery.Route)
			}
		}
	}
	if got := ledger.stored(); len(got) != 2 || got[0].Delivery.Header.Get("X-Kept") != "y" || got[0].Delivery.Header.Get("X-Payctl-Credential") != "hash of tok" {
		t.Errorf("%+v", got)
	}
	d := payment.Delivery{Provider: payment.Sevi, Route: "/callbacks/sevi", Body: []byte("a"), Header: http.Header{"X": {"y"}}}
	s.credentials.keep(d, "Bearer came")
	for _, c := range []struct {
		d    payment.Delivery
		v    payment.Verdict
		want string
	}{
		{d, payment.VerdictValid, "Bearer came"},
		{d, payment.VerdictMismatch, ""},
		{payment.Delivery{Provider: payment.Sevi, Route: "/callbacks/sevi", Body: []byte("b")}, payment.VerdictValid, "of the settings"},
	} {
		if got := s.credentialed(c.d, c.v).Get("Authorization"); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.d.Body, c.v, got, c.want)
		}
	}
	if d.Header.Get("Authorization") != "" {
		t.Error("the delivery itself was changed")
	}
	for i := range 3 * mostCredentials {
		s.credentials.keep(payment.Delivery{Body: fmt.Append(nil, i)}, "x")
	}
	if len(s.credentials.values) > mostCredentials {
		t.Errorf("%d are remembered", len(s.credentials.values))
	}
}
