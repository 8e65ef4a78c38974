package cli

import (
	"context"
	"os"
	"os/user"
	"sync"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// actor returns who runs the command, and where: asked for when something is written down,
// since the system may look it up at a distance.
func (s *session) actor() func() store.Actor {
	verb := s.verb
	return sync.OnceValue(func() store.Actor {
		a := store.Actor{Who: "unknown", Host: "unknown", Command: verb}
		if u, err := user.Current(); err == nil && u.Username != "" {
			a.Who = payment.Line(u.Username, 80)
		}
		if host, err := os.Hostname(); err == nil && host != "" {
			a.Host = payment.Line(host, 80)
		}
		return a
	})
}

// unwarned loads the settings that all profiles share, for what is done already: nobody
// need be warned of them now.
func unwarned(e *env) func(context.Context) (*config.Config, error) {
	return func(ctx context.Context) (*config.Config, error) {
		return config.LoadUnchosen(ctx, e.source(e.global.profile))
	}
}

// acted writes down what a command has changed outside of the ledger, in the ledger of
// these settings if it is there. What was changed stays so where that fails.
func acted(ctx context.Context, s *session, settings func(context.Context) (*config.Config, error), because string) {
	ctx = context.WithoutCancel(ctx)
	conf, err := settings(ctx)
	if err != nil {
		return // no profile, no ledger
	}
	path, err := conf.Ledger()
	if err != nil {
		return
	}
	if _, err := os.Stat(path); err != nil && !conf.SharedLedger() {
		return
	}
	ledger, err := s.openLedgerAs(ctx, settings, store.Options{MustExist: true})
	if err == nil {
		err = ledger.Actions.Add(ctx, because)
	}
	if err != nil {
		s.out.Warn("it is done, but could not be written down in the ledger: %s", payment.FirstLine(err.Error()))
	}
}
