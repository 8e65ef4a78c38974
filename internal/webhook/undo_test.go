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

// variants are bodies as Node signs them and as a receiver's framework leaves them.
const variants = "../../testdata/webhook/variants"

// TestUndoVariants holds that damage done by Node to what Node signed is found, alone and
// together.
func TestUndoVariants(t *testing.T) {
	t.Parallel()
	made, err := os.ReadFile(variants + ".ndjson")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(made) {
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

// TestVariantsAreNodes holds that Node makes the variants as they are kept.
func TestVariantsAreNodes(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node")
	}
	cmd := exec.CommandContext(t.Context(), node, variants+".js")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	made, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	kept, err := os.ReadFile(variants + ".ndjson")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, kept) {
		t.Errorf("make it again: node %s.js > %s.ndjson", variants, variants)
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
