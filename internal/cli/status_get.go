package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
)

func newStatusGet(a *app) *cobra.Command {
	var id, whose string
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Ask the provider once how a deposit stands",
		Long: `Asks the provider once, records the answer and shows the deposit. An answer that
decides nothing is no failure: the deposit stays as it was. A recorded
contradiction of WasaaPay's is settled by this answer.`,
		Example: "  payctl status get INV-1\n  payctl status get ws_CO_1 --provider daraja -o json",
		Args:    oneArg("ID", &id),
		RunE:    a.run(func(ctx context.Context) error { return a.statusGet(ctx, id, whose) }),
	}
	cmd.Flags().StringVar(&whose, "provider", "", "whose id it is, when the ledger does not know it: `daraja|wasaapay`")
	return cmd
}

func (a *app) statusGet(ctx context.Context, id, whose string) error {
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	d, err := a.findOrAdopt(ctx, ledger, id, whose)
	if err != nil {
		return err
	}
	if d.ProviderID == "" {
		a.out.Note("the provider never gave %s an id, so it cannot be asked; this is what the ledger knows", d.ID)
		return errors.Join(a.out.One(a.depositView(d)), outcome(d))
	}
	p, err := a.provider(ctx, d.Provider, nil)
	if err != nil {
		return err
	}
	ctx, cancel := a.withTimeout(ctx, sendTimeout)
	defer cancel()
	progress := a.out.Progress("asking " + string(d.Provider))
	answer, err := p.Depositor.Ask(ctx, d)
	progress.Stop()
	if err != nil {
		return err
	}
	claim := payment.Claim{
		Status: answer.Status, By: payment.SourceQuery, Receipt: answer.Receipt, Failure: answer.Failure,
		ProviderID: answer.ProviderID, MerchantRequestID: answer.MerchantRequestID,
		Settles: d.Provider == payment.WasaaPay, At: a.now(),
	}
	if d, _, err = ledger.ApplyClaim(ctx, d.ID, claim); err != nil {
		return err
	}
	if !answer.Status.Final() && answer.Message != "" {
		a.out.Note("%s says: %s", d.Provider, answer.Message)
	}
	return errors.Join(a.out.One(a.depositView(d)), outcome(d))
}
