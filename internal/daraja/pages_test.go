package daraja

import (
	"regexp"
	"strings"
	"testing"
)

// What people are shown as a source is something that they can find: a page of the
// portal, or that there is none. The reference that the code cites is not shipped.
func TestSourcesCanBeFound(t *testing.T) {
	t.Parallel()
	page := regexp.MustCompile(`^developer\.safaricom\.co\.ke(/apis/[A-Za-z]+|, the page of the API that was called)$`)
	for _, e := range Catalogue() {
		if stated := e.Proof == ProofPortal; page.MatchString(e.Source) != stated || !stated && e.Source != "not on Safaricom's portal" {
			t.Errorf("%s of %v, proof %s: source %q", e.Code, e.APIs, e.Proof, e.Source)
		}
	}
	for _, s := range SourceAddresses() {
		if s.Source == "" || strings.ContainsAny(s.Source+s.Note, "§") || strings.Contains(s.Source, ".md") {
			t.Errorf("%s: source %q", s.Addr, s.Source)
		}
	}
	for _, api := range APIs() {
		if Page(api) == "" {
			t.Errorf("%s: has no page", api)
		}
	}
}

// One code, many pages.
func TestSourceIsTheAPIsPage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ api, code, message, want string }{
		{"stk", "1032", "", "developer.safaricom.co.ke/apis/MpesaExpressSimulate"},
		{"transaction", "17", "", "developer.safaricom.co.ke/apis/AccountBalance"},
		{"transaction", "SFC_IC0003", "", "developer.safaricom.co.ke/apis/TransactionStatus"},
		{"reversal", "R000001", "", "developer.safaricom.co.ke/apis/Reversal"},
		{"oauth", "400.008.01", "", "developer.safaricom.co.ke/apis/Authorization"},
		{"c2b", "C2B00012", "", "developer.safaricom.co.ke/apis/CustomerToBusinessRegisterURL"},
		{"query", "500.003.03", "Quota Violation", "developer.safaricom.co.ke, the page of the API that was called"},
		{"query", "4999", "", "not on Safaricom's portal"},
	} {
		e, ok := Explain(tt.api, tt.code, tt.message)
		if !ok || e.Source != tt.want {
			t.Errorf("%s %s: got %q, %v, want %q", tt.api, tt.code, e.Source, ok, tt.want)
		}
	}
}
