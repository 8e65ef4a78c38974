package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// reconcileVerb is "payctl reconcile".
type reconcileVerb struct {
	*session
	files                         []string
	from, to, shortCode, provider string
	check                         bool
	columns, timeFormat, html     string
	grace                         time.Duration
}

func newReconcile(s *session) *cobra.Command {
	v := &reconcileVerb{session: s}
	cmd := &cobra.Command{
		Use:   "reconcile [FILE...]",
		Short: "Hold statement files against the ledger",
		Long: `Compares what M-PESA's portals export (CSV or XLSX, by content and not by name) with
the ledger, receipt by receipt and to the cent, and says where they differ and which
command helps. It reports only: neither ledger nor files are changed.

Give any mix of files and time slices of one short code; rows that several have are
counted once. Each payment is in exactly one of fifteen categories; that the counts
add up is checked and printed. What failed, here or there, moved no money and is
not_customer_payment unless the other side completed it. Exit 0 when everything matches,
9 for differences, 8 when only what is probable or cannot be verified is left, 64 for a
wrong file.

--provider-check asks the provider as well, within the rate budget: what it lists of the
last 48 hours, how up to 20 undecided deposits stand, and what became of the transactions
of up to 20 differences, the worst first. Answers are shown and move nothing. Without
files its list stands for them. An empty list proves nothing.

Other files are read by naming their columns: --columns with receipt=TITLE, amount=,
time= and status=, and where there are such columns reference=, phone= and direction=,
comma separated; with --time-format as Go writes it (2006-01-02 15:04:05) where the
form is not found. Times without a zone are those of --timezone there, East Africa's
where none is given; M-PESA's own files are always East Africa's.`,
		Example: "  payctl reconcile \"ORG_600123_Utility Account_All_20261105053012.csv\"\n" +
			"  payctl reconcile monday.csv tuesday.xlsx --html report.html\n" +
			"  payctl reconcile bank.csv --columns receipt=Ref,amount=Amount,time=Date,status=State -o csv",
		Args: func(_ *cobra.Command, args []string) error {
			v.files = args
			if len(args) == 0 && !v.check {
				return usagef("give the statement that the portal exports, or --provider-check", "FILE is missing")
			}
			return nil
		},
		RunE: s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.from, "from", "", "compare from this `TIME` on (RFC 3339, a date, or 2h ago as 2h)")
	f.StringVar(&v.to, "to", "", "compare up to this `TIME`; a date is its whole day")
	f.StringVar(&v.shortCode, "shortcode", "", "`CODE` that the files are of (default: the profile's)")
	f.StringVar(&v.provider, "provider", string(payment.Daraja), "whose payments: `daraja|wasaapay|sevi`")
	f.StringVar(&v.columns, "columns", "", "titles of a file that is none of M-PESA's, as `receipt=TITLE,...`")
	f.StringVar(&v.timeFormat, "time-format", "", "form of the times under --columns, as Go `LAYOUT`")
	v.grace = reconcile.DefaultGrace
	f.Var(ageFlag{&v.grace}, "grace", "how far apart, and from the period's edge, a payment may be: `DURATION`")
	f.BoolVar(&v.check, "provider-check", false, "ask the provider as well: its list of payments, and about what is undecided")
	f.StringVar(&v.html, "html", "", "also write the report as a page to `FILE`")
	return report(cmd)
}

