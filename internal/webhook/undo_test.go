package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/secret"
)

func testKeys() []Key { return []Key{{Secret: secret.New("test-webhook-secret-01")}} }

// TestUndoField holds what is said of inputs that people really met.
func TestUndoField(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"receiver/go-map-stored": "members-reordered", "receiver/rx-amount-num": "texts-to-numbers", "receiver/rx-empty-null": "empty-to-null",
		"receiver/rx-envsort": "envelope-reordered", "receiver/rx-fffd": "replaced-characters", "receiver/rx-htmlesc": "html-escaped",
		"receiver/rx-wrapped-str": "wrapped", "unreadable/array": "json-array", "unreadable/bom2": "byte-order-marks",
		"unreadable/double-encoded": "json-string", "unreadable/form": "form", "unreadable/gz": "gzip", "unreadable/utf16": "utf-16",
	} {
		body, err := os.ReadFile(filepath.Join("..", "..", "testdata", "webhook", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := Explain(body, testKeys())
		if !ok || got.Mistake != want || got.Meaning == "" || got.Fix == "" {
			t.Errorf("%s: %q (%v), want %q", name, got.Mistake, ok, want)
		}
		if got, found := newUndoing([]Key{{Secret: secret.New("another-secret")}}, 256<<10).text(body, nil); found {
			t.Errorf("%s: proved %s with another secret", name, got.Mistake)
		}
	}
}

// nodeVariants writes bodies as Node signs them and as a receiver's framework leaves
// them, one {want, body} a line; body is in base64.
const nodeVariants = `
const crypto = require('crypto');
const key = 'test-webhook-secret-01';
const sign = (o) => {
  const {signature, ...rest} = o;
  const s = 'sha256=' + crypto.createHmac('sha256', key).update(JSON.stringify(rest)).digest('hex');
  const out = {};
  for (const k of Object.keys(o)) out[k] = k === 'signature' ? s : o[k];
  return out;
};
const make = (data, event = 'deposit.failed') => sign({event, timestamp: '2026-05-06T07:08:09Z', partnerId: 'partner_n', environment: 'SANDBOX', signature: '', data});
const put = (want, body) => console.log(JSON.stringify({want, body: Buffer.isBuffer(body) ? body.toString('base64') : Buffer.from(body).toString('base64')}));
const map = (v, f) => Array.isArray(v) ? v.map(x => map(x, f)) : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, k === 'signature' ? x : map(x, f)])) : f(v);
const text = (f) => (v) => typeof v === 'string' ? f(v) : v;
const sorted = (v) => Array.isArray(v) ? v.map(sorted) : v && typeof v === 'object' ? Object.fromEntries(Object.keys(v).sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).map(k => [k, sorted(v[k])])) : v;
const alpha = (v) => Array.isArray(v) ? v.map(alpha) : v && typeof v === 'object' ? Object.fromEntries(Object.keys(v).sort().map(k => [k, alpha(v[k])])) : v;
const J = JSON.stringify;

const plain = make({depositId: 'dep_n', reference: 'DEP-N', externalReference: 'ORD 1', amount: '75.50', fee: 2, status: 'FAILED', failureReason: 'Insufficient funds'});
const messy = make({depositId: 'dep_m', reference: '', externalReference: null, amount: '1200.00', status: 'FAILED', failureReason: ' Müller & Söhne ', note: 'señor’s <café>'});
put('trimmed', J(map(make({depositId: 'dep_t', amount: '1.00', failureReason: 'two spaces  '}), text(s => s.trim()))));
put('trimmed', J(map(make({depositId: 'dep_t', amount: '1.00', failureReason: ' a', note: 'b '}), text(s => s.trim()))));
put('empty', J(map(make({depositId: 'dep_e', reference: '', externalReference: '', amount: '1.00'}), v => v === '' ? null : v)));
put('empty', J(map(messy, v => v === '' ? null : v)));
put('null', J(map(make({depositId: 'dep_e', reference: null, amount: '1.00'}), v => v === null ? '' : v)));
put('utf-8-as-latin-1', J(map(messy, text(s => Buffer.from(s, 'utf8').toString('latin1')))));
put('latin-1-stored', Buffer.from(J(make({depositId: 'dep_l', name: 'Señora Núñez'})), 'latin1'));
put('replaced-characters', J(map(make({depositId: 'dep_r', name: 'Señora'}), text(s => s.replace('ñ', '\ufffd')))));
put('replaced-characters', J(map(make({depositId: 'dep_r', name: 'Señora'}), text(s => s.replace('ñ', '\ufffd\ufffd')))));
put('decomposed', J(map(make({depositId: 'dep_d', name: 'Cafe\u0301'}), text(s => s.normalize('NFC')))));
put('composed', J(map(messy, text(s => s.normalize('NFD')))));
put('html-escaped', J(map(messy, text(s => s.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')))));
put('html-unescaped', J(map(make({depositId: 'dep_h', name: 'a &amp; b'}), text(s => s.replace('&amp;', '&')))));
put('shuffled', J(sorted(plain)));
put('shuffled', J(alpha(plain)));
put('reordered', J({data: plain.data, signature: plain.signature, environment: plain.environment, partnerId: plain.partnerId, timestamp: plain.timestamp, event: plain.event}));
put('shuffled', J(alpha(make({zebra: 1, depositId: 'dep_s', apple: 'x', amount: '1.00', mango: true}))));
put('retyped', J(plain).replace('"75.50"', '75.50'));
put('retyped', J(plain).replace('"75.50"', '75.5'));
put('numbers-to-texts', J(map(make({depositId: 'dep_q', fee: 2, rate: 1.5}), v => typeof v === 'number' ? String(v) : v)));
put('wrapped', J({body: J(plain)}));
put('wrapped', J({payload: plain, receivedAt: 'now'}));
put('json-string', J(J(plain)));
put('wrapped+trimmed', J({body: J(map(make({depositId: 'dep_w', note: 'x '}), text(s => s.trim())))}));
put('base64', Buffer.from(J(plain)).toString('base64'));
put('log-prefix', '2026-05-06 07:08:09 INFO webhook: ' + J(plain) + '\n');
put('form', 'payload=' + encodeURIComponent(J(plain)));
put('members-reordered+empty-to-null', J(sorted(map(make({depositId: 'dep_x', reference: '', externalReference: 'O', amount: '3.00', status: 'FAILED', failureReason: ''}), v => v === '' ? null : v))));
put('html-escaped+', J(map(map(make({depositId: 'dep_y', name: 'a & b', amount: '9.00'}), text(s => s.replace('&', '&amp;'))), v => v === '9.00' ? 9 : v)));
`

// TestUndoNode holds that damage done by Node to what Node signed is found, alone
// and together.
func TestUndoNode(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node")
	}
	cmd := exec.CommandContext(t.Context(), node, "-e", nodeVariants)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	n := 0
	for line := range bytes.Lines(out) {
		var v struct {
			Want string
			Body []byte
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		n++
		got, ok := Explain(v.Body, testKeys())
		for want := range strings.SplitSeq(v.Want, "+") {
			if !ok || !strings.Contains(got.Mistake, want) {
				t.Errorf("%s: explained as %q (%v, %s)\n%.300s", v.Want, got.Mistake, ok, got.LeftOut, v.Body)
				break
			}
		}
	}
	if n < 29 {
		t.Errorf("%d variants", n)
	}
}

// TestUndoProvesNothingWrong holds that a changed value is never taken for damage:
// mutations (100,000 with PAYCTL_TORTURE) with the likeliest undoings, and one in so many
// with all of them.
func TestUndoProvesNothingWrong(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(filepath.Join("..", "..", "testdata", "webhook", "receiver", "rx-good.json"))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	mutated := func() []byte {
		out := bytes.Clone(body)
		start := bytes.Index(out, []byte(`"data":`))
		for {
			i := start + random.IntN(len(out)-start)
			if c := out[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' && out[i-1] >= 'a' && out[i-1] <= 'z' {
				out[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[random.IntN(36)]
				if out[i] != c && json.Valid(out) {
					return out
				}
				out[i] = c
			}
		}
	}
	mutations, whole := 5_000, 2_500
	if os.Getenv("PAYCTL_TORTURE") != "" {
		mutations, whole = 100_000, 500
	}
	for i := range mutations {
		m := mutated()
		u := newUndoing(testKeys(), 2<<10)
		if i%whole == 0 {
			u = newUndoing(testKeys(), mostUndone)
		}
		if e, found := u.text(m, nil); found {
			t.Fatalf("proved %q of %s", e.Mistake, m)
		}
	}
}

func FuzzUndo(f *testing.F) {
	for _, name := range []string{"receiver/rx-good", "receiver/rx-wrapped-str", "unreadable/gz", "unreadable/form"} {
		body, err := os.ReadFile(filepath.Join("..", "..", "testdata", "webhook", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(_ *testing.T, body []byte) {
		u := newUndoing(testKeys(), 64<<10)
		_, _ = u.text(body, nil)
	})
}

func BenchmarkUndoNothing(b *testing.B) {
	body, err := os.ReadFile(filepath.Join("..", "..", "testdata", "webhook", "receiver", "rx-good.json"))
	if err != nil {
		b.Fatal(err)
	}
	body = bytes.Replace(body, []byte("250.00"), []byte("251.00"), 1)
	for b.Loop() {
		if e, found := Undo(body, testKeys()); found {
			b.Fatal(fmt.Sprint(e))
		}
	}
}
