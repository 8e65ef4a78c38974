package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
)

// ledgerRestore is "payctl ledger restore".
type ledgerRestore struct {
	*session
	file string
}

func newLedgerRestore(s *session) *cobra.Command {
	v := &ledgerRestore{session: s}
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the ledger's place",
		Long: `Copies a file that "payctl ledger backup" wrote into the ledger's place. The copy is
checked first. The ledger that was there is kept beside it under a name with the time,
and so is a log of SQLite's that would be taken for part of the copy. A ledger that is
open elsewhere is not touched: stop the listener first.

What the providers said after the backup was made is not in it. "payctl deposit resolve
--all" asks them; keys and references that were used since are unknown to it.`,
		Example: "  payctl ledger restore ledger-2026-01-02.db",
		Args:    oneArg("FILE", &v.file),
		RunE:    s.run(v.Run),
	}
}

// Run puts the backup in place.
func (v *ledgerRestore) Run(ctx context.Context) error {
	conf, err := v.anyProfile(ctx)
	if err != nil {
		return err
	}
	path, err := conf.Ledger()
	if err != nil {
		return err
	}
	if conf.SharedLedger() {
		return usagef("use pg_restore, or payctl ledger copy FILE URL into an empty database", "restore: a shared ledger has no file to put a backup in the place of")
	}
	progress := v.out.Progress("checking the backup")
	kept, err := store.Restore(ctx, v.file, path, v.now)
	progress.Stop()
	if err != nil {
		return err
	}
	ledger, err := openLedgerFile(ctx, v.session, store.Options{})
	if err == nil {
		err = ledger.Actions.Add(ctx, "from "+filepath.Base(v.file))
	}
	if err != nil {
		v.out.Warn("the backup is in place; that it was restored could not be written down: %s", payment.FirstLine(err.Error()))
	}
	return v.out.One(view.LedgerRestored{Path: path, From: v.file, Kept: payment.OrNull(kept)})
}
