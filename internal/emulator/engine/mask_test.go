package engine

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Whatever is masked or cut short in a body, JSON stays JSON; secrets and phones are out of it.
func TestMaskedBodiesStayJSON(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"PhoneNumber":254712345678,"Amount":254712}`:                   `{"PhoneNumber":"254712***678","Amount":254712}`,
		`{ "PartyA" : 254712345678 , "x":[254110000222] }`:               `{ "PartyA" : "254712***678" , "x":["254110***222"] }`,
		`{"Text":"call 254712345678, now","n":0712345678}`:               `{"Text":"call 254712***678, now","n":0712***678}`, // no JSON
		`{"Password":"a\"b","Passkey":123,"secret":{"token":"x","a":1}}`: `{"Password":"***","Passkey":"***","secret":{"token":"***","a":1}}`,
		`{"password":null,"api_key":["x"],"Amount":1}`:                   `{"password":null,"api_key":["x"],"Amount":1}`,
		`{"errorMessage":"Invalid Access Token - abc.DEF"}`:              `{"errorMessage":"Invalid Access Token - ***"}`,
		`{"id":"ws_CO_020120260304057712345678"}`:                        `{"id":"ws_CO_020120260304057712***678"}`,
		`254712345678`: `"254712***678"`,
		`{"MSISDN":"` + strings.Repeat("ab", 32) + `","signature":"sha256=` + strings.Repeat("ab", 32) + `"}`: `{"MSISDN":"ab***","signature":"sha256=` + strings.Repeat("ab", 32) + `"}`,
		`"Password"`:                    `"Password"`,
		`Password=x&phone=254712345678`: `Password=x&phone=254712***678`,
		``:                              ``,
	} {
		if got := maskBody(body, false); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
}

// A long body is cut, says so, and keeps no secret.
func TestClippedBodiesStayJSON(t *testing.T) {
	t.Parallel()
	body := `{"Password":"hunter22","list":["` + strings.Repeat(`é","254712345678","`, 1000) + `"]}`
	got := maskBody(clip(body), false)
	var cut struct {
		Head  string `json:"payctl_clipped"`
		Bytes int
	}
	if err := json.Unmarshal([]byte(got), &cut); err != nil || cut.Bytes < 15000 || !strings.HasPrefix(cut.Head, `{"Password":"***","list":["é"`) {
		t.Errorf("%v: %s", err, got[:100])
	}
	if strings.Contains(got, "hunter22") || strings.Contains(got, "2345678") || len(got) > 2*maxLogged {
		t.Errorf("%d bytes: %s", len(got), got[len(got)-100:])
	}
	if text := clip(strings.Repeat("é", maxLogged)); !strings.HasSuffix(text, "é…") || len(text) > maxLogged+3 {
		t.Errorf("a text ends in %q", text[len(text)-10:])
	}
}

// FuzzMaskBody: valid JSON stays valid, and of phone numbers nothing whole is left.
func FuzzMaskBody(f *testing.F) {
	for _, seed := range []string{`{"a":254712345678}`, `["\\",254712345678]`, `{"password":"\""}`, `{"a":-1.5e3,"token":0}`, `"254712345678"`, "{\"a\":\"\u2028\"}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got := maskBody(body, false)
		if json.Valid([]byte(body)) && !json.Valid([]byte(got)) {
			t.Errorf("%q became %q", body, got)
		}
		if clipped := clip(body); json.Valid([]byte(body)) && !json.Valid([]byte(clipped)) {
			t.Errorf("%q was clipped to %q", body, clipped)
		}
		if maskPatterns().phone.MatchString(got) {
			t.Errorf("%q became %q", body, got)
		}
	})
}

// maskPatterns say in another way what MaskPhones finds.
var maskPatterns = sync.OnceValue(func() (m struct{ checkout, phone, local, hash *regexp.Regexp }) {
	m.checkout = regexp.MustCompile(`(ws_CO_\d{15,17}[17]\d{2})\d{3}(\d{3})\b`)
	m.phone = regexp.MustCompile(`\b(254[17]\d{2})\d{3}(\d{3})\b`)
	m.local = regexp.MustCompile(`\b(0[17]\d{2})\d{3}(\d{3})\b`)
	m.hash = regexp.MustCompile(`(^|[^0-9A-Za-z_=])([0-9a-f]{2})[0-9a-f]{62}\b`)
	return m
})

func maskByPatterns(text string) string {
	m := maskPatterns()
	text = m.hash.ReplaceAllString(text, "${1}${2}***")
	text = m.checkout.ReplaceAllString(text, "${1}***${2}")
	text = m.phone.ReplaceAllString(text, "${1}***${2}")
	return m.local.ReplaceAllString(text, "${1}***${2}")
}

// FuzzMaskPhones: the words that are hidden are those that the patterns find.
func FuzzMaskPhones(f *testing.F) {
	hash := strings.Repeat("0a", 32)
	for _, seed := range []string{
		"254712345678", "+254112345678,0712345678 x0712345678 0112345678_", "2547123456789", "254812345678", "0812345678", "254712345678é0712345678",
		"ws_CO_020120260304057712345678", "ws_CO_02012026030405001712345678", "ws_CO_ws_CO_020120260304057112345678", "aws_CO_0201202603040512345678", "ws_CO_020120260304057712345678a",
		hash, "=" + hash, "sha256=" + hash, " " + hash + "," + hash, hash + "0", strings.ToUpper(hash), "é" + hash,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := MaskPhones(text), maskByPatterns(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	})
}
