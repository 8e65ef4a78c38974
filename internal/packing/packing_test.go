package packing_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/packing"
)

// TestUnpackField holds what is said of files that people really had.
func TestUnpackField(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"array": "json-array", "bom2": "byte-order-marks", "double-encoded": "json-string", "form": "form", "gz": "gzip", "utf16": "utf-16",
	} {
		body := read(t, name)
		inner, undone := packing.Unpack(body)
		if len(undone) != 1 || undone[0].Name != want || !strings.HasPrefix(packing.Describe(undone), want+": ") || undone[0].Fix == "" {
			t.Errorf("%s: undone %s, want %s", name, packing.Describe(undone), want)
		}
		if !bytes.HasPrefix(inner, []byte(`{"event":"deposit.completed"`)) || !bytes.HasSuffix(bytes.TrimSpace(inner), []byte("}}")) {
			t.Errorf("%s: %s", name, inner)
		}
	}
	if got := packing.Odd(read(t, "empty")); !strings.HasPrefix(got, "empty: ") {
		t.Errorf("empty: %q", got)
	}
}

func TestUnpackLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	bomb := gzipped(t, bytes.Repeat([]byte("0"), 80<<20))
	for name, body := range map[string]string{
		"an object": `{"a":"%7B"}`, "two items": `[{"a":1},{"b":2}]`, "a text without JSON": `"hello"`, "an empty list": "[]", "a number": "12",
		"a cut gzip": string(gzipped(t, []byte(`{"a":1}`))[:12]), "a bomb": string(bomb), "odd UTF-16": "\xff\xfe{\x00\"", "two fields": "a=%7B%7D&b=%7B%7D",
		"base64 of something else": "aGVsbG8gd29ybGQ=", "a page": "<html>%7B%7D</html>", "nothing": "",
	} {
		if inner, undone := packing.Unpack([]byte(body)); len(undone) > 0 {
			t.Errorf("%s: undone %s: %.60q", name, packing.Describe(undone), inner)
		}
	}
}

// TestUnpackSeveral holds that forms around each other are taken off, up to a bound.
func TestUnpackSeveral(t *testing.T) {
	t.Parallel()
	inner, undone := packing.Unpack(gzipped(t, []byte("\ufeff\"{\\\"a\\\":1}\"")))
	if string(inner) != `{"a":1}` || len(undone) != 3 {
		t.Errorf("%s: %s", inner, packing.Describe(undone))
	}
	if _, undone := packing.Unpack([]byte(strings.Repeat("[", 1<<16) + strings.Repeat("]", 1<<16))); len(undone) > 3 {
		t.Error(packing.Describe(undone))
	}
}

func TestOdd(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		" \n": "empty", "<html>": "markup", `2026 INFO got {"a":1}`: "log-prefix", `{"a":1}`: "", "junk": "", "[1]": "",
	} {
		got, _, _ := strings.Cut(packing.Odd([]byte(body)), ":")
		if got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, name := range []string{"array", "bom2", "double-encoded", "empty", "form", "gz", "utf16"} {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 1<<16 {
			return
		}
		inner, undone := packing.Unpack(body)
		if len(undone) == 0 && !bytes.Equal(inner, body) {
			t.Errorf("%q became %q", body, inner)
		}
		_ = packing.Odd(body)
	})
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "testdata", "webhook", "unreadable", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func gzipped(t *testing.T, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
