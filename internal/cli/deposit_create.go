package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/watch"
)

type depositCreateOptions struct {
	provider, phone, amount        string
	reference, description, wallet string
	key                            string
	keyGiven                       bool
	fields                         []string
	wait, dryRun, force            bool
	follow                         followOptions
}

func newDepositCreate(a *app) *cobra.Command {
	var o depositCreateOptions
	cmd := &cobra.Command{
		Use:   "create --phone NUMBER --amount AMOUNT",
		Short: "Ask a customer for money",
		Long: `Sends an STK push (Daraja) or a WasaaPay M-Pesa deposit. The request is recorded
first and sent once: after a lost answer the deposit is UNKNOWN and is never sent
again by itself, since that could charge the customer twice.

Repeating the command with the same --idempotency-key returns the first deposit; one
that is still CREATED, because its request certainly did not get through, is sent then.
With WasaaPay, which honours the key, repeating also finds out what became of an UNKNOWN
one, from a minute after it was sent to a day.

A customer who was asked moments ago is asked all the same, after a warning that M-PESA
may refuse that; --force leaves the warning out.`,
		Example: `  payctl deposit create --phone 0712345678 --amount 100 --reference INV-1 --wait
  payctl deposit create --provider wasaapay --wallet wallet_1 --phone 0712345678 --amount 250`,
		Args: noArgs,
	}
	f := cmd.Flags()
	cmd.RunE = a.run(func(ctx context.Context) error {
		o.keyGiven = f.Changed("idempotency-key")
		return a.depositCreate(ctx, o)
	})
	f.StringVar(&o.provider, "provider", "", "`daraja|wasaapay` (default daraja)")
	f.StringVar(&o.phone, "phone", "", "the customer's `NUMBER`, in any Kenyan form")
	f.StringVar(&o.amount, "amount", "", "`AMOUNT` in KES; whole shillings for M-Pesa")
	f.StringVar(&o.reference, "reference", "", "your own `TEXT`, shown to the customer (Daraja: at most 12 characters)")
	f.StringVar(&o.description, "description", "", "`TEXT` for the prompt (Daraja: at most 13 characters)")
	f.StringVar(&o.wallet, "wallet", "", "WasaaPay wallet `ID` (default: the profile's)")
	f.StringVar(&o.key, "idempotency-key", "", "`KEY` that makes repeating this command safe (default: a new one)")
	f.StringArrayVar(&o.fields, "field", nil, "extra request field `NAME=VALUE` (WasaaPay; repeatable)")
	f.BoolVar(&o.wait, "wait", false, "follow the deposit to its end and exit with the outcome")
	f.BoolVar(&o.dryRun, "dry-run", false, "check everything and show the deposit; record and send nothing")
	f.BoolVar(&o.force, "force", false, "do not warn of a customer who was asked moments ago; repeat an UNKNOWN WasaaPay request older than a day")
	o.follow.bind(f)
	return cmd
}

func (a *app) depositCreate(ctx context.Context, o depositCreateOptions) error {
	p, s, err := a.depositPlan(ctx, o)
	if err != nil {
		return deposit.BeforeSending(err)
	}
	if o.dryRun {
		return a.dryRun(ctx, s.intent)
	}
	if err := a.checkProduction(ctx, s.intent); err != nil {
		return err
	}
	return a.depositSend(ctx, p, s)
}

// depositPlan checks everything that can be known to be wrong.
func (a *app) depositPlan(ctx context.Context, o depositCreateOptions) (provider.Provider, send, error) {
	s := send{wait: o.wait, force: o.force}
	id, err := a.providers.Parse(o.provider)
	if err != nil {
		return provider.Provider{}, s, err
	}
	row := a.providers.Row(id)
	if !row.Deposits {
		return provider.Provider{}, s, usagef("providers that can: "+provider.Names(a.providers.Depositors()), "provider %s: cannot ask for money", id)
	}
	var transports []string
	if s.via, transports, err = o.follow.parse(); err != nil {
		return provider.Provider{}, s, err
	}
	if err := checkFlags(row, o); err != nil {
		return provider.Provider{}, s, err
	}
	p, err := a.provider(ctx, id, transports)
	if err != nil {
		return p, s, err
	}
	if err := s.via.Check(p.Depositor, p.Streamer); err != nil {
		return p, s, err
	}
	if s.intent, err = a.depositIntent(ctx, p, o); err != nil {
		return p, s, err
	}
	if s.fields, err = parseFields(o.fields); err != nil {
		return p, s, err
	}
	if p.CheckFields != nil {
		err = p.CheckFields(s.fields)
	}
	return p, s, err
}

