package view

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func TestBody(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"PhoneNumber":254711000222}`:                       `{"PhoneNumber":"2547*****222"}`,
		`{"TransactionDate": 20260102030405, "a":1}`:         `{"TransactionDate": 20260102030405, "a":1}`,
		`[254711000222,"+254711000222", 0.5]`:                `["2547*****222","+2547*****222", 0.5]`,
		`254711000222`:                                       `"2547*****222"`,
		`"CheckoutRequestID ws_CO_020120260304057711000222"`: `"CheckoutRequestID ws_CO_0201202603040577*****222"`,
		`{"0711000222":"\u0037110\"00222"}`:                  `{"07*****222":"\u0037110\"00222"}`,
		`"\u0037\u0031\u0031000222 <"`:                       `"7*****222 <"`,
		`"\u0711000222"`:                                     `"\u0711000222"`,
		"not json 254711000222":                              "not json 2547*****222",
		"":                                                   "",
		`{"Value":"4a37dc7c46003d682e12183469a1c2d5d6fc3545fe8a52a22e32f43a275b5c9d"}`:                  `{"Value":"4a` + strings.Repeat("*", 62) + `"}`,
		`{"msisdn" : "b637b9c0b3282eae8880055c14380bbf","x":["\u0062637b9c0b3282eae8880055c14380bbf"]}`: `{"msisdn" : "b6` + strings.Repeat("*", 30) + `","x":["\u0062637b9c0b3282eae8880055c14380bbf"]}`,
		`{"phone_number":{"a":"b637b9c0b3282eae8880055c14380bbf"}}`:                                     `{"phone_number":{"a":"b637b9c0b3282eae8880055c14380bbf"}}`,
		`{"signature":"sha256=4a37dc7c46003d682e12183469a1c2d5d6fc3545fe8a52a22e32f43a275b5c9d"}`:       `{"signature":"sha256=4a37dc7c46003d682e12183469a1c2d5d6fc3545fe8a52a22e32f43a275b5c9d"}`,
	} {
		got := string(Body([]byte(text), false))
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if whole := string(Body([]byte(text), true)); whole != text {
			t.Errorf("got %s, want %s", whole, text)
		}
	}
}

// FuzzMaskJSON checks that masked JSON is JSON and holds no bare MSISDN.
func FuzzMaskJSON(f *testing.F) {
	for _, s := range []string{`{"a":254711000222}`, `["\u0037\\",-1.5e9,"0711000222"]`, `"\u0711000222"`, `{"é\"":{}}`} {
		f.Add(s)
	}
	bare := regexp.MustCompile(`^(254|0)[17][0-9]{8}$`)
	var walk func(t *testing.T, v any)
	walk = func(t *testing.T, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(t, name)
				walk(t, member)
			}
		case []any:
			for _, member := range v {
				walk(t, member)
			}
		case string:
			if bare.MatchString(v) {
				t.Errorf("%q is a whole number", v)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		masked := maskJSON([]byte(text), false)
		var v any
		if err := json.Unmarshal(masked, &v); err != nil {
			t.Fatalf("%q became %q: %v", text, masked, err)
		}
		walk(t, v)
	})
}

// A queue time-out post echoes the request: its credential is shown to nobody, whole phone
// numbers or not.
func TestCredentialsAreHidden(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"Initiator":"api","SecurityCredential":"abc\"d==","Amount":10}`: `{"Initiator":"api","SecurityCredential":"***","Amount":10}`,
		`{"security\u0043redential" : "x"}`:                               `{"security\u0043redential" : "***"}`,
		`{"Password":"x","a":["SecurityCredential","b"]}`:                 `{"Password":"***","a":["SecurityCredential","b"]}`,
		`{"SecurityCredential":null,"b":"c"}`:                             `{"SecurityCredential":null,"b":"c"}`,
		`{"password": 12345 ,"b":1}`:                                      `{"password": "***" ,"b":1}`,
		`{"a":"SecurityCredential","b":"c"}`:                              `{"a":"SecurityCredential","b":"c"}`,
	} {
		for _, whole := range []bool{true, false} {
			if got := string(Body([]byte(body), whole)); got != want {
				t.Errorf("%s with whole phones %t: %s, want %s", body, whole, got, want)
			}
		}
	}
}

// TestIndentedIsBounded: brackets within brackets stay as they are.
func TestIndentedIsBounded(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	for body, want := range map[string]string{`{"a":[1]}`: "{\n  \"a\": [\n    1\n  ]\n}", deep: deep, deep[:9000]: deep[:9000], "no": "no"} {
		if got := string(Indented([]byte(body))); got != want {
			t.Errorf("%.20q became %.60q of %d bytes", body, got, len(got))
		}
	}
}
