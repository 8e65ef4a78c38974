package cli

import (
	"context"
	"io"

	"github.com/payctl/payctl/internal/input"
)

// stdin is the standard input, whose reads end with ctx.
func (e *env) stdin(ctx context.Context) io.Reader { return input.Until(ctx, e.in.Stdin) }

// typed reads one line of what a person types.
func (e *env) typed(ctx context.Context) (string, error) { return input.Line(ctx, e.in.Stdin) }
