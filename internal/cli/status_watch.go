package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/watch"
)

type statusWatchOptions struct {
	ids      []string
	provider string
	follow   followOptions
}

func newStatusWatch(a *app) *cobra.Command {
	var o statusWatchOptions
	cmd := &cobra.Command{
		Use:   "watch ID...",
		Short: "Follow deposits to their end",
		Long: `Races the ledger (callbacks stored by "payctl listen"), the provider's stream and
the poll; the first trustworthy final answer decides. Ends with the outcome as its
exit code; undecided after 130 s (or --timeout) is exit 8, not a failure.`,
		Example: "  payctl status watch INV-1\n  payctl status watch dep_1 dep_2 --via poll -o ndjson",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("give one or more ids", "ID is missing")
			}
			o.ids = args
			return nil
		},
		RunE: a.run(func(ctx context.Context) error { return a.statusWatch(ctx, o) }),
	}
	cmd.Flags().StringVar(&o.provider, "provider", "", "whose id it is, when the ledger does not know it: `daraja|wasaapay`")
	o.follow.bind(cmd.Flags())
	return cmd
}

func (a *app) statusWatch(ctx context.Context, o statusWatchOptions) error {
	via, transports, err := o.follow.parse()
	if err != nil {
		return err
	}
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	ids := map[payment.ProviderID][]string{}
	var env payment.Environment
	for _, id := range o.ids {
		d, err := a.findOrAdopt(ctx, ledger, id, o.provider)
		if err != nil {
			return err
		}
		ids[d.Provider], env = append(ids[d.Provider], d.ID), d.Environment
	}
	var jobs []watch.Job
	for _, name := range provider.Depositors() {
		id := payment.ProviderID(name)
		if len(ids[id]) == 0 {
			continue
		}
		p, err := a.provider(ctx, id, transports)
		if err != nil {
			return err
		}
		jobs = append(jobs, watch.Job{Watcher: a.watcher(p, env, via, ledger), IDs: ids[id]})
	}
	return a.follow(ctx, jobs, false)
}

// findOrAdopt finds a deposit of the profile's environment, or records the
// provider's own id so that it can be followed like any other.
func (a *app) findOrAdopt(ctx context.Context, ledger *store.Store, id, whose string) (payment.Deposit, error) {
	conf, err := a.config(ctx)
	if err != nil {
		return payment.Deposit{}, err
	}
	found, err := ledger.FindDeposit(ctx, id)
	if err != nil {
		return payment.Deposit{}, err
	}
	if len(found) > 0 || whose == "" {
		d, err := a.findDeposit(ctx, ledger, id)
		if err == nil && d.Environment != conf.Environment {
			return d, usagef("choose the profile with --profile", "deposit %s: is of environment %s, the profile %s is of %s", d.ID, d.Environment, conf.Profile, conf.Environment)
		}
		return d, err
	}
	name, err := provider.Parse(whose)
	if err != nil {
		return payment.Deposit{}, err
	}
	if name == payment.Sevi {
		return payment.Deposit{}, usagef("only daraja and wasaapay have deposits", "provider sevi: has no deposits to ask for")
	}
	shortCode := ""
	if name == payment.Daraja {
		shortCode = conf.Daraja.ShortCode
	}
	return a.adopt(ctx, ledger, payment.Deposit{
		Provider: name, Environment: conf.Environment, ProviderID: id, ShortCode: shortCode, Amount: payment.AmountOf(0, payment.KES),
	})
}

// adopt records a deposit that was asked for elsewhere and is known by the
// provider's id alone.
func (a *app) adopt(ctx context.Context, ledger *store.Store, d payment.Deposit) (payment.Deposit, error) {
	d.IdempotencyKey = "adopted-" + d.ProviderID
	recorded, existed, err := ledger.CreateDeposit(ctx, d)
	if err != nil || existed {
		return recorded, err
	}
	if _, _, err := ledger.ClaimSend(ctx, recorded.ID); err != nil {
		return recorded, err
	}
	recorded, _, err = ledger.ApplyClaim(ctx, recorded.ID, payment.Claim{
		Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: d.ProviderID, At: a.now(),
	})
	a.out.Note("%s was not in the ledger; it is followed as %s", payment.MaskDigits(d.ProviderID), recorded.ID)
	return recorded, err
}
