package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParsePacket(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want packet
	}{
		"connect":              {`0`, packet{kind: packetConnect, namespace: "/", id: -1}},
		"connect with auth":    {`0{"apiKey":"k"}`, packet{kind: packetConnect, namespace: "/", id: -1, data: json.RawMessage(`{"apiKey":"k"}`)}},
		"namespace":            {`0/admin,{"a":1}`, packet{kind: packetConnect, namespace: "/admin", id: -1, data: json.RawMessage(`{"a":1}`)}},
		"namespace alone":      {`1/admin`, packet{kind: packetDisconnect, namespace: "/admin", id: -1}},
		"disconnect":           {`1`, packet{kind: packetDisconnect, namespace: "/", id: -1}},
		"event":                {`2["a",1]`, packet{kind: packetEvent, namespace: "/", id: -1, data: json.RawMessage(`["a",1]`)}},
		"event wanting an ack": {`212["a"]`, packet{kind: packetEvent, namespace: "/", id: 12, data: json.RawMessage(`["a"]`)}},
		"ack":                  {`3/n,0[]`, packet{kind: packetAck, namespace: "/n", id: 0, data: json.RawMessage(`[]`)}},
		"refusal":              {`4{"message":"no"}`, packet{kind: packetConnectError, namespace: "/", id: -1, data: json.RawMessage(`{"message":"no"}`)}},
		"refusal as a string":  {`4"no"`, packet{kind: packetConnectError, namespace: "/", id: -1, data: json.RawMessage(`"no"`)}},
		"binary event": {`51-/n,7["a",{"_placeholder":true,"num":0}]`, packet{
			kind: packetBinaryEvent, attachments: 1, namespace: "/n", id: 7,
			data: json.RawMessage(`["a",{"_placeholder":true,"num":0}]`),
		}},
		"binary ack": {`62-3[]`, packet{kind: packetBinaryAck, attachments: 2, namespace: "/", id: 3, data: json.RawMessage(`[]`)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parsePacket([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(packet{})); diff != "" {
				t.Errorf("packet (-want +got):\n%s", diff)
			}
			again, err := parsePacket(got.text()[1:])
			if diff := cmp.Diff(got, again, cmp.AllowUnexported(packet{})); diff != "" || err != nil {
				t.Errorf("written and read again (-want +got):\n%s%v", diff, err)
			}
		})
	}
}

// malformedPackets are messages no peer may send.
func malformedPackets() []string {
	return []string{
		``, `7`, `x`, `2`, `2{}`, `2"a"`, `2[`, `2["a"`, `2["a"] x`, `0[]`, `1{}`, `3{}`, `3`, `4`, `4[]`, `4null`,
		`5["a"]`, `5-["a"]`, `50-["a"]`, `511-["a"]`, `51["a"]`, `5x-["a"]`, `51-`, `59999999999-["a"]`,
		`21234567890123456["a"]`, `2/n`, `2/n,`, `2\x00["a"]`,
	}
}

func TestParsePacketRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range malformedPackets() {
		if p, err := parsePacket([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: got %+v, %v, want ErrMalformed", text, p, err)
		}
	}
}

