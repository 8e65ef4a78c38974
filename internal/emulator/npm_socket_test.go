package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator"
)

// socketLine is a line of testdata/deposit_socket.js.
type socketLine struct {
	Saw, Message, Reason, Transport, ID string
	Status                              int
	Data                                struct{ PartnerName, Environment, Type, ID string }
	Payload                             struct {
		Event string
		Data  struct{ ID, Status, ReceiptNumber, FailureReason, Amount string }
	}
}

// The real socket.io-client follows a deposit by every transport, by plain HTTP and by HTTPS.
func TestNPMSocket(t *testing.T) {
	t.Parallel()
	modules := nodeModules(t)
	h := newHouse(t, 3*time.Second) // the client has to subscribe before that
	local := strings.Replace(h.tls, "127.0.0.1", "localhost", 1)
	for _, tt := range []struct {
		name, url  string
		transports []string
		header     bool
		phone      string
		want       string
		transport  string
	}{
		{"websocket", h.url, []string{"websocket"}, false, "+254712345601", "deposit:failed", "websocket"},
		{"polling", h.url, []string{"polling"}, false, "+254712345602", "deposit:failed", "polling"},
		{"upgrade", h.url, []string{"polling", "websocket"}, false, "+254712345611", "deposit:completed", "websocket"},
		{"sample", h.url, []string{"websocket", "polling"}, false, "+254712345722", "deposit:completed", "websocket"},
		{"key in the header", h.url, []string{"websocket", "polling"}, true, "+254712345633", "deposit:completed", "websocket"},
		{"websocket by TLS", h.tls, []string{"websocket"}, false, "+254712345644", "deposit:completed", "websocket"},
		{"polling by TLS", local, []string{"polling"}, false, "+254712345655", "deposit:completed", "polling"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			arg, err := json.Marshal(map[string]any{
				"url": tt.url, "key": emulator.Credentials().WasaaPayAPIKey, "phone": tt.phone, "transports": tt.transports, "header": tt.header,
			})
			if err != nil {
				t.Fatal(err)
			}
			env := []string{"NODE_PATH=" + modules, "NODE_EXTRA_CA_CERTS=" + h.ca}
			out := node(t, "", env, "testdata/deposit_socket.js", string(arg))
			lines := map[string]socketLine{}
			for text := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
				var line socketLine
				decode(t, text, &line)
				lines[line.Saw] = line
			}
			final := lines[tt.want].Payload
			status := map[string]string{"deposit:completed": "COMPLETED", "deposit:failed": "FAILED"}[tt.want]
			if lines["authenticated"].Data.PartnerName != "Local Partner" || lines["created"].Status != 201 ||
				lines["subscribed"].Data.ID != lines["created"].ID || lines["subscribed"].Transport != tt.transport ||
				final.Event != tt.want || final.Data.Status != status || final.Data.ID != lines["created"].ID || final.Data.Amount != "100.00" ||
				lines["disconnect"].Reason != "io client disconnect" {
				t.Errorf("heard:\n%s", out)
			}
		})
	}
}

// A bad key is the connect_error that the sample prints.
func TestNPMSocketBadKey(t *testing.T) {
	t.Parallel()
	modules := nodeModules(t)
	h := newHouse(t, 0)
	for _, transport := range []string{"websocket", "polling"} {
		arg, err := json.Marshal(map[string]any{"url": h.url, "key": "sk_sandbox_wrong", "transports": []string{transport}})
		if err != nil {
			t.Fatal(err)
		}
		out := node(t, "", []string{"NODE_PATH=" + modules}, "testdata/deposit_socket.js", string(arg))
		if diff := cmp.Diff(`{"saw":"connect_error","message":"Invalid API key"}`+"\n", out); diff != "" {
			t.Errorf("%s (-want +got):\n%s", transport, diff)
		}
	}
}

// Node itself verifies what the emulator signs, as the provider's sample does, whatever a behaviour does to the body.
func TestNPMWebhookSignature(t *testing.T) {
	t.Parallel()
	nodeModules(t) // for its skips: the script needs Node alone
	var input strings.Builder
	var want []string
	for behaviour, valid := range map[string]string{
		"manual=off": "true", "webhook-key-order=rotated": "true", "webhook-key-order=sorted": "true",
		"webhook-key-order=signature-last": "true", "webhook-pretty": "true", "webhook-awkward-text": "true",
		"webhook-amount-number": "true", "webhook-bad-signature": "false", "webhook-bad-signature=missing": "false",
		"webhook-bad-signature=short": "false", "webhook-bad-signature=bare": "false", "webhook-bad-signature=other-secret": "false",
	} {
		d := newDesk(t, behaviour)
		d.deposit("externalReference", `"<é\u2028\u2029 & 'x' \\ \" \u0001 \u007f 🙂>"`)
		d.advance(time.Second)
		for _, hook := range d.app.take() {
			line, err := json.Marshal(hook.Body)
			if err != nil {
				t.Fatal(err)
			}
			input.Write(append(line, '\n'))
			want = append(want, valid)
		}
	}
	got := strings.Fields(node(t, input.String(), nil, "testdata/webhook_verify.js", emulator.Credentials().WasaaPayWebhookSecret))
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 24 {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}
