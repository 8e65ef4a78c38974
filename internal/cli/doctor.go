package cli

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/doctor"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// doctorVerb is "payctl doctor".
type doctorVerb struct {
	*session
	fix bool
}

func newDoctor(s *session) *cobra.Command {
	v := &doctorVerb{session: s}
	cmd := report(&cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong with a set-up and how to mend it",
		Long: `Looks at the settings and their files, the way to each provider and its clock, the
credentials (one harmless question, about a payment that nobody made), the ledger and
its disk, the listener, and the callback URL from the outside in. Nothing it does can
move money.

Exit 0 when nothing fails, else what the worst failure means: 64 settings or clock,
4 credentials, 9 something else answers at the callback URL, 1 the ledger or its disk,
7 not reached. --fix mends what is safe: the modes of files and directories.`,
		Example: "  payctl doctor\n  payctl doctor --profile sandbox --fix\n  payctl doctor -o json --jq '.[] | select(.verdict == \"fail\")'",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	})
	cmd.Flags().BoolVar(&v.fix, "fix", false, "mend what is safe: modes of files and directories")
	return cmd
}

// Run makes the checks. On a terminal each is shown as it is made.
func (v *doctorVerb) Run(ctx context.Context) error {
	ctx, cancel := v.deadline.bound(ctx, 0)
	defer cancel()
	var shown error
	text := v.out.Format() == ui.FormatText
	report := func(f doctor.Finding) {
		if text && shown == nil {
			shown = v.out.Line(v.view(f))
		}
	}
	conf, err := v.config(ctx)
	if err != nil {
		f := doctor.Finding{Check: "settings", Verdict: doctor.Fail, Kind: payment.KindOf(err), Detail: errorView(err).Message, Fix: errorView(err).Hint}
		report(f)
		return v.end([]doctor.Finding{f}, text, shown)
	}
	findings := doctor.Run(ctx, doctor.Input{
		Config: conf, Providers: v.providers, Now: v.now, HTTP: v.client, LocalListener: cmp.Or(conf.Listen.Addr, inquiry.UsualAddr), Fix: v.fix, Report: report,
		Open: func(ctx context.Context, id payment.ProviderID) (provider.Provider, error) {
			return v.provider(ctx, id, nil)
		},
		Ledger: func(ctx context.Context) (*store.Store, error) {
			if _, err := os.Stat(conf.DB); err != nil && !conf.SharedLedger() {
				return nil, fs.ErrNotExist
			}
			return v.readLedger(ctx)
		},
	})
	for _, f := range findings {
		if f.Mended {
			acted(ctx, v.session, v.config, f.Detail)
		}
	}
	return v.end(findings, text, shown)
}

func (v *doctorVerb) view(f doctor.Finding) view.Finding {
	return view.Finding{Check: f.Check, Verdict: string(f.Verdict), Detail: v.phoneText(f.Detail), Fix: payment.OrNull(v.lead(v.phoneText(f.Fix))), DurationMS: f.Duration.Milliseconds()}
}

// end prints what was not shown yet and returns what the worst failure means.
func (v *doctorVerb) end(findings []doctor.Finding, shownAlready bool, err error) error {
	if !shownAlready {
		views := make([]view.Finding, len(findings))
		for i, f := range findings {
			views[i] = v.view(f)
		}
		err = ui.List(v.out, ui.Columns("CHECK", "VERDICT", "DETAIL", "FIX"), views)
	}
	kind, failed := doctor.Worst(findings)
	if !failed {
		return err
	}
	count := 0
	for _, f := range findings {
		if f.Verdict == doctor.Fail {
			count++
		}
	}
	checks := "1 check fails"
	if count != 1 {
		checks = fmt.Sprintf("%d checks fail", count)
	}
	return v.ended(err, &payment.Error{Kind: kind, Message: "doctor: " + checks, Hint: "each failing check names what mends it"}, "the checks were made")
}
