package ui

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProgressInAPipe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Options)
		do     func(*Printer)
		want   string
	}{
		"each change once": {nil, func(p *Printer) {
			g := p.Progress("sending")
			g.Update("sending")
			g.Update("waiting\x1b[2J")
			g.Update("sending")
			g.Done("paid")
			g.Done("again")
			g.Update("late")
			g.Stop()
		}, "sending\nwaiting\\x1b[2J\nsending\npaid\n"},
		"done with the last line": {nil, func(p *Printer) { p.Progress("paid").Done("paid") }, "paid\n"},
		"stopped":                 {nil, func(p *Printer) { p.Progress("sending").Stop() }, "sending\n"},
		"quiet":                   {func(o *Options) { o.Quiet = true }, func(p *Printer) { g := p.Progress("a"); g.Update("b"); g.Done("c") }, ""},
		"dumb terminal": {func(o *Options) {
			o.StderrTTY, o.Env = true, func(name string) string { return map[string]string{"TERM": "dumb"}[name] }
		}, func(p *Printer) { p.Progress("a").Done("b") }, "a\nb\n"},
		"terminal in name only": {func(o *Options) { o.StderrTTY, o.Color = true, "never" }, func(p *Printer) { p.Progress("a").Done("b") }, "a\nb\n"},
		"nil":                   {nil, func(*Printer) { var g *Progress; g.Update("x"); g.Done("y"); g.Stop(); new(Progress).Stop() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s streams
			tt.do(printer(t, &s, tt.change))
			if diff := cmp.Diff([]string{tt.want, ""}, []string{s.err.String(), s.out.String()}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPipeSeesNoSpinner gives the Printer a real pipe and the claim that it is
// a terminal: the spinner itself must find out.
func TestPipeSeesNoSpinner(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/stderr"
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var s streams
	p := printer(t, &s, func(o *Options) { o.Stderr, o.StderrTTY, o.Color = file, true, "never" })
	g := p.Progress("working")
	g.Update("still")
	g.Done("done")
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("working\nstill\ndone\n", string(got)); diff != "" {
		t.Error(diff)
	}
}

// The spinner colours its frames by what stdout is; whether stderr wants colour
// decides.
func TestFramesWithoutColor(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{
		"never":  "\r| working",
		"always": "\r\x1b[36m|\x1b[0m working",
	} {
		var s streams
		w := frameWriter{p: printer(t, &s, func(o *Options) { o.Color = mode })}
		for _, frame := range []string{"\r\x1b[K", "\r\x1b[36m|\x1b[0m working"} {
			if n, err := w.Write([]byte(frame)); n != len(frame) || err != nil {
				t.Errorf("%s: %d, %v", mode, n, err)
			}
		}
		if got := s.err.String(); got != want {
			t.Errorf("%s: got %q, want %q", mode, got, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	var s streams
	p := printer(t, &s, func(o *Options) { o.Format, o.Verbose = FormatNDJSON, true })
	g := p.Progress("begin")
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for range 20 {
				g.Update(fmt.Sprintf("step %d", i))
				p.Note("note")
				p.Debug("detail")
				if err := p.Line(payView{ID: "x"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	g.Done("end")
	for line := range strings.SplitSeq(strings.TrimSuffix(s.out.String(), "\n"), "\n") {
		if line != `{"id":"x","amount":"","note":null}` {
			t.Errorf("a torn line: %q", line)
		}
	}
	if got := strings.Count(s.out.String(), "\n"); got != 160 {
		t.Errorf("%d lines, want 160", got)
	}
}