// dryRun shows what would be asked for. Nobody need confirm that; a script that
// brings --yes learns whether the profile's cap lets it.
func (a *app) dryRun(ctx context.Context, intent payment.Deposit) error {
	if a.global.yes {
		if err := a.checkProduction(ctx, intent); err != nil {
			return err
		}
	}
	a.out.Note("dry run: nothing was recorded or sent")
	return a.out.One(a.depositView(intent))
}

// depositIntent parses the flags into a deposit that is ready to be recorded.
func (a *app) depositIntent(ctx context.Context, p provider.Provider, o depositCreateOptions) (payment.Deposit, error) {
	phone, err := payment.ParsePhone(o.phone)
	if err != nil {
		return payment.Deposit{}, err
	}
	amount, err := payment.ParseAmount(o.amount, payment.KES)
	if err != nil {
		return payment.Deposit{}, err
	}
	conf, err := a.config(ctx)
	if err != nil {
		return payment.Deposit{}, err
	}
	now := a.now()
	intent := payment.Deposit{
		Provider: p.ID, Environment: conf.Environment, Status: payment.StatusCreated,
		Reference: o.reference, Description: o.description, IdempotencyKey: o.key,
		Amount: amount, Phone: phone, ShortCode: p.ShortCode, Wallet: or(orNull(o.wallet), p.Wallet),
		CallbackToken: payment.NewToken(), CreatedAt: now, UpdatedAt: now,
	}
	if intent.IdempotencyKey == "" {
		intent.IdempotencyKey = payment.NewIdempotencyKey()
	}
	warnings, err := p.Check(&intent)
	for _, w := range warnings {
		a.out.Note("warning: %s", w)
	}
	return intent, err
}

// checkFlags finds what is wrong with the flags alone, before any setting is read.
func checkFlags(row provider.Row, o depositCreateOptions) error {
	if err := checkUnused(row, o); err != nil {
		return err
	}
	if o.phone == "" {
		return usagef("give the customer's number, such as --phone 0712345678", "phone: --phone is missing")
	}
	if o.amount == "" {
		return usagef("give the amount in KES, such as --amount 100", "amount: --amount is missing")
	}
	if o.keyGiven && o.key == "" {
		// Most likely a variable that is not set: a new key each time would make
		// repeating the command ask again.
		return usagef("leave the flag out for a new key, or check where its value comes from", "idempotency-key: --idempotency-key is empty")
	}
	if _, err := payment.ParsePhone(o.phone); err != nil {
		return err
	}
	_, err := payment.ParseAmount(o.amount, payment.KES)
	return err
}

// checkUnused refuses a flag that would do nothing: whoever gave it expects that
// it does.
func checkUnused(row provider.Row, o depositCreateOptions) error {
	const hint = "leave it out, or choose another --provider"
	switch {
	case len(o.fields) > 0 && !row.Fields:
		return usagef(hint, "field: --field adds nothing to a request to %s", row.Title)
	case o.wallet != "" && !row.Wallets:
		return usagef(hint, "wallet: %s has no wallets; the money goes to the profile's shortcode", row.Title)
	case o.follow.transports != "" && !row.Streams:
		return usagef(hint, "transports: %s has no stream", row.Title)
	}
	return nil
}

func parseFields(pairs []string) (map[string]string, error) {
	fields := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return nil, usagef("write --field NAME=VALUE", "field %q: has no name and value", pair)
		}
		fields[name] = value
	}
	return fields, nil
}

// outcome is the error that a deposit's status means for the exit code. Nobody
// waited for the end, so a deposit that is merely pending is no error.
func outcome(d payment.Deposit) error {
	if d.Status == payment.StatusPending && d.Conflict == "" {
		return nil
	}
	return watch.Outcome(d)
}
