package cli

import (
	"context"
	"errors"
	"io/fs"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// openShared opens a ledger that is a database's; one in a file is opened later. Without
// its server a listener starts all the same, where it has worked with the ledger before:
// callbacks that are sent once are kept on this machine until the server is back.
func (v *listenCommand) openShared(ctx context.Context, conf *config.Config, metrics *listen.Metrics) error {
	if !conf.SharedLedger() {
		return nil
	}
	ledger, err := store.Open(ctx, store.Options{
		Path: conf.DB, Actor: v.actor(), BusyTimeout: listenBusy, OnCommit: metrics.Commit, StateDir: conf.StateDir, MayWait: true,
	})
	if err != nil {
		return err
	}
	v.keepLedger(ledger)
	if !ledger.Away() {
		v.warnOfServer(conf, ledger)
	}
	if ledger.Away() {
		v.out.Warn("db: %s does not answer; what Daraja sends is kept in %s until it does, and the others are asked to send again", ledger.Path(), ledger.Beside("spill"))
	}
	return nil
}

// sharedToken returns the token that all listeners of a shared ledger have. This machine
// keeps it too, for a start without the server.
func (v *listenCommand) sharedToken(ctx context.Context, ledger *store.Store) (string, error) {
	path := ledger.Beside("token")
	kept, err := readToken(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if ledger.Away() && kept != "" {
		return kept, nil
	}
	fresh := kept
	if fresh == "" {
		fresh = payment.NewToken()
	}
	token, err := ledger.InstallToken(ctx, fresh)
	switch {
	case err != nil:
		return "", err
	case token == "":
		return "", usagef("start once as a user who may write", "the ledger has no token for the secret path yet")
	case token != kept:
		if err := atomicfile.Write(path, []byte(token+"\n")); err != nil {
			v.out.Warn("the token could not be kept at %s; without it this listener cannot start while the database is away", path)
		}
	}
	return token, nil
}