func TestSplitEvent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		data string
		name string
		args []json.RawMessage
		ok   bool
	}{
		{`["a"]`, "a", []json.RawMessage{}, true},
		{` [ "a" , { "b" : [1,2] } , "c,]\"" ,null ] `, "a", []json.RawMessage{
			json.RawMessage(`{ "b" : [1,2] }`), json.RawMessage(`"c,]\""`), json.RawMessage(`null`),
		}, true},
		{`["\u0061\\"]`, `a\`, []json.RawMessage{}, true},
		{`[7,1]`, "7", []json.RawMessage{json.RawMessage(`1`)}, true},
		{`[]`, "", nil, false},
		{`[null]`, "", nil, false},
		{`[{"a":1}]`, "", nil, false},
		{`["connect"]`, "", nil, false},
		{`["newListener"]`, "", nil, false},
		{`["a"` + strings.Repeat(",1", maxArgs) + `]`, "", nil, false},
	}
	for _, tt := range tests {
		name, args, err := splitEvent([]byte(tt.data))
		if (err == nil) != tt.ok {
			t.Errorf("%.40s: error %v, want ok %v", tt.data, err, tt.ok)
		}
		if diff := cmp.Diff(tt.args, args); diff != "" || name != tt.name {
			t.Errorf("%.40s: name %q, want %q (-want +got):\n%s", tt.data, name, tt.name, diff)
		}
	}
}

func TestSplitPayload(t *testing.T) {
	t.Parallel()
	compare := cmp.AllowUnexported(enginePacket{})
	tests := []struct {
		body string
		want []enginePacket
	}{
		{"2", []enginePacket{{kind: enginePing, data: []byte{}}}},
		{"4hello\x1e4€€€\x1e6", []enginePacket{
			{kind: engineMessage, data: []byte("hello")}, {kind: engineMessage, data: []byte("€€€")}, {kind: engineNoop, data: []byte{}},
		}},
		{"4a\x1ebAQIDBA==\x1ebAQIDBA", []enginePacket{
			{kind: engineMessage, data: []byte("a")},
			{kind: engineMessage, data: []byte{1, 2, 3, 4}, binary: true},
			{kind: engineMessage, data: []byte{1, 2, 3, 4}, binary: true},
		}},
		{"", nil},
		{"\x1e", nil},
		{"2\x1e", nil},
		{"2\x1e\x1e2", nil},
		{"9", nil},
		{"b****", nil},
		{"4\xff\xfe", nil},
		{"<html>", nil},
		{strings.Repeat("2\x1e", maxPacketsPerPayload) + "2", nil},
	}
	for _, tt := range tests {
		got, err := splitPayload([]byte(tt.body))
		if diff := cmp.Diff(tt.want, got, compare); diff != "" {
			t.Errorf("%.40q (-want +got):\n%s", tt.body, diff)
		}
		if (tt.want == nil) != errors.Is(err, ErrMalformed) {
			t.Errorf("%.40q: error %v", tt.body, err)
		}
	}
}

func TestParseHandshake(t *testing.T) {
	t.Parallel()
	npm := `{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	want := handshake{
		sid: "lv_VI97HAXpY6yYWAAAC", upgrades: []string{"websocket"},
		pingInterval: 25 * time.Second, pingTimeout: 20 * time.Second, maxPayload: 1_000_000,
	}
	got, err := parseHandshake([]byte(npm))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(handshake{})); diff != "" || err != nil {
		t.Errorf("npm's handshake (-want +got):\n%s%v", diff, err)
	}
	text, err := got.text()
	if want := "0" + npm; string(text) != want || err != nil {
		t.Errorf("written: got %s, want %s", text, want)
	}
	for name, text := range absurdHandshakes() {
		if got, err := parseHandshake([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %+v, %v, want ErrMalformed", name, got, err)
		}
	}
}

// absurdHandshakes would leave a client waiting for ever, spinning or broken.
func absurdHandshakes() map[string]string {
	with := func(sid, interval, timeout, payload string) string {
		return fmt.Sprintf(`{"sid":%s,"upgrades":[],"pingInterval":%s,"pingTimeout":%s,"maxPayload":%s}`, sid, interval, timeout, payload)
	}
	return map[string]string{
		"not json":         `hello`,
		"empty":            `{}`,
		"array":            `[]`,
		"no sid":           with(`""`, "25000", "20000", "1000000"),
		"sid with a space": with(`"a b"`, "25000", "20000", "1000000"),
		"sid of a novel":   with(`"`+strings.Repeat("a", 300)+`"`, "25000", "20000", "1000000"),
		"no interval":      with(`"a"`, "0", "20000", "1000000"),
		"negative":         with(`"a"`, "-1", "20000", "1000000"),
		"a year":           with(`"a"`, "31536000000", "20000", "1000000"),
		"timeout of 1e300": with(`"a"`, "25000", "1e300", "1000000"),
		"no timeout":       with(`"a"`, "25000", "null", "1000000"),
		"text":             with(`"a"`, `"25000"`, "20000", "1000000"),
		"payload zero":     with(`"a"`, "25000", "20000", "0"),
		"payload huge":     with(`"a"`, "25000", "20000", "1e18"),
	}
}

func TestAssembler(t *testing.T) {
	t.Parallel()
	head := enginePacket{kind: engineMessage, data: []byte(`52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)}
	part := enginePacket{kind: engineMessage, data: []byte{1, 2}, binary: true}
	plain := enginePacket{kind: engineMessage, data: []byte(`2["a"]`)}
	tests := map[string]struct {
		packets []enginePacket
		parts   int
		ok      bool
	}{
		"whole":               {[]enginePacket{head, part, part}, 2, true},
		"plain":               {[]enginePacket{plain}, 0, true},
		"part alone":          {[]enginePacket{part}, 0, false},
		"text between":        {[]enginePacket{head, part, plain}, 0, false},
		"parts over the size": {[]enginePacket{head, {kind: engineMessage, data: make([]byte, 900), binary: true}, {kind: engineMessage, data: make([]byte, 900), binary: true}}, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := assembler{limit: 1000}
			for i, p := range tt.packets {
				got, whole, err := a.add(p)
				last := i == len(tt.packets)-1
				if last && (err == nil) != tt.ok {
					t.Fatalf("error %v, want ok %v", err, tt.ok)
				}
				if whole != (last && tt.ok) || len(got.parts) != map[bool]int{true: tt.parts}[whole] {
					t.Fatalf("after %d: whole %v with %d parts", i, whole, len(got.parts))
				}
			}
		})
	}
}

func TestParseRefusal(t *testing.T) {
	t.Parallel()
	secrets := secretsOf(json.RawMessage(`{"apiKey":"sk_live_123","more":["sk_live_123456",7]}`))
	tests := map[string]ConnectError{
		`{"message":"Invalid namespace"}`:                        {Message: "Invalid namespace"},
		`"just text"`:                                            {Message: "just text"},
		`{"message":"m","data":{"code":"E1"}}`:                   {Message: "m", Code: "E1"},
		`{"message":"m","data":{"code":4013}}`:                   {Message: "m", Code: "4013"},
		`{"message":"m","data":"text"}`:                          {Message: "m"},
		`{"message":null,"data":{"code":{}}}`:                    {Message: "no reason given"},
		`{}`:                                                     {Message: "no reason given"},
		`{"message":"key sk_live_123456 or sk_live_123 is bad"}`: {Message: "key [redacted] or [redacted] is bad"},
		`{"message":"` + strings.Repeat("é", 1000) + `"}`:        {Message: strings.Repeat("é", maxRefusal/2) + "…"},
	}
	for text, want := range tests {
		got := parseRefusal([]byte(text), secrets)
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%.60s (-want +got):\n%s", text, diff)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	b := Backoff{Min: time.Second, Max: 10 * time.Second, Factor: 2, Jitter: 0.5}.withDefaults()
	delays := func(random float64) []time.Duration {
		var got []time.Duration
		for n := 1; n <= 6; n++ {
			got = append(got, b.delay(n, func() float64 { return random }))
		}
		return got
	}
	s := time.Second
	if diff := cmp.Diff([]time.Duration{s, 2 * s, 4 * s, 8 * s, 10 * s, 10 * s}, delays(0.5)); diff != "" {
		t.Errorf("in the middle (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{s / 2, s, 2 * s, 4 * s, 5 * s, 5 * s}, delays(0)); diff != "" {
		t.Errorf("at the least (-want +got):\n%s", diff)
	}
	if got := b.delay(1_000_000, func() float64 { return 0.999 }); got > 15*s {
		t.Errorf("after a million failures %v, want at most 15 s", got)
	}
}

func FuzzParsePacket(f *testing.F) {
	for _, text := range malformedPackets() {
		f.Add([]byte(text))
	}
	f.Add([]byte(`51-/n,7["a",{"_placeholder":true,"num":0}]`))
	f.Add([]byte(`2/n?a=b,1["a",[1,"]"],{"x":"\"}"}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePacket(text)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		again, err := parsePacket(p.text()[1:])
		if err != nil {
			t.Fatalf("%q written as %q does not read: %v", text, p.text(), err)
		}
		if diff := cmp.Diff(p, again, cmp.AllowUnexported(packet{})); diff != "" {
			t.Fatalf("%q (-first +again):\n%s", text, diff)
		}
		if p.kind != packetEvent && p.kind != packetBinaryEvent {
			return
		}
		if _, args, err := splitEvent(p.data); err == nil {
			var want []json.RawMessage
			if err := json.Unmarshal(p.data, &want); err != nil || len(want) != len(args)+1 {
				t.Fatalf("%q: %d arguments, encoding/json sees %d (%v)", p.data, len(args), len(want)-1, err)
			}
			for i, arg := range args {
				if string(arg) != string(want[i+1]) {
					t.Fatalf("%q: argument %d is %q, encoding/json sees %q", p.data, i, arg, want[i+1])
				}
			}
		}
	})
}

func FuzzSplitPayload(f *testing.F) {
	for _, body := range []string{"", "2", "4a\x1e4b", "4a\x1ebAQID", "\x1e\x1e", "b", "0{}\x1e40", "4\xff"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		packets, err := splitPayload(body)
		if err != nil {
			return
		}
		var texts [][]byte
		for _, p := range packets {
			if p.binary {
				return
			}
			texts = append(texts, p.text())
		}
		if got := joinPayload(texts); string(got) != string(body) {
			t.Fatalf("%q split and joined is %q", body, got)
		}
	})
}

func FuzzParseHandshake(f *testing.F) {
	for _, text := range absurdHandshakes() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseHandshake(data)
		if err != nil {
			return
		}
		if h.silence() <= 0 || h.silence() > 2*maxHandshakeTime || h.maxPayload < 1 || !validSID(h.sid) {
			t.Fatalf("%q is believed: %+v", data, h)
		}
	})
}
