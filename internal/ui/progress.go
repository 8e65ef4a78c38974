package ui

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"github.com/briandowns/spinner"
)

// eraseLine goes to the line's start and clears it.
const eraseLine = "\r\x1b[K"

const (
	frameEvery = 100 * time.Millisecond
	// leastWidth is the narrowest terminal that text is laid out for, in cells.
	leastWidth = 60
	// assumedWidth is used where the terminal's width is not known, in cells.
	assumedWidth = 80
)

// Progress tells on stderr how something long goes. On a terminal it is a
// spinner with a text; elsewhere each change of the text is one plain line;
// under --quiet it is silent. Its methods are safe for concurrent use, and the
// zero or nil Progress does nothing.
type Progress struct {
	p *Printer

	mu   sync.Mutex
	last string
	spin *spinner.Spinner
	over bool
	// resting is what was said at first; live is what stands beside it on a terminal and
	// changes with the time. news is when the text was changed.
	resting string
	live    func() string
	news    time.Time
}

// newsTime is how long a change of the text is shown in the place of what is live.
const newsTime = 2 * time.Second

// Progress begins one. Only one spinner can run at a time: a second Progress
// prints lines. Stop or Done must be called.
func (p *Printer) Progress(text string) *Progress {
	g := &Progress{p: p}
	if !p.opts.Quiet && p.opts.StderrTTY && p.opts.Env("TERM") != "dumb" {
		g.last = text
		g.spin = p.newSpinner(g)
	}
	if g.spin == nil {
		g.last = ""
		g.Update(text)
	}
	return g
}

// Live is Progress whose text on a terminal is followed by what live returns, asked with
// each frame; elsewhere, where nothing can be wiped, it is left out.
func (p *Printer) Live(text string, live func() string) *Progress {
	g := p.Progress(text)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.resting, g.live = text, live
	return g
}

// text is what stands beside the spinner now.
func (g *Progress) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live == nil || time.Since(g.news) < newsTime {
		return g.last
	}
	return g.resting + "; " + g.live()
}

// newSpinner starts a spinner, or returns nil when one runs already or stderr
// turns out to be no terminal.
func (p *Printer) newSpinner(g *Progress) *spinner.Spinner {
	file := p.stderrFile()
	p.mu.Lock()
	free := file != nil && !p.busy
	p.busy = p.busy || free
	p.mu.Unlock()
	if !free {
		return nil
	}
	// The file decides whether it is a terminal; the writer then goes through
	// the Printer, so that frames and lines never mix. The cursor stays visible:
	// a killed process could not bring it back.
	s := spinner.New(p.frames(), frameEvery, spinner.WithWriterFile(file), spinner.WithHiddenCursor(false), spinner.WithColor("cyan"))
	s.Writer = &frameWriter{p: p}
	s.Suffix = p.suffix(g.last)
	// The spinner holds its lock here.
	s.PreUpdate = func(s *spinner.Spinner) { s.Suffix = p.suffix(g.text()) }
	s.Start()
	if !s.Active() {
		p.mu.Lock()
		p.busy = false
		p.mu.Unlock()
		return nil
	}
	return s
}

// suffix is the text beside the spinner: one line that does not wrap, nor breaks into
// several when the terminal is made as narrow as it may be. Some terminals break a line
// before they tell of their new width.
func (p *Printer) suffix(text string) string {
	width := p.opts.Width()
	if width <= 0 {
		width = assumedWidth
	}
	return " " + cut(Safe(text), max(min(width, leastWidth)-4, 1))
}

// frames are dots where the locale can show them.
func (p *Printer) frames() []string {
	locale := p.opts.Env("LC_ALL") + p.opts.Env("LC_CTYPE") + p.opts.Env("LANG")
	if l := strings.ToLower(locale); strings.Contains(l, "utf-8") || strings.Contains(l, "utf8") {
		return []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}
	}
	return []string{"|", "/", "-", `\`}
}

// Update changes the text. The same text again says nothing.
func (g *Progress) Update(text string) {
	if g == nil || g.p == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over || text == g.last {
		return
	}
	g.last, g.news = text, time.Now()
	if g.spin == nil {
		g.p.Note("%s", text)
		return
	}
}

// Stop ends it and leaves nothing behind but the plain lines already printed.
func (g *Progress) Stop() { g.end("") }

// Done ends it and leaves a last line, unless that is what was printed last.
func (g *Progress) Done(text string) { g.end(text) }

func (g *Progress) end(text string) {
	if g == nil || g.p == nil {
		return
	}
	g.mu.Lock()
	over, said := g.over, g.last
	g.over = true
	g.mu.Unlock()
	if over {
		return
	}
	if g.spin != nil {
		said = ""
		g.spin.Stop() // waits for a frame, which asks for the text
		g.p.mu.Lock()
		g.p.clearFrame()
		g.p.busy = false
		g.p.mu.Unlock()
	}
	if text != "" && text != said {
		g.p.Note("%s", text)
	}
}

// frameWriter takes what the spinner writes: erasures and frames. It knows
// whether a frame stands on the line, so an erasure never eats another line.
type frameWriter struct{ p *Printer }

func (w *frameWriter) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	w.p.clearFrame()
	frame := bytes.TrimLeft(b, "\r")
	if isErasure(frame) {
		return len(b), nil
	}
	if !w.p.err.color {
		frame = withoutColor(frame)
	}
	if _, err := w.p.opts.Stderr.Write(append([]byte("\r"), frame...)); err != nil {
		return 0, err
	}
	w.p.frame = max(cells(string(withoutColor(frame))), 1)
	return len(b), nil
}

// withoutColor takes the colours out of a frame: the spinner decides them by
// stdout, and knows of none only by a variable that all its users share.
func withoutColor(frame []byte) []byte {
	var out []byte
	for {
		before, after, found := bytes.Cut(frame, []byte("\x1b["))
		out = append(out, before...)
		if !found {
			return out
		}
		rest := bytes.TrimLeft(after, "0123456789;")
		if !bytes.HasPrefix(rest, []byte("m")) {
			out = append(out, "\x1b["...)
			frame = after
			continue
		}
		frame = rest[1:]
	}
}

// isErasure tells the spinner's wiping of its own lines from a frame: nothing
// but blanks and the sequences "up one line" and "clear the line".
func isErasure(b []byte) bool {
	for _, code := range []string{"\x1b[K", "\x1b[F", "\r", " "} {
		b = bytes.ReplaceAll(b, []byte(code), nil)
	}
	return len(b) == 0
}