// Run compares and reports.
func (v *reconcileVerb) Run(ctx context.Context) error {
	ctx, cancel := v.deadline.bound(ctx, 0)
	defer cancel()
	in, err := v.input(ctx)
	if err != nil {
		return err
	}
	open := v.readLedger
	if v.check {
		open = v.openLedger
	}
	ledger, err := open(ctx)
	if err != nil {
		return err
	}
	if v.check {
		if in.Provider, err = v.checks(ctx, in.Scope.Provider, ledger); err != nil {
			return err
		}
		if len(v.files) == 0 {
			in.From, in.To = v.lately(in.From, in.To)
		}
	}
	progress := v.out.Progress("reading the statement")
	defer progress.Stop()
	in.Progress = func(rows int) { progress.Update(fmt.Sprintf("reading the statement: %d rows", rows)) }
	r, err := reconcile.Run(ctx, in, ledger.Books)
	progress.Stop()
	if err != nil {
		return err
	}
	shown := view.NewReconcile(r, v.zone())
	if v.html != "" {
		if err := writePage(v.html, shown.Page(v.now())); err != nil {
			return err
		}
	}
	if err := v.print(shown); err != nil {
		return err
	}
	return r.Outcome()
}

// lately is the time that a provider's list can stand for, where no other is named.
func (v *reconcileVerb) lately(from, to time.Time) (time.Time, time.Time) {
	if to.IsZero() {
		to = v.now()
	}
	if from.IsZero() {
		from = to.Add(-24 * time.Hour)
	}
	return from, to
}

func (v *reconcileVerb) print(shown view.Reconcile) error {
	switch v.out.Format() {
	case ui.FormatCSV:
		return ui.List(v.out, view.DifferenceColumns(), shown.Differences)
	case ui.FormatNDJSON:
		if err := ui.List(v.out, view.DifferenceColumns(), shown.Differences); err != nil {
			return err
		}
		return v.out.Line(shown.Summary())
	case ui.FormatText, ui.FormatJSON:
	}
	return v.out.One(shown)
}

func (v *reconcileVerb) input(ctx context.Context) (reconcile.Input, error) {
	in := reconcile.Input{ShortCode: v.shortCode, Grace: v.grace, TimeFormat: v.timeFormat, Zone: cmp.Or(v.shownIn, timing.EAT()), Now: v.now()}
	conf, err := v.config(ctx)
	if err != nil {
		return in, err
	}
	if in.Scope.Provider, err = v.providers.Parse(v.provider); err != nil {
		return in, err
	}
	in.Scope.Environment = conf.Environment
	row := v.providers.Row(in.Scope.Provider)
	if row.ShortCode != nil {
		in.Scope.ShortCodes = codes(row.ShortCode(conf), conf.Daraja.Till)
	}
	switch {
	case v.grace < 0:
		return in, usagef("write a duration such as 10m", "grace %s: is negative", v.grace)
	case v.timeFormat != "" && v.columns == "":
		return in, usagef("M-PESA's own files need none", "time-format: is for --columns")
	case v.columns == "" && row.ShortCode == nil:
		return in, usagef("name the file's columns with --columns", "provider %s: its statements have no known form", in.Scope.Provider)
	}
	if v.columns != "" {
		c, err := statement.ParseColumns(v.columns)
		if err != nil {
			return in, err
		}
		in.Columns = &c
	}
	for _, name := range v.files {
		in.Files = append(in.Files, reconcile.FileSource(name))
	}
	if in.From, err = v.parseTime("from", v.from); err != nil {
		return in, err
	}
	in.To, err = v.lastMoment("to", v.to)
	return in, err
}

// codes are the short codes that there are.
func codes(all ...string) []string {
	var out []string
	for _, c := range all {
		if c != "" {
			out = append(out, c)
		}
	}
	return out
}

// lastMoment is parseTime for the end of a period: a date is the whole of its day.
func (e *env) lastMoment(flag, text string) (time.Time, error) {
	at, err := e.parseTime(flag, text)
	if _, date := time.Parse(time.DateOnly, text); err == nil && date == nil {
		at = at.Add(24*time.Hour - time.Second)
	}
	return at, err
}

// writePage writes a page whole or not at all.
func writePage(path string, d page.Document) error {
	var b bytes.Buffer
	if err := page.Write(&b, d); err != nil {
		return err
	}
	if err := atomicfile.Write(path, b.Bytes()); err != nil {
		return usagef("check the directory and its permissions", "html: %s", err.Error())
	}
	return nil
}

var _ reconcile.Books = (*store.Books)(nil)
