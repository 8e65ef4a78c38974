package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/stats"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Stats is the report of "payctl stats"; its keys are the contract.
type Stats struct {
	Since         string           `json:"since"`
	Until         string           `json:"until"`
	Asked         int64            `json:"asked"`
	Completed     int64            `json:"completed"`
	Failed        int64            `json:"failed"`
	Undecided     int64            `json:"undecided"`
	SuccessRate   *float64         `json:"success_rate"`
	Amount        string           `json:"amount"`
	Reversed      string           `json:"reversed"`
	Currency      string           `json:"currency"`
	SettleSeconds SettleSeconds    `json:"settle_seconds"`
	DecidedBy     map[string]int64 `json:"decided_by"`
	Reasons       []StatsReason    `json:"reasons"`
	Deliveries    StatsDeliveries  `json:"deliveries"`
	Forwards      StatsForwards    `json:"forwards"`
	Wallets       []StatsWallet    `json:"wallets"`
	Groups        []StatsGroup     `json:"groups"`

	report *stats.Report
	zone   *time.Location
}

// SettleSeconds are the times within which a share of the payments was decided.
type SettleSeconds struct {
	P50 *float64 `json:"p50"`
	P95 *float64 `json:"p95"`
	P99 *float64 `json:"p99"`
}

// StatsReason is why payments failed.
type StatsReason struct {
	Provider string  `json:"provider"`
	Code     *string `json:"code"`
	Meaning  string  `json:"meaning"`
	Count    int64   `json:"count"`
}

// StatsDeliveries are what reached the listener.
type StatsDeliveries struct {
	Total      int64 `json:"total"`
	Duplicated int64 `json:"duplicated"`
	Unbelieved int64 `json:"unbelieved"`
	Late       int64 `json:"late"`
	Lost       int64 `json:"lost"`
}

// StatsWallet is what moved in a provider's wallets.
type StatsWallet struct {
	Provider  string `json:"provider"`
	Currency  string `json:"currency"`
	Completed int64  `json:"completed"`
	Failed    int64  `json:"failed"`
	Undecided int64  `json:"undecided"`
	MoneyIn   string `json:"money_in"`
	MoneyOut  string `json:"money_out"`
	Unstated  string `json:"direction_not_stated"`
}

// StatsForwards are what was sent on.
type StatsForwards struct {
	Sent    int64 `json:"sent"`
	Failed  int64 `json:"failed"`
	Waiting int64 `json:"waiting"`
	Dead    int64 `json:"dead"`
}

// StatsGroup is one row of --by.
type StatsGroup struct {
	Key         string   `json:"key"`
	Meaning     *string  `json:"meaning"`
	Asked       int64    `json:"asked"`
	Completed   int64    `json:"completed"`
	Failed      int64    `json:"failed"`
	Undecided   int64    `json:"undecided"`
	SuccessRate *float64 `json:"success_rate"`
	Amount      string   `json:"amount"`
	Reversed    string   `json:"reversed"`

	most int64
}

// NewStats returns the view of a report. Times for people are in zone.
func NewStats(r *stats.Report, zone *time.Location) Stats {
	v := Stats{
		Since: timing.RFC3339(r.Since), Until: timing.RFC3339(r.Until), Asked: r.Asked(), Completed: r.Completed, Failed: r.Failed, Undecided: r.Undecided,
		SuccessRate: rate(r.Rate()), Amount: money(r.Amount), Reversed: money(r.Reversed), Currency: string(r.Currency),
		DecidedBy: r.DecidedBy, Reasons: make([]StatsReason, 0, len(r.Reasons)), Groups: newGroups(r.Groups),
		Deliveries: StatsDeliveries{r.Deliveries.Total, r.Deliveries.Duplicated, r.Deliveries.Unbelieved, r.Deliveries.Late, r.Deliveries.Lost},
		Forwards:   StatsForwards{r.Forwards.Taken + r.Forwards.Refused, r.Forwards.Refused, r.Forwards.Waiting, r.Forwards.Dead},
		Wallets:    make([]StatsWallet, 0, len(r.Wallets)), report: r, zone: zone,
	}
	if r.HasSettle {
		v.SettleSeconds = SettleSeconds{seconds(r.P50), seconds(r.P95), seconds(r.P99)}
	}
	for i := range r.Wallets {
		w := &r.Wallets[i]
		v.Wallets = append(v.Wallets, StatsWallet{
			string(w.Provider), string(w.Currency), w.Completed, w.Failed, w.Undecided, money(w.In), money(w.Out), money(w.Unstated),
		})
	}
	for _, reason := range r.Reasons {
		v.Reasons = append(v.Reasons, StatsReason{string(reason.Provider), payment.OrNull(reason.Code), reason.Meaning, reason.Count})
	}
	return v
}

func newGroups(groups []stats.Group) []StatsGroup {
	out := make([]StatsGroup, 0, len(groups))
	most := int64(0)
	for i := range groups {
		most = max(most, groups[i].Asked())
	}
	for i := range groups {
		g := &groups[i]
		out = append(out, StatsGroup{
			Key: g.Key, Meaning: payment.OrNull(g.Meaning), Asked: g.Asked(), Completed: g.Completed, Failed: g.Failed, Undecided: g.Undecided,
			SuccessRate: rate(g.Rate()), Amount: money(g.Amount), Reversed: money(g.Reversed), most: most,
		})
	}
	return out
}

