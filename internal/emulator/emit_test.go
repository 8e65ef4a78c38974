package emulator_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/socketio"
)

// Events of what the emulator does not play: a signed webhook, and the same on the socket for whoever subscribed.
func TestEmit(t *testing.T) {
	t.Parallel()
	for _, event := range emulator.EmittedEvents() {
		family, step, _ := strings.Cut(event, ".")
		d, url := openDesk(t)
		l := listen(t, socketio.ClientOptions{URL: url})
		l.want(connected, authenticated)
		l.emit("subscribe", map[string]string{"type": family, "id": "res_1"})
		l.want(`subscribed {"type":"` + family + `","id":"res_1"}`)
		var made emulator.EmittedEvent
		decode(t, d.control(http.MethodPost, "emit", `{"event":"`+event+`","id":"res_1","amount":"99.5","reference":"INV-7"}`), &made)
		status := map[string]string{"initiated": "PENDING", "completed": "COMPLETED", "failed": "FAILED"}[step]
		if made.ID != "res_1" || made.Amount != "99.50" || made.Status != status || made.Sockets != 1 || *made.External != "INV-7" {
			t.Errorf("%s: %+v", event, made)
		}
		var hook struct {
			Event, Signature, Environment string
			Data                          map[string]string
		}
		got := d.app.take()
		if len(got) != 1 {
			t.Fatalf("%s: %d webhooks", event, len(got))
		}
		decode(t, got[0].Body, &hook)
		if hook.Event != event || !strings.HasPrefix(hook.Signature, "sha256=") || hook.Data[family+"Id"] != "res_1" ||
			hook.Data["reference"] != made.Reference || hook.Data["amount"] != "99.50" || hook.Data["status"] != status || hook.Data["externalReference"] != "INV-7" {
			t.Errorf("%s: webhook %s", event, got[0].Body)
		}
		if (hook.Data["failureReason"] != "") != (step == "failed") {
			t.Errorf("%s: reason %q", event, hook.Data["failureReason"])
		}
		if heard := l.next(); !strings.HasPrefix(heard, family+":"+step+` {"event":"`+family+":"+step+`",`) || !strings.Contains(heard, `"data":{"id":"res_1",`) {
			t.Errorf("%s: heard %s", event, heard)
		}
	}
}

// Ids and references are of the kind of what they name; one id keeps its reference.
func TestEmittedIDs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	emit := func(body string) (made emulator.EmittedEvent) {
		decode(t, d.control(http.MethodPost, "emit", body), &made)
		return made
	}
	seen := map[string]bool{}
	for event, shape := range map[string]string{
		"withdrawal:completed": `^wdr_[0-9a-z]{12} WDR-20260102-[0-9A-Z]{6}$`, "transfer.failed": `^trf_[0-9a-z]{12} TRF-20260102-[0-9A-Z]{6}$`,
		"bill.initiated": `^bill_[0-9a-z]{12} BIL-20260102-[0-9A-Z]{6}$`,
	} {
		for range 3 {
			made := emit(`{"event":"` + event + `"}`)
			if !regexp.MustCompile(shape).MatchString(made.ID+" "+made.Reference) || seen[made.ID] || made.Amount != "250.00" || made.External != nil {
				t.Errorf("%s: %+v", event, made)
			}
			seen[made.ID] = true
		}
	}
	first, second := emit(`{"event":"bill.initiated","id":"b1"}`), emit(`{"event":"bill.completed","id":"b1"}`)
	if first.Reference != second.Reference || first.Reference == emit(`{"event":"bill.completed","id":"b2"}`).Reference {
		t.Errorf("references %s and %s", first.Reference, second.Reference)
	}
	for body, says := range map[string]string{
		`{"event":"deposit.completed"}`:                                          "cannot be made",
		`{"event":"withdrawl.completed"}`:                                        "did you mean withdrawal.completed",
		`{"event":"bill.failed","amount":"-1"}`:                                  "is not a positive decimal",
		`{"event":"bill.failed","amount":"1e3"}`:                                 "is not a positive decimal",
		`{"event":"bill.failed","id":"` + strings.Repeat("x", 200) + `"}`:        "at most 128 characters",
		`{"event":"bill.failed","reference":"` + strings.Repeat("x", 300) + `"}`: "255",
		`{"name":"bill.failed"}`:                                                 "not the JSON that is wanted",
	} {
		status, answer := d.do(d.controlRequest(http.MethodPost, "emit", body))
		if status != http.StatusBadRequest || !strings.Contains(answer, says) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
}

// What the sockets may do beside that: events without an id, and another environment than the key's.
func TestSocketOddities(t *testing.T) {
	t.Parallel()
	d, url := openDesk(t, "socket-id-missing", "socket-environment=PRODUCTION")
	l := listen(t, socketio.ClientOptions{URL: url})
	l.want(connected, strings.Replace(authenticated, "SANDBOX", "PRODUCTION", 1))
	p := d.deposit()
	l.emit("subscribe", subject(p.ID))
	l.want(subscribed(p.ID))
	d.advance(time.Second)
	heard := l.next()
	var event struct {
		Data map[string]json.RawMessage
	}
	decode(t, heard[strings.IndexByte(heard, ' ')+1:], &event)
	if event.Data["id"] != nil || event.Data["reference"] == nil {
		t.Errorf("heard %s", heard)
	}
}
