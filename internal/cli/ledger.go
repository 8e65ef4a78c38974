package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/view"
)

func newLedger(s *session) *cobra.Command {
	return group(s, "ledger", "Look after the ledger",
		`The ledger holds every deposit and every delivery: in one SQLite file, or, shared by
several machines, in a PostgreSQL database. These verbs count what is in it, check it,
copy it while others write, and keep it small. With --db no profile need be chosen.`,
		command{"info", newLedgerInfo}, command{"check", newLedgerCheck}, command{"verify", newLedgerVerify}, command{"backup", newLedgerBackup}, command{"restore", newLedgerRestore}, command{"prune", newLedgerPrune}, command{"copy", newLedgerCopy}, command{"migrate", newLedgerMigrate})
}

// openLedgerFile opens the ledger for a verb that is about the file itself, whatever the
// profile; one that is not there is not made.
func openLedgerFile(ctx context.Context, s *session, o store.Options) (*store.Store, error) {
	o.MustExist = true
	return s.openLedgerAs(ctx, s.anyProfile, o)
}

// ledgerInfo is "payctl ledger info".
type ledgerInfo struct{ *session }

func newLedgerInfo(s *session) *cobra.Command {
	v := &ledgerInfo{session: s}
	return &cobra.Command{
		Use:     "info",
		Short:   "Count what the ledger holds",
		Example: "  payctl ledger info\n  payctl ledger info -o json --jq .oldest_open",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
}

// Run counts what the ledger holds.
func (v *ledgerInfo) Run(ctx context.Context) error {
	ledger, err := openLedgerFile(ctx, v.session, store.Options{OrReadOnly: true})
	if err != nil {
		return err
	}
	stats, err := ledger.Stats(ctx, time.Time{})
	if err != nil {
		return err
	}
	return v.out.One(view.NewLedgerInfo(ledger.Path(), stats))
}

// ledgerCheck is "payctl ledger check".
type ledgerCheck struct{ *session }

func newLedgerCheck(s *session) *cobra.Command {
	v := &ledgerCheck{session: s}
	return &cobra.Command{
		Use:     "check",
		Short:   "Read the whole ledger and say what is wrong",
		Example: "  payctl ledger check",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
}

// Run reads the whole ledger. Damage is KindInternal.
func (v *ledgerCheck) Run(ctx context.Context) error {
	ledger, err := openLedgerFile(ctx, v.session, store.Options{OrReadOnly: true})
	if err != nil {
		return err
	}
	progress := v.out.Progress("reading the ledger")
	problems, err := ledger.Check(ctx)
	progress.Stop()
	if err != nil {
		return err
	}
	printed := v.out.One(view.LedgerCheck{Path: ledger.Path(), OK: len(problems) == 0, Problems: append([]string{}, problems...)})
	if len(problems) == 0 {
		return printed
	}
	found := &payment.Error{Kind: payment.KindInternal, Message: "the ledger has " + itoa(len(problems)) + " problems", Hint: "copy the file before anything else, and restore a backup"}
	return v.ended(printed, found, found.Message)
}

// ledgerBackup is "payctl ledger backup".
type ledgerBackup struct {
	*session
	file string
}

func newLedgerBackup(s *session) *cobra.Command {
	v := &ledgerBackup{session: s}
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the ledger while others write",
		Long: `Writes a copy of the ledger as it is at one moment into a new file, mode 0600. A running
listener goes on. Never copy or move a ledger by hand: part of it is in the -wal file
beside it, and a copy without that has lost payments. "payctl ledger restore" puts a
backup in place.`,
		Example: "  payctl ledger backup ledger-2026-01-02.db",
		Args:    oneArg("FILE", &v.file),
		RunE:    s.run(v.Run),
	}
}

// Run copies the ledger into a new file.
func (v *ledgerBackup) Run(ctx context.Context) error {
	ledger, err := openLedgerFile(ctx, v.session, store.Options{OrReadOnly: true})
	if err != nil {
		return err
	}
	if err := ledger.Backup(ctx, v.file); err != nil {
		return err
	}
	return v.out.One(view.LedgerBackup{Path: v.file})
}

// ledgerPrune is "payctl ledger prune".
type ledgerPrune struct {
	*session
	olderThan string
}

func newLedgerPrune(s *session) *cobra.Command {
	v := &ledgerPrune{session: s}
	cmd := &cobra.Command{
		Use:   "prune --older-than AGE",
		Short: "Delete old deliveries and give the space back",
		Long: `Deletes deliveries that are older than an age. Evidence of open or disputed payments,
the answers of queries and what is yet to be forwarded stay; deposits and statistics
stay as well. What belongs to no deposit, such as a C2B confirmation, is forgotten: a
copy that comes after that counts as new. An age of less than a day needs --yes.`,
		Example: "  payctl ledger prune --older-than 90d",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	cmd.Flags().StringVar(&v.olderThan, "older-than", "", "`AGE` such as 90d or 36h")
	return cmd
}

// Run deletes old deliveries.
func (v *ledgerPrune) Run(ctx context.Context) error {
	age, err := parseAge(v.olderThan)
	if err != nil {
		return err
	}
	if age < 24*time.Hour && !v.global.yes {
		return usagef("add --yes if this is meant", "older-than %s: deletes evidence that is not a day old", v.olderThan)
	}
	ledger, err := openLedgerFile(ctx, v.session, store.Options{})
	if err != nil {
		return err
	}
	pruned, err := ledger.Prune(ctx, v.now().Add(-age))
	if err != nil {
		return err
	}
	return v.out.One(view.LedgerPruned{Deliveries: pruned.Deliveries, Bytes: pruned.Bytes, Kept: pruned.Kept})
}

// parseAge reads --older-than.
func parseAge(text string) (time.Duration, error) {
	if text == "" {
		return 0, usagef("write --older-than 90d", "older-than: is missing")
	}
	age, ok := timing.ParseAge(text)
	if !ok {
		return 0, usagef("write 90d or 36h", "older-than %q: is not an age", text)
	}
	return age, nil
}
