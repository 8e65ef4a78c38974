package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/watch"
)

// depositResolve is "payctl deposit resolve".
type depositResolve struct {
	asking
	ids         []string
	all, dryRun bool
	olderThan   time.Duration
	as, because string
	receipt     string
}

func newDepositResolve(s *session) *cobra.Command {
	v := &depositResolve{asking: asking{session: s}}
	cmd := &cobra.Command{
		Use:   "resolve [ID...]",
		Short: "End doubt about deposits from every source, or by your word",
		Long: `Asks every source about deposits that are UNKNOWN, PENDING for too long, refused or
contradicted: answers that wait in the recovery file, the provider's query, payments
listed or confirmed that fit, and transaction status of their receipt, which alone is
proof. What is proved is settled; the rest is listed with its reason and the next step.

--as is the operator's word: it is recorded as such, with --because, and ends every
doubt. Proof against it that comes later is a contradiction again.

Exit 0 when nothing that was asked about is left in doubt, 8 when something is, 9 when
a contradiction is.`,
		Example: `  payctl deposit resolve --all
  payctl deposit resolve INV-1
  payctl deposit resolve INV-1 --as completed --receipt UA2K7QX9ZP --because "on the statement of 4 March"`,
		Args: func(_ *cobra.Command, args []string) error {
			v.ids = args
			return v.check()
		},
		RunE: s.run(v.Run),
	}
	f := cmd.Flags()
	f.BoolVar(&v.all, "all", false, "every deposit of the profile's environment that is in doubt")
	v.olderThan = watch.Deadline
	f.Var(ageFlag{&v.olderThan}, "older-than", "with --all, leave out what was asked for within this `AGE`")
	f.StringVar(&v.as, "as", "", "your word on what became of it: `completed|failed`")
	f.StringVar(&v.because, "because", "", "why, in your own `TEXT`")
	f.StringVar(&v.receipt, "receipt", "", "the payment's `RECEIPT`, with --as completed")
	f.BoolVar(&v.dryRun, "dry-run", false, "show what is in doubt; ask nobody and record nothing")
	return cmd
}

func (v *depositResolve) check() error {
	v.as, v.because = strings.ToLower(strings.TrimSpace(v.as)), strings.TrimSpace(v.because)
	switch {
	case len(v.ids) == 0 && !v.all:
		return usagef("give one or more ids, or --all", "ID is missing")
	case len(v.ids) > 0 && v.all:
		return usagef("give ids, or --all", "all: cannot be mixed with ids")
	case v.as == "" && v.because+v.receipt != "":
		return usagef("add --as completed or --as failed", "as: --because and --receipt go with your word")
	case v.as == "":
		return nil
	case v.as != "completed" && v.as != "failed":
		return usagef("use completed or failed", "as %q: is no outcome", v.as)
	case v.because == "":
		return usagef("say why, such as --because \"on the statement of 4 March\"", "because: is missing")
	case v.all || len(v.ids) > 1:
		return usagef("name one deposit", "as: a word is about one deposit")
	case v.receipt != "" && v.as == "failed":
		return usagef("leave --receipt out", "receipt: a failed deposit has none")
	}
	return nil
}

// Run resolves the deposits.
func (v *depositResolve) Run(ctx context.Context) error {
	ledger, err := v.openLedger(ctx)
	if err != nil {
		return err
	}
	deposits, err := v.chosen(ctx, ledger)
	if err != nil {
		return err
	}
	bounded, cancel := v.deadline.bound(ctx, 0)
	defer cancel()
	var resolved []deposit.Resolved
	for _, d := range deposits {
		r, err := v.resolve(bounded, ledger, d)
		if err != nil {
			return err
		}
		resolved = append(resolved, r)
	}
	return v.report(ctx, ledger, resolved)
}

// chosen are the deposits that were named, or all that are in doubt.
func (v *depositResolve) chosen(ctx context.Context, ledger *store.Store) ([]payment.Deposit, error) {
	if !v.all {
		var out []payment.Deposit
		for _, id := range v.ids {
			found, err := v.findHere(ctx, ledger, id)
			if err != nil {
				return nil, err
			}
			out = append(out, found.Deposit)
		}
		return out, nil
	}
	conf, err := v.config(ctx)
	if err != nil {
		return nil, err
	}
	return v.doubtful(ctx, ledger, conf.Environment)
}

