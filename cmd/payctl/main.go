// Command payctl asks M-Pesa customers for money, follows what becomes of it,
// and receives, checks and replays what the providers send back.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // --timezone, where the system has no zones

	"github.com/payctl/payctl/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	// A reader that went away is an error value, as in "payctl list | head", not a death by signal.
	signal.Ignore(syscall.SIGPIPE)
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return cli.Main(context.Background(), cli.Invocation{
		Args:    os.Args[1:],
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
		Dir:     dir,
		Signals: onSignal,
	})
}

// onSignal calls stop at the first signal. The second ends the program at once:
// the first one's drain may hang.
func onSignal(stop context.CancelFunc) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// A terminal that is closed ends a run as well, unless nohup has said otherwise.
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		signal.Stop(signals)
		stop()
	}()
}
