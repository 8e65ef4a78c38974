package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestHandset: what is typed becomes the outcome that the terminal's handset sends, the
// number stays masked, and a prompt that is over is told as such.
func TestHandset(t *testing.T) {
	t.Parallel()
	var asked []string
	var refuse error
	v := newViewer(t, func(o *Options) {
		o.Emulator = func(_ context.Context, method, path string, in, out any) error {
			if method == http.MethodPost {
				b, err := json.Marshal(in)
				asked = append(asked, path+" "+string(b))
				return errors.Join(err, refuse)
			}
			answer := map[string]string{
				"prompts":    `[{"provider":"daraja","id":"p1","phone":"254712345678","amount":"70.00","currency":"KES","pay_to":"174379","text":"Pay <b>254712345678</b>?","created_at":"2026-11-30T12:00:00Z","expires_at":"2026-11-30T12:02:00Z","outcome":""}]`,
				"clock":      `{"mode":"virtual","now":"2026-11-30T12:00:30Z","pending":2,"next_in":"1m30s"}`,
				"outcomes":   `[{"name":"paid","summary":"x"}]`,
				"weathers":   `[{"name":"calm","summary":"x"}]`,
				"behaviours": `[{"name":"manual","summary":"x","active":true,"setting":null}]`,
				"state":      `{"weather":"calm"}`,
			}[path]
			if answer == "" {
				answer = `[{"time":"2026-11-30T12:00:00Z","api":"stk","url":"http://127.0.0.1:4020/callbacks/daraja/stk/TOKEN","status":200,"reason":null,"request_body":null,"response_body":null,"payment_id":null}]`
			}
			return json.Unmarshal([]byte(answer), out)
		}
	})
	html := v.page("/phone")
	for _, bad := range []string{"254712345678", "<b>", "TOKEN"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, want := range []string{"2547*****678", "2 due, the first in 1 min 30 s", "To the next event", "stk to 127.0.0.1:4020"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page holds no %q", want)
		}
	}
	for _, test := range []struct{ path, form, to, asks string }{
		{"/phone/answer", "id=p1&pin=1234", "/phone?said=paid", `answer {"id":"p1","outcome":"paid"}`},
		{"/phone/answer", "id=p1&pin=0000", "/phone?said=wrong-pin", `answer {"id":"p1","outcome":"wrong-pin"}`},
		{"/phone/answer", "id=p1&pin=", "/phone?said=left", ""},
		{"/phone/answer", "id=p1&pin=12345", "/phone?said=left", ""},
		{"/phone/answer", "id=p1&pin=1&outcome=cancelled", "/phone?said=cancelled", `answer {"id":"p1","outcome":"cancelled"}`},
		{"/phone/answer", "id=p1&outcome=ignore", "/phone?said=left", ""},
		{"/phone/answer", "id=p1&outcome=insufficient", "/phone?said=answered", `answer {"id":"p1","outcome":"insufficient"}`},
		{"/phone/clock", "advance=10s", "/phone?said=clock", `clock {"advance":"10s"}`},
		{"/phone/weather", "weather=calm", "/phone?said=weather", `behaviours {"weather":"calm"}`},
		{"/phone/behaviour", "name=manual", "/phone?said=behaviour", `behaviours {"unset":["manual"]}`},
		{"/phone/behaviour", "name=manual&on=1", "/phone?said=behaviour", `behaviours {"name":"manual","value":""}`},
	} {
		asked = nil
		r := v.ask(http.MethodPost, test.path, test.form)
		if got := strings.Join(asked, "|"); r.Header.Get("Location") != test.to || got != test.asks {
			t.Errorf("%s %s: to %q, asked %q", test.path, test.form, r.Header.Get("Location"), got)
		}
	}
	if html := v.page("/phone?said=%3Cscript%3Epay+here"); strings.Contains(html, "pay here") {
		t.Error("the address puts words onto the page")
	}
	refuse = &payment.Error{Kind: payment.KindConflict, Message: "over"}
	if r := v.ask(http.MethodPost, "/phone/answer", "id=p1&pin=1234"); r.Header.Get("Location") != "/phone?said=late" {
		t.Errorf("a prompt that is over leads to %q", r.Header.Get("Location"))
	}
	refuse = payment.Usage("emulator: outcome is unknown", "see help")
	if r := v.ask(http.MethodPost, "/phone/answer", "id=p1&outcome=x"); r.StatusCode != http.StatusBadRequest || !strings.Contains(text(t, r), "outcome is unknown") {
		t.Errorf("a refusal is answered %s", r.Status)
	}
	big := v.ask(http.MethodPost, "/phone/answer", "id="+strings.Repeat("x", mostForm))
	if big.StatusCode != http.StatusBadRequest {
		t.Errorf("a form of %d bytes is answered %s", mostForm, big.Status)
	}
}

// TestEmulatorGone: a page without its emulator says so, and how to start one.
func TestEmulatorGone(t *testing.T) {
	t.Parallel()
	v := newViewer(t, func(o *Options) {
		o.Emulator = func(context.Context, string, string, any, any) error {
			return &payment.Error{Kind: payment.KindUnavailable, Message: "no emulator answers at 127.0.0.1:4010", Hint: "start one"}
		}
	})
	if html := v.page("/phone"); !strings.Contains(html, "no emulator answers") || !strings.Contains(html, "payctl emulator --behaviour manual") {
		t.Errorf("it says:\n%s", html)
	}
}

// TestLedgerReplaced: a ledger that is no longer the file of its name is said on each page.
func TestLedgerReplaced(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	if html := v.page("/"); strings.Contains(html, "moved or replaced") {
		t.Fatal("it is in its place")
	}
	path := v.Ledger.Path()
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	v.watched.at = time.Time{}
	if html := v.page("/deposits"); !strings.Contains(html, "moved or replaced") {
		t.Error("nothing is said of it")
	}
}
