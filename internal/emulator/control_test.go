package emulator_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator"
)

// Playing the payer: prompts wait, an answer settles them, and the callback is there when the answer returns.
func TestAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "manual")
	first, second := d.push(), d.push(phone("254722000111")...)
	third := d.push(phone("254733000222")...)
	var prompts []emulator.Prompt
	decode(t, d.control(http.MethodGet, "prompts?phone=0712345678", ""), &prompts)
	begun := time.Date(2026, 1, 2, 0, 4, 5, 0, time.UTC)
	want := []emulator.Prompt{{
		Provider: "daraja", ID: first.MerchantRequestID, PaymentID: first.CheckoutRequestID, Phone: "254712345678", Amount: "100.00",
		Currency: "KES", PayTo: "174379", Reference: "INV-1", CreatedAt: begun, ExpiresAt: begun.Add(75 * time.Second),
		Text: "Do you want to pay Ksh 100.00 to 174379 for INV-1? Enter your M-PESA PIN.",
	}}
	if diff := cmp.Diff(want, prompts); diff != "" {
		t.Errorf("prompts (-want +got):\n%s", diff)
	}
	for _, answer := range []string{
		`{"id":"` + first.MerchantRequestID + `","outcome":"paid"}`,
		`{"id":"` + second.CheckoutRequestID + `","outcome":"wrong-pin"}`,
		`{"id":"0733 000 222","outcome":"1032"}`,
	} {
		d.control(http.MethodPost, "answer", answer)
	}
	wantResults := map[string]string{first.CheckoutRequestID: "0", second.CheckoutRequestID: "2001", third.CheckoutRequestID: "1032"}
	if diff := cmp.Diff(wantResults, d.results()); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if got := d.control(http.MethodGet, "prompts", ""); got != "[]\n" {
		t.Errorf("open prompts: %s", got)
	}
	d.advance(time.Hour)
	if got := d.results(); len(got) != 0 {
		t.Errorf("answered prompts expired too: %v", got)
	}
}

// What the control plane refuses, and how it says so.
func TestControlRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	push := d.push()
	d.advance(time.Second)
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{http.MethodPost, "answer", `{"id":"x","outcome":"paid"}`, 404, "no payment with this id is known"},
		{http.MethodPost, "answer", `{"id":"` + push.MerchantRequestID + `","outcome":"paid"}`, 409, "settled already: paid"},
		{http.MethodPost, "answer", `{"id":"x","outcome":"rich"}`, 400, `outcome \"rich\" is unknown: use one of paid, cancelled`},
		{http.MethodPost, "answer", `{"ID":"x","verdict":"paid"}`, 400, "not the JSON that is wanted"},
		{http.MethodPost, "answer", `nonsense`, 400, "not the JSON that is wanted"},
		{http.MethodPost, "clock", `{"advance":"soon"}`, 400, "is not a duration"},
		{http.MethodPost, "clock", `{"advance":"-1s"}`, 400, "out of range"},
		{http.MethodPost, "clock", `{"advance":"90000h"}`, 400, "out of range"},
		{http.MethodPost, "behaviours", `{"set":["callback-losst"]}`, 400, `behaviour \"callback-losst\" is unknown: did you mean callback-lost`},
		{http.MethodPost, "behaviours", `{"weather":"salary"}`, 400, `weather \"salary\" is unknown: did you mean salary-day?`},
		{http.MethodPost, "behaviours", `{"unset":["nope"]}`, 400, "is unknown"},
		{http.MethodDelete, "behaviours/nope", ``, 404, "is unknown"},
		{http.MethodGet, "prompts?phone=12", ``, 400, "phone is not a Kenyan mobile number"},
		{http.MethodGet, "requests?limit=many", ``, 400, "limit"},
		{http.MethodGet, "requests?direction=up", ``, 400, "direction"},
		{http.MethodGet, "requests?refused=yes", ``, 400, "refused"},
		{http.MethodGet, "nothing", ``, 404, "/_emulator/requests"},
	} {
		status, body := d.do(d.controlRequest(tt.method, tt.path, tt.body))
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, status, body)
		}
	}
	live := deskWith(t, emulator.Options{})
	if status, body := live.do(live.controlRequest(http.MethodPost, "clock", `{"advance":"1s"}`)); status != 409 || !strings.Contains(body, "the clock is real") {
		t.Errorf("advancing a real clock: %d %s", status, body)
	}
}

