package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// payView is a View and a Row.
type payView struct {
	ID     string  `json:"id"`
	Amount string  `json:"amount"`
	Note   *string `json:"note"`
}

func (v payView) Text(t *Text) {
	t.Heading("payment " + v.ID)
	t.Fields(KV("amount", OK(v.Amount)), KV("note"), KV("reference", Plain("INV"), Dim(" (yours)")))
}

func (v payView) Cells() []Span { return []Span{Bold(v.ID), Plain(v.Amount)} }

var payColumns = []Column{Flexible("ID"), Right("AMOUNT")}

type streams struct{ out, err bytes.Buffer }

func printer(t *testing.T, s *streams, change func(*Options)) *Printer {
	t.Helper()
	o := Options{Stdout: &s.out, Stderr: &s.err}
	if change != nil {
		change(&o)
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFormats(t *testing.T) {
	t.Parallel()
	a, b := payView{ID: "a<&>", Amount: "1.00"}, payView{ID: "bb\x7f\u009b", Amount: "20.00"}
	one := func(p *Printer) error { return p.One(a) }
	line := func(p *Printer) error { return errors.Join(p.Line(a), p.Line(b)) }
	list := func(p *Printer) error { return List(p, payColumns, []payView{a, b}) }
	empty := func(p *Printer) error { return List[payView](p, payColumns, nil) }
	const (
		objectA = `{"id":"a<&>","amount":"1.00","note":null}`
		objectB = `{"id":"bb\u007f\u009b","amount":"20.00","note":null}`
		block   = "payment a<&>\namount     1.00\nreference  INV (yours)\n"
		table   = "ID          AMOUNT\na<&>          1.00\nbb\\x7f\\x9b   20.00\n"
	)
	for name, tt := range map[string]struct {
		format Format
		tty    bool
		do     func(*Printer) error
		want   string
	}{
		"one text":     {FormatText, false, one, block},
		"one json":     {FormatJSON, false, one, objectA + "\n"},
		"one json tty": {FormatJSON, true, one, "{\n  \"id\": \"a<&>\",\n  \"amount\": \"1.00\",\n  \"note\": null\n}\n"},
		"one ndjson":   {FormatNDJSON, true, one, objectA + "\n"},
		"line json":    {FormatJSON, true, line, objectA + "\n" + objectB + "\n"},
		"line ndjson":  {FormatNDJSON, false, line, objectA + "\n" + objectB + "\n"},
		"list text":    {FormatText, false, list, table},
		"list json":    {FormatJSON, false, list, "[" + objectA + "," + objectB + "]\n"},
		"list ndjson":  {FormatNDJSON, false, list, objectA + "\n" + objectB + "\n"},
		"empty text":   {FormatText, false, empty, ""},
		"empty json":   {FormatJSON, false, empty, "[]\n"},
		"empty ndjson": {FormatNDJSON, false, empty, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s streams
			p := printer(t, &s, func(o *Options) { o.Format, o.StdoutTTY, o.Color = tt.format, tt.tty, "never" })
			if err := tt.do(p); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want, ""}, []string{s.out.String(), s.err.String()}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	v := payView{ID: "x\x1b[2J", Amount: "1.00"}
	for name, tt := range map[string]struct {
		change func(*Options)
		list   bool
		want   string
	}{
		"string is raw":      {func(o *Options) { o.JQ = ".amount" }, false, "1.00\n"},
		"null is empty":      {func(o *Options) { o.JQ = ".note" }, false, "\n"},
		"object":             {func(o *Options) { o.JQ = "{id,n:1e3}" }, false, "{\"id\":\"x\\u001b[2J\",\"n\":1000}\n"},
		"many":               {func(o *Options) { o.JQ = ".[].amount" }, true, "1.00\n1.00\n"},
		"whole array":        {func(o *Options) { o.JQ = "length" }, true, "2\n"},
		"each line":          {func(o *Options) { o.JQ, o.Format = "keys|length", FormatNDJSON }, true, "3\n3\n"},
		"nothing":            {func(o *Options) { o.JQ = "empty" }, false, ""},
		"halt":               {func(o *Options) { o.JQ = "1, halt, 2" }, false, "1\n"},
		"raw in a pipe":      {func(o *Options) { o.JQ = ".id" }, false, "x\x1b[2J\n"},
		"safe on a terminal": {func(o *Options) { o.JQ, o.StdoutTTY = `.id + "\n"`, true }, false, "x\\x1b[2J\n\n"},
		"environment":        {func(o *Options) { o.JQ = "env|length" }, false, "0\n"},
		"template":           {func(o *Options) { o.Template = "{{.amount}} {{.note}}." }, false, "1.00 .\n"},
		"template list":      {func(o *Options) { o.Template = `{{range .}}{{.amount | upper}};{{end}}` }, true, "1.00;1.00;\n"},
		"functions": {func(o *Options) {
			o.Template = `{{join "," (pluck "amount" .)}} {{truncate 3 "abcdef"}} {{timefmt "2006" "2026-03-02T08:15:00Z"}} {{json (index . 0).amount}}`
		}, true, "1.00,1.00 ab… 2026 \"1.00\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s streams
			p := printer(t, &s, tt.change)
			var err error
			if tt.list {
				err = List(p, payColumns, []payView{v, v})
			} else {
				err = p.One(v)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, s.out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilterFailsOnTheDocument(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.JQ = ".amount.x" }, `--jq: expected an object but got: string ("1.00")`},
		{func(o *Options) { o.JQ = `error("a\u001bb")` }, `--jq: error: a\x1bb`},
		{func(o *Options) { o.Template = "{{.nope}}" }, `--template: 1:2: executing "template" at <.nope>: map has no entry for key "nope"`},
	} {
		var s streams
		p := printer(t, &s, tt.change)
		err := p.One(payView{Amount: "1.00"})
		var filterError *FilterError
		if !errors.As(err, &filterError) || err.Error() != tt.want || s.out.Len() != 0 {
			t.Errorf("got %v and %q, want %s", err, s.out.String(), tt.want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Format: "yaml"}, `--output "yaml": not a format; write text, json, ndjson or csv`},
		{Options{Color: "blue"}, `--color "blue": not a mode; write auto, always or never`},
		{Options{JQ: ".", Template: "x"}, `--jq and --template: only one of them can be used`},
		{Options{JQ: ".a | ]"}, `--jq: unexpected token "]" at character 6`},
		{Options{JQ: ".a |"}, `--jq: unexpected EOF at character 5`},
		{Options{JQ: "nope(1)"}, `--jq: function not defined: nope/1`},
		{Options{Template: "{{.a"}, `--template: 1: unclosed action`},
	} {
		_, err := New(tt.o)
		if err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	full := ErrorView{Kind: "declined", Message: "refused\nby \x1b[31mthem", Hint: "do this\nand that", ExitCode: 3, Provider: "daraja", ProviderCode: "1032"}
	for name, tt := range map[string]struct {
		format Format
		view   ErrorView
		want   string
	}{
		"text":      {FormatText, full, "payctl: refused\\nby \\x1b[31mthem\nhint: do this\nhint: and that\n"},
		"no hint":   {FormatText, ErrorView{Message: "x"}, "payctl: x\n"},
		"json":      {FormatJSON, full, `{"error":{"kind":"declined","message":"refused\nby \u001b[31mthem","hint":"do this\nand that","exit_code":3,"provider":"daraja","provider_code":"1032","retryable":false}}` + "\n"},
		"all nulls": {FormatNDJSON, ErrorView{Kind: "usage", Message: "<x>", ExitCode: 64, Retryable: true}, `{"error":{"kind":"usage","message":"<x>","hint":null,"exit_code":64,"provider":null,"provider_code":null,"retryable":true}}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s streams
			printer(t, &s, func(o *Options) { o.Format, o.Quiet = tt.format, true }).Error(tt.view)
			if diff := cmp.Diff([]string{"", tt.want}, []string{s.out.String(), s.err.String()}); diff != "" {
				t.Error(diff)
			}
			if tt.format != FormatText && !json.Valid(s.err.Bytes()) {
				t.Error("not JSON")
			}
		})
	}
}

func TestTalk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		quiet, verbose bool
		want           string
	}{
		{false, false, "note 1\\n\nwarning: w\nsure? "},
		{true, false, "warning: w\nsure? "},
		{false, true, "note 1\\n\nwarning: w\ndetail\nsure? "},
		{true, true, "warning: w\ndetail\nsure? "},
	} {
		var s streams
		p := printer(t, &s, func(o *Options) { o.Quiet, o.Verbose = tt.quiet, tt.verbose })
		p.Note("note %d\n", 1)
		p.Warn("%s", "w")
		p.Debug("detail")
		p.Prompt("sure?")
		if diff := cmp.Diff([]string{tt.want, ""}, []string{s.err.String(), s.out.String()}); diff != "" {
			t.Errorf("quiet %v verbose %v: %s", tt.quiet, tt.verbose, diff)
		}
	}
}

func TestBrokenPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	var s streams
	p := printer(t, &s, func(o *Options) { o.Stdout, o.Format = w, FormatJSON })
	// A program that another test starts just now holds the reading end until it runs.
	for range 100 {
		if err = p.Line(payView{}); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for range 2 {
		if !errors.Is(err, ErrBrokenPipe) {
			t.Errorf("got %v", err)
		}
		err = p.Line(payView{})
	}
}

type counting struct {
	n   int
	err error
}

func (c *counting) Write([]byte) (int, error) { c.n++; return 0, c.err }

func TestOutputFailsOnce(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left")
	w := &counting{err: full}
	var s streams
	p := printer(t, &s, func(o *Options) { o.Stdout = w })
	for range 3 {
		if err := p.Raw([]byte("x")); !errors.Is(err, ErrOutput) || !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
	}
	if w.n != 1 {
		t.Errorf("%d writes after a failure, want none", w.n-1)
	}
}

func TestRawIsUntouched(t *testing.T) {
	t.Parallel()
	var s streams
	raw := "\xff\x00\x1b[2J\r\nno end"
	if err := printer(t, &s, func(o *Options) { o.Format, o.JQ = FormatJSON, ".x" }).Raw([]byte(raw)); err != nil || s.out.String() != raw {
		t.Errorf("got %q, %v", s.out.String(), err)
	}
}
