package view

import (
	"fmt"
	"strconv"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// LedgerInfo is the ledger in numbers.
type LedgerInfo struct {
	Path       string         `json:"path"`
	Schema     int            `json:"schema"`
	FileBytes  int64          `json:"file_bytes"`
	FreeBytes  int64          `json:"free_bytes"`
	Deposits   []DepositCount `json:"deposits"`
	Deliveries []StoredCount  `json:"deliveries"`
	Conflicts  int64          `json:"conflicts"`
	OldestOpen *string        `json:"oldest_open"`
	Waiting    int64          `json:"forwards_waiting"`
	Dead       int64          `json:"forwards_dead"`
	// Server is what the server of a shared ledger says of its durability, null for a file.
	Server *LedgerServer `json:"server"`
}

// LedgerServer is what a shared ledger's server says of itself.
type LedgerServer struct {
	Version             string  `json:"version"`
	Fsync               string  `json:"fsync"`
	SynchronousCommit   string  `json:"synchronous_commit"`
	SynchronousStandbys string  `json:"synchronous_standby_names"`
	Weakness            *string `json:"weakness"`
}

func newLedgerServer(s *store.Server) *LedgerServer {
	if s == nil {
		return nil
	}
	return &LedgerServer{
		Version: s.Version, Fsync: s.Fsync, SynchronousCommit: s.SynchronousCommit, SynchronousStandbys: s.SynchronousStandbys,
		Weakness: payment.OrNull(s.Weak()),
	}
}

// DepositCount is how many deposits stand alike.
type DepositCount struct {
	Provider    string `json:"provider"`
	Environment string `json:"environment"`
	Status      string `json:"status"`
	Count       int64  `json:"count"`
	Amount      string `json:"amount"`
	Currency    string `json:"currency"`
}

// StoredCount is how many deliveries are alike.
type StoredCount struct {
	Provider string  `json:"provider"`
	Event    *string `json:"event"`
	Verdict  string  `json:"verdict"`
	Count    int64   `json:"count"`
	Bytes    int64   `json:"bytes"`
}

// Text writes the numbers for people.
func (v LedgerInfo) Text(t *ui.Text) {
	t.Fields(
		ui.KV("ledger", ui.Bold(v.Path)), ui.KV("size", ui.Plain(fmt.Sprintf("%d bytes, %d free inside", v.FileBytes, v.FreeBytes))),
		ui.KV("schema", ui.Plain(strconv.Itoa(v.Schema))), ui.KV("oldest open deposit", ui.Plain(payment.Or(v.OldestOpen, "none"))),
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
		deposits = append(deposits, []ui.Span{ui.Plain(d.Provider), StatusSpan(d.Status), ui.Plain(strconv.FormatInt(d.Count, 10)), ui.Plain(d.Amount + " " + d.Currency)})
	}
	for _, d := range v.Deliveries {
		deliveries = append(deliveries, []ui.Span{ui.Plain(d.Provider), ui.Plain(payment.Or(d.Event, "-")), Verdict(d.Verdict), ui.Plain(strconv.FormatInt(d.Count, 10)), ui.Plain(strconv.FormatInt(d.Bytes, 10))})
	}
	t.Blank()
	t.Table(ui.Columns("DEPOSITS", "STATUS", "COUNT", "SUM"), deposits)
	t.Blank()
	t.Table(ui.Columns("DELIVERIES", "EVENT", "VERDICT", "COUNT", "BYTES"), deliveries)
}

// NewLedgerInfo is what a ledger counts.
func NewLedgerInfo(path string, s store.Stats) LedgerInfo {
	v := LedgerInfo{
		Path: path, Schema: s.Schema, FileBytes: s.FileBytes, FreeBytes: s.FreeBytes, Conflicts: s.Conflicts,
		OldestOpen: timing.RFC3339OrNull(s.OldestOpen), Waiting: s.Waiting, Dead: s.Dead, Server: newLedgerServer(s.Server), Deposits: []DepositCount{}, Deliveries: []StoredCount{},
	}
	sums := map[DepositCount]payment.Amount{}
	counts := map[DepositCount]int64{}
	var order []DepositCount
	for _, d := range s.Deposits {
		key := DepositCount{Provider: string(d.Provider), Environment: string(d.Environment), Status: string(d.Status), Currency: string(d.Amount.Currency())}
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
		v.Deliveries = append(v.Deliveries, StoredCount{Provider: string(d.Provider), Event: payment.OrNull(d.Event), Verdict: string(d.Verdict), Count: d.Count, Bytes: d.Bytes})
	}
	return v
}

// LedgerCheck is what reading the whole ledger gave.
type LedgerCheck struct {
	Path     string   `json:"path"`
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`
}

// Text writes the result for people.
func (v LedgerCheck) Text(t *ui.Text) {
	if v.OK {
		t.Line(ui.OK("healthy"), ui.Plain("  "+v.Path))
	}
	for _, p := range v.Problems {
		t.Line(ui.Bad("problem"), ui.Plain("  "+p))
	}
}

// LedgerBackup is a file that was written.
type LedgerBackup struct {
	Path string `json:"path"`
}

// Text writes the path for people.
func (v LedgerBackup) Text(t *ui.Text) { t.Line(ui.OK("written"), ui.Plain("  "+v.Path)) }

// LedgerPruned is what a pruning took.
type LedgerPruned struct {
	Deliveries int64 `json:"deliveries"`
	Bytes      int64 `json:"bytes"`
	Kept       int64 `json:"kept"`
}

// Text writes the result for people.
func (v LedgerPruned) Text(t *ui.Text) {
	t.Linef("%d deliveries deleted (%d bytes), %d old ones kept as evidence", v.Deliveries, v.Bytes, v.Kept)
}

// LedgerCopied is a ledger that was copied.
type LedgerCopied struct {
	From   string        `json:"from"`
	To     string        `json:"to"`
	Rows   int64         `json:"rows"`
	Tables []CopiedTable `json:"tables"`
}

// CopiedTable is a table that was copied.
type CopiedTable struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// Text writes the tables for people.
func (v LedgerCopied) Text(t *ui.Text) {
	t.Line(ui.OK("copied"), ui.Plain(fmt.Sprintf("  %d rows from %s to %s; both hold the same", v.Rows, v.From, v.To)))
	var rows [][]ui.Span
	for _, c := range v.Tables {
		rows = append(rows, []ui.Span{ui.Plain(c.Name), ui.Plain(strconv.FormatInt(c.Rows, 10)), ui.Plain(c.SHA256[:16])})
	}
	t.Table(ui.Columns("TABLE", "ROWS", "SHA256"), rows)
}

// LedgerMigrated is what a migration did.
type LedgerMigrated struct {
	Path string `json:"path"`
	// From is the schema before, 0 where there was no ledger.
	From int `json:"from"`
	To   int `json:"to"`
}

// Text writes the versions for people.
func (v LedgerMigrated) Text(t *ui.Text) {
	switch v.From {
	case 0:
		t.Line(ui.OK("made"), ui.Plain(fmt.Sprintf("  %s, schema %d", v.Path, v.To)))
	case v.To:
		t.Line(ui.OK("current"), ui.Plain(fmt.Sprintf("  %s, schema %d", v.Path, v.To)))
	default:
		t.Line(ui.OK("migrated"), ui.Plain(fmt.Sprintf("  %s from schema %d to %d", v.Path, v.From, v.To)))
	}
}

// LedgerRestored is a backup that was put in place.
type LedgerRestored struct {
	Path string `json:"path"`
	From string `json:"from"`
	// Kept is where the ledger before is, null if there was none.
	Kept *string `json:"kept"`
}

// Text writes the names for people.
func (v LedgerRestored) Text(t *ui.Text) {
	t.Line(ui.OK("restored"), ui.Plain("  "+v.Path+" from "+v.From))
	if v.Kept != nil {
		t.Line(ui.Plain("the ledger before is kept as " + *v.Kept))
	}
}

// LedgerVerified is what following the chain of actions gave.
type LedgerVerified struct {
	Path    string `json:"path"`
	OK      bool   `json:"ok"`
	Actions int64  `json:"actions"`
	// Head is the hash of the last action, null before the first.
	Head     *string  `json:"head"`
	Problems []string `json:"problems"`
}

// Text writes the result for people.
func (v LedgerVerified) Text(t *ui.Text) {
	if v.OK {
		t.Line(ui.OK("unaltered"), ui.Plain("  "+strconv.FormatInt(v.Actions, 10)+" actions, the last is "+payment.Or(v.Head, "none")))
	}
	for _, p := range v.Problems {
		t.Line(ui.Bad("problem"), ui.Plain("  "+p))
	}
}