// Behaviours are set, shown and taken back while running; a bad one changes nothing.
func TestBehavioursWhileRunning(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	active := func(body string) []string {
		var list []struct {
			Name, Setting string
			Active        bool
		}
		decode(t, body, &list)
		on := []string{}
		for _, b := range list {
			if b.Active {
				on = append(on, b.Name+"="+b.Setting)
			}
		}
		return on
	}
	for _, tt := range []struct {
		method, path, body string
		want               []string
	}{
		{http.MethodGet, "behaviours", "", []string{}},
		{http.MethodPost, "behaviours", `{"set":["html-503=20%","callback-late=5s"]}`, []string{"callback-late=5s", "html-503=20%"}},
		{http.MethodPost, "behaviours", `{"name":"html-503","value":"x1@push"}`, []string{"callback-late=5s", "html-503=x1@push"}},
		{http.MethodPost, "behaviours", `{"set":["html-503=off"]}`, []string{"callback-late=5s"}},
		{http.MethodDelete, "behaviours/callback-late", "", []string{}},
		{
			http.MethodPost, "behaviours", `{"weather":"realistic","unset":["query-noise"]}`,
			[]string{"latency=measured", "query-early-400=1s", "query-pending=mixed", "query-rate-limit=5/1m"},
		},
		{http.MethodDelete, "behaviours", "", []string{}},
	} {
		if diff := cmp.Diff(tt.want, active(d.control(tt.method, tt.path, tt.body))); diff != "" {
			t.Errorf("%s %s %s (-want +got):\n%s", tt.method, tt.path, tt.body, diff)
		}
	}
	d.do(d.controlRequest(http.MethodPost, "behaviours", `{"weather":"worst-case","set":["html-503","bogus"]}`))
	if got := active(d.control(http.MethodGet, "behaviours", "")); len(got) != 0 {
		t.Errorf("a refused change left %v", got)
	}
}

// Every preset starts and its behaviours are in the table; every behaviour has its words.
func TestTables(t *testing.T) {
	t.Parallel()
	for _, w := range emulator.Weathers() {
		if _, err := emulator.New(emulator.Options{Weather: w.Name, Clock: "virtual"}); err != nil {
			t.Errorf("%s: %v", w.Name, err)
		}
	}
	list := emulator.Behaviours()
	if !slices.IsSortedFunc(list, func(a, b emulator.Behaviour) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("behaviours are not sorted")
	}
	seen := map[string]bool{}
	for _, b := range list {
		if b.Summary == "" || b.Section == "" || b.Value == "" || seen[b.Name] {
			t.Errorf("incomplete or twice: %+v", b)
		}
		seen[b.Name] = true
	}
	endings, amounts := map[string]bool{}, map[int64]bool{}
	for _, o := range emulator.Outcomes() {
		if o.PhoneEnding != "" && endings[o.PhoneEnding] || o.Amount != 0 && (amounts[o.Amount] || o.Amount < 80000) {
			t.Errorf("%s shares its phone ending or amount", o.Name)
		}
		endings[o.PhoneEnding], amounts[o.Amount] = true, true
	}
}

// What the options of New may not be.
func TestNewRefusals(t *testing.T) {
	t.Parallel()
	for says, opts := range map[string]emulator.Options{
		`clock "fast" is unknown: use real or virtual`:                        {Clock: "fast"},
		`weather "storm" is unknown: use one of calm`:                         {Weather: "storm"},
		`behaviour "callback-latee" is unknown: did you mean callback-late`:   {Behaviours: []string{"callback-latee=1s"}},
		`behaviour callback-late: "soon" is not a duration`:                   {Behaviours: []string{"callback-late=soon"}},
		`behaviour callback-duplicate: "9" is not a whole number from 2 to 4`: {Behaviours: []string{"callback-duplicate=9"}},
		`behaviour query-pending: "5000" is none of 4999`:                     {Behaviours: []string{"query-pending=5000"}},
		`behaviour query-rate-limit: "5" is not a rate such as 5/1m`:          {Behaviours: []string{"query-rate-limit=5"}},
		`behaviour html-503: a chance is always, 30%`:                         {Behaviours: []string{"html-503=maybe"}},
		`behaviour html-503: API "pushh" is unknown: did you mean push?`:      {Behaviours: []string{"html-503=always@pushh"}},
		`callback delay -1s is negative`:                                      {CallbackDelay: -time.Second},
	} {
		if _, err := emulator.New(opts); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("got %v, want %s…", err, says)
		}
	}
}

// The log masks what opens something and what names somebody; the control plane shows phones only when asked.
func TestMasking(t *testing.T) {
	t.Parallel()
	var lines []string
	opts := emulator.Options{Clock: "virtual", Log: func(x emulator.Exchange) {
		line, _ := json.Marshal(x)
		lines = append(lines, string(line))
	}}
	d := deskWith(t, opts)
	push := d.push(phone(`"254712345678"`)...)
	d.advance(time.Second)
	d.post(queryPath, queryBody(push.CheckoutRequestID))
	d.ask(statusPath, "TransactionID", `"x"`)
	token := d.token
	d.token += "x"
	d.post(balancePath, "{}")
	log := strings.Join(lines, "\n") + d.control(http.MethodGet, "requests", "") + d.control(http.MethodGet, "state", "")
	for what, secret := range map[string]string{
		"token": token, "password": password("174379"), "phone": "254712345678", "national number": "712345678",
		"passkey": emulator.Credentials().Passkey,
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows the %s", what)
		}
	}
	if strings.Contains(log, `SecurityCredential\":\"`) && !strings.Contains(log, `SecurityCredential\":\"***`) {
		t.Error("the log shows the credential")
	}
	if full := d.control(http.MethodGet, "requests?phones=full", ""); !strings.Contains(full, "254712345678") || strings.Contains(full, token) {
		t.Error("phones=full shows no phone, or a token")
	}
}

