package store

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"", "dep_", "dep_00000018ap3", "DEP_OOOOOOI8AP3", "dlv_00000018ap3", "dep_zzzzzzzzzzz", "dep_0000001\xff\xff\xff\xff"} {
		f.Add(seed)
	}
	s := &database{ids: ids("0123456789abcdef")}
	f.Fuzz(func(t *testing.T, text string) {
		seq, check, ok := parseID(depositPrefix, text)
		if !ok {
			return
		}
		if seq <= 0 || seq > idMostKey || len(check) != idCheckLetters {
			t.Fatalf("%q: %d %q", text, seq, check)
		}
		id := s.id(depositPrefix, seq)
		if again, ok := s.key(depositPrefix, strings.ToUpper(id)); !ok || again != seq {
			t.Fatalf("%q: %d, then %d", text, seq, again)
		}
		if _, ok := s.key(deliveryPrefix, id); ok {
			t.Fatalf("%q is a delivery too", id)
		}
	})
}

func TestIDsSortAsKeys(t *testing.T) {
	t.Parallel()
	s := &database{ids: ids("0123456789abcdef")}
	last := ""
	for _, seq := range []int64{1, 2, 31, 32, 33, 1023, 1024, 5_000_000, idMostKey} {
		id := s.id(deliveryPrefix, seq)
		if id <= last {
			t.Errorf("%s does not come after %s", id, last)
		}
		last = id
		if got, ok := s.key(deliveryPrefix, id); !ok || got != seq {
			t.Errorf("%s: %d", id, got)
		}
	}
	for _, seq := range []int64{0, -1, idMostKey + 1} {
		if id := s.id(deliveryPrefix, seq); id != "" {
			t.Errorf("%d: %s", seq, id)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(position{at: 1772439331000000, seq: 2}.cursor())
	f.Add(position{at: -1, seq: 1 << 40}.cursor())
	f.Add("AYC7rovGgaYGBA==")
	f.Fuzz(func(t *testing.T, text string) {
		p, has, err := parseCursor(text)
		if err != nil || !has {
			return
		}
		if p.cursor() != text {
			t.Fatalf("%q comes back as %q", text, p.cursor())
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add("Content-Type", "application/json", "Content-Type", "again")
	f.Add("a: b", "\\n\r\n", "", "")
	f.Add("\\", ":", "x:", " ")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		h := http.Header{}
		h[name1] = append(h[name1], value1)
		h[name2] = append(h[name2], value2)
		got, err := decodeHeader(encodeHeader(h))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h, got); diff != "" {
			t.Fatal(diff)
		}
		_, _ = decodeHeader(name1 + value1)
	})
}
