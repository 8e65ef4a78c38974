package ui

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cellView is a row of every sort of value.
type cellView struct {
	Name   string            `json:"name"`
	Amount string            `json:"amount"`
	Note   *string           `json:"note"`
	N      int               `json:"n"`
	OK     bool              `json:"ok"`
	Inner  map[string]string `json:"inner"`
}

func (v cellView) Text(*Text)    {}
func (v cellView) Cells() []Span { return []Span{Plain(v.Name)} }

// TestCSV: RFC 4180 rows under the JSON's keys, nothing in them that a spreadsheet runs.
func TestCSV(t *testing.T) {
	t.Parallel()
	const header = "name,amount,note,n,ok,inner\r\n"
	note := "say \"hi\", twice\nnow"
	for name, tt := range map[string]struct {
		do   func(*Printer) error
		want string
	}{
		"one":   {func(p *Printer) error { return p.One(cellView{Name: "a", Amount: "-1.93", Note: &note, N: -4}) }, header + "a,-1.93,\"say \"\"hi\"\", twice\nnow\",-4,false,\r\n"},
		"list":  {func(p *Printer) error { return List(p, nil, []cellView{{Name: "a"}, {Name: "b", OK: true}}) }, header + "a,,,0,false,\r\nb,,,0,true,\r\n"},
		"lines": {func(p *Printer) error { return errors.Join(p.Line(cellView{Name: "a"}), p.Line(cellView{Name: "b"})) }, header + "a,,,0,false,\r\nb,,,0,false,\r\n"},
		"empty": {func(p *Printer) error { return List[cellView](p, nil, nil) }, header},
		"braces": {func(p *Printer) error {
			return p.One(cellView{Name: "}:\\", Note: &note, Inner: map[string]string{"a:{": "]}\\\",", "b": "\u009b"}})
		}, header + "}:\\,,\"say \"\"hi\"\", twice\nnow\",0,false,\"{\"\"a:{\"\":\"\"]}\\\\\\\"\",\"\",\"\"b\"\":\"\"\\u009b\"\"}\"\r\n"},
		"inner": {func(p *Printer) error { return p.One(cellView{Inner: map[string]string{"k": "v"}}) }, header + ",,,0,false,\"{\"\"k\"\":\"\"v\"\"}\"\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s streams
			if err := tt.do(printer(t, &s, func(o *Options) { o.Format = FormatCSV })); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, s.out.String()); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCSVRunsNothing: what a payer writes is text for a spreadsheet too.
func TestCSVRunsNothing(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`, "+254712": "'+254712", "@SUM(A1)": "'@SUM(A1)", "-1+2": "'-1+2",
		"-": "'-", "--1": "'--1", "-1.": "'-1.", "-.5": "'-.5", "\tx": "'\tx", "\rx": "'\rx", "-1.93": "-1.93", "-22981": "-22981",
		"INV-1": "INV-1", "'x": "'x", "": "", " =1": " =1",
	} {
		if got := guard(cell); got != want {
			t.Errorf("guard(%q) = %q, want %q", cell, got, want)
		}
	}
}

// FuzzCSV: whatever a cell holds, the record has as many cells as the header, and
// none that would run.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a", "=1+1", "\"", "\n", "\r", ",", "-1", "\xff", "\x00", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s streams
		p := printer(t, &s, func(o *Options) { o.Format = FormatCSV })
		if err := List(p, nil, []cellView{{Name: text, Amount: text, Note: &text}}); err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(strings.NewReader(s.out.String()))
		records, err := r.ReadAll()
		if err != nil || len(records) != 2 || len(records[1]) != len(records[0]) {
			t.Fatalf("%q gives %q: %v", text, s.out.String(), err)
		}
		if cell := records[1][0]; cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) && !isDecimal(cell) {
			t.Errorf("%q gives the cell %q", text, cell)
		}
	})
}

func TestCSVTakesNoFilter(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{Format: FormatCSV, JQ: "."}); err == nil || !strings.Contains(err.Error(), "@csv") {
		t.Errorf("csv with --jq gives %v", err)
	}
}
