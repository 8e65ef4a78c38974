package ui

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Format is what stdout carries.
type Format string

// The formats.
const (
	// FormatText is for people.
	FormatText Format = "text"
	// FormatJSON prints one document; streams print one object a line.
	FormatJSON Format = "json"
	// FormatNDJSON prints one object a line.
	FormatNDJSON Format = "ndjson"
	// FormatCSV prints objects as rows under their JSON keys (RFC 4180).
	FormatCSV Format = "csv"
)

// ParseFormat reads the value of --output.
func ParseFormat(text string) (Format, error) {
	switch f := Format(text); f {
	case FormatText, FormatJSON, FormatNDJSON, FormatCSV:
		return f, nil
	}
	return "", fmt.Errorf("--output %q: not a format; write text, json, ndjson or csv", text)
}

// ErrBrokenPipe says that the reader of stdout has gone, as in "payctl … | head".
// It is no reason to complain.
var ErrBrokenPipe = errors.New("stdout: the reader has gone")

// ErrOutput marks every other failure to write stdout, such as a full disk.
var ErrOutput = errors.New("stdout could not be written")

// Options says what the process around the Printer is like.
type Options struct {
	// Stdout and Stderr are where to write.
	Stdout, Stderr io.Writer
	// StdoutTTY and StderrTTY say that a person reads there.
	StdoutTTY, StderrTTY bool
	// Width asks for the terminal's width in cells, 0 if unknown; it may change while
	// something is shown. Pipes are never cut to it. Nil is unknown.
	Width func() int
	// Clock is how times are shown to people.
	Clock Clock
	// Format is text when empty.
	Format Format
	// JQ and Template filter every document; at most one may be set. Under
	// text they filter what json would print.
	JQ, Template string
	// Quiet silences notes and progress; Verbose lets Debug speak.
	Quiet, Verbose bool
	// Color is "auto", "always" or "never"; empty is auto.
	Color string
	// Env looks up NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM and the locale; nil is an empty environment.
	Env func(string) string
	// Lead rewrites the hints, notes and warnings that name commands; nil leaves them.
	Lead func(string) string
	// ShowPhone is the operator's wish to see full phone numbers; the Printer
	// only carries it to whoever builds views.
	ShowPhone bool
}

// Clock is how times are shown to people.
type Clock struct {
	// Zone is asked when the first time is shown; nil is UTC.
	Zone func() *time.Location
	// Now makes times in a terminal's tables relative; nil leaves them absolute.
	Now func() time.Time
}

// Printer writes stdout and stderr. All methods are safe for concurrent use.
type Printer struct {
	opts   Options
	filter filter
	// within bounds the filter.
	within context.Context
	out    style
	err    style

	mu sync.Mutex
	// failed is the first failure to write stdout; nothing is written after it.
	failed error
	// frame is how many cells the spinner's frame has that stands on the terminal's last line.
	frame int
	// busy says that a spinner is running.
	busy bool
	// held takes what is said while a Screen has the terminal; nil without one.
	held *bytes.Buffer
	// headed says that the CSV's header was printed.
	headed bool
}

// View is a struct with JSON tags and one method for its human form.
type View interface {
	Text(t *Text)
}

// New returns a Printer. It touches neither stream. Every error is about the
// options (usage): an unknown format or colour mode, or a --jq or --template
// that does not parse, with the position.
func New(o Options) (*Printer, error) {
	if o.Env == nil {
		o.Env = func(string) string { return "" }
	}
	if o.Width == nil {
		o.Width = func() int { return 0 }
	}
	if o.Format == "" {
		o.Format = FormatText
	}
	if _, err := ParseFormat(string(o.Format)); err != nil {
		return nil, err
	}
	outColor, err := wantsColor(o.Color, o.StdoutTTY, o.Env)
	if err != nil {
		return nil, err
	}
	errColor, err := wantsColor(o.Color, o.StderrTTY, o.Env)
	if err != nil {
		return nil, err
	}
	f, err := newFilter(o.JQ, o.Template)
	if err != nil {
		return nil, err
	}
	if f != nil && o.Format == FormatCSV {
		return nil, errors.New("--output csv: rows cannot be filtered by --jq or --template; write -o json, or let jq write @csv")
	}
	p := &Printer{opts: o, filter: f, within: context.Background()}
	p.out = style{w: o.Stdout, color: outColor}
	p.err = style{w: o.Stderr, color: errColor}
	return p, nil
}

// Format returns what stdout carries: json when a filter was given with text.
func (p *Printer) Format() Format {
	if p.filter != nil && p.opts.Format == FormatText {
		return FormatJSON
	}
	return p.opts.Format
}

// ShowPhone reports whether full phone numbers were asked for.
func (p *Printer) ShowPhone() bool { return p.opts.ShowPhone }

// Quiet reports whether notes are silenced.
func (p *Printer) Quiet() bool { return p.opts.Quiet }

