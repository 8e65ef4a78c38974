package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/stats"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// statsVerb is "payctl stats".
type statsVerb struct {
	*session
	since, until, by, html string
}

func newStats(s *session) *cobra.Command {
	v := &statsVerb{session: s}
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count what became of payments",
		Long: `Counts the profile's payments over a time: how many were asked for and paid, why the
others failed, how long it took and what decided it; what reached the listener and what
was sent on. The ledger keeps these counts while rows come in, so that they cost the
same whatever its size.

Times are taken as whole hours, in the zone of --timezone; deliveries and forwards as
whole days of East Africa. A callback is late when the prompt was over, and lost when
none has come for twice as long, 4 minutes, whatever decided the payment.`,
		Example: "  payctl stats\n  payctl stats --since 30d --by day --html june.html\n  payctl stats --by reason -o csv",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.since, "since", "7d", "asked for at or after this `TIME` (RFC 3339, a date, or an age such as 7d)")
	f.StringVar(&v.until, "until", "", "asked for before this `TIME`")
	f.StringVar(&v.by, "by", "", "tell apart by `hour|day|provider|reason|amount`")
	f.StringVar(&v.html, "html", "", "also write the report as a page to `FILE`")
	return report(cmd)
}

// Run counts and prints.
func (v *statsVerb) Run(ctx context.Context) error {
	in := stats.Input{By: stats.By(v.by), Until: v.now(), Now: v.now(), Meaning: v.meaning}
	if v.by != "" && !slices.Contains(stats.Groupings(), v.by) {
		return usagef("use "+strings.Join(stats.Groupings(), ", "), "by %q: is not a grouping", payment.Line(v.by, 60))
	}
	var err error
	if in.Since, err = v.parseTime("since", v.since); err != nil {
		return err
	}
	if v.until != "" {
		if in.Until, err = v.parseTime("until", v.until); err != nil {
			return err
		}
	}
	if !in.Since.Before(in.Until) {
		return usagef("give an earlier --since", "since: not before until")
	}
	conf, err := v.config(ctx)
	if err != nil {
		return err
	}
	in.Environment = conf.Environment
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	in.Zone = v.zone()
	r, err := stats.Run(ctx, ledger.Rollups, in)
	if err != nil {
		return err
	}
	shown := view.NewStats(r, in.Zone)
	if v.html != "" {
		if err := writePage(v.html, shown.Page(v.now())); err != nil {
			return err
		}
	}
	if v.out.Format() == ui.FormatCSV && v.by != "" {
		return ui.List(v.out, view.StatsColumns(), shown.Groups)
	}
	return v.out.One(shown)
}

// meaning is what a provider's code means, "" if nobody knows.
func (v *statsVerb) meaning(p payment.ProviderID, code string) string {
	row := v.providers.Row(p)
	if row.Explainer == nil {
		return ""
	}
	if found := row.Explainer.Explain(code, payment.CodeQuery{}); len(found) > 0 {
		return found[0].Text
	}
	return ""
}