// A reset emulator begins again: same ids, no money moved, nothing left to be sent.
func TestReset(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "callback-late=1m")
	first := d.push()
	d.control(http.MethodPost, "reset", "")
	d.advance(time.Hour)
	if got := d.app.take(); len(got) != 0 {
		t.Errorf("called back after the reset: %v", got)
	}
	d.token = d.mint()
	if second := d.push(); second.MerchantRequestID != first.MerchantRequestID {
		t.Errorf("ids go on after a reset: %s then %s", first.MerchantRequestID, second.MerchantRequestID)
	}
}

// The environment that clients need.
func TestEnv(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var env map[string]string
	decode(t, d.control(http.MethodGet, "env", ""), &env)
	if env["PAYCTL_DARAJA_BASE_URL"] != "http://emulator.test" || env["PAYCTL_DARAJA_SHORTCODE"] != "174379" || env["PAYCTL_PROFILE"] != "local" {
		t.Errorf("env %v", env)
	}
}

// Two runs with one seed write the same log to the byte; another seed writes another.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		var log strings.Builder
		opts := emulator.Options{Seed: seed, Clock: "virtual", Weather: "worst-case", Log: func(x emulator.Exchange) {
			line, _ := json.Marshal(x)
			log.Write(append(line, '\n'))
		}}
		d := deskWith(t, opts)
		for i := range 40 {
			number := "2547123456" + string(rune('0'+i/10)) + string(rune('0'+i%10))
			d.post(pushPath, pushBody(append(phone(number), "CallBackURL", `"http://app.test/stk/`+number+`"`)...))
			d.post(queryPath, queryBody("ws_CO_020120260304050"+number[3:]))
			d.post("/mpesa/b2c/v1/paymentrequest", object([][2]string{{"InitiatorName", `"x"`}}, nil))
			d.advance(7 * time.Second)
			if d.token = d.mint(); d.token == "" {
				d.token = d.mint()
			}
		}
		d.advance(time.Hour)
		return log.String()
	}
	first, again, other := run(7), run(7), run(8)
	if first != again {
		t.Errorf("two runs differ (-first +again):\n%s", cmp.Diff(strings.Split(first, "\n"), strings.Split(again, "\n")))
	}
	if first == other || strings.Count(first, "\n") < 120 || !strings.Contains(first, `"direction":"out"`) {
		t.Errorf("the log is no evidence: %d lines", strings.Count(first, "\n"))
	}
}

// A state file brings payments, money, ids and open prompts back; its mode is 0600.
func TestStateFile(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/state.json"
	start := func(seed uint64, behaviours ...string) (*desk, *emulator.Emulator, error) {
		d := &desk{t: t, app: &app{}}
		e, err := emulator.New(emulator.Options{
			Seed: seed, Clock: "virtual", StateFile: file, Behaviours: behaviours, HTTPClient: clientOf(d.app),
			PublicHosts: []string{"emulator.test"},
		})
		if err == nil {
			d.client = clientOf(e.Handler())
		}
		return d, e, err
	}
	d, e, err := start(1, "callback-delay=30s")
	if err != nil {
		t.Fatal(err)
	}
	d.token = d.mint()
	push, receipt := func() (accepted, string) {
		push := d.push()
		d.advance(30 * time.Second)
		return push, d.app.take()[0].Body
	}()
	open := d.push(phone("254722000111")...)
	d.advance(10 * time.Second)
	token := d.token
	if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	checkMode(t, file)

	d, e, err = start(1)
	if err != nil {
		t.Fatal(err)
	}
	d.token = token
	if got := d.queryCode(push.CheckoutRequestID); got != "0" {
		t.Errorf("a settled payment became %s", got)
	}
	if got := d.queryCode(open.CheckoutRequestID); got != "4999" {
		t.Errorf("an open payment became %s", got)
	}
	d.advance(20 * time.Second)
	if got := d.results()[open.CheckoutRequestID]; got != "0" {
		t.Errorf("the open payment ended as %q", got)
	}
	fresh := d.push(phone("254733000222")...)
	if fresh.MerchantRequestID == push.MerchantRequestID || fresh.MerchantRequestID == open.MerchantRequestID {
		t.Error("ids began again")
	}
	if state := d.control(http.MethodGet, "state", ""); !strings.Contains(state, `"balance":"249900.00"`) || receipt == "" {
		t.Errorf("money is gone: %s", state)
	}
	if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, _, err := start(2); err == nil || !strings.Contains(err.Error(), "was made with seed 1") {
		t.Errorf("another seed: %v", err)
	}
	overwrite(t, file, "{")
	if _, _, err := start(1); err == nil || !strings.Contains(err.Error(), "is not one of the emulator's") {
		t.Errorf("a foreign file: %v", err)
	}
	overwrite(t, file, `{"version":99}`)
	if _, _, err := start(1); err == nil || !strings.Contains(err.Error(), "has version 99") {
		t.Errorf("a newer file: %v", err)
	}
}