// Verbose reports whether Debug speaks, so that costly detail is not built in vain.
func (p *Printer) Verbose() bool { return p.opts.Verbose }

// One prints one document: an object under json and ndjson, the View's own
// words under text, a row under csv. Errors are ErrBrokenPipe, ErrOutput or a *FilterError.
func (p *Printer) One(v View) error {
	switch p.Format() {
	case FormatText:
		return p.text(v.Text)
	case FormatCSV:
		return p.csvOne(v)
	case FormatJSON, FormatNDJSON:
	}
	return p.document(v, p.Format() == FormatJSON)
}

// Line prints one item of a stream: one object a line under json and ndjson
// alike. Errors are those of One.
func (p *Printer) Line(v View) error {
	switch p.Format() {
	case FormatText:
		return p.text(v.Text)
	case FormatCSV:
		return p.csvOne(v)
	case FormatJSON, FormatNDJSON:
	}
	return p.document(v, false)
}

// Raw writes bytes to stdout exactly as they are, whatever the format; on a terminal,
// which would obey what is in them, escaped. Errors are ErrBrokenPipe or ErrOutput.
func (p *Printer) Raw(b []byte) error {
	if !p.opts.StdoutTTY {
		return p.write(b)
	}
	shown := safeLines(string(b))
	if shown != string(b) {
		p.Note("what a terminal would obey is escaped here; redirect the output for the exact bytes")
	}
	return p.write([]byte(shown))
}

// JSON prints a document of JSON that was made elsewhere: as it is, or through the filter.
func (p *Printer) JSON(document []byte) error {
	if p.opts.JQ == "" && p.opts.Template == "" {
		return p.Raw(document)
	}
	return p.One(madeElsewhere{document})
}

// JSONLines prints lines of JSON that were made elsewhere: as they are, or one by one
// through the filter.
func (p *Printer) JSONLines(lines []byte) error {
	if p.opts.JQ == "" && p.opts.Template == "" {
		return p.Raw(lines)
	}
	var first error
	for line := range bytes.Lines(lines) {
		first = cmp.Or(first, p.Line(madeElsewhere{bytes.TrimSuffix(line, []byte("\n"))}))
	}
	return first
}

type madeElsewhere struct{ json.RawMessage }

// Text writes nothing: JSON is not made for people.
func (madeElsewhere) Text(*Text) {}

// Words prints text that has no JSON form, such as a help topic, under any format.
func (p *Printer) Words(f func(t *Text)) error { return p.text(f) }

func (p *Printer) text(f func(*Text)) error {
	t := &Text{style: &p.out, clock: p.opts.Clock}
	if p.opts.StdoutTTY {
		t.width = p.opts.Width()
	}
	f(t)
	return p.write(t.buf.Bytes())
}

// document prints a value as JSON through the filter. A single document on a
// terminal is indented for the eye; in a pipe it is one line.
func (p *Printer) document(v any, single bool) error {
	data, err := encode(v)
	if err != nil {
		return err
	}
	tty := p.opts.StdoutTTY
	if p.filter != nil {
		if data, err = p.filtered(data, tty && single); err != nil {
			return err
		}
		if tty {
			data = []byte(safeLines(string(data)))
		}
		return p.write(data)
	}
	if tty && single {
		data = indent(data)
	}
	return p.write(append(data, '\n'))
}

// write puts one whole piece on stdout.
func (p *Printer) write(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil || len(b) == 0 {
		return p.failed
	}
	if p.opts.StdoutTTY {
		p.clearFrame()
	}
	if _, err := p.opts.Stdout.Write(b); err != nil {
		if isBrokenPipe(err) {
			p.failed = ErrBrokenPipe
		} else {
			p.failed = fmt.Errorf("%w: %w", ErrOutput, err)
		}
	}
	return p.failed
}

// talk puts one whole piece on stderr. A failure there cannot be told to anybody.
func (p *Printer) talk(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil {
		_, _ = p.held.Write(b) // it cannot fail
		return
	}
	p.clearFrame()
	_, _ = p.opts.Stderr.Write(b)
}

// clearFrame wipes the spinner's line so that other text starts on a clean one. A
// terminal that was made narrower has broken the line into several; the Linux console
// cuts it off instead. The caller holds p.mu.
func (p *Printer) clearFrame() {
	if p.frame == 0 {
		return
	}
	wipe := eraseLine
	if width := p.opts.Width(); width > 0 && p.frame > width && p.opts.Env("TERM") != "linux" {
		wipe = fmt.Sprintf("\r\x1b[%dA\x1b[J", (p.frame-1)/width)
	}
	_, _ = io.WriteString(p.opts.Stderr, wipe)
	p.frame = 0
}

// stderrFile returns stderr as the file that the spinner wants, or nil.
func (p *Printer) stderrFile() *os.File {
	f, _ := p.opts.Stderr.(*os.File)
	return f
}
