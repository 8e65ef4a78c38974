package engine

import (
	"encoding/json"
	"strings"
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
		if masks().phone.MatchString(got) {
			t.Errorf("%q became %q", body, got)
		}
	})
}
