package cli

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

type transactionStatusOptions struct {
	receipt, conversation string
	party, kind           string
	remarks, occasion     string
	resume                string
	wait                  waitOptions
}

// waitOptions are the flags of whatever waits for a result.
type waitOptions struct {
	noWait bool
	addr   string
}

func (o *waitOptions) bind(f *pflag.FlagSet) {
	f.BoolVar(&o.noWait, "no-wait", false, "print the acceptance and do not wait for the result")
	f.StringVar(&o.addr, "addr", "", "when no listener runs, receive the result at `HOST:PORT` (default: the callback URL's own, else "+usualAddr+")")
}

func newTransactionStatus(a *app) *cobra.Command {
	var o transactionStatusOptions
	cmd := &cobra.Command{
		Use:   "status --receipt RECEIPT",
		Short: "Ask M-PESA about one transaction and wait for the result",
		Long: `Sends Daraja's Transaction Status query, which is answered at once with an
acceptance and later, by callback, with the result. The result comes through a
"payctl listen" on the same ledger; if none runs and callback_url leads to this
machine, this command receives it itself.

What counts is the payment's own TransactionStatus: Completed is exit 0, Cancelled,
Declined and Expired are exit 3. A query that failed says nothing about the payment,
and no answer within 60 s (or --timeout) is exit 8: --resume goes on waiting.`,
		Example: `  payctl transaction status --receipt UA2K7QX9ZP
  payctl transaction status --conversation-id 1b2c-4d3e-8f90-a1b2c3d4e5f61234567 --no-wait
  payctl transaction status --receipt UA2K7QX9ZP --party 0712345678 --identifier-type msisdn
  payctl transaction status --resume qry_1`,
		Args: noArgs,
		RunE: a.run(func(ctx context.Context) error { return a.transactionStatus(ctx, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&o.receipt, "receipt", "", "M-PESA `RECEIPT` of the payment asked about")
	f.StringVar(&o.conversation, "conversation-id", "", "OriginatorConversationID that the original request got: `ID`")
	f.StringVar(&o.party, "party", "", "whose transaction: a shortcode, till or phone `NUMBER` (default: the profile's)")
	f.StringVar(&o.kind, "identifier-type", string(payment.IdentifierShortCode), "what --party is: `msisdn|till|shortcode`")
	f.StringVar(&o.remarks, "remarks", "", "`TEXT` of at most 100 characters")
	f.StringVar(&o.occasion, "occasion", "", "`TEXT` of at most 100 characters, which comes back with the result")
	f.StringVar(&o.resume, "resume", "", "go on waiting for the query with this `ID`; nothing is sent")
	o.wait.bind(f)
	return cmd
}

func (a *app) transactionStatus(ctx context.Context, o transactionStatusOptions) error {
	if o.resume != "" {
		if o.receipt+o.conversation != "" {
			return usagef("leave --receipt and --conversation-id out", "resume: sends nothing, so there is nothing to ask about")
		}
		return a.resumeQuery(ctx, o)
	}
	client, conf, err := a.initiatorClient(ctx)
	if err != nil {
		return err
	}
	if err := a.checkCallbackURL(conf); err != nil {
		return err
	}
	q, err := checkedQuery(conf, o)
	if err != nil {
		return err
	}
	deposit, err := a.depositOf(ctx, q)
	if err != nil {
		return err
	}
	kind := string(q.IdentifierType)
	return a.inquire(ctx, conf, inquiry{
		kind: kindTransaction, depositID: deposit, noWait: o.wait.noWait, addr: o.wait.addr,
		asked: asked{
			Receipt: orNull(q.Receipt), OriginalConversationID: orNull(q.OriginalConversationID), Party: orNull(q.Party),
			IdentifierType: &kind, Remarks: orNull(q.Remarks), Occasion: orNull(q.Occasion),
		},
		send: func(ctx context.Context, resultURL, timeoutURL string) (payment.Acceptance, error) {
			q.ResultURL, q.TimeoutURL = resultURL, timeoutURL
			return client.QueryTransaction(ctx, q)
		},
	})
}

// checkedQuery applies the rules of reference/daraja.md §6.1 before anything is
// recorded.
func checkedQuery(conf *config.Config, o transactionStatusOptions) (payment.TransactionQuery, error) {
	q := payment.TransactionQuery{
		Receipt: o.receipt, OriginalConversationID: o.conversation, Party: o.party,
		IdentifierType: payment.IdentifierType(o.kind), Remarks: o.remarks, Occasion: o.occasion,
	}
	if q.Party == "" {
		switch q.IdentifierType {
		case payment.IdentifierShortCode:
			q.Party = conf.Daraja.ShortCode
		case payment.IdentifierTill:
			q.Party = conf.Daraja.Till
		case payment.IdentifierMSISDN:
		default:
			return q, usagef("use msisdn, till or shortcode", "identifier-type %q: is not a type of party", o.kind)
		}
	}
	if q.Party == "" {
		return q, usagef("give --party the number, or leave --identifier-type out for the profile's shortcode", "party: the profile has none of type %s", q.IdentifierType)
	}
	q.ResultURL, q.TimeoutURL = resultURLs(conf, "token")
	return daraja.CheckTransaction(q, conf.Environment)
}

// depositOf finds the deposit that a query is about: the one that has this
// receipt, or whose push got this id. The result may then confirm it.
func (a *app) depositOf(ctx context.Context, q payment.TransactionQuery) (string, error) {
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return "", err
	}
	for _, id := range []string{q.Receipt, q.OriginalConversationID} {
		found, err := ledger.Deposits.Find(ctx, id)
		if err != nil {
			return "", err
		}
		for _, d := range found {
			known := d.Receipt == id || d.MerchantRequestID == id
			if id != "" && d.Provider == payment.Daraja && known {
				return d.ID, nil
			}
		}
	}
	return "", nil
}

// resumeQuery goes on waiting for a query that was sent before.
func (a *app) resumeQuery(ctx context.Context, o transactionStatusOptions) error {
	conf, err := a.config(ctx)
	if err != nil {
		return err
	}
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	q, err := a.findQuery(ctx, ledger, o.resume)
	if err != nil {
		return err
	}
	if q.Environment != conf.Environment {
		return usagef("choose the profile with --profile", "query %s: is of environment %s, the profile %s is of %s", q.ID, q.Environment, conf.Profile, conf.Environment)
	}
	switch q.Status {
	case store.QueryAnswered, store.QueryTimedOut, store.QueryRefused:
		return a.showResult(ctx, ledger, q)
	case store.QueryCreated, store.QueryAccepted:
	}
	if o.wait.noWait {
		return a.out.One(a.transactionView(q))
	}
	ctx, cancel := a.withTimeout(ctx, resultTimeout)
	defer cancel()
	box := &mailbox{app: a, conf: conf, ledger: ledger, addr: o.wait.addr}
	if err := box.open(ctx); err != nil {
		return err
	}
	defer box.finish(ctx, q.ID)
	return a.await(ctx, ledger, q, box)
}
