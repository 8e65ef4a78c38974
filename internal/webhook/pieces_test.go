package webhook_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/webhook"
)

func TestPieces(t *testing.T) {
	t.Parallel()
	type piece struct {
		Line  int
		Text  string
		Value string
	}
	for text, want := range map[string][]piece{
		"":                                    nil,
		"\n\n  \n":                            nil,
		`{"a":1}`:                             {{1, `{"a":1}`, `{"a":1}`}},
		`{"a":1}{"b":2}`:                      {{1, `{"a":1}`, `{"a":1}`}, {1, `{"b":2}`, `{"b":2}`}},
		"{\n\"a\":1\n}{\"b\":2}\n{\"c\":3}\n": {{1, "{\n\"a\":1\n}", "{\n\"a\":1\n}"}, {3, `{"b":2}`, `{"b":2}`}, {4, `{"c":3}`, `{"c":3}`}},
		"10:00 in {\"a\":1} 200\nplain words": {{1, `10:00 in {"a":1} 200`, `{"a":1}`}, {2, "plain words", ""}},
		"{broken {\"a\":1}":                   {{1, `{broken {"a":1}`, `{"a":1}`}},
		"{cut off\nnext":                      {{1, "{cut off", ""}, {2, "next", ""}},
		"[{\"a\":1},\n{\"b\":2}]":             {{1, `[{"a":1}`, `{"a":1}`}, {2, `{"b":2}`, `{"b":2}`}},
		"\ufeff{\"a\":1}\r\n":                 {{1, `{"a":1}`, `{"a":1}`}},
	} {
		var got []piece
		for _, p := range webhook.Pieces([]byte(text)) {
			got = append(got, piece{p.Line, string(p.Text), string(p.Value)})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	log, err := os.ReadFile(filepath.Join("..", "..", "testdata", "field", "01-php-append-log-concatenated-callbacks.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := webhook.Pieces(log); len(got) != 3 || got[0].Line != 1 || got[1].Line != 19 || got[2].Line != 19 {
		t.Errorf("%d pieces of a PHP log", len(got))
	}
}

// FuzzPieces holds that pieces come in order, out of the text, and that none is lost:
// every object that stands on a line alone is one.
func FuzzPieces(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"a":{"b":1}}{"c":2}`, "x {\n}", "[{},{}]", strings.Repeat("{", 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		for _, p := range webhook.Pieces([]byte(text)) {
			if p.Line < last || len(p.Text) == 0 || !strings.Contains(text, string(p.Text)) || !strings.Contains(string(p.Text), string(p.Value)) {
				t.Fatalf("%+v after line %d of %q", p, last, text)
			}
			last = p.Line
		}
		if got := webhook.Pieces([]byte(text + "\n{\"ResultCode\":1}")); len(got) == 0 || string(got[len(got)-1].Value) != `{"ResultCode":1}` && !strings.ContainsAny(text, "{<") {
			t.Fatalf("an object at the end of %q is lost", text)
		}
	})
}
