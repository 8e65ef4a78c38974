package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

type reversalOptions struct {
	receipt, amount   string
	remarks, occasion string
	force             bool
	wait              waitOptions
}

func newDarajaReversal(a *app) *cobra.Command {
	return group("daraja reversal", "Give a customer's payment back",
		"A reversal undoes a payment that the profile's shortcode received.", newDarajaReversalCreate(a))
}

func newDarajaReversalCreate(a *app) *cobra.Command {
	var o reversalOptions
	cmd := &cobra.Command{
		Use:   "create --receipt RECEIPT --amount AMOUNT",
		Short: "Ask M-PESA to reverse a payment",
		Long: `Asks for a received payment to be given back and waits for the result, which comes
by callback. It moves money: the request is recorded first and sent once, and a
receipt that was asked about before is refused unless that failed. In production a
person types the amount; a script needs --yes and production_cap in the profile.`,
		Example: "  payctl daraja reversal create --receipt UA2K7QX9ZP --amount 150 --remarks 'wrong order'",
		Args:    noArgs,
		RunE:    a.run(func(ctx context.Context) error { return a.reversalCreate(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.receipt, "receipt", "", "M-PESA `RECEIPT` of the payment")
	f.StringVar(&o.amount, "amount", "", "the payment's `AMOUNT` in KES, whole shillings")
	f.StringVar(&o.remarks, "remarks", "", "why: `TEXT` of 2 to 100 characters")
	f.StringVar(&o.occasion, "occasion", "", "`TEXT` of at most 100 characters")
	f.BoolVar(&o.force, "force", false, "send although a reversal of this receipt was asked for before")
	o.wait.bind(f)
	return cmd
}

func (a *app) reversalCreate(ctx context.Context, o reversalOptions) error {
	request, err := reversalOf(o)
	if err != nil {
		return err
	}
	client, conf, err := a.initiatorClient(ctx)
	if err != nil {
		return err
	}
	if err := a.checkCallbackURL(conf); err != nil {
		return err
	}
	request.ResultURL, request.TimeoutURL = resultURLs(conf, "token")
	if request, err = daraja.CheckReversal(request, conf.Environment); err != nil {
		return err
	}
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	if _, err := failedReversals(ctx, ledger, request.Receipt, o.force); err != nil {
		return err
	}
	deposit, err := a.depositOf(ctx, payment.TransactionQuery{Receipt: request.Receipt})
	if err != nil {
		return err
	}
	if err := a.confirmReversal(ctx, conf, request); err != nil {
		return err
	}
	amount := request.Amount.String()
	return a.inquire(ctx, conf, inquiry{
		kind: kindReversal, depositID: deposit, noWait: o.wait.noWait, addr: o.wait.addr,
		asked: asked{
			Receipt: &request.Receipt, Party: orNull(conf.Daraja.ShortCode), Amount: &amount,
			Remarks: orNull(request.Remarks), Occasion: orNull(request.Occasion),
		},
		record: func(ctx context.Context, q store.Query) (store.Query, error) {
			return recordReversal(ctx, ledger, q, o.force)
		},
		send: func(ctx context.Context, resultURL, timeoutURL string) (payment.Acceptance, error) {
			request.ResultURL, request.TimeoutURL = resultURL, timeoutURL
			return client.Reversal(ctx, request)
		},
	})
}

func reversalOf(o reversalOptions) (daraja.ReversalRequest, error) {
	switch "" {
	case o.receipt:
		return daraja.ReversalRequest{}, usagef("give --receipt, such as UA2K7QX9ZP", "receipt: --receipt is missing")
	case o.amount:
		return daraja.ReversalRequest{}, usagef("give the payment's amount in KES, such as --amount 100", "amount: --amount is missing")
	case o.remarks:
		return daraja.ReversalRequest{}, usagef("say why the payment is reversed", "remarks: --remarks is missing")
	}
	amount, err := payment.ParseAmount(o.amount, payment.KES)
	return daraja.ReversalRequest{Receipt: o.receipt, Amount: amount, Remarks: o.remarks, Occasion: o.occasion}, err
}

// failedReversals returns the earlier reversals of a receipt that gave nothing
// back. It refuses to go on while another one may have been carried out.
func failedReversals(ctx context.Context, ledger *store.Store, receipt string, force bool) ([]string, error) {
	if force {
		return nil, nil
	}
	earlier, err := ledger.Queries.About(ctx, kindReversal, receipt)
	if err != nil {
		return nil, err
	}
	var failed []string
	for _, q := range earlier {
		if q.Status == store.QueryRefused {
			continue
		}
		if q.Status == store.QueryAnswered {
			nothing, err := reversalFailed(ctx, ledger, q)
			if err != nil {
				return nil, err
			}
			if nothing {
				failed = append(failed, q.ID)
				continue
			}
		}
		return nil, reversedBefore(q)
	}
	return failed, nil
}

// recordReversal looks again and records in one: between the first look and this
// a person may have typed the amount, and another process have done the same.
func recordReversal(ctx context.Context, ledger *store.Store, q store.Query, force bool) (store.Query, error) {
	if force {
		return ledger.Queries.Create(ctx, q)
	}
	failed, err := failedReversals(ctx, ledger, q.Receipt, force)
	if err != nil {
		return store.Query{}, err
	}
	created, sole, err := ledger.Queries.CreateSole(ctx, q, failed)
	if err == nil && !sole {
		err = reversedBefore(created)
	}
	return created, err
}

func reversedBefore(q store.Query) error {
	return &payment.Error{
		Kind: payment.KindConflict, Provider: payment.Daraja, Message: "reversal of " + q.Receipt + ": was asked for before as " + q.ID + " (" + string(q.Status) + ")",
		Hint: "see \"payctl transaction get " + q.ID + "\"; --force sends it again all the same",
	}
}

// reversalFailed tells whether the result of an earlier reversal says that
// nothing was given back. Already reversed (R000001) is no such word.
func reversalFailed(ctx context.Context, ledger *store.Store, q store.Query) (bool, error) {
	d, err := ledger.Deliveries.Get(ctx, q.DeliveryID)
	if err != nil {
		if payment.KindOf(err) == payment.KindNotFound {
			return false, nil
		}
		return false, err
	}
	r, err := daraja.ParseResult(d.Body)
	if err != nil {
		return false, err
	}
	found, known := daraja.Explain(string(daraja.APIReversal), r.ResultCode, "")
	return known && r.ResultCode != "R000001" && found.Final && found.Class != daraja.ClassDone, nil
}

// confirmReversal guards real money as confirmProduction does for deposits.
func (a *app) confirmReversal(ctx context.Context, conf *config.Config, r daraja.ReversalRequest) error {
	if conf.Environment != payment.Production {
		return nil
	}
	if a.global.yes {
		return a.productionCap(conf.ProductionCap, payment.Deposit{Amount: r.Amount})
	}
	if interactive, _ := terminal(a.in.Stdin); !interactive {
		return usagef("add --yes, and set production_cap in the profile", "production: real money needs a confirmation, and stdin is not a terminal")
	}
	a.out.Warn("this gives %s %s of real money back to the customer who paid %s (profile %s).", r.Amount, r.Amount.Currency(), r.Receipt, conf.Profile)
	return a.confirmAmount(ctx, r.Amount)
}
