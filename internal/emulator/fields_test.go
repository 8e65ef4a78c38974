package emulator

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseFields(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body string
		want []string // name, kind, text
		err  error
	}{
		{`{}`, nil, nil},
		{` { } `, nil, nil},
		{`{"a":"b"}`, []string{"a", `"`, "b"}, nil},
		{`{"a" : 12 , "b":null}`, []string{"a", "0", "12", "b", "n", "null"}, nil},
		{`{"a":-1.5e3,"b":true,"c":{"x":[1,"}"]},"d":[{}]}`, []string{"a", "0", "-1.5e3", "b", "t", "true", "c", "{", `{"x":[1,"}"]}`, "d", "[", "[{}]"}, nil},
		{`{"a":"x\"yA","é":"é"}`, []string{"a", `"`, `x"yA`, "é", `"`, "é"}, nil},
		{`{"a":1,"a":2}`, []string{"a", "0", "1", "a", "0", "2"}, nil},
		{`{"a":01}`, nil, errNotJSON},
		{`{"a":1,}`, nil, errNotJSON},
		{`{"a":1} x`, nil, errNotJSON},
		{`{"a":"` + "\n" + `"}`, nil, errNotJSON},
		{`[1]`, nil, errNotObject},
		{`"x"`, nil, errNotObject},
		{``, nil, errNotJSON},
		{`a=1&b=2`, nil, errNotJSON},
	} {
		got, err := parseFields([]byte(tt.body))
		if err != tt.err { //nolint:errorlint // the sentinel itself
			t.Errorf("%s: error %v, want %v", tt.body, err, tt.err)
		}
		var flat []string
		for _, f := range got {
			flat = append(flat, f.name, string(f.kind), f.text)
		}
		if diff := cmp.Diff(tt.want, flat); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.body, diff)
		}
	}
}

// FuzzParseFields compares both readers with encoding/json: what it takes as an object they take, and the contents agree.
func FuzzParseFields(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":"\u00e9","b":[1,{"c":"]"}]}`, `{"a":1,"a":"2"}`, `{"":""}`, `{"a":tru}`, `[`, `{"a":"\\"}`, ` {"x" : -0.1e+9 } `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseFields(body)
		var want map[string]json.RawMessage
		wantErr := json.Unmarshal(body, &want)
		if (err == nil) != (wantErr == nil && want != nil) {
			t.Fatalf("error %v, encoding/json says %v", err, wantErr)
		}
		if !utf8.Valid(body) {
			return
		}
		for name, raw := range want {
			found := got.get(name)
			text := string(raw)
			if raw[0] == '"' {
				if err := json.Unmarshal(raw, &text); err != nil {
					t.Fatal(err)
				}
			}
			if found.text != text {
				t.Errorf("%q: got %q, want %q", name, found.text, text)
			}
		}
	})
}
