package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// demo is "payctl demo".
type demo struct {
	*env
	keep bool
}

func newDemo(s *session) *cobra.Command {
	v := &demo{env: s.env}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Take the whole tour offline",
		Long: `Starts the emulator and the listener on free loopback ports and takes deposits
from the STK push to their recorded outcome: one customer pays, one cancels, one
never answers, one pays so fast that the callback overtakes the push's answer, and
one's callback is lost. Says at the end how to go on with credentials of your own.
Needs no configuration and touches none. Exits with 0 only if every outcome was as
expected.`,
		Example: "  payctl demo\n  payctl demo --keep",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	cmd.Flags().BoolVar(&v.keep, "keep", false, "keep the demo's ledger, and say where it is")
	return cmd
}

// demoTimeout bounds the whole tour.
const demoTimeout = 60 * time.Second

// Run takes the tour.
func (v *demo) Run(ctx context.Context) error {
	ctx, cancel := v.deadline.bound(ctx, demoTimeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "payctl-demo-")
	if err != nil {
		return &payment.Error{Kind: payment.KindInternal, Message: "demo: no temporary directory: " + err.Error(), Err: err}
	}
	tour := &tour{env: v.env, dir: dir, ledger: filepath.Join(dir, "ledger.db")}
	started := v.now()
	err = tour.take(ctx)
	tour.stop()
	switch {
	case v.keep:
		v.out.Note("the ledger is kept: payctl --profile local --db %s deposit list", tour.ledger)
	default:
		err = cmp.Or(err, os.RemoveAll(dir))
	}
	if err != nil {
		return err
	}
	return v.out.One(view.Demo{Steps: tour.steps, OK: true, Seconds: v.now().Sub(started).Seconds(), Next: demoNext()})
}

// demoNext is the way from the tour to a deposit of the sandbox.
func demoNext() []string {
	return []string{
		"payctl config init --environment sandbox --shortcode 174379",
		"payctl --profile sandbox doctor",
		"payctl --profile sandbox listen --tunnel cloudflared",
		"payctl --profile sandbox deposit create --phone NUMBER --amount 1 --reference T1 --wait",
	}
}

// tour runs payctl's own commands inside this process, over real sockets.
type tour struct {
	*env
	dir    string
	ledger string
	extra  []string
	steps  []view.DemoStep
	stops  []func()
}

func (t *tour) take(ctx context.Context) error {
	// On a machine so slow that a poll comes before the callback, the poll would
	// settle the deposit without a receipt: here it learns nothing.
	if err := t.serve(ctx, "emulator", "PAYCTL_DARAJA_BASE_URL", "--seed", "1", "--behaviour", "query-noise"); err != nil {
		return err
	}
	if err := t.serve(ctx, "listen", "PAYCTL_CALLBACK_URL"); err != nil {
		return err
	}
	for _, s := range demoSteps() {
		if err := t.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// serve starts one of payctl's servers on a free port and waits until it is ready.
func (t *tour) serve(ctx context.Context, verb, variable string, flags ...string) error {
	ready := filepath.Join(t.dir, verb+".url")
	ctx, cancel := context.WithCancel(ctx)
	var stderr bytes.Buffer
	done := make(chan int, 1)
	args := append([]string{verb, "--addr", "127.0.0.1:0", "--ready-file", ready}, flags...)
	in := t.invocation(args)
	in.Stderr = &stderr
	go func() { done <- Main(ctx, in) }()
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
			t.say(ui.Dim("payctl " + verb + " is ready at " + strings.TrimSpace(string(url))))
			return nil
		}
	}
}

func (t *tour) stop() {
	for _, stop := range slices.Backward(t.stops) {
		stop()
	}
}

// invocation is a command line of the tour: the local profile, its own ledger
// and no configuration file.
func (t *tour) invocation(args []string) Invocation {
	env := []string{
		"HOME=" + t.dir, "XDG_CONFIG_HOME=" + t.dir, "XDG_CACHE_HOME=" + t.dir, "XDG_STATE_HOME=" + t.dir, "XDG_DATA_HOME=" + t.dir,
		"PAYCTL_PROFILE=" + string(payment.Local), "PAYCTL_DB=" + t.ledger,
	}
	return Invocation{
		Args: args, Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{},
		Environ: append(env, t.extra...), Dir: t.dir,
	}
}

// step runs one command, after those that prepare it, and holds its outcome against
// what is expected.
func (t *tour) step(ctx context.Context, s demoStepPlan) error {
	t.say()
	t.say(ui.Bold(s.title))
	for _, args := range s.before {
		t.fill(args)
		t.say(ui.Plain("  $ " + shownCommand(args)))
		in := t.invocation(args)
		t.show(&in)
		if code := Main(ctx, in); code != 0 {
			return failedCommand(args, code)
		}
	}
	t.fill(s.args)
	shown := shownCommand(s.args)
	for _, args := range slices.Backward(s.from) {
		shown = shownCommand(args) + " | " + shown
	}
	t.say(ui.Plain("  $ " + shown))
	in := t.invocation(append(s.args, "-o", "json"))
	for _, args := range s.from {
		piped, source := &bytes.Buffer{}, t.invocation(args)
		source.Stdin, source.Stdout = in.Stdin, piped
		if code := Main(ctx, source); code != 0 {
			return failedCommand(args, code)
		}
		in.Stdin = piped
	}
	stdout, stderr := &bytes.Buffer{}, &bytes.Buffer{}
	in.Stdout, in.Stderr = stdout, stderr
	code := Main(ctx, in)
	var got map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil || code != s.exit {
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
	t.say(ui.Plain("  "), ui.OK(outcome), ui.Plain(", exit "+strconv.Itoa(code)))
	return nil
}

// show lets a command's talk, its spinner too, be seen where stderr is a terminal.
func (t *tour) show(in *Invocation) {
	if !isTerminal(t.in.Stderr) || t.out.Format() != ui.FormatText || t.out.Quiet() {
		return
	}
	for _, name := range []string{"TERM", "LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR"} {
		if value := t.getenv(name); value != "" {
			in.Environ = append(in.Environ, name+"="+value)
		}
	}
	in.Stderr = t.in.Stderr
}

// shownCommand is a command line as somebody would type it.
func shownCommand(args []string) string {
	return "payctl --profile local " + payment.CommandLine(args...)
}

func failedCommand(args []string, code int) error {
	return &payment.Error{Kind: payment.KindInternal, Message: "demo: " + shownCommand(args) + " failed, exit " + strconv.Itoa(code)}
}
