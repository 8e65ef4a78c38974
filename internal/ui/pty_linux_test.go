//go:build linux

package ui

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// openPTY opens a pseudo-terminal whose other end never answers a question.
func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("opening a pseudo-terminal: %v", err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close(); _ = slave.Close() })
	return master, slave
}

// drain hangs up the terminal and returns everything that was written to it.
func drain(t *testing.T, master, slave *os.File) string {
	t.Helper()
	_ = slave.Close() // the last one: after what was written comes an error
	return read(t, master, func(string) bool { return false })
}

// read returns what was written to the terminal, as soon as it is enough.
func read(t *testing.T, master *os.File, enough func(string) bool) string {
	t.Helper()
	if err := master.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	chunk := make([]byte, 4096)
	for !enough(out.String()) {
		n, err := master.Read(chunk)
		out.Write(chunk[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the terminal shows no more than %q", out.String())
		}
		if err != nil {
			break
		}
	}
	return out.String()
}

// checkNoQuestion looks for every sequence but colours and "clear the line":
// no device status, no background colour, no cursor position.
func checkNoQuestion(t *testing.T, written string) {
	t.Helper()
	rest := written
	for {
		_, after, found := strings.Cut(rest, "\x1b")
		if !found {
			return
		}
		end := strings.IndexAny(after, "mK")
		if !strings.HasPrefix(after, "[") || end < 0 || strings.Trim(after[1:end], "0123456789;") != "" {
			t.Fatalf("the terminal was sent %q", "\x1b"+after[:min(len(after), 12)])
		}
		rest = after[end:]
	}
}

// TestMuteTerminalCostsNoTime prints colours, a table, an error and a spinner
// to a terminal that never answers. A library left to itself asks for the
// background colour here and waits five seconds, but only in a process whose
// controlling terminal it is: so the test runs itself as one.
func TestMuteTerminalCostsNoTime(t *testing.T) {
	t.Parallel()
	master, slave := openPTY(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestOnMuteTerminal$", "-test.count=1")
	child.Env = append(os.Environ(), "UI_TEST_ON_TERMINAL=1", "TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=", "CLICOLOR=")
	child.Stdin, child.Stdout, child.Stderr = slave, slave, slave
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := child.Run(); err != nil {
		t.Fatalf("%v: %q", err, drain(t, master, slave))
	}
	written := drain(t, master, slave)
	checkNoQuestion(t, written)
	if !strings.Contains(written, "\x1b[32m1.00") || !strings.Contains(written, "PRINTED") {
		t.Errorf("no colour or no end in %q", written)
	}
}

// TestOnMuteTerminal is the child of TestMuteTerminalCostsNoTime.
func TestOnMuteTerminal(t *testing.T) {
	if os.Getenv("UI_TEST_ON_TERMINAL") == "" {
		return
	}
	start := time.Now()
	p, err := New(Options{Stdout: os.Stdout, Stderr: os.Stderr, StdoutTTY: true, StderrTTY: true, Width: func() int { return 80 }, Env: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.One(payView{ID: "p", Amount: "1.00"}); err != nil {
		t.Fatal(err)
	}
	if err := List(p, payColumns, []payView{{ID: "x"}}); err != nil {
		t.Fatal(err)
	}
	p.Error(ErrorView{Message: "m", Hint: "h"})
	p.Progress("working").Done("PRINTED")
	if spent := time.Since(start); spent > 4500*time.Millisecond { // an answer would be waited for for 5 s
		t.Errorf("printing took %s", spent)
	}
}

// TestSpinnerLeavesOtherLinesAlone prints notes and data while a spinner runs,
// and then looks at the screen.
func TestSpinnerLeavesOtherLinesAlone(t *testing.T) {
	t.Parallel()
	master, slave := openPTY(t)
	p, err := New(Options{Stdout: slave, Stderr: slave, StdoutTTY: true, StderrTTY: true, Width: func() int { return 40 }, Color: "never"})
	if err != nil {
		t.Fatal(err)
	}
	g := p.Progress("working")
	second := p.Progress("a second one")
	var want []string
	want = append(want, "a second one")
	for i := range 6 {
		time.Sleep(30 * time.Millisecond)
		g.Update(strings.Repeat("long ", 30) + strconv.Itoa(i))
		p.Note("note %d", i)
		if err := p.Words(func(w *Text) { w.Linef("data %d", i) }); err != nil {
			t.Fatal(err)
		}
		want = append(want, "note "+strconv.Itoa(i), "data "+strconv.Itoa(i))
	}
	written := read(t, master, func(s string) bool { return strings.Contains(s, "| working") || strings.Contains(s, "long long") })
	time.Sleep(150 * time.Millisecond)
	second.Stop()
	g.Done("all done")
	want = append(want, "all done")
	written += drain(t, master, slave)
	checkNoQuestion(t, written)
	if diff := cmp.Diff(want, screen(t, written, 40)); diff != "" {
		t.Error(diff)
	}
}

// screen plays what was written on a terminal of so many columns and returns
// the lines that are left.
func screen(t *testing.T, written string, width int) []string {
	t.Helper()
	lines, row, column := []string{""}, 0, 0
	for i := 0; i < len(written); i++ {
		switch c := written[i]; c {
		case '\r':
			column = 0
		case '\n':
			row++
			lines = append(lines, "")
		case 0x1b:
			end := i + strings.IndexAny(written[i:], "mK")
			if written[end] == 'K' {
				lines[row] = lines[row][:column]
			}
			i = end
		default:
			lines[row] = lines[row][:column] + string(c) + lines[row][min(column+1, len(lines[row])):]
			column++
			if column > width*len("…") {
				t.Fatalf("a line wraps: %q", lines[row])
			}
		}
	}
	if lines[row] != "" {
		t.Errorf("the last line is not clean: %q", lines[row])
	}
	return lines[:row]
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = full.Close() }()
	var s streams
	p := printer(t, &s, func(o *Options) { o.Stdout = full })
	if err := p.One(payView{}); !errors.Is(err, ErrOutput) || errors.Is(err, ErrBrokenPipe) {
		t.Errorf("got %v", err)
	}
}
