package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	east := time.FixedZone("EAT", 3*60*60)
	clock := Clock{Zone: func() *time.Location { return east }, Now: func() time.Time { return now }}
	columns := []Column{Left("ID"), Left("CREATED")}
	rows := [][]Span{
		{Plain("1"), When("2026-01-02T11:59:01.500Z")},
		{Plain("2"), When("2026-01-01T12:00:00Z")},
		{Plain("3"), When("2025-12-01T12:00:00Z")},
		{Plain("4"), When("2026-01-02T12:05:00Z")},
		{Plain("5"), When("-")},
	}
	for name, tt := range map[string]struct {
		width int
		want  string
	}{
		"a pipe":     {0, "ID  CREATED (EAT)\n1   2026-01-02 14:59:01\n2   2026-01-01 15:00:00\n3   2025-12-01 15:00:00\n4   2026-01-02 15:05:00\n5   -\n"},
		"a terminal": {80, "ID  CREATED\n1   58s ago\n2   24h ago\n3   32d ago\n4   in 5m\n5   -\n"},
	} {
		text := &Text{style: &style{}, width: tt.width, clock: clock}
		text.Table(columns, rows)
		if diff := cmp.Diff(tt.want, text.buf.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	text := &Text{style: &style{}, clock: clock}
	text.Fields(KV("created", When("2026-01-02T12:00:00Z")), KV("paid", When("2026-01-02T12:00:07Z")), KV("none", When("")))
	if diff := cmp.Diff("created  2026-01-02 15:00:00 EAT\npaid     2026-01-02 15:00:07\n", text.buf.String()); diff != "" {
		t.Error(diff)
	}
}

// A row is one line on any terminal: columns are shortened, then left out in their order,
// and what is left is cut.
func TestNarrowTable(t *testing.T) {
	t.Parallel()
	columns := []Column{Left("ID").Dropped(2), Left("STATUS"), Flexible("REFERENCE"), Right("AMOUNT").Dropped(1)}
	rows := [][]Span{{Plain("dep_0000001"), Plain("COMPLETED"), Plain("INVOICE-0000001"), Plain("1000.00")}}
	for width, want := range map[int]string{
		80: "ID           STATUS     REFERENCE         AMOUNT\ndep_0000001  COMPLETED  INVOICE-0000001  1000.00\n",
		44: "ID           STATUS     REFERENCE     AMOUNT\ndep_0000001  COMPLETED  INVOICE-00…  1000.00\n",
		36: "ID           STATUS     REFERENCE\ndep_0000001  COMPLETED  INVOICE-000…\n",
		26: "STATUS     REFERENCE\nCOMPLETED  INVOICE-0000001\n",
		14: "STATUS     RE…\nCOMPLETED  IN…\n",
		5:  "STAT…\nCOMP…\n",
	} {
		text := &Text{style: &style{}, width: width}
		text.Table(columns, rows)
		if diff := cmp.Diff(want, text.buf.String()); diff != "" {
			t.Errorf("width %d: %s", width, diff)
		}
		for line := range strings.Lines(text.buf.String()) {
			if cells(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("width %d: a line of %d cells", width, cells(line))
			}
		}
	}
	if got := DropOrder(columns); got != "AMOUNT, ID" {
		t.Errorf("order %q", got)
	}
}

// Under json each line of talk is an object.
func TestTalkIsJSON(t *testing.T) {
	t.Parallel()
	var s streams
	p := printer(t, &s, func(o *Options) { o.Format, o.Verbose = FormatNDJSON, true })
	p.Note("a \"note\"")
	p.Warn("careful")
	p.Debug("> GET")
	p.Progress("asking").Done("asked")
	want := "{\"note\":\"a \\\"note\\\"\"}\n{\"warning\":\"careful\"}\n{\"debug\":\"> GET\"}\n{\"note\":\"asking\"}\n{\"note\":\"asked\"}\n"
	if diff := cmp.Diff(want, s.err.String()); diff != "" {
		t.Error(diff)
	}
}

// A terminal that was made narrower has broken the frame into several lines.
func TestFrameAfterResize(t *testing.T) {
	t.Parallel()
	var s streams
	width := 100
	p := printer(t, &s, func(o *Options) { o.Width, o.Color = func() int { return width }, "never" })
	w := frameWriter{p: p}
	frame := "\r| " + strings.Repeat("x", 88)
	if _, err := w.Write([]byte(frame)); err != nil {
		t.Fatal(err)
	}
	width = 40
	p.Note("here")
	if want := frame + "\r\x1b[2A\x1b[Jhere\n"; s.err.String() != want {
		t.Errorf("got %q, want %q", s.err.String(), want)
	}
}
