package deliver

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestForgedVerdictHeader holds that no spelling of payctl's headers passes, nor of those
// that a proxy speaks in: servers read them alike. PHP read X_Payctl_Verdict six times of
// six as payctl's own.
func TestForgedVerdictHeader(t *testing.T) {
	t.Parallel()
	own := http.Header{"X-Payctl-Verdict": {"unsigned"}}
	for _, name := range []string{
		"X_Payctl_Verdict", "x_payctl_verdict", "X-Payctl_Verdict", "X_PAYCTL-VERDICT", "X.Payctl.Verdict", "X!payctl!verdict", "x-payctl-verdict",
		"X-Payctl-Verdict", "X_Payctl_Anything", "X~Payctl~Delivery", "X_Forwarded_For", "x_forwarded-for", "X_Real_IP", "X-Real-Ip", "Proxy",
		"Transfer_Encoding", "Content_Length", "Proxy_Authorization",
	} {
		got := New(Options{}).headers(Request{Header: http.Header{name: {"valid"}}, Own: own}, true)
		if _, passed := got[name]; passed && name != "X-Payctl-Verdict" || got.Get("X-Payctl-Verdict") != "unsigned" {
			t.Errorf("%s: passes as %v", name, got)
		}
	}
	for _, name := range []string{"X-Paycheck-Id", "Xpayctlverdict", "Content-Type", "User-Agent", "X-Request-Id"} {
		if got := New(Options{}).headers(Request{Header: http.Header{name: {"v"}}}, false); got[name] == nil {
			t.Errorf("%s is dropped", name)
		}
	}
}

// FuzzHeaderFolding: whatever a stranger calls a header, no target reads it as payctl's,
// however CGI, WSGI or Rack fold names.
func FuzzHeaderFolding(f *testing.F) {
	for _, seed := range []string{"X_Payctl_Verdict", "X-Payctl-Verdict", "x.payctl.verdict", "X Payctl Verdict", "Content-Type", "authorization", "X__Payctl__Verdict"} {
		f.Add(seed)
	}
	notAlnum := regexp.MustCompile(`[^A-Z0-9]`)
	f.Fuzz(func(t *testing.T, name string) {
		if !isToken(name) {
			return
		}
		got := New(Options{}).headers(Request{Header: http.Header{name: {"valid"}}}, true)
		if _, passed := got[name]; passed && strings.HasPrefix(notAlnum.ReplaceAllString(strings.ToUpper(name), "_"), "X_PAYCTL_") {
			t.Fatalf("%q passes", name)
		}
	})
}
