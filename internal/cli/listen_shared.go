package cli

import (
	"context"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/listen"
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
