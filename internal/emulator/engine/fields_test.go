package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseFields(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body string
		want map[string]string // kind and text by name
		err  error
	}{
		{`{}`, map[string]string{}, nil},
		{` { } `, map[string]string{}, nil},
		{`{"a":"b"}`, map[string]string{"a": `"b`}, nil},
		{`{"a" : 12 , "b":null}`, map[string]string{"a": "012", "b": "nnull"}, nil},
		{
			`{"a":-1.5e3,"b":true,"c":{"x":[1,"}"]},"d":[{}]}`,
			map[string]string{"a": "0-1.5e3", "b": "ttrue", "c": `{{"x":[1,"}"]}`, "d": "[[{}]"},
			nil,
		},
		{`{"a":"x\"yA","é":"\u00e9"}`, map[string]string{"a": `"x"yA`, "é": `"é`}, nil},
		{`{"a":1,"a":2,"A":3}`, map[string]string{"a": "02", "A": "03"}, nil},
		{`{"a":01}`, nil, errNotJSON},
		{`{"a":1,}`, nil, errNotJSON},
		{`{"a":1} x`, nil, errNotJSON},
		{`{"a":"` + "\n" + `"}`, nil, errNotJSON},
		{`[1]`, nil, errNotObject},
		{`"x"`, nil, errNotObject},
		{`null`, nil, errNotObject},
		{``, nil, errNotJSON},
		{`a=1&b=2`, nil, errNotJSON},
	} {
		got, err := ParseFields([]byte(tt.body))
		if err != tt.err { //nolint:errorlint // the sentinel itself
			t.Errorf("%s: error %v, want %v", tt.body, err, tt.err)
		}
		var flat map[string]string
		if got != nil {
			flat = map[string]string{}
		}
		for name := range got {
			f := got.Get(name)
			flat[name] = string(f.Kind) + f.Text
		}
		if diff := cmp.Diff(tt.want, flat); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.body, diff)
		}
	}
}
