package cli

import (
	"context"
	"time"
)

// deadline is --timeout: the one end of a command, counted from its beginning. It is
// made once, in newEnv, and every limit of a command's work is taken from it. What must
// be recorded after sending is not bound by it: context.WithoutCancel.
type deadline struct {
	began time.Time
	// limit is --timeout; 0 means that none was given.
	limit time.Duration
}

// leastPreparing is what a command has at least before its own work: a busy machine
// would else use up a short --timeout before that has begun.
const leastPreparing = time.Second

// check returns KindUsage for a --timeout that is no time.
func (d *deadline) check() error {
	if d.limit < 0 {
		return usagef("write a duration such as 90s, or leave it out", "timeout %s: is negative", d.limit)
	}
	return nil
}

// preparing bounds what comes before a command's own work: settings, secrets and the
// ledger may all keep it waiting.
func (d *deadline) preparing(ctx context.Context) (context.Context, context.CancelFunc) {
	if d.limit <= 0 {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, d.began.Add(max(d.limit, leastPreparing)))
}

// bound bounds a command's own work: by --timeout if that was given, else by the work's
// own limit, which is counted from now; 0 is none.
func (d *deadline) bound(ctx context.Context, own time.Duration) (context.Context, context.CancelFunc) {
	switch {
	case d.limit > 0:
		return context.WithDeadline(ctx, d.began.Add(d.limit))
	case own > 0:
		return context.WithTimeout(ctx, own)
	}
	return ctx, func() {}
}

// left is what remains of --timeout, and at most the given time; it is at least 1 ns,
// since 0 often stands for a default.
func (d *deadline) left(most time.Duration) time.Duration {
	if d.limit <= 0 {
		return most
	}
	return max(min(d.limit-time.Since(d.began), most), 1)
}

// pause stops the time until resume is called: a person's thinking is not the command's.
func (d *deadline) pause() (resume func()) {
	paused := time.Now()
	return func() { d.began = d.began.Add(time.Since(paused)) }
}
