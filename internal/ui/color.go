package ui

import (
	"fmt"
	"io"
	"sync"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// wantsColor decides colour for one stream: --color, then NO_COLOR, then
// CLICOLOR_FORCE, then TERM=dumb and CLICOLOR=0, then whether a person reads.
func wantsColor(mode string, tty bool, env func(string) string) (bool, error) {
	switch mode {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto", "":
	default:
		return false, fmt.Errorf("--color %q: not a mode; write auto, always or never", mode)
	}
	force := env("CLICOLOR_FORCE")
	switch {
	case env("NO_COLOR") != "":
		return false, nil
	case force != "" && force != "0":
		return true, nil
	case env("TERM") == "dumb", env("CLICOLOR") == "0":
		return false, nil
	}
	return tty, nil
}

// look is one way in which a piece of text stands out.
type look uint8

const (
	lookPlain look = iota
	lookBold
	lookDim
	lookOK
	lookBad
	lookWarn
)

// style renders looks for one stream. The lipgloss renderer is made when the
// first colour is needed, with profile and background told to it: left to
// themselves, lipgloss and termenv ask the terminal and wait for its answer.
type style struct {
	w     io.Writer
	color bool

	once  sync.Once
	looks map[look]lipgloss.Style
}

func (s *style) render(l look, text string) string {
	if !s.color || l == lookPlain || text == "" {
		return text
	}
	s.prepareOnce()
	return s.looks[l].Render(text)
}

// prepareOnce makes the looks when they are first needed.
func (s *style) prepareOnce() { s.once.Do(s.prepare) }

// prepare uses the 16 colours of the terminal's own theme, legible on light
// and dark backgrounds alike.
func (s *style) prepare() {
	r := lipgloss.NewRenderer(s.w, termenv.WithProfile(termenv.ANSI), termenv.WithTTY(false))
	r.SetColorProfile(termenv.ANSI)
	r.SetHasDarkBackground(true)
	enableEscapes(r.Output())
	plain := r.NewStyle().Inline(true)
	s.looks = map[look]lipgloss.Style{
		lookBold: plain.Bold(true),
		lookDim:  plain.Faint(true),
		lookOK:   plain.Foreground(lipgloss.Color("2")),
		lookBad:  plain.Foreground(lipgloss.Color("1")),
		lookWarn: plain.Foreground(lipgloss.Color("3")),
	}
}

// enableEscapes lets an old Windows console understand colours; elsewhere it
// does nothing. The mode is left on, as the console's next user expects it.
func enableEscapes(o *termenv.Output) {
	_, _ = termenv.EnableVirtualTerminalProcessing(o)
}
