package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// holdFor is how long a hold lasts without being renewed, by the ledger's clock.
const holdFor = 30 * time.Second

// Shared reports whether the ledger is a database that several machines work with.
func (s *Store) Shared() bool { return s.engine.Remote() }

// Hold takes, across machines, what only one may do at a time. The context ends when the
// hold is lost: when it could not be renewed in time, somebody else may have it. A hold
// that somebody else has is KindConflict; what says what it is.
func (s *Store) Hold(ctx context.Context, name, what string) (held context.Context, release func(), err error) {
	owner := payment.NewToken()
	fence, err := s.hold(ctx, name, owner)
	switch {
	case err != nil:
		return ctx, nil, err
	case fence == 0:
		return ctx, nil, &payment.Error{Kind: payment.KindConflict, Message: what + ": another process is at it", Hint: "wait for it to end"}
	}
	held, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.renew(held, cancel, name, owner, fence) })
	return held, func() {
		cancel()
		wg.Wait()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), holdFor/3)
		defer cancel()
		_ = s.do(ctx, "end the hold", func(ctx context.Context, t *tx) error {
			return t.exec(ctx, "UPDATE leases SET until = 0 WHERE name = ? AND owner = ?", name, owner)
		})
	}, nil
}

func (s *Store) renew(ctx context.Context, lost func(), name, owner string, fence int64) {
	defer lost()
	last := time.Now()
	ticker := time.NewTicker(holdFor / 6)
	defer ticker.Stop()
	for time.Since(last) < holdFor*2/3 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		begun := time.Now()
		got, err := s.hold(ctx, name, owner)
		switch {
		case err == nil && got != fence:
			return
		case err == nil:
			last = begun
		}
	}
}

// hold takes or renews a hold and returns its fence, 0 where somebody else has it.
func (s *Store) hold(ctx context.Context, name, owner string) (fence int64, err error) {
	err = s.do(ctx, "hold "+name, func(ctx context.Context, t *tx) error {
		var by string
		var until int64
		fence = 0
		err := t.row(ctx, "SELECT owner, until, fence FROM leases WHERE name = ?", []any{name}, &by, &until, &fence)
		end := micros(t.now.Add(holdFor))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			fence = 1
			return t.exec(ctx, "INSERT INTO leases (name, owner, until, fence) VALUES (?, ?, ?, 1)", name, owner, end)
		case err != nil:
			return err
		case by != owner && until > micros(t.now):
			fence = 0
			return nil
		case by != owner:
			fence++
		}
		return t.exec(ctx, "UPDATE leases SET owner = ?, until = ?, fence = ? WHERE name = ?", owner, end, fence, name)
	})
	return fence, err
}
