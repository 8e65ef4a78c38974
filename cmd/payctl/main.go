// Command payctl asks M-Pesa customers for money, follows what becomes of it,
// and receives, checks and replays what the providers send back.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/payctl/payctl/internal/cli"
)

// version is set by the release build.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A reader that went away is an error value, as in "payctl list | head", not a death by signal.
	signal.Ignore(syscall.SIGPIPE)
	// A second signal ends the program at once: the first one's drain may hang.
	unwatch := context.AfterFunc(ctx, stop)
	defer unwatch()
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return cli.Main(ctx, cli.Invocation{
		Args:    os.Args[1:],
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
		Dir:     dir,
		Version: version,
	})
}
