package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/emulator/emulatortest"
)

const (
	pushPath  = "/mpesa/stkpush/v1/processrequest"
	queryPath = "/mpesa/stkpushquery/v1/query"
	stamp     = "20260102030405"
	appURL    = "http://app.test/stk"
)

// desk is one emulator on a virtual clock, a client with a token, and an application that is called back.
type desk struct {
	t      *testing.T
	client *http.Client
	app    *app
	token  string
}

// app is the application under test: it keeps what it is sent and answers as it is told.
type app struct {
	mu     sync.Mutex
	got    []notice
	answer func(w http.ResponseWriter, r *http.Request, body string)
}

type notice struct {
	Path        string
	Body        string
	ContentType string
	Shortcode   string
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.got = append(a.got, notice{r.URL.Path, string(body), r.Header.Get("Content-Type"), r.Header.Get("Businessshortcode")})
	answer := a.answer
	a.mu.Unlock()
	if answer != nil {
		answer(w, r, string(body))
		return
	}
	_, _ = io.WriteString(w, `{"ResultCode":0,"ResultDesc":"Accepted"}`)
}

// take returns what has arrived since the last call.
func (a *app) take() []notice {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.got
	a.got = nil
	return got
}

// newDesk starts an emulator with the given behaviours on a virtual clock.
func newDesk(t *testing.T, behaviours ...string) *desk {
	t.Helper()
	return deskWith(t, emulator.Options{Seed: 1, Clock: "virtual", Behaviours: behaviours})
}

func deskWith(t *testing.T, opts emulator.Options) *desk {
	t.Helper()
	d := &desk{t: t, app: &app{}}
	opts.HTTPClient = &http.Client{Transport: emulatortest.Transport(d.app)}
	d.client, _ = emulatortest.Client(t, opts)
	d.token = d.mint()
	return d
}

// mint asks for a token; a refusal leaves it empty.
func (d *desk) mint() string {
	d.t.Helper()
	creds := emulator.Credentials()
	req := d.request(http.MethodGet, "/oauth/v1/generate?grant_type=client_credentials", "")
	req.SetBasicAuth(creds.ConsumerKey, creds.ConsumerSecret)
	resp, err := d.client.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Token string `json:"access_token"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.Token
}

func (d *desk) request(method, path, body string) *http.Request {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, emulatortest.URL+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	return req
}

// do sends a request and returns status and body; status 0 is a connection that was cut.
func (d *desk) do(req *http.Request) (int, string) {
	d.t.Helper()
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// post sends JSON with the token.
func (d *desk) post(path, body string) (int, string) {
	d.t.Helper()
	req := d.request(http.MethodPost, path, body)
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/json")
	return d.do(req)
}

func (d *desk) controlRequest(method, path, body string) *http.Request {
	d.t.Helper()
	req := d.request(method, "/_emulator/"+path, body)
	req.Header.Set("X-Payctl-Control", "1")
	return req
}

// control calls the control plane and fails the test unless it answers 200.
func (d *desk) control(method, path, body string) string {
	d.t.Helper()
	status, answer := d.do(d.controlRequest(method, path, body))
	if status != http.StatusOK {
		d.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

func (d *desk) advance(by time.Duration) {
	d.t.Helper()
	d.control(http.MethodPost, "clock", fmt.Sprintf(`{"advance":%q}`, by))
}

func password(shortcode string) string {
	return base64.StdEncoding.EncodeToString([]byte(shortcode + emulator.Credentials().Passkey + stamp))
}

// pushBody is a good push, changed by pairs of key and raw JSON value; an empty value leaves the key out.
func pushBody(changes ...string) string {
	members := [][2]string{
		{"BusinessShortCode", `"174379"`},
		{"Password", `"` + password("174379") + `"`},
		{"Timestamp", `"` + stamp + `"`},
		{"TransactionType", `"CustomerPayBillOnline"`},
		{"Amount", `100`},
		{"PartyA", `254712345678`},
		{"PartyB", `"174379"`},
		{"PhoneNumber", `254712345678`},
		{"CallBackURL", `"` + appURL + `"`},
		{"AccountReference", `"INV-1"`},
		{"TransactionDesc", `"Order 1"`},
	}
	return object(members, changes)
}

func queryBody(checkout string, changes ...string) string {
	return object([][2]string{
		{"BusinessShortCode", `"174379"`},
		{"Password", `"` + password("174379") + `"`},
		{"Timestamp", `"` + stamp + `"`},
		{"CheckoutRequestID", `"` + checkout + `"`},
	}, changes)
}

func object(members [][2]string, changes []string) string {
	var parts []string
	for _, m := range members {
		for i := 0; i < len(changes); i += 2 {
			if changes[i] == m[0] {
				m[1] = changes[i+1]
			}
		}
		if m[1] != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", m[0], m[1]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// accepted is the answer of a push that was accepted.
type accepted struct{ MerchantRequestID, CheckoutRequestID, ResponseCode string }

// push sends a good push and fails the test unless it is accepted.
func (d *desk) push(changes ...string) accepted {
	d.t.Helper()
	status, body := d.post(pushPath, pushBody(changes...))
	var answer accepted
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK || answer.ResponseCode != "0" {
		d.t.Fatalf("push: %d %s", status, body)
	}
	return answer
}

// phone sets both phone fields.
func phone(number string) []string { return []string{"PartyA", number, "PhoneNumber", number} }

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// results takes the callbacks that have arrived: ResultCode as text by CheckoutRequestID.
func (d *desk) results() map[string]string {
	d.t.Helper()
	codes := map[string]string{}
	for _, got := range d.app.take() {
		var cb struct {
			Body struct {
				StkCallback struct {
					CheckoutRequestID string
					ResultCode        json.RawMessage
				} `json:"stkCallback"`
			}
		}
		decode(d.t, got.Body, &cb)
		codes[cb.Body.StkCallback.CheckoutRequestID] = strings.Trim(string(cb.Body.StkCallback.ResultCode), `"`)
	}
	return codes
}

// queryCode asks for a payment and returns its ResultCode, or errorCode and message.
func (d *desk) queryCode(checkout string) string {
	d.t.Helper()
	_, body := d.post(queryPath, queryBody(checkout))
	var answer struct{ ResultCode, ErrorCode, ErrorMessage string }
	decode(d.t, body, &answer)
	if answer.ErrorCode != "" {
		return answer.ErrorCode + " " + answer.ErrorMessage
	}
	return answer.ResultCode
}

func clientOf(h http.Handler) *http.Client {
	return &http.Client{Transport: emulatortest.Transport(h)}
}

func checkMode(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the state file is %o", info.Mode().Perm())
	}
}

func overwrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
