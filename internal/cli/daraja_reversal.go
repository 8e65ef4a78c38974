package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
)

func newDarajaReversal(s *session) *cobra.Command {
	return group(s, "daraja reversal", "Give a customer's payment back",
		"A reversal undoes a payment that the profile's shortcode received.", command{"create", newDarajaReversalCreate})
}

// darajaReversalCreate is "payctl daraja reversal create".
type darajaReversalCreate struct {
	asking
	receipt, amount   string
	remarks, occasion string
	force             bool
}

func newDarajaReversalCreate(s *session) *cobra.Command {
	v := &darajaReversalCreate{asking: asking{session: s}}
	cmd := &cobra.Command{
		Use:   "create --receipt RECEIPT --amount AMOUNT",
		Short: "Ask M-PESA to reverse a payment",
		Long: `Asks for a received payment to be given back and waits for the result, which comes
by callback. It moves money: the request is recorded first and sent once, and a
receipt that was asked about before is refused unless that failed. In production a
person types the amount; a script needs --yes and production_cap in the profile.`,
		Example: "  payctl daraja reversal create --receipt UA2K7QX9ZP --amount 150 --remarks 'wrong order'",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.receipt, "receipt", "", "M-PESA `RECEIPT` of the payment")
	f.StringVar(&v.amount, "amount", "", "the payment's `AMOUNT` in KES, whole shillings")
	f.StringVar(&v.remarks, "remarks", "", "why: `TEXT` of 2 to 100 characters")
	f.StringVar(&v.occasion, "occasion", "", "`TEXT` of at most 100 characters")
	f.BoolVar(&v.force, "force", false, "send although a reversal of this receipt was asked for before")
	v.bind(f)
	return cmd
}

// Run asks for a payment to be given back.
func (v *darajaReversalCreate) Run(ctx context.Context) error {
	in, err := v.input()
	if err != nil {
		return err
	}
	client, conf, err := v.initiatorClient(ctx)
	if err != nil {
		return err
	}
	i, err := v.inquirer(ctx, conf, client)
	if err != nil {
		return err
	}
	request, err := i.CheckReversal(ctx, in)
	if err != nil {
		return err
	}
	if err := v.confirm(ctx, conf, request); err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, inquiry.Timeout)
	defer cancel()
	return v.show(i.Reverse(ctx, request, in))
}

func (v *darajaReversalCreate) input() (inquiry.ReversalInput, error) {
	in := inquiry.ReversalInput{Receipt: v.receipt, Remarks: v.remarks, Occasion: v.occasion, Force: v.force, NoWait: v.noWait}
	if v.receipt == "" {
		return in, usagef("give --receipt, such as UA2K7QX9ZP", "receipt: --receipt is missing")
	}
	var err error
	if in.Amount, err = flagAmount(v.amount); err != nil {
		return in, err
	}
	if v.remarks == "" {
		err = usagef("say why the payment is reversed", "remarks: --remarks is missing")
	}
	return in, err
}

// confirm guards real money as it does for deposits.
func (v *darajaReversalCreate) confirm(ctx context.Context, conf *config.Config, r daraja.ReversalRequest) error {
	if conf.Environment != payment.Production {
		return nil
	}
	if v.global.yes {
		return deposit.WithinCap(conf.ProductionCap, r.Amount)
	}
	if !isTerminal(v.in.Stdin) {
		return usagef("add --yes, and set production_cap in the profile", "production: real money needs a confirmation, and stdin is not a terminal")
	}
	v.out.Warn("this gives %s %s of real money back to the customer who paid %s (profile %s).", r.Amount, r.Amount.Currency(), r.Receipt, conf.Profile)
	return guard{v.session}.confirmAmount(ctx, r.Amount)
}
