package emulator_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator"
)

var requestID = regexp.MustCompile(`"requestId":"[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}[0-9]{6,7}"`)

// plain replaces a well-formed requestId, so that the rest can be compared to the byte.
func plain(body string) string { return requestID.ReplaceAllString(body, `"requestId":"ID"`) }

// refused is the body of an error (reference/daraja.md §3.4).
func refused(code, message string) string {
	return `{"requestId":"ID","errorCode":"` + code + `","errorMessage":"` + message + `"}`
}

// reference/daraja.md §2: every way in which a token is refused.
func TestOAuth(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	creds := emulator.Credentials()
	const path = "/oauth/v1/generate?grant_type=client_credentials"
	for _, tt := range []struct {
		name, method, path, key, secret, header string
		status                                  int
		want                                    string
	}{
		{"wrong secret", http.MethodGet, path, creds.ConsumerKey, "no", "", 400, ""},
		{"wrong key", http.MethodGet, path, "no", creds.ConsumerSecret, "", 400, ""},
		{"no header", http.MethodGet, path, "", "", "", 400, refused("400.008.01", "Invalid Authentication passed")},
		{"bearer", http.MethodGet, path, "", "", "Bearer x", 400, refused("400.008.01", "Invalid Authentication passed")},
		{"broken base64", http.MethodGet, path, "", "", "Basic %%%", 400, refused("400.008.01", "Invalid Authentication passed")},
		{"no grant type", http.MethodGet, "/oauth/v1/generate", creds.ConsumerKey, creds.ConsumerSecret, "", 400, refused("400.008.02", "Invalid grant type passed")},
		{"stray whitespace", http.MethodGet, path + "%20", creds.ConsumerKey, creds.ConsumerSecret, "", 400, refused("400.008.02", "Invalid grant type passed")},
		{"wrong verb", http.MethodPost, path, creds.ConsumerKey, creds.ConsumerSecret, "", 405, refused("405.001", "Method Not Allowed")},
		{"wrong path", http.MethodGet, "/oauth/v2/generate", creds.ConsumerKey, creds.ConsumerSecret, "", 404, refused("404.001.01", "Resource not found")},
		{"doubled slash", http.MethodGet, "//oauth/v1/generate", "", "", "", 404, refused("404.001.01", "Resource not found")},
		{"elsewhere", http.MethodGet, "/", "", "", "", 404, refused("404.001.01", "Resource not found")},
	} {
		req := d.request(tt.method, tt.path, "")
		if tt.key != "" {
			req.SetBasicAuth(tt.key, tt.secret)
		}
		if tt.header != "" {
			req.Header.Set("Authorization", tt.header)
		}
		status, body := d.do(req)
		if diff := cmp.Diff(tt.want, plain(body)); diff != "" || status != tt.status {
			t.Errorf("%s: status %d, want %d (-want +got):\n%s", tt.name, status, tt.status, diff)
		}
	}
}

// reference/daraja.md §2: the wrong key gets an empty text/plain body; the right one a token of 28 characters.
func TestOAuthHeaders(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	req := d.request(http.MethodGet, "/oauth/v1/generate?grant_type=client_credentials", "")
	req.SetBasicAuth("a", "b")
	resp, err := d.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if diff := cmp.Diff([]string{"text/plain", "0"}, []string{resp.Header.Get("Content-Type"), resp.Header.Get("Content-Length")}); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9]{28}$`).MatchString(d.token) {
		t.Errorf("token %q has not the observed form", d.token)
	}
}

// reference/daraja.md §2, §12.1: expires_in in its three types.
func TestExpiresIn(t *testing.T) {
	t.Parallel()
	for behaviour, want := range map[string]string{
		"expires-in=string":  `,"expires_in":"3599"}`,
		"expires-in=number":  `,"expires_in":3599}`,
		"expires-in=missing": `}`,
	} {
		d := newDesk(t, behaviour)
		req := d.request(http.MethodGet, "/oauth/v1/generate?grant_type=client_credentials", "")
		req.SetBasicAuth(emulator.Credentials().ConsumerKey, emulator.Credentials().ConsumerSecret)
		_, body := d.do(req)
		if got := regexp.MustCompile(`^\{"access_token":"[A-Za-z0-9]{28}"`).ReplaceAllString(body, ""); got != want {
			t.Errorf("%s: got %s, want %s", behaviour, got, want)
		}
	}
}

// reference/daraja.md §2: a token lives 3600 s, and on request only until the next one.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	invalid := refused("404.001.03", "Invalid Access Token")
	d := newDesk(t)
	d.advance(time.Hour - time.Second)
	d.push()
	d.advance(time.Second)
	if status, body := d.post(pushPath, pushBody(phone("254722000099")...)); status != 404 || plain(body) != invalid {
		t.Errorf("an expired token: %d %s", status, body)
	}
	first := newDesk(t, "single-token")
	old := first.token
	first.token = first.mint()
	first.push()
	first.token = old
	if status, body := first.post(pushPath, pushBody(phone("254722000099")...)); status != 404 || plain(body) != invalid {
		t.Errorf("a token with a newer one: %d %s", status, body)
	}
}

// reference/daraja.md §3.4: each API refuses a token in its own way.
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.token = "nope"
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{pushPath, 404, refused("404.001.03", "Invalid Access Token")},
		{queryPath, 404, refused("404.001.03", "Invalid Access Token")},
		{"/mpesa/transactionstatus/v1/query", 400, refused("400.003.01", "Invalid Access Token")},
		{"/mpesa/c2b/v2/registerurl", 400, refused("400.003.01", "Invalid Access Token")},
		{"/mpesa/c2b/v1/simulate", 400, refused("400.003.01", "Invalid Access Token")},
		{"/mpesa/accountbalance/v1/query", 401, refused("401.002.01", "Error Occurred - Invalid Access Token - nope")},
		{"/mpesa/b2c/v3/paymentrequest", 401, refused("401.002.01", "Error Occurred - Invalid Access Token - nope")},
		{"/mpesa/b2b/v1/paymentrequest", 401, refused("401.002.01", "Error Occurred - Invalid Access Token - nope")},
		{"/mpesa/reversal/v1/request", 401, refused("401.002.01", "Error Occurred - Invalid Access Token - nope")},
		{"/pulltransactions/v1/query", 401, refused("401.001", "Invalid Access Token")},
		{"/mpesa/qrcode/v1/generate", 404, refused("404.001.03", "Invalid Access Token")},
	} {
		status, body := d.post(tt.path, `{}`)
		if diff := cmp.Diff(tt.want, plain(body)); diff != "" || status != tt.status {
			t.Errorf("%s: status %d, want %d (-want +got):\n%s", tt.path, status, tt.status, diff)
		}
	}
	req := d.request(http.MethodPost, "/mpesa/transactionstatus/v1/query", "{}")
	if status, body := d.do(req); status != 404 || plain(body) != refused("404.001.04", "Invalid Authentication Header") {
		t.Errorf("no header: %d %s", status, body)
	}
}
