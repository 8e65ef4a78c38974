package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// app is the session under its former name, for verbs that are methods of it. A verb is a
// struct of its own with Run(ctx); see the package's text.
type app = session

func newApp(in Invocation) *app { return newSession(in) }

// glance is quick.
func (s *session) glance(run func(context.Context) error) func(*cobra.Command, []string) error {
	return s.quick(run)
}

// withTimeout is deadline.bound.
func (s *session) withTimeout(ctx context.Context, own time.Duration) (context.Context, context.CancelFunc) {
	return s.deadline.bound(ctx, own)
}

// preparing is deadline.preparing.
func (s *session) preparing(ctx context.Context) (context.Context, context.CancelFunc) {
	return s.deadline.preparing(ctx)
}
