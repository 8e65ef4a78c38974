package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
)

// ledgerMigrate is "payctl ledger migrate".
type ledgerMigrate struct{ *session }

func newLedgerMigrate(s *session) *cobra.Command {
	v := &ledgerMigrate{session: s}
	return &cobra.Command{
		Use:   "migrate",
		Short: "Make or update a shared ledger in PostgreSQL",
		Long: `Makes a ledger in the database that --db names, or brings its schema up to date. No other
command does that to a shared ledger: a laptop with a newer payctl would lock out every
listener. It takes the database's owner; the others need a writer's or a reader's role
(see README, A shared ledger). A ledger in a file is brought up to date by the first
command that writes to it.

Listeners of the version before go on, unless the new schema says otherwise; then they
keep what comes beside them, say so, and are to be updated.`,
		Example: "  payctl ledger migrate --db postgres://owner@db.example/payctl",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
}

// Run makes or updates the ledger.
func (v *ledgerMigrate) Run(ctx context.Context) error {
	conf, err := v.anyProfile(ctx)
	if err != nil {
		return err
	}
	place, err := conf.Ledger()
	if err != nil {
		return err
	}
	progress := v.out.Progress("migrating the ledger")
	done, err := store.Migrate(ctx, place)
	progress.Stop()
	if err != nil {
		return err
	}
	if done.From != done.To {
		acted(ctx, v.session, v.anyProfile, fmt.Sprintf("schema %d to %d", done.From, done.To))
	}
	return v.out.One(view.LedgerMigrated{Path: done.Path, From: done.From, To: done.To})
}
