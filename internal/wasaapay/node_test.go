package wasaapay

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"os/exec"
	"strings"
	"testing"
)

// oracle is the vendor's own sample (reference/wasaapay.md §11.4) as Node runs
// it, with the byte order mark that Express drops.
const oracle = `
const out = [];
for (const line of require('fs').readFileSync(0, 'latin1').split('\n')) {
  if (line === '') continue;
  let text = Buffer.from(line.slice(1), 'base64').toString('utf8');
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
  try {
    const body = JSON.parse(text);
    if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new Error('not an object');
    delete body.signature;
    out.push(Buffer.from(JSON.stringify(body), 'utf8').toString('base64'));
  } catch (e) {
    out.push('error');
  }
}
process.stdout.write(out.join('\n') + '\n');
`

// askNode returns what JavaScript makes of each body; nil where it throws.
func askNode(t *testing.T, bodies [][]byte) [][]byte {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: no node on this machine, the canonical form is NOT compared with JavaScript's own")
	}
	var in bytes.Buffer
	for _, b := range bodies {
		in.WriteString("=" + base64.StdEncoding.EncodeToString(b) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), node, "-e", oracle)
	cmd.Stdin = &in
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	var out [][]byte
	scanner := bufio.NewScanner(bytes.NewReader(answer))
	scanner.Buffer(nil, 8<<20)
	for scanner.Scan() {
		if scanner.Text() == "error" {
			out = append(out, nil)
			continue
		}
		text, err := base64.StdEncoding.DecodeString(scanner.Text())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	if len(out) != len(bodies) {
		t.Fatalf("node answered %d of %d", len(out), len(bodies))
	}
	return out
}

// handmade are bodies at the edges of the grammar.
func handmade() [][]byte {
	texts := []string{
		`{}`, ` {} `, `{"a":1}x`, `{"a":1}{}`, `[]`, `null`, `"x"`, `1`, ``, ` `, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`,
		`{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":+1}`, `{"a":1e}`, `{"a":1e+}`, `{"a":0x1}`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":tru}`, `{"a":nul}`,
		`{"a":'b'}`, `{a:1}`, `{"a":"\x41"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"` + "\x01" + `"}`, `{"a":"` + "\x7f" + `"}`, `{"a":[1,]}`, `{"a":[,]}`, `{"a":[1 2]}`,
		"\ufeff{\"a\":1}", "\ufeff\ufeff{}", "\u00a0{}", "{\"a\":\u00a01}", "{\f}", "{\v}", `{"a":1}` + "\x00", "\xff{}", "{\"a\":1}\xff", "{\xff}",
		`{"__proto__":{"x":1},"a":{"__proto__":1,"__proto__":2}}`, `{"signature":1,"signature":2}`, `{"a":1,"signature":2,"a":3,"signature":4}`,
		`{"b":1,"4294967294":2,"4294967295":3,"4294967296":4,"0":5,"-0":6,"00":7,"1":8,"b":9,"1":10}`, `{"sign\u0061ture":1,"x":2}`,
		`{"a":"\ud83d\ude00\ud83d\ud83d\ude00\ude00\uD83D"}`, `{"\ud800":1,"\uD800":2}`, "{\"\xff\":1,\"\xfe\":2,\"\uFFFD\":3}", "{\"\xe2\x82\\u00ac\":1}",
		`{"a":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`, `{"a":` + strings.Repeat(`{"b":2,"1":`, 500) + "1" + strings.Repeat("}", 500) + `}`,
		`{"a":` + strings.Repeat("9", 400) + `}`, `{"a":0.` + strings.Repeat("0", 400) + `1}`, `{"a":1` + strings.Repeat("0", 1000) + `e-1000}`,
		`{"a":1` + strings.Repeat("0", 100_000) + `e-100000}`, `{"a":0.` + strings.Repeat("0", 100_000) + `1e100000}`, `{"a":-0.` + strings.Repeat("0", 100) + `}`,
		`{"a":1e99999999999999999999,"b":1e-99999999999999999999,"c":9007199254740993` + strings.Repeat("0", 900) + `1e-901}`,
		`{"a":2.22507385850720113605740979670913197593481954635164564e-308}`, `{"a":9007199254740992.5,"b":9007199254740993.0000000000000000000000000000001}`,
	}
	out := make([][]byte, len(texts))
	for i, s := range texts {
		out[i] = []byte(s)
	}
	return out
}

func TestCanonicalIsJavaScripts(t *testing.T) {
	t.Parallel()
	bodies := handmade()
	for seed := range uint64(4000) {
		g := newGenerator(seed)
		g.wild = seed%4 == 0
		g.plain = seed%7 == 1
		body := g.body()
		bodies = append(bodies, body)
		if seed%3 == 0 {
			bodies = append(bodies, g.broken(body))
		}
	}
	bodies = append(bodies, vectors(t, "wasaapay-valid.ndjson")...)
	refused := 0
	for i, want := range askNode(t, bodies) {
		got, err := Canonical(nil, bodies[i])
		if want == nil {
			refused++
			if err == nil {
				t.Errorf("JavaScript refuses %q, got %q", bodies[i], got)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("body %q:\n got %q (%v)\nwant %q", bodies[i], got, err, want)
		}
	}
	if refused < 300 || len(bodies)-refused < 3000 {
		t.Errorf("%d of %d bodies were refused: the generator lost its balance", refused, len(bodies))
	}
}

// TestDepthIsBounded: JavaScript would go on for some thousands of levels.
func TestDepthIsBounded(t *testing.T) {
	t.Parallel()
	for _, open := range []string{"[", `{"a":`} {
		body := []byte(`{"a":` + strings.Repeat(open, 100_000))
		if _, err := Canonical(nil, body); err == nil || !strings.Contains(err.Error(), "nested deeper than 512") {
			t.Errorf("%d levels of %s: got error %v", 100_000, open, err)
		}
	}
}
