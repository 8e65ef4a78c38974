package ui

import (
	"bytes"
	"context"
	"io"
	"os"

	"golang.org/x/term"
)

// Key is what a person pressed on a Screen.
type Key uint8

// The keys that a Screen knows.
const (
	KeyQuit Key = iota + 1
	KeyInterrupt
	KeyEnter
	KeyAsk
	KeyUp
	KeyDown
	KeyOther
)

const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// Screen is the whole terminal, for something that goes on. What is said on stderr
// meanwhile is held back until it is closed.
type Screen struct {
	p     *Printer
	out   *os.File
	in    *os.File
	state *term.State
}

// Screen takes the terminal over; ok is false where text does not go to one, or no
// person types. Close must be called.
func (p *Printer) Screen(in io.Reader) (s *Screen, ok bool) {
	keys, fromFile := in.(*os.File)
	out, toFile := p.opts.Stdout.(*os.File)
	if !fromFile || !toFile || !p.opts.StdoutTTY || p.Format() != FormatText || p.opts.Quiet || p.opts.Env("TERM") == "dumb" {
		return nil, false
	}
	state, err := term.MakeRaw(int(keys.Fd()))
	if err != nil {
		return nil, false
	}
	p.mu.Lock()
	p.held = &bytes.Buffer{}
	p.mu.Unlock()
	p.out.prepareOnce()
	if p.write([]byte(enterScreen)) != nil {
		_ = term.Restore(int(keys.Fd()), state)
		return nil, false
	}
	return &Screen{p: p, out: out, in: keys, state: state}, true
}

// Close gives the terminal back, and says what was held.
func (s *Screen) Close() {
	_ = s.p.write([]byte(leaveScreen))
	_ = term.Restore(int(s.in.Fd()), s.state)
	s.p.mu.Lock()
	held := s.p.held
	s.p.held = nil
	s.p.mu.Unlock()
	if held != nil {
		s.p.talk(held.Bytes())
	}
}

// Said is the last line that was held back, as plain text.
func (s *Screen) Said() string {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(s.p.held.Bytes()), []byte("\n"))
	return string(withoutColor(lines[len(lines)-1]))
}

// Rows is how many lines the terminal has now.
func (s *Screen) Rows() int {
	_, rows, err := term.GetSize(int(s.out.Fd()))
	if err != nil || rows <= 0 {
		return 24
	}
	return rows
}

// Draw shows what f writes in the place of what was shown: lines are cut at the
// terminal's edge, and what is below it is left out.
func (s *Screen) Draw(f func(*Text)) error {
	t := &Text{style: &s.p.out, clock: s.p.opts.Clock, width: s.p.opts.Width(), cuts: true}
	f(t)
	lines := bytes.Split(bytes.TrimSuffix(t.buf.Bytes(), []byte("\n")), []byte("\n"))
	lines = lines[:min(len(lines), s.Rows())]
	frame := []byte("\x1b[H")
	for i, line := range lines {
		if i > 0 {
			frame = append(frame, "\r\n"...)
		}
		frame = append(append(frame, line...), "\x1b[K"...)
	}
	return s.p.write(append(frame, "\x1b[J"...))
}

// Keys sends what is typed until ctx ends. from reads the terminal and ends with ctx.
func (s *Screen) Keys(ctx context.Context, from io.Reader) <-chan Key {
	keys := make(chan Key)
	go func() {
		defer close(keys)
		chunk := make([]byte, 64)
		for {
			n, err := from.Read(chunk)
			if err != nil {
				return
			}
			for _, key := range keysIn(chunk[:n]) {
				select {
				case keys <- key:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return keys
}

// keysIn reads what a terminal sends.
func keysIn(typed []byte) []Key {
	var out []Key
	for len(typed) > 0 {
		key, n := KeyOther, 1
		switch {
		case bytes.HasPrefix(typed, []byte("\x1b[A")), bytes.HasPrefix(typed, []byte("\x1bOA")):
			key, n = KeyUp, 3
		case bytes.HasPrefix(typed, []byte("\x1b[B")), bytes.HasPrefix(typed, []byte("\x1bOB")):
			key, n = KeyDown, 3
		case typed[0] == 'k':
			key = KeyUp
		case typed[0] == 'j':
			key = KeyDown
		case typed[0] == 'q':
			key = KeyQuit
		case typed[0] == 3:
			key = KeyInterrupt
		case typed[0] == '\r', typed[0] == '\n':
			key = KeyEnter
		case typed[0] == 'r':
			key = KeyAsk
		}
		out, typed = append(out, key), typed[n:]
	}
	return out
}
