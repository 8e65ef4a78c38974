package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
)

// ledgerCopy is "payctl ledger copy".
type ledgerCopy struct {
	*session
	from, to string
}

func newLedgerCopy(s *session) *cobra.Command {
	v := &ledgerCopy{session: s}
	return &cobra.Command{
		Use:   "copy FROM TO",
		Short: "Move a ledger between a file and PostgreSQL",
		Long: `Copies a whole ledger, ids included, from a file into a database or back, and compares the
rows and their hashes on both sides. TO is a new file, or a database that "payctl ledger
migrate" has made; one that an interrupted copy of the same ledger has filled goes on.
Stop the listeners and every command first: what was written meanwhile shows as a
difference (exit 9), and the copy can be run again.`,
		Example: "  payctl ledger copy ledger.db postgres://payctl@db.example/payctl\n  payctl ledger copy postgres://payctl@db.example/payctl backup.db",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("name both, as files or postgres:// URLs", "copy: needs FROM and TO")
			}
			v.from, v.to = args[0], args[1]
			return nil
		},
		RunE: s.run(v.Run),
	}
}

// Run copies and compares.
func (v *ledgerCopy) Run(ctx context.Context) error {
	conf, err := v.anyProfile(ctx)
	if err != nil {
		return err
	}
	from, err := store.Open(ctx, store.Options{Path: v.from, MustExist: true, OrReadOnly: true, StateDir: conf.StateDir})
	if err != nil {
		return err
	}
	v.closers = append(v.closers, from.Close)
	to, err := store.Open(ctx, store.Options{Path: v.to, StateDir: conf.StateDir})
	if err != nil {
		return err
	}
	v.closers = append(v.closers, to.Close)
	progress := v.out.Progress("copying the ledger")
	tables, err := store.Copy(ctx, from, to, func(table string, rows int64) {
		v.out.Debug("%s: %d rows", table, rows)
	})
	progress.Stop()
	if err != nil {
		return err
	}
	shown := view.LedgerCopied{From: from.Path(), To: to.Path()}
	for _, c := range tables {
		shown.Rows += c.Rows
		shown.Tables = append(shown.Tables, view.CopiedTable(c))
	}
	return v.out.One(shown)
}
