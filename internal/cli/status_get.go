package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/watch"
)

func newStatusGet(a *app) *cobra.Command {
	var id, whose string
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Ask the provider once how a deposit stands",
		Long: `Asks the provider once, records the answer and shows the deposit. An answer that
decides nothing is no failure: the deposit stays as it was. A recorded
contradiction of WasaaPay's is settled by this answer; two receipts are not, since
they may be two payments.

The provider's rate limit is shared by all commands of one ledger: the question
waits its turn, at most 130 s (or --timeout).`,
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
	found, err := a.findOrAdopt(ctx, ledger, id, whose)
	if err != nil {
		return err
	}
	if err := oneOutcome(id, found); err != nil {
		return err
	}
	d := found[0]
	if d.ProviderID == "" {
		a.out.Note("the provider never gave %s an id, so it cannot be asked; this is what the ledger knows", d.ID)
		return a.ended(a.out.One(a.depositView(d)), outcome(d), aboutDeposit(d))
	}
	p, err := a.provider(ctx, d.Provider, nil)
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, ledger, p, d)
	if err != nil {
		return err
	}
	claim := payment.Claim{
		Status: answer.Status, By: payment.SourceQuery, Receipt: answer.Receipt, Failure: answer.Failure,
		ProviderID: answer.ProviderID, MerchantRequestID: answer.MerchantRequestID,
		Settles: p.Schedule.Settles, At: a.now(),
	}
	if d, _, err = ledger.Deposits.Apply(ctx, d.ID, claim); err != nil {
		return err
	}
	if !answer.Status.Final() && answer.Message != "" {
		a.out.Note("%s says: %s", d.Provider, answer.Message)
	}
	return a.ended(a.out.One(a.depositView(d)), outcome(d), aboutDeposit(d))
}

// oneOutcome refuses an identifier behind which several deposits may be paid: the
// word on one of them is none on the others.
func oneOutcome(id string, found []payment.Deposit) error {
	same := !slices.ContainsFunc(found, func(d payment.Deposit) bool { return d.Status != found[0].Status })
	if len(found) == 1 || same && found[0].Status.Final() {
		return nil
	}
	var each []string
	for _, d := range found {
		each = append(each, d.ID+" "+string(d.Status))
	}
	return &payment.Error{
		Kind: payment.KindConflict, Message: fmt.Sprintf("%q: %d deposits carry it and may be paid: %s", payment.MaskDigits(id), len(found), strings.Join(each, ", ")),
		Hint: "name one of them by its id",
	}
}

// ask puts one question to the provider when its turn has come: the limit is per
// app, not per deposit (reference/daraja.md §5, §11 row 17). When the provider
// asks to be left alone, all others wait too. A turn that is too far off is
// KindUnavailable.
func (a *app) ask(ctx context.Context, ledger *store.Store, p provider.Provider, d payment.Deposit) (payment.Answer, error) {
	policy := a.policy(p, d.Environment, watch.ViaPoll)
	slot, err := ledger.Budget.ReserveWithin(ctx, policy.BudgetKey, policy.PerSlot, policy.Deadline)
	if err != nil {
		return payment.Answer{}, err
	}
	wait, asking := slot.Wait, "asking "+string(d.Provider)
	if wait > policy.Deadline {
		return payment.Answer{}, &payment.Error{
			Kind: payment.KindUnavailable, Provider: d.Provider, Retryable: true,
			Message: asking + ": the query budget is used up for another " + inSeconds(wait), Hint: "try again then, or give it a longer --timeout",
		}
	}
	progress := a.out.Progress(asking)
	defer progress.Stop()
	ctx, cancel := a.withTimeout(ctx, wait+sendTimeout)
	defer cancel()
	if wait > 0 {
		progress.Update("the query budget is shared: asking in " + inSeconds(wait))
		if err := timing.Wait(ctx, wait); err != nil {
			unreserve(ctx, ledger, slot)
			return payment.Answer{}, &payment.Error{
				Kind: payment.KindOf(err), Provider: d.Provider, Retryable: true, Err: err, Message: asking + ": stopped while waiting for its turn",
			}
		}
		progress.Update(asking)
	}
	answer, err := p.Depositor.Ask(ctx, d)
	var limited interface{ RetryAfter() time.Duration }
	if errors.As(err, &limited) && limited.RetryAfter() > 0 {
		// What the provider said is worth more than whether the ledger has it.
		_ = ledger.Budget.Hold(context.WithoutCancel(ctx), policy.BudgetKey, a.now().Add(limited.RetryAfter()))
	}
	return answer, err
}

// unreserve gives back a turn that was not used. A failure costs the next question
// a longer wait, nothing more.
func unreserve(ctx context.Context, ledger *store.Store, slot payment.Slot) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = ledger.Budget.Unreserve(ctx, slot)
}

func inSeconds(d time.Duration) string {
	if d < time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
