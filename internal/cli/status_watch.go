package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/watch"
)

type statusWatchOptions struct {
	ids      []string
	provider string
	filter   string
	follow   followOptions
}

func newStatusWatch(a *app) *cobra.Command {
	var o statusWatchOptions
	cmd := &cobra.Command{
		Use:   "watch ID...",
		Short: "Follow deposits to their end",
		Long: `Races the ledger (callbacks stored by "payctl listen"), the provider's stream and
the poll; the first trustworthy final answer decides. Ends with the outcome as its
exit code; undecided after 130 s (or --timeout) is exit 8, not a failure.

Without ids, all undecided deposits of the profile's environment that --filter lets
pass are followed.

` + filterHelp[depositFields](),
		Example: "  payctl status watch INV-1\n  payctl status watch dep_1 dep_2 --via poll -o ndjson\n  payctl status watch --filter 'amount >= 1000'",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && o.filter == "":
				return usagef("give one or more ids, or --filter", "ID is missing")
			case len(args) > 0 && o.filter != "":
				return usagef("give ids, or --filter for all undecided deposits", "filter: cannot be mixed with ids")
			}
			o.ids = args
			return nil
		},
		RunE: a.run(func(ctx context.Context) error { return a.statusWatch(ctx, o) }),
	}
	cmd.Flags().StringVar(&o.provider, "provider", "", "whose id it is, when the ledger does not know it: `daraja|wasaapay`")
	bindFilter(cmd.Flags(), &o.filter)
	o.follow.bind(cmd.Flags())
	return cmd
}

func (a *app) statusWatch(ctx context.Context, o statusWatchOptions) error {
	via, transports, err := o.follow.parse()
	if err != nil {
		return err
	}
	wanted, err := parseFilter[depositFields](o.filter)
	if err != nil {
		return err
	}
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	if wanted != nil {
		if o.ids, err = a.undecided(ctx, ledger, wanted); err != nil {
			return err
		}
	}
	ids := map[payment.ProviderID][]string{}
	var env payment.Environment
	for _, id := range o.ids {
		found, err := a.findOrAdopt(ctx, ledger, id, o.provider)
		if err != nil {
			return err
		}
		if len(found) > 1 {
			if slices.ContainsFunc(found, func(d payment.Deposit) bool { return d.Status.Final() }) {
				if err := oneOutcome(id, found); err != nil {
					return err
				}
			}
			a.out.Warn("%d deposits carry %q and may be paid: all of them are followed", len(found), payment.MaskDigits(id))
		}
		for _, d := range found {
			ids[d.Provider], env = append(ids[d.Provider], d.ID), d.Environment
		}
	}
	var jobs []watch.Job
	streams := false
	for _, id := range a.providers.Depositors() {
		if len(ids[id]) == 0 {
			continue
		}
		p, err := a.provider(ctx, id, transports)
		if err != nil {
			return err
		}
		if err := via.Check(p.Depositor, p.Streamer); err != nil {
			return err
		}
		streams = streams || p.Streamer != nil
		jobs = append(jobs, watch.Job{Watcher: a.watcher(p, env, via, ledger), IDs: ids[id]})
	}
	if len(transports) > 0 && !streams {
		return usagef("leave --transports out", "transports: Daraja has no stream")
	}
	return a.follow(ctx, jobs, nil)
}

// undecided are the ids of the environment's open deposits that a filter lets pass.
func (a *app) undecided(ctx context.Context, ledger *store.Store, wanted *filter[depositFields]) ([]string, error) {
	conf, err := a.config(ctx)
	if err != nil {
		return nil, err
	}
	f := store.DepositFilter{
		Statuses: []payment.Status{payment.StatusUnknown, payment.StatusPending}, Environment: conf.Environment, Limit: filterPage,
	}
	found, err := pages(0, func(cursor string) ([]payment.Deposit, string, error) {
		f.Cursor = cursor
		return ledger.Deposits.List(ctx, f)
	}, func(d payment.Deposit) (bool, error) { return wanted.keeps(fieldsOfDeposit(d)) })
	if err == nil && len(found) == 0 {
		err = payment.NotFound("no undecided deposit fits the filter", `see what is there with "payctl deposit list"`)
	}
	ids := make([]string, len(found))
	for i, d := range found {
		ids[i] = d.ID
	}
	return ids, err
}

// findOrAdopt finds the deposits of the profile's environment that an identifier
// may mean (see standing), at least one, or records the provider's own id so that it
// can be followed like any other.
func (a *app) findOrAdopt(ctx context.Context, ledger *store.Store, id, whose string) ([]payment.Deposit, error) {
	conf, err := a.config(ctx)
	if err != nil {
		return nil, err
	}
	found, err := ledger.Deposits.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	ours := slices.DeleteFunc(slices.Clone(found), func(d payment.Deposit) bool { return d.Environment != conf.Environment })
	switch {
	case len(ours) > 0:
		return standing(ours), nil
	case len(found) > 0:
		d := found[0]
		return nil, usagef("choose the profile with --profile", "deposit %s: is of environment %s, the profile %s is of %s", d.ID, d.Environment, conf.Profile, conf.Environment)
	case whose == "":
		return nil, notInLedger(id)
	}
	d, err := a.adoptNamed(ctx, ledger, conf, id, whose)
	return []payment.Deposit{d}, err
}

// standing are the deposits behind one identifier that its outcome hangs on, newest
// first: a reference may have been asked for more than once. One that failed says
// nothing while another may be paid; where all failed, the newest stands for them.
func standing(found []payment.Deposit) []payment.Deposit {
	open := slices.DeleteFunc(slices.Clone(found), func(d payment.Deposit) bool { return d.Status == payment.StatusFailed })
	if len(open) == 0 {
		return found[:1]
	}
	return open
}

func (a *app) adoptNamed(ctx context.Context, ledger *store.Store, conf *config.Config, id, whose string) (payment.Deposit, error) {
	name, err := a.providers.Parse(whose)
	if err != nil {
		return payment.Deposit{}, err
	}
	row := a.providers.Row(name)
	if !row.Deposits {
		return payment.Deposit{}, usagef("providers that have: "+provider.Names(a.providers.Depositors()), "provider %s: has no deposits to ask for", name)
	}
	shortCode := ""
	if row.ShortCode != nil {
		shortCode = row.ShortCode(conf)
	}
	return a.adopt(ctx, ledger, payment.Deposit{
		Provider: name, Environment: conf.Environment, ProviderID: id, ShortCode: shortCode, Amount: payment.AmountOf(0, payment.KES),
	})
}

// adopt records a deposit that was asked for elsewhere and is known by the
// provider's id alone.
func (a *app) adopt(ctx context.Context, ledger *store.Store, d payment.Deposit) (payment.Deposit, error) {
	d.IdempotencyKey = "adopted-" + d.ProviderID
	recorded, existed, err := ledger.Deposits.Create(ctx, d)
	if err != nil || existed {
		return recorded, err
	}
	if _, _, err := ledger.Deposits.ClaimSend(ctx, recorded); err != nil {
		return recorded, err
	}
	recorded, _, err = ledger.Deposits.Apply(ctx, recorded.ID, payment.Claim{
		Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: d.ProviderID, At: a.now(),
	})
	a.out.Note("%s was not in the ledger; it is followed as %s", payment.MaskDigits(d.ProviderID), recorded.ID)
	return recorded, err
}
