package deliver

import (
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// TestAbout holds what a target is told of a delivery: nothing of what there is none of,
// and no line of a sender's that could begin another header.
func TestAbout(t *testing.T) {
	t.Parallel()
	got := About{ID: "dlv_1", Provider: payment.Daraja, Verdict: payment.VerdictUnsigned, Attempt: 2}.Header()
	want := http.Header{"X-Payctl-Delivery": {"dlv_1"}, "X-Payctl-Provider": {"daraja"}, "X-Payctl-Verdict": {"unsigned"}, "X-Payctl-Attempt": {"2"}}
	if !reflect.DeepEqual(got, want) || !Forwarded(got) {
		t.Errorf("%v", got)
	}
	got = About{
		ID: "dlv_2", Provider: payment.WasaaPay, Verdict: payment.VerdictMismatch, Attempt: 1, Replayed: true,
		Event:  &payment.Event{Name: "deposit.completed\r\nX-Payctl-Verdict: valid"},
		Reason: strings.Repeat("a", 1000), DuplicateOf: "dlv_0", SamePaymentAs: "dlv_1",
	}.Header()
	if len(got["X-Payctl-Reason"][0]) > mostWord+3 || strings.ContainsAny(got["X-Payctl-Event"][0], "\r\n") || Forwarded(got) {
		t.Errorf("%v", got)
	}
	maps.Copy(want, http.Header{"X-Payctl-Delivery": {"dlv_2"}, "X-Payctl-Provider": {"wasaapay"}, "X-Payctl-Verdict": {"mismatch"}, "X-Payctl-Attempt": {"1"}})
	maps.Copy(want, http.Header{"X-Payctl-Replay": {"1"}, "X-Payctl-Duplicate": {"dlv_0"}, "X-Payctl-Same-Payment-As": {"dlv_1"}})
	maps.Copy(want, http.Header{"X-Payctl-Event": got["X-Payctl-Event"], "X-Payctl-Reason": got["X-Payctl-Reason"]})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

// TestCredentialStaysHere holds that a provider's credential goes to this machine
// only; what the operator adds goes everywhere.
func TestCredentialStaysHere(t *testing.T) {
	t.Parallel()
	came := Request{Header: http.Header{"Authorization": {"the-provider's"}}}
	s := New(Options{})
	if got := s.headers(came, true).Get("Authorization"); got != "the-provider's" {
		t.Errorf("to this machine: %q", got)
	}
	if got, there := s.headers(came, false)["Authorization"]; there {
		t.Errorf("elsewhere: %q", got)
	}
	s = New(Options{Header: http.Header{"Authorization": {"mine"}}})
	if got := s.headers(came, false).Get("Authorization"); got != "mine" {
		t.Errorf("the operator's own: %q", got)
	}
}
