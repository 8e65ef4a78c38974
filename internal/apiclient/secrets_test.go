package apiclient

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSecretsInTheWireLog checks that the secrets a request names are in no
// logged body, escaped or not, nor half of one where the log ends.
func TestSecretsInTheWireLog(t *testing.T) {
	t.Parallel()
	const value = "aB3/dE6+fG9hh"
	for name, c := range map[string]struct{ body, want string }{
		"plain":      {`no key aB3/dE6+fG9hh here`, `no key [redacted] here`},
		"member":     {`{"m":"bad aB3/dE6+fG9hh, é"}`, `{"m":"bad [redacted], é"}`},
		"escaped":    {`{"m":"bad aB3\/dE6+fG9hh"}`, `{"m":"bad [redacted]"}`},
		"encoded":    {`{"m":"<bad> \u0061B3/dE6\u002bfG9hh"}`, `{"m":"<bad> [redacted]"}`},
		"other text": {`{"m":"a\/b \u00e9"}`, `{"m":"a\/b \u00e9"}`},
		"at the end": {strings.Repeat("x", maxLogged-5) + value, strings.Repeat("x", maxLogged-5) + "[reda…"},
		"short one":  {`not a pin-1234 at all`, `not a pin-1234 at all`},
		"contained":  {`aB3/dE6+fG9hhii`, `[redacted]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.body) })
			var got []Exchange
			client := client(t, func(e Exchange) { got = append(got, e) })
			resp, err := client.Do(t.Context(), Request{
				Method: http.MethodPost, URL: url + "/" + value, Body: []byte(`{"field":"` + value + `"}`), Endpoint: "push",
				Secrets: []string{"", "1234", value, value + "ii"},
			})
			if err != nil {
				t.Fatal(err)
			}
			want := []Exchange{{Method: "POST", URL: url + "/[redacted]", Request: `{"field":"[redacted]"}`, Status: 200, Response: c.want}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if string(resp.Body) != c.body {
				t.Errorf("the body is %s, want it as it came", resp.Body)
			}
			if hidden := resp.Hide("by " + value + " or 1234"); hidden != "by [redacted] or 1234" {
				t.Errorf("Hide gives %q", hidden)
			}
		})
	}
}

// TestHideWithoutSecrets: an answer that no request belongs to has none.
func TestHideWithoutSecrets(t *testing.T) {
	t.Parallel()
	if got := (&Response{}).Hide("as it is"); got != "as it is" {
		t.Errorf("got %q", got)
	}
}
