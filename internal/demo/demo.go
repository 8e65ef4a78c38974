// Package demo takes a person through payctl offline: it runs commands against an emulator
// and a listener of its own and holds what they come to against what is expected. How a
// command line is run is cli's.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// Next is the way from the tour to a deposit of the sandbox.
func Next() []string {
	return []string{
		"payctl config init --environment sandbox --shortcode 174379",
		"payctl --profile sandbox doctor",
		"payctl --profile sandbox listen --tunnel cloudflared",
		"payctl --profile sandbox deposit create --phone NUMBER --amount 1 --reference T1 --wait",
	}
}

// Call is one command line of the tour.
type Call struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string
}

// Tour runs payctl's own commands inside this process, over real sockets.
type Tour struct {
	// Dir is the tour's own directory, and Ledger its ledger in there.
	Dir, Ledger string
	// Run runs a command line and returns its exit code, ExitCode that of a kind of error.
	Run      func(context.Context, Call) int
	ExitCode func(payment.Kind) int
	// Say tells a person what happens, a line at a time.
	Say func(spans ...ui.Span)
	// Talk is a terminal for what commands say beside their output, with the variables in
	// Terminal; nil for none.
	Talk     io.Writer
	Terminal []string

	extra []string
	steps []view.DemoStep
	stops []func()
}

// Take takes the whole tour and returns what it did. An outcome that is not as expected is
// KindInternal.
func (t *Tour) Take(ctx context.Context) ([]view.DemoStep, error) {
	defer t.stop()
	err := t.take(ctx)
	return t.steps, err
}

func (t *Tour) take(ctx context.Context) error {
	// On a machine so slow that a poll comes before the callback, the poll would
	// settle the deposit without a receipt: here it learns nothing.
	if err := t.serve(ctx, "emulator", "PAYCTL_DARAJA_BASE_URL", "--seed", "1", "--behaviour", "query-noise"); err != nil {
		return err
	}
	if err := t.serve(ctx, "listen", "PAYCTL_CALLBACK_URL"); err != nil {
		return err
	}
	for _, s := range steps() {
		if err := t.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// serve starts one of payctl's servers on a free port and waits until it is ready.
func (t *Tour) serve(ctx context.Context, verb, variable string, flags ...string) error {
	ready := filepath.Join(t.Dir, verb+".url")
	ctx, cancel := context.WithCancel(ctx)
	var stderr bytes.Buffer
	done := make(chan int, 1)
	args := append([]string{verb, "--addr", "127.0.0.1:0", "--ready-file", ready}, flags...)
	in := t.invocation(args)
	in.Stderr = &stderr
	go func() { done <- t.Run(ctx, in) }()
	t.stops = append(t.stops, func() { cancel(); <-done })
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case code := <-done:
			done <- code
			return &payment.Error{Kind: payment.KindInternal, Message: "demo: " + verb + " did not start: " + strings.TrimSpace(stderr.String())}
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			url, err := os.ReadFile(ready)
			if err != nil {
				continue
			}
			t.extra = append(t.extra, variable+"="+strings.TrimSpace(string(url)))
			t.Say(ui.Dim("payctl " + verb + " is ready at " + strings.TrimSpace(string(url))))
			return nil
		}
	}
}

func (t *Tour) stop() {
	for _, stop := range slices.Backward(t.stops) {
		stop()
	}
}

// invocation is a command line of the tour: the local profile, its own ledger
// and no configuration file.
func (t *Tour) invocation(args []string) Call {
	env := []string{
		"HOME=" + t.Dir, "XDG_CONFIG_HOME=" + t.Dir, "XDG_CACHE_HOME=" + t.Dir, "XDG_STATE_HOME=" + t.Dir, "XDG_DATA_HOME=" + t.Dir,
		"PAYCTL_PROFILE=" + string(payment.Local), "PAYCTL_DB=" + t.Ledger,
	}
	return Call{
		Args: args, Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{},
		Environ: append(env, t.extra...),
	}
}

// step runs one command, after those that prepare it, and holds its outcome against
// what is expected.
func (t *Tour) step(ctx context.Context, s step) error {
	t.Say()
	t.Say(ui.Bold(s.title))
	for _, args := range s.before {
		t.fill(args)
		t.Say(ui.Plain("  $ " + shownCommand(args)))
		in := t.invocation(args)
		t.show(&in)
		if code := t.Run(ctx, in); code != 0 {
			return failedCommand(args, code)
		}
	}
	t.fill(s.args)
	shown := shownCommand(s.args)
	for _, args := range slices.Backward(s.from) {
		shown = shownCommand(args) + " | " + shown
	}
	t.Say(ui.Plain("  $ " + shown))
	in := t.invocation(append(s.args, "-o", "json"))
	for _, args := range s.from {
		piped, source := &bytes.Buffer{}, t.invocation(args)
		source.Stdin, source.Stdout = in.Stdin, piped
		if code := t.Run(ctx, source); code != 0 {
			return failedCommand(args, code)
		}
		in.Stdin = piped
	}
	stdout, stderr := &bytes.Buffer{}, &bytes.Buffer{}
	in.Stdout, in.Stderr = stdout, stderr
	code, want := t.Run(ctx, in), 0
	if s.fails != payment.KindInternal {
		want = t.ExitCode(s.fails)
	}
	var got map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil || code != want {
		return &payment.Error{
			Kind:    payment.KindInternal,
			Message: "demo: " + shown + ": unexpected result, exit " + strconv.Itoa(code) + ": " + payment.FirstLine(strings.TrimSpace(stderr.String())),
		}
	}
	outcome, ok := s.check(got)
	t.steps = append(t.steps, view.DemoStep{Title: s.title, Command: shown, ExitCode: code, Outcome: outcome})
	if !ok {
		return &payment.Error{Kind: payment.KindInternal, Message: "demo: " + s.title + ": unexpected outcome: " + outcome}
	}
	if receipt, isText := got["receipt"].(string); isText {
		t.extra = append(t.extra, "DEMO_RECEIPT="+receipt)
	}
	t.Say(ui.Plain("  "), ui.OK(outcome), ui.Plain(", exit "+strconv.Itoa(code)))
	return nil
}

// show lets a command's talk, its spinner too, be seen on a terminal.
func (t *Tour) show(in *Call) {
	if t.Talk != nil {
		in.Environ, in.Stderr = append(in.Environ, t.Terminal...), t.Talk
	}
}

// shownCommand is a command line as somebody would type it.
func shownCommand(args []string) string {
	return "payctl --profile local " + payment.CommandLine(args...)
}

func failedCommand(args []string, code int) error {
	return &payment.Error{Kind: payment.KindInternal, Message: "demo: " + shownCommand(args) + " failed, exit " + strconv.Itoa(code)}
}

// fill puts what earlier steps learned into arguments.
func (t *Tour) fill(args []string) {
	for i := range args {
		for _, pair := range t.extra {
			name, value, _ := strings.Cut(pair, "=")
			args[i] = strings.ReplaceAll(args[i], "${"+name+"}", value)
		}
	}
}
