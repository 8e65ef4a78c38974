package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
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

// ledgerInfoView is the ledger in numbers.
type ledgerInfoView struct {
	Path       string         `json:"path"`
	Schema     int            `json:"schema"`
	FileBytes  int64          `json:"file_bytes"`
	FreeBytes  int64          `json:"free_bytes"`
	Deposits   []depositCount `json:"deposits"`
	Deliveries []stored       `json:"deliveries"`
	Conflicts  int64          `json:"conflicts"`
	OldestOpen *string        `json:"oldest_open"`
	Waiting    int64          `json:"forwards_waiting"`
	Dead       int64          `json:"forwards_dead"`
	// Server is what the server of a shared ledger says of its durability, null for a file.
	Server *ledgerServer `json:"server"`
}

type ledgerServer struct {
	Version             string  `json:"version"`
	Fsync               string  `json:"fsync"`
	SynchronousCommit   string  `json:"synchronous_commit"`
	SynchronousStandbys string  `json:"synchronous_standby_names"`
	Weakness            *string `json:"weakness"`
}

func newLedgerServer(s *store.Server) *ledgerServer {
	if s == nil {
		return nil
	}
	return &ledgerServer{
		Version: s.Version, Fsync: s.Fsync, SynchronousCommit: s.SynchronousCommit, SynchronousStandbys: s.SynchronousStandbys,
		Weakness: payment.OrNull(s.Weak()),
	}
}

type depositCount struct {
	Provider    string `json:"provider"`
	Environment string `json:"environment"`
	Status      string `json:"status"`
	Count       int64  `json:"count"`
	Amount      string `json:"amount"`
	Currency    string `json:"currency"`
}

type stored struct {
	Provider string  `json:"provider"`
	Event    *string `json:"event"`
	Verdict  string  `json:"verdict"`
	Count    int64   `json:"count"`
	Bytes    int64   `json:"bytes"`
}

// Text writes the numbers for people.
func (v ledgerInfoView) Text(t *ui.Text) {
	t.Fields(
		ui.KV("ledger", ui.Bold(v.Path)), ui.KV("size", ui.Plain(fmt.Sprintf("%d bytes, %d free inside", v.FileBytes, v.FreeBytes))),
		ui.KV("schema", ui.Plain(itoa(v.Schema))), ui.KV("oldest open deposit", ui.Plain(payment.Or(v.OldestOpen, "none"))),
		ui.KV("conflicts", ui.Plain(strconv.FormatInt(v.Conflicts, 10))),
		ui.KV("forwards", ui.Plain(fmt.Sprintf("%d waiting, %d dead", v.Waiting, v.Dead))),
	)
	if s := v.Server; s != nil {
		t.Fields(
			ui.KV("server", ui.Plain("PostgreSQL "+s.Version)),
			ui.KV("durability", ui.Plain(fmt.Sprintf("fsync %s, synchronous_commit %s, synchronous_standby_names %q", s.Fsync, s.SynchronousCommit, s.SynchronousStandbys))),
			ui.KV("weakness", ui.Plain(payment.Or(s.Weakness, "none known"))),
		)
	}
	var deposits, deliveries [][]ui.Span
	for _, d := range v.Deposits {
		deposits = append(deposits, []ui.Span{ui.Plain(d.Provider), view.StatusSpan(d.Status), ui.Plain(strconv.FormatInt(d.Count, 10)), ui.Plain(d.Amount + " " + d.Currency)})
	}
	for _, d := range v.Deliveries {
		deliveries = append(deliveries, []ui.Span{ui.Plain(d.Provider), ui.Plain(payment.Or(d.Event, "-")), view.Verdict(d.Verdict), ui.Plain(strconv.FormatInt(d.Count, 10)), ui.Plain(strconv.FormatInt(d.Bytes, 10))})
	}
	t.Blank()
	t.Table(columns("DEPOSITS", "STATUS", "COUNT", "SUM"), deposits)
	t.Blank()
	t.Table(columns("DELIVERIES", "EVENT", "VERDICT", "COUNT", "BYTES"), deliveries)
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
	return v.out.One(newLedgerInfoView(ledger.Path(), stats))
}

func newLedgerInfoView(path string, s store.Stats) ledgerInfoView {
	v := ledgerInfoView{
		Path: path, Schema: s.Schema, FileBytes: s.FileBytes, FreeBytes: s.FreeBytes, Conflicts: s.Conflicts,
		OldestOpen: timing.RFC3339OrNull(s.OldestOpen), Waiting: s.Waiting, Dead: s.Dead, Server: newLedgerServer(s.Server), Deposits: []depositCount{}, Deliveries: []stored{},
	}
	sums := map[depositCount]payment.Amount{}
	counts := map[depositCount]int64{}
	var order []depositCount
	for _, d := range s.Deposits {
		key := depositCount{Provider: string(d.Provider), Environment: string(d.Environment), Status: string(d.Status), Currency: string(d.Amount.Currency())}
		if _, seen := counts[key]; !seen {
			order = append(order, key)
		}
		counts[key] += d.Count
		sums[key] = payment.AmountOf(sums[key].Minor()+d.Amount.Minor(), d.Amount.Currency())
	}
	for _, key := range order {
		row := key
		row.Count, row.Amount = counts[key], sums[key].String()
		v.Deposits = append(v.Deposits, row)
	}
	for _, d := range s.Stored {
		v.Deliveries = append(v.Deliveries, stored{Provider: string(d.Provider), Event: payment.OrNull(d.Event), Verdict: string(d.Verdict), Count: d.Count, Bytes: d.Bytes})
	}
	return v
}

// ledgerCheckView is what reading the whole ledger gave.
type ledgerCheckView struct {
	Path     string   `json:"path"`
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`
}

// Text writes the result for people.
func (v ledgerCheckView) Text(t *ui.Text) {
	if v.OK {
		t.Line(ui.OK("healthy"), ui.Plain("  "+v.Path))
	}
	for _, p := range v.Problems {
		t.Line(ui.Bad("problem"), ui.Plain("  "+p))
	}
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
	printed := v.out.One(ledgerCheckView{Path: ledger.Path(), OK: len(problems) == 0, Problems: append([]string{}, problems...)})
	if len(problems) == 0 {
		return printed
	}
	found := &payment.Error{Kind: payment.KindInternal, Message: "the ledger has " + itoa(len(problems)) + " problems", Hint: "copy the file before anything else, and restore a backup"}
	return v.ended(printed, found, found.Message)
}

// backupView is a file that was written.
type backupView struct {
	Path string `json:"path"`
}

// Text writes the path for people.
func (v backupView) Text(t *ui.Text) { t.Line(ui.OK("written"), ui.Plain("  "+v.Path)) }

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
	return v.out.One(backupView{Path: v.file})
}

// prunedView is what a pruning took.
type prunedView struct {
	Deliveries int64 `json:"deliveries"`
	Bytes      int64 `json:"bytes"`
	Kept       int64 `json:"kept"`
}

// Text writes the result for people.
func (v prunedView) Text(t *ui.Text) {
	t.Linef("%d deliveries deleted (%d bytes), %d old ones kept as evidence", v.Deliveries, v.Bytes, v.Kept)
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
	return v.out.One(prunedView{Deliveries: pruned.Deliveries, Bytes: pruned.Bytes, Kept: pruned.Kept})
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