// rate is a share with four places, null where nothing is decided.
func rate(share float64, known bool) *float64 {
	if !known {
		return nil
	}
	rounded := float64(int64(share*10000+0.5)) / 10000
	return &rounded
}

func seconds(d time.Duration) *float64 {
	s := d.Seconds()
	return &s
}

func money(minor int64) string { return payment.AmountOf(minor, payment.KES).String() }

// StatsColumns head the groups.
func StatsColumns() []ui.Column {
	return []ui.Column{
		ui.Flexible("GROUP"), ui.Right("ASKED"), ui.Right("PAID"), ui.Right("FAILED"), ui.Right("OPEN"), ui.Right("RATE"), ui.Right("AMOUNT"),
		ui.Right("REVERSED").Dropped(3), ui.Left("").Dropped(2), ui.Flexible("").Dropped(1),
	}
}

// Cells are a group's columns.
func (g StatsGroup) Cells() []ui.Span {
	return []ui.Span{
		ui.Plain(g.Key), ui.Plain(count(g.Asked)), ui.Plain(count(g.Completed)), ui.Plain(count(g.Failed)), ui.Plain(count(g.Undecided)),
		ui.Plain(percent(g.SuccessRate)), ui.Plain(g.Amount), ui.Plain(g.Reversed), ui.OK(bar(g.Asked, g.most, 20)), ui.Dim(payment.Or(g.Meaning, "")),
	}
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func percent(rate *float64) string {
	if rate == nil {
		return "-"
	}
	return strconv.FormatFloat(*rate*100, 'f', 1, 64) + " %"
}

// bar draws n of most in so many cells, to an eighth of a cell.
func bar(n, most int64, cells int) string {
	if most <= 0 || n <= 0 {
		return ""
	}
	eighths := int(n * int64(cells) * 8 / most)
	if eighths == 0 {
		return "▏"
	}
	out := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		out += string([]rune(" ▏▎▍▌▋▊▉")[part])
	}
	return out
}

// Text writes the report for people.
func (v Stats) Text(t *ui.Text) {
	r := v.report
	const form = "2006-01-02 15:04"
	t.Line(ui.Bold(r.Since.In(v.zone).Format(form) + " to " + r.Until.In(v.zone).Format(form+" MST")))
	t.Blank()
	t.Fields(
		ui.KV("asked", ui.Plain(count(v.Asked))),
		ui.KV("completed", ui.OK(count(v.Completed)), ui.Plain("  "+percent(v.SuccessRate)+" of what is decided")),
		ui.KV("failed", ui.Plain(count(v.Failed))),
		ui.KV("undecided", undecidedSpan(v.Undecided)),
		ui.KV("money in", ui.Plain(v.Amount+" "+v.Currency)),
		ui.KV("given back", ui.Plain(v.Reversed+" "+v.Currency)),
		ui.KV("settled in", ui.Plain(v.settledIn())),
		ui.KV("decided by", ui.Plain(v.decided())),
		ui.KV("deliveries", ui.Plain(fmt.Sprintf("%d, %d duplicated, %d not believed", v.Deliveries.Total, v.Deliveries.Duplicated, v.Deliveries.Unbelieved))),
		ui.KV("callbacks", ui.Plain(fmt.Sprintf("%d late, %d lost", v.Deliveries.Late, v.Deliveries.Lost))),
		ui.KV("forwards", ui.Plain(fmt.Sprintf("%d sent, %d failed, %d waiting, %d dead", v.Forwards.Sent, v.Forwards.Failed, v.Forwards.Waiting, v.Forwards.Dead))),
	)
	for _, w := range v.Wallets {
		t.Fields(ui.KV(w.Provider+" wallet", ui.Plain(w.words())))
	}
	if len(v.Reasons) > 0 {
		t.Blank()
		rows := make([][]ui.Span, len(v.Reasons))
		for i, reason := range v.Reasons {
			rows[i] = []ui.Span{ui.Plain(payment.Or(reason.Code, "-")), ui.Plain(count(reason.Count)), ui.OK(bar(reason.Count, v.Reasons[0].Count, 20)), ui.Plain(reason.Meaning)}
		}
		t.Table([]ui.Column{ui.Left("REASON"), ui.Right("FAILED"), ui.Left(""), ui.Flexible("MEANING")}, rows)
	}
	groups := v.Groups
	if r.By == stats.ByNothing {
		groups = newGroups(r.Days)
	}
	if len(groups) == 0 {
		return
	}
	t.Blank()
	rows := make([][]ui.Span, len(groups))
	for i, g := range groups {
		rows[i] = g.Cells()
	}
	t.Table(StatsColumns(), rows)
}

func (w *StatsWallet) words() string {
	out := fmt.Sprintf("%d completed, %d failed, %d undecided; %s %s in, %s out", w.Completed, w.Failed, w.Undecided, w.MoneyIn, w.Currency, w.MoneyOut)
	if w.Unstated != money(0) {
		out += ", " + w.Unstated + " without a direction"
	}
	return out
}

func undecidedSpan(n int64) ui.Span {
	if n > 0 {
		return ui.Warn(count(n))
	}
	return ui.Plain("0")
}

func (v Stats) settledIn() string {
	r := v.report
	if !r.HasSettle {
		return "-"
	}
	return fmt.Sprintf("%s for half, %s for 95 of 100, %s for 99", r.P50, r.P95, r.P99)
}

func (v Stats) decided() string {
	var parts []string
	for _, by := range []string{"callback", "stream", "poll", "query", "operator"} {
		if n := v.DecidedBy[by]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", by, n))
		}
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}
