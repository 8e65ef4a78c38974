package ui

import (
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
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
	over bool
	// stop is closed to end the spinner, and spun waits for its end; stop is nil where
	// none runs.
	stop chan struct{}
	spun sync.WaitGroup
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
		g.spin()
	}
	if g.stop == nil {
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

// spin starts a spinner, unless one runs already or stderr turns out to be no terminal.
// The cursor stays visible: a killed process could not bring it back.
func (g *Progress) spin() {
	p := g.p
	if file := p.stderrFile(); file == nil || !term.IsTerminal(int(file.Fd())) {
		return
	}
	p.mu.Lock()
	free := !p.busy
	p.busy = true
	p.mu.Unlock()
	if !free {
		return
	}
	g.stop = make(chan struct{})
	g.spun.Go(func() {
		next := time.NewTicker(frameEvery)
		defer next.Stop()
		frames := p.frames()
		for i := 0; ; i++ {
			p.draw(frames[i%len(frames)], p.suffix(g.text()))
			select {
			case <-g.stop:
				return
			case <-next.C:
			}
		}
	})
}

// draw puts a frame in the place of the one before.
func (p *Printer) draw(frame, suffix string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearFrame()
	if _, err := io.WriteString(p.opts.Stderr, "\r"+p.err.render(lookBusy, frame)+suffix); err == nil {
		p.frame = cells(frame + suffix)
	}
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
	if g.stop == nil {
		g.p.Note("%s", text)
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
	if g.stop != nil {
		said = ""
		close(g.stop)
		g.spun.Wait() // for a frame, which asks for the text
		g.p.mu.Lock()
		g.p.clearFrame()
		g.p.busy = false
		g.p.mu.Unlock()
	}
	if text != "" && text != said {
		g.p.Note("%s", text)
	}
}
