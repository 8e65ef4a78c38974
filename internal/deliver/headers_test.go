package deliver

import (
	"net/http"
	"testing"
)

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