// doubtful are the deposits that are in doubt, newest first: they are few among those that
// are open and those that are contradicted, however many there are.
func (v *depositResolve) doubtful(ctx context.Context, ledger *store.Store, env payment.Environment) ([]payment.Deposit, error) {
	var out []payment.Deposit
	now := v.now()
	for _, f := range []store.DepositFilter{
		{Environment: env, Statuses: []payment.Status{payment.StatusCreated, payment.StatusUnknown, payment.StatusPending}},
		{Environment: env, Conflict: true},
	} {
		found, _, err := listing[payment.Deposit]{page: func(cursor string, n int) ([]payment.Deposit, string, error) {
			f.Cursor, f.Limit = cursor, n
			return ledger.Deposits.List(ctx, f)
		}, keep: func(d payment.Deposit) (bool, error) {
			return d.Conflict.IsZero() != f.Conflict && deposit.Doubtful(d, now, v.olderThan), nil
		}}.take(0, false)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	slices.SortStableFunc(out, func(a, b payment.Deposit) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out, nil
}

func (v *depositResolve) resolve(ctx context.Context, ledger *store.Store, d payment.Deposit) (deposit.Resolved, error) {
	if v.as != "" && !v.dryRun {
		as := payment.StatusCompleted
		if v.as == "failed" {
			as = payment.StatusFailed
		}
		return deposit.Word(ctx, ledger.Deposits, d, as, strings.ToUpper(strings.TrimSpace(v.receipt)), v.because, v.now())
	}
	from := deposit.Sources{}
	if !v.dryRun {
		var err error
		if from, err = v.sources(ctx, ledger, d); err != nil {
			return deposit.Resolved{}, err
		}
	}
	return deposit.Resolve(ctx, ledger.Deposits, from, d, v.now)
}

// sources are who can be asked about a deposit with these settings.
func (v *depositResolve) sources(ctx context.Context, ledger *store.Store, d payment.Deposit) (deposit.Sources, error) {
	p, err := v.provider(ctx, d.Provider, nil)
	if err != nil {
		return deposit.Sources{}, err
	}
	from := deposit.Sources{AnswerDecides: p.Schedule.Settles}
	if p.Depositor != nil {
		from.Ask = once{v.session, v.watchOptions(p, watch.ViaPoll, ledger)}.Ask
	}
	if p.Daraja == nil {
		return from, nil
	}
	from.Hints = func(ctx context.Context, d payment.Deposit) ([]payment.Hint, error) {
		return inquiry.Hints(ctx, ledger, p.Daraja, d, v.now())
	}
	client, conf, err := v.initiatorClient(ctx)
	if err != nil {
		return from, nil //nolint:nilerr // without an initiator, transaction status cannot be asked
	}
	from.Confirm = func(ctx context.Context, d payment.Deposit, receipt string) (bool, error) {
		i, err := v.inquirer(ctx, conf, client)
		if err != nil {
			return false, err
		}
		ctx, cancel := v.deadline.bound(ctx, inquiry.Timeout)
		defer cancel()
		_, err = i.Transaction(ctx, inquiry.TransactionInput{Receipt: receipt, Deposit: d.ID, Type: payment.IdentifierShortCode})
		v.progress.Stop()
		return err == nil, err
	}
	return from, nil
}

// report prints what came of each deposit, and returns what is left in doubt.
func (v *depositResolve) report(ctx context.Context, ledger *store.Store, resolved []deposit.Resolved) error {
	ctx = context.WithoutCancel(ctx)
	views := make([]view.Resolved, len(resolved))
	open, disputed := 0, 0
	for i, r := range resolved {
		doubts, err := ledger.Deposits.Doubts(ctx, r.ID)
		if err != nil {
			return err
		}
		views[i] = view.NewResolved(r, doubts[r.ID], v.global.showPhone)
		switch {
		case r.Open && !r.Conflict.IsZero():
			disputed++
		case r.Open:
			open++
		}
	}
	var outcome error
	switch {
	case disputed > 0:
		outcome = &payment.Error{Kind: payment.KindConflict, Message: fmt.Sprintf("%d of %d deposits are still contradicted", disputed, len(resolved)), Hint: "see the next step of each"}
	case open > 0:
		outcome = &payment.Error{Kind: payment.KindPending, Message: fmt.Sprintf("%d of %d deposits are still in doubt", open, len(resolved)), Hint: "see the next step of each"}
	}
	return v.ended(ui.List(v.out, view.ResolvedColumns(), views), outcome, fmt.Sprintf("%d deposits are still in doubt", open+disputed))
}
