package ui

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	t.Parallel()
	columns := []Column{Left("A"), Flexible("NAME"), Right("SUM")}
	rows := [][]Span{
		{Plain("1"), Plain("日本語 Nairobi"), Plain("5.00")},
		{Plain("2"), Plain("é́ combining"), Plain("1000.00")},
		{Plain("3"), Plain("line\nend"), Plain(""), Plain("excess")},
		{Plain("4")},
	}
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, "A  NAME                SUM\n1  日本語 Nairobi     5.00\n2  é́ combining     1000.00\n3  line\\nend\n4\n"},
		{24, "A  NAME              SUM\n1  日本語 Nair…     5.00\n2  é́ combining   1000.00\n3  line\\nend\n4\n"},
		{1, "A\n1\n2\n3\n4\n"},
	} {
		text := &Text{style: &style{}, width: tt.width}
		text.Table(columns, rows)
		if diff := cmp.Diff(tt.want, text.buf.String()); diff != "" {
			t.Errorf("width %d: %s", tt.width, diff)
		}
	}
}

func TestBlock(t *testing.T) {
	t.Parallel()
	text := &Text{style: &style{}}
	text.Block(2, "a\r\n\tb\x1b\n")
	text.Blank()
	text.Linef("%s-%d", "x\ny", 1)
	if diff := cmp.Diff("  a\n  \tb\\x1b\n\nx\\ny-1\n", text.buf.String()); diff != "" {
		t.Error(diff)
	}
}

func FuzzSafe(f *testing.F) {
	for _, seed := range []string{"", "a\n", "\x1b]0;t\x07", "\u009b6n", "\xff", "\u202e", "日本"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := Safe(in)
		for _, r := range got {
			if r < 0x20 || r >= 0x7f && r <= 0x9f || r == 0x202e || r == 0x2028 {
				t.Fatalf("%U passed in %q", r, got)
			}
		}
		if Safe(got) != got {
			t.Fatalf("not stable: %q", got)
		}
		data, err := encode(map[string]string{"v": in})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := json.Unmarshal(data, &back); err != nil || back["v"] != strings.ToValidUTF8(in, "\ufffd") && strings.ToValidUTF8(in, "") == in {
			t.Fatalf("%q became %q through %s: %v", in, back["v"], data, err)
		}
		for _, r := range string(data) {
			if r < 0x20 || r >= 0x7f && r <= 0x9f {
				t.Fatalf("%U passed in %q", r, data)
			}
		}
	})
}

func TestColor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode string
		tty  bool
		env  map[string]string
		want bool
	}{
		{"", true, nil, true},
		{"auto", false, nil, false},
		{"auto", true, map[string]string{"NO_COLOR": "1"}, false},
		{"auto", true, map[string]string{"TERM": "dumb"}, false},
		{"auto", true, map[string]string{"CLICOLOR": "0"}, false},
		{"auto", false, map[string]string{"CLICOLOR_FORCE": "1"}, true},
		{"auto", false, map[string]string{"CLICOLOR_FORCE": "0"}, false},
		{"auto", true, map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, false},
		{"always", false, map[string]string{"NO_COLOR": "1", "TERM": "dumb"}, true},
		{"never", true, map[string]string{"CLICOLOR_FORCE": "1"}, false},
	} {
		var s streams
		p := printer(t, &s, func(o *Options) {
			o.Color, o.StdoutTTY, o.Env = tt.mode, tt.tty, func(name string) string { return tt.env[name] }
		})
		err := p.Words(func(w *Text) {
			w.Line(OK("ok"), Bad("bad"), Warn("warn"), Bold("bold"), Dim("dim"), Plain(" plain"), OK(""))
		})
		if err != nil {
			t.Fatal(err)
		}
		want := "okbadwarnbolddim plain\n"
		if tt.want {
			want = "\x1b[32mok\x1b[0m\x1b[31mbad\x1b[0m\x1b[33mwarn\x1b[0m\x1b[1mbold\x1b[0m\x1b[2mdim\x1b[0m plain\n"
		}
		if diff := cmp.Diff(want, s.out.String()); diff != "" {
			t.Errorf("%+v: %s", tt, diff)
		}
	}
}
