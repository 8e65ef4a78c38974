package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
)

// transactionStatus is "payctl transaction status".
type transactionStatus struct {
	asking
	receipt, conversation string
	party, identifierType string
	remarks, occasion     string
	resume                string
}

func newTransactionStatus(s *session) *cobra.Command {
	v := &transactionStatus{asking: asking{session: s}}
	cmd := &cobra.Command{
		Use:   "status [RECEIPT]",
		Short: "Ask M-PESA about one transaction and wait for the result",
		Long: `Sends Daraja's Transaction Status query, which is answered at once with an
acceptance and later, by callback, with the result. The result comes through a
"payctl listen" on the same ledger; if none runs and callback_url leads to this
machine, this command receives it itself.

What counts is the payment's own TransactionStatus: Completed is exit 0; Cancelled,
Declined, Expired, Failed and Reversed are exit 3. A result that is about another receipt
or shortcode, or that contradicts the ledger's deposit, is exit 9, and the deposit keeps
the conflict. A query that failed says nothing about the payment, and no answer within
60 s (or --timeout) is exit 8: --resume goes on waiting.`,
		Example: `  payctl transaction status UA2K7QX9ZP
  payctl transaction status --conversation-id 1b2c-4d3e-8f90-a1b2c3d4e5f61234567 --no-wait
  payctl transaction status UA2K7QX9ZP --party 0712345678 --identifier-type msisdn
  payctl transaction status --resume qry_1`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return usagef("ask about one at a time", "unexpected argument %q", payment.Line(args[1], 60))
			case len(args) == 1 && v.receipt != "" && !strings.EqualFold(args[0], v.receipt):
				return usagef("name it once", "receipt: %q and --receipt %q are not the same", payment.Line(args[0], 60), payment.Line(v.receipt, 60))
			case len(args) == 1:
				v.receipt = args[0]
			}
			return nil
		},
		RunE: s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.receipt, "receipt", "", "the same as the argument: M-PESA `RECEIPT` of the payment asked about")
	f.StringVar(&v.conversation, "conversation-id", "", "OriginatorConversationID that the original request got: `ID`")
	f.StringVar(&v.party, "party", "", "whose transaction: a shortcode, till or phone `NUMBER` (default: the profile's)")
	f.StringVar(&v.identifierType, "identifier-type", string(payment.IdentifierShortCode), "what --party is: `msisdn|till|shortcode`")
	f.StringVar(&v.remarks, "remarks", "", "`TEXT` of at most 100 characters")
	f.StringVar(&v.occasion, "occasion", "", "`TEXT` of at most 100 characters, which comes back with the result")
	f.StringVar(&v.resume, "resume", "", "go on waiting for the query with this `ID`; nothing is sent")
	v.bind(f)
	return cmd
}

// Run asks about a transaction, or goes on waiting for a result.
func (v *transactionStatus) Run(ctx context.Context) error {
	if v.resume != "" {
		return v.goOn(ctx)
	}
	client, conf, err := v.initiatorClient(ctx)
	if err != nil {
		return err
	}
	i, err := v.inquirer(ctx, conf, client)
	if err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, inquiry.Timeout)
	defer cancel()
	return v.show(i.Transaction(ctx, inquiry.TransactionInput{
		Receipt: v.receipt, ConversationID: v.conversation, Party: v.party, Type: payment.IdentifierType(v.identifierType),
		Remarks: v.remarks, Occasion: v.occasion, NoWait: v.noWait,
	}))
}

func (v *transactionStatus) goOn(ctx context.Context) error {
	if v.receipt+v.conversation != "" {
		return usagef("leave the receipt and --conversation-id out", "resume: sends nothing, so there is nothing to ask about")
	}
	conf, err := v.config(ctx)
	if err != nil {
		return err
	}
	i, err := v.inquirer(ctx, conf, nil)
	if err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, inquiry.Timeout)
	defer cancel()
	return v.show(i.Resume(ctx, v.resume, v.noWait))
}
