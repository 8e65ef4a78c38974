package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Reconcile is the report of "payctl reconcile"; its keys are the contract.
type Reconcile struct {
	Period struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"period"`
	Files         []StatementFile     `json:"files"`
	Counts        map[string]int      `json:"counts"`
	Amounts       map[string]string   `json:"amounts"`
	Legs          map[string]LegTotal `json:"legs"`
	Equation      []EquationSum       `json:"equation"`
	EquationHolds bool                `json:"equation_holds"`
	UnknownTexts  []string            `json:"unknown_texts"`
	Provider      []ProviderQuestion  `json:"provider"`
	Differences   []Difference        `json:"differences"`

	report *reconcile.Report
	zone   *time.Location
}

// StatementFile is a file that was read.
type StatementFile struct {
	Name       string           `json:"name"`
	Family     string           `json:"family"`
	SHA256     string           `json:"sha256"`
	ShortCode  *string          `json:"shortcode"`
	Account    *string          `json:"account"`
	From       *string          `json:"from"`
	To         *string          `json:"to"`
	Rows       int              `json:"rows"`
	Ignored    int              `json:"ignored"`
	Unreadable int              `json:"unreadable"`
	Checks     []StatementCheck `json:"checks"`
}

// StatementCheck is what a file says of itself held against its rows; ok is null where
// the file does not allow the check.
type StatementCheck struct {
	Name   string `json:"name"`
	OK     *bool  `json:"ok"`
	Detail string `json:"detail"`
}

// LegTotal sums the rows of a leg.
type LegTotal struct {
	Rows   int    `json:"rows"`
	Amount string `json:"amount"`
}

// EquationSum is one side of the books counted twice.
type EquationSum struct {
	Name  string         `json:"name"`
	Read  int            `json:"read"`
	Told  int            `json:"told"`
	Holds bool           `json:"holds"`
	Parts map[string]int `json:"parts"`
}

// ProviderQuestion is what the provider was asked.
type ProviderQuestion struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Result string `json:"result"`
}

// Difference is one payment about which the books differ.
type Difference struct {
	Category     string  `json:"category"`
	Severity     string  `json:"severity"`
	Receipt      *string `json:"receipt"`
	Amount       *string `json:"amount"`
	LedgerAmount *string `json:"ledger_amount"`
	DepositID    *string `json:"deposit_id"`
	DeliveryID   *string `json:"delivery_id"`
	File         *string `json:"file"`
	Line         *int    `json:"line"`
	Time         *string `json:"time"`
	Detail       string  `json:"detail"`
	Next         string  `json:"next"`

	at   time.Time
	zone *time.Location
}

// NewReconcile returns the view of a report. Times for people are in zone; numbers of
// phones never are in a report, whatever the files show.
func NewReconcile(r *reconcile.Report, zone *time.Location) Reconcile {
	v := Reconcile{
		Files: make([]StatementFile, 0, len(r.Files)), Counts: map[string]int{}, Amounts: map[string]string{}, Legs: map[string]LegTotal{},
		Equation: make([]EquationSum, 0, len(r.Equation)), EquationHolds: r.EquationHolds(), UnknownTexts: []string{},
		Provider: []ProviderQuestion{}, Differences: make([]Difference, 0, len(r.Differences)), report: r, zone: zone,
	}
	v.Period.From, v.Period.To = timing.RFC3339(r.From), timing.RFC3339(r.To)
	for _, f := range r.Files {
		v.Files = append(v.Files, newStatementFile(&f))
	}
	for _, c := range reconcile.Categories() {
		v.Counts[string(c)], v.Amounts[string(c)] = r.Counts[c], statement.Decimal(r.Amounts[c])
	}
	for leg, total := range r.Legs {
		v.Legs[leg] = LegTotal{total.Rows, statement.Decimal(total.Amount)}
	}
	for _, s := range r.Equation {
		e := EquationSum{Name: s.Name, Read: s.Read, Told: s.Told, Holds: s.Holds(), Parts: map[string]int{}}
		for _, p := range s.Parts {
			e.Parts[p.Name] = p.N
		}
		v.Equation = append(v.Equation, e)
	}
	for _, text := range r.Unknown {
		v.UnknownTexts = append(v.UnknownTexts, payment.MaskDigits(text))
	}
	for _, a := range r.Asked {
		v.Provider = append(v.Provider, ProviderQuestion{a.What, a.OK, a.Result})
	}
	for i := range r.Differences {
		v.Differences = append(v.Differences, newDifference(&r.Differences[i], zone))
	}
	return v
}

func newStatementFile(f *statement.File) StatementFile {
	v := StatementFile{
		Name: f.Name, Family: f.Family, SHA256: f.SHA256, ShortCode: payment.OrNull(f.ShortCode), Account: payment.OrNull(f.Account),
		From: timing.RFC3339OrNull(f.From), To: timing.RFC3339OrNull(f.To), Rows: f.Rows, Ignored: f.Ignored, Unreadable: f.Unreadable,
		Checks: make([]StatementCheck, 0, len(f.Checks)),
	}
	for _, c := range f.Checks {
		v.Checks = append(v.Checks, StatementCheck{c.Name, c.OK, c.Detail})
	}
	return v
}

func newDifference(d *reconcile.Difference, zone *time.Location) Difference {
	v := Difference{
		Category: string(d.Category), Severity: string(d.Severity), Receipt: payment.OrNull(d.Receipt),
		DepositID: payment.OrNull(d.DepositID), DeliveryID: payment.OrNull(d.DeliveryID), File: payment.OrNull(d.File),
		Time: timing.RFC3339OrNull(d.At), Detail: d.Detail, Next: d.Next, at: d.At, zone: zone,
	}
	if d.HasAmount {
		v.Amount = payment.OrNull(statement.Decimal(d.Amount))
	}
	if d.HasLedgerAmount {
		v.LedgerAmount = payment.OrNull(statement.Decimal(d.LedgerAmount))
	}
	if d.Line > 0 {
		line := d.Line
		v.Line = &line
	}
	return v
}

// DifferenceColumns head the differences.
func DifferenceColumns() []ui.Column {
	return []ui.Column{
		ui.Left("SEVERITY").Dropped(5), ui.Flexible("CATEGORY"), ui.Left("RECEIPT"), ui.Right("AMOUNT"), ui.Right("LEDGER").Dropped(4),
		ui.Left("TIME").Dropped(3), ui.Left("ID").Dropped(1), ui.Flexible("WHERE").Dropped(2),
	}
}

// Cells are a difference's columns.
func (d Difference) Cells() []ui.Span {
	id := payment.Or(d.DepositID, payment.Or(d.DeliveryID, "-"))
	return []ui.Span{
		severitySpan(d.Severity), ui.Plain(d.Category), ui.Plain(payment.Or(d.Receipt, "-")), ui.Plain(payment.Or(d.Amount, "-")),
		ui.Plain(payment.Or(d.LedgerAmount, "-")), ui.Plain(d.when()), ui.Plain(id), ui.Plain(d.where()),
	}
}

func (d Difference) when() string {
	if d.at.IsZero() {
		return "-"
	}
	return d.at.In(d.zone).Format("2006-01-02 15:04:05")
}

func (d Difference) where() string {
	switch {
	case d.File == nil:
		return ""
	case d.Line == nil:
		return *d.File
	}
	return *d.File + ":" + strconv.Itoa(*d.Line)
}

func severitySpan(severity string) ui.Span {
	switch reconcile.Severity(severity) {
	case reconcile.Critical, reconcile.High:
		return ui.Bad(severity)
	case reconcile.Medium:
		return ui.Warn(severity)
	case reconcile.Low:
	}
	return ui.Dim(severity)
}

// Text writes the report for people: the summary, then the differences.
func (v Reconcile) Text(t *ui.Text) {
	r := v.report
	form := "2006-01-02 15:04:05"
	t.Line(ui.Bold("period  "), ui.Plain(r.From.In(v.zone).Format(form)+" to "+r.To.In(v.zone).Format(form+" MST")))
	v.textFiles(t)
	v.textSums(t)
	for _, a := range v.Provider {
		t.Line(ui.Plain("provider  "+a.What+": "), okSpan(a.OK, a.Result))
	}
	if len(v.UnknownTexts) > 0 {
		t.Blank()
		t.Line(ui.Warn("texts that are not known: "), ui.Plain(strings.Join(v.UnknownTexts, "; ")))
	}
	t.Blank()
	if len(v.Differences) == 0 {
		t.Line(ui.OK("no differences"))
		return
	}
	rows := make([][]ui.Span, len(v.Differences))
	for i, d := range v.Differences {
		rows[i] = d.Cells()
	}
	t.Table(DifferenceColumns(), rows)
	t.Blank()
	for _, d := range v.Differences {
		id := payment.Or(d.Receipt, payment.Or(d.DepositID, payment.Or(d.DeliveryID, d.where())))
		t.Line(ui.Bold(id), ui.Plain("  "+d.Detail))
		t.Line(ui.Dim("  next: "), ui.Plain(d.Next))
	}
}

// words is a key as people read it.
func words(key string) string { return strings.ReplaceAll(key, "_", " ") }

func okSpan(ok bool, text string) ui.Span {
	if ok {
		return ui.OK(text)
	}
	return ui.Bad(text)
}

func (v Reconcile) textFiles(t *ui.Text) {
	rows := make([][]ui.Span, 0, len(v.Files))
	for _, f := range v.Files {
		rows = append(rows, []ui.Span{
			ui.Plain(f.Name), ui.Plain(f.Family), ui.Plain(payment.Or(f.ShortCode, "-")), ui.Plain(payment.Or(f.Account, "-")),
			ui.Plain(strconv.Itoa(f.Rows)), ui.Plain(strconv.Itoa(f.Ignored)), ui.Plain(strconv.Itoa(f.Unreadable)),
		})
	}
	if len(rows) > 0 {
		t.Blank()
	}
	t.Table([]ui.Column{ui.Flexible("FILE"), ui.Left("KIND"), ui.Left("SHORTCODE"), ui.Flexible("ACCOUNT"), ui.Right("ROWS"), ui.Right("IGNORED"), ui.Right("UNREADABLE")}, rows)
	for _, f := range v.Files {
		for _, c := range f.Checks {
			switch {
			case c.OK == nil:
				t.Line(ui.Dim("  -  "), ui.Plain(c.Name+"  "), ui.Dim(c.Detail))
			case *c.OK:
				t.Line(ui.OK("  ok "), ui.Plain(c.Name+"  "), ui.Dim(c.Detail))
			default:
				t.Line(ui.Bad("  no "), ui.Plain(c.Name+"  "), ui.Bad(c.Detail+" ("+f.Name+")"))
			}
		}
	}
}

func (v Reconcile) textSums(t *ui.Text) {
	t.Blank()
	var rows [][]ui.Span
	for _, c := range reconcile.Categories() {
		if n := v.report.Counts[c]; n > 0 || c == reconcile.Matched {
			rows = append(rows, []ui.Span{ui.Plain(string(c)), ui.Plain(strconv.Itoa(n)), ui.Plain(v.Amounts[string(c)])})
		}
	}
	t.Table([]ui.Column{ui.Left("CATEGORY"), ui.Right("PAYMENTS"), ui.Right("KES")}, rows)
	t.Blank()
	for _, s := range v.report.Equation {
		t.Line(ui.Plain(words(s.Name)+"  "), okSpan(s.Holds(), equation(s)))
	}
}

// equation writes a sum out: "12 = 5 payment + 4 fee".
func equation(s reconcile.Sum) string {
	var parts []string
	for _, p := range s.Parts {
		if p.N > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.N, words(p.Name)))
		}
	}
	if len(parts) == 0 {
		parts = []string{fmt.Sprintf("%d in the categories above", s.Told)}
	}
	sign := "="
	if !s.Holds() {
		sign = "is not"
	}
	return fmt.Sprintf("%d %s %s", s.Read, sign, strings.Join(parts, " + "))
}

// ReconcileSummary is the last line under ndjson.
type ReconcileSummary struct {
	Summary Reconcile `json:"summary"`
}

// Text is never asked for: only ndjson has a summary of its own.
func (s ReconcileSummary) Text(t *ui.Text) { s.Summary.Text(t) }

// Summary is the report without its differences.
func (v Reconcile) Summary() ReconcileSummary {
	v.Differences = []Difference{}
	return ReconcileSummary{v}
}
