package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/filter"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// statusWatch is "payctl status watch".
type statusWatch struct {
	*session
	ids    []string
	all    bool
	whose  string
	filter string
	follow followOptions
}

func newStatusWatch(s *session) *cobra.Command {
	v := &statusWatch{session: s}
	cmd := &cobra.Command{
		Use:   "watch ID...",
		Short: "Follow deposits to their end",
		Long: `Races the ledger (callbacks stored by "payctl listen"), the provider's stream and
the poll; the first trustworthy final answer decides. Ends with the outcome as its
exit code; undecided after 130 s (or --timeout) is exit 8, not a failure.

With --all, all undecided deposits of the profile's environment are followed; with
--filter, those of them that it lets pass. On a terminal --all fills the screen, with a
countdown to the end of each prompt: q leaves, enter shows the timeline of the chosen
deposit, r asks the provider now. In a pipe it prints lines.

` + filterHelp[filter.Deposit](),
		Example: "  payctl status watch INV-1\n  payctl status watch --all\n  payctl status watch dep_1 dep_2 --via poll -o ndjson\n  payctl status watch --filter 'amount >= 1000'",
		Args: func(_ *cobra.Command, args []string) error {
			switch chosen := v.all || v.filter != ""; {
			case len(args) == 0 && !chosen:
				return usagef("give one or more ids, --all or --filter", "ID is missing")
			case len(args) > 0 && v.filter != "":
				return usagef("give ids, or --filter for all undecided deposits", "filter: cannot be mixed with ids")
			case len(args) > 0 && v.all:
				return usagef("give ids, or --all for all undecided deposits", "all: cannot be mixed with ids")
			}
			v.ids = args
			return nil
		},
		RunE: s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.whose, "provider", "", "whose id it is, when the ledger does not know it: `daraja|wasaapay`")
	f.BoolVar(&v.all, "all", false, "follow every undecided deposit")
	bindFilter(f, &v.filter)
	v.follow.bind(f)
	return cmd
}

// Run follows the deposits.
func (v *statusWatch) Run(ctx context.Context) error {
	via, transports, err := v.follow.parse()
	if err != nil {
		return err
	}
	wanted, err := filter.Deposits(v.filter)
	if err != nil {
		return err
	}
	ledger, err := v.openLedger(ctx)
	if err != nil {
		return err
	}
	if wanted != nil || v.all {
		if v.ids, err = v.undecided(ctx, ledger, wanted); err != nil {
			return err
		}
	}
	byProvider := map[payment.ProviderID][]payment.Deposit{}
	for _, id := range v.ids {
		found, err := v.findOrElsewhere(ctx, ledger, id, v.whose)
		if err != nil {
			return err
		}
		byProvider[found.Provider] = append(byProvider[found.Provider], found.Deposit)
	}
	f := following{session: v.session, via: via}
	streams := false
	for _, id := range v.providers.Depositors() {
		deposits := byProvider[id]
		if len(deposits) == 0 {
			continue
		}
		p, err := v.provider(ctx, id, transports)
		if err != nil {
			return err
		}
		if err := via.Check(p.Depositor, p.Streamer); err != nil {
			return err
		}
		streams = streams || p.Streamer != nil
		f.add(p, v.watcher(p, via, ledger), deposits...)
	}
	if len(transports) > 0 && !streams {
		return usagef("leave --transports out", "transports: Daraja has no stream")
	}
	if v.all {
		if screen, ok := v.out.Screen(v.in.Stdin); ok {
			return f.onScreen(ctx, screen)
		}
	}
	return f.follow(ctx)
}

// undecided are the ids of the environment's open deposits that a filter lets pass.
func (v *statusWatch) undecided(ctx context.Context, ledger *store.Store, wanted func(payment.Deposit) (bool, error)) ([]string, error) {
	conf, err := v.config(ctx)
	if err != nil {
		return nil, err
	}
	f := store.DepositFilter{
		Statuses: []payment.Status{payment.StatusUnknown, payment.StatusPending}, Environment: conf.Environment,
	}
	found, _, err := listing[payment.Deposit]{page: func(cursor string, n int) ([]payment.Deposit, string, error) {
		f.Cursor, f.Limit = cursor, n
		return ledger.Deposits.List(ctx, f)
	}, keep: wanted}.take(0, false)
	if err == nil && len(found) == 0 {
		err = payment.NotFound("no undecided deposit is there to follow", `see what is there with "payctl deposit list"`)
	}
	ids := make([]string, len(found))
	for i, d := range found {
		ids[i] = d.ID
	}
	return ids, err
}
