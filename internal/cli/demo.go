package cli

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/demo"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// demoVerb is "payctl demo".
type demoVerb struct {
	*env
	keep bool
}

func newDemo(s *session) *cobra.Command {
	v := &demoVerb{env: s.env}
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
func (v *demoVerb) Run(ctx context.Context) error {
	ctx, cancel := v.deadline.bound(ctx, demoTimeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "payctl-demo-")
	if err != nil {
		return &payment.Error{Kind: payment.KindInternal, Message: "demo: no temporary directory: " + err.Error(), Err: err}
	}
	tour := &demo.Tour{Dir: dir, Ledger: filepath.Join(dir, "ledger.db"), ExitCode: exitCode, Run: func(ctx context.Context, c demo.Call) int {
		return Main(ctx, Invocation{Args: c.Args, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr, Environ: c.Environ, Dir: dir})
	}, Say: v.say}
	if isTerminal(v.in.Stderr) && v.out.Format() == ui.FormatText && !v.out.Quiet() {
		tour.Talk = v.in.Stderr
		for _, name := range []string{"TERM", "LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR"} {
			if value := v.getenv(name); value != "" {
				tour.Terminal = append(tour.Terminal, name+"="+value)
			}
		}
	}
	started := v.now()
	steps, err := tour.Take(ctx)
	switch {
	case v.keep:
		v.out.Note("the ledger is kept: payctl --profile local --db %s deposit list", tour.Ledger)
	default:
		err = cmp.Or(err, os.RemoveAll(dir))
	}
	if err != nil {
		return err
	}
	return v.out.One(view.Demo{Steps: steps, OK: true, Seconds: v.now().Sub(started).Seconds(), Next: demo.Next()})
}

// say tells a person what happens; scripts get the steps in one document.
func (v *demoVerb) say(spans ...ui.Span) {
	if v.out.Format() == ui.FormatText {
		v.keepErr(v.out.Words(func(w *ui.Text) { w.Line(spans...) }))
	}
}
