package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
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
	began := time.Now()
	id, err := provider.Parse(o.provider)
	if err != nil {
		return err
	}
	if !slices.Contains(provider.Depositors(), string(id)) {
		return usagef("providers that can: "+strings.Join(provider.Depositors(), ", "), "provider %s: cannot ask for money", id)
	}
	via, transports, err := o.follow.parse()
	if err != nil {
		return err
	}
	if err := checkFlags(id, o); err != nil {
		return err
	}
	p, err := a.provider(ctx, id, transports)
	if err != nil {
		return err
	}
	if err := via.Check(p.Depositor, p.Streamer); err != nil {
		return err
	}
	intent, err := a.depositIntent(ctx, p, o)
	if err != nil {
		return err
	}
	fields, err := parseFields(o.fields)
	if err != nil {
		return err
	}
	if p.CheckFields != nil {
		if err := p.CheckFields(fields); err != nil {
			return err
		}
	}
	if o.dryRun {
		return a.dryRun(ctx, intent)
	}
	if err := a.checkProduction(ctx, intent); err != nil {
		return err
	}
	return a.depositSend(ctx, p, send{intent: intent, fields: fields, via: via, wait: o.wait, force: o.force, began: began})
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

// send is a deposit that is ready to be asked for.
type send struct {
	intent      payment.Deposit
	fields      map[string]string
	via         watch.Via
	wait, force bool
	// began is when the command's time began to run.
	began time.Time
}

func (a *app) depositSend(ctx context.Context, p provider.Provider, s send) error {
	intent := s.intent
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	if err := keyOfAnother(ctx, ledger, intent); err != nil {
		return err
	}
	if err := a.coolDown(ctx, ledger, s); err != nil {
		return err
	}
	asked := time.Now()
	if err := a.confirmProduction(ctx, intent); err != nil {
		return err
	}
	// A person's thinking is not the command's time.
	s.began = s.began.Add(time.Since(asked))
	asker := deposit.Asker{
		Ledger: ledger, Depositor: p.Depositor, Now: a.now, CallbackURL: p.CallbackURL, Fields: s.fields,
		Idempotent: p.Idempotent, Force: s.force,
	}
	progress := a.out.Progress("asking " + intent.Phone.String() + " for " + intent.Amount.String() + " " + string(intent.Amount.Currency()))
	sendCtx, cancel := context.WithTimeout(ctx, a.sendLimit(s.began))
	d, done, err := asker.Ask(sendCtx, intent)
	cancel()
	progress.Stop()
	follow := func() error {
		w := a.watcherSince(s.began, p, d.Environment, s.via, ledger)
		return a.follow(ctx, []watch.Job{{Watcher: w, IDs: []string{d.ID}}}, &d)
	}
	switch {
	case err != nil && d.ID == "":
		return err
	case errors.Is(err, payment.ErrOutcomeUnknown) && s.wait && ctx.Err() == nil:
		// A callback may know what the answer would have said.
		a.out.Warn("%s; it is not sent again: waiting for its callback", firstLine(err.Error()))
		if ended := follow(); payment.KindOf(ended) != payment.KindPending {
			return ended
		}
		return err
	case err != nil:
		return a.ended(a.out.One(a.depositView(d)), err, aboutDeposit(d))
	}
	a.noteUsedKey(d, done)
	if !s.wait || d.Status.Final() {
		return a.ended(a.out.One(a.depositView(d)), outcome(d), aboutDeposit(d))
	}
	return follow()
}

// keyOfAnother refuses an idempotency key that a deposit of another provider has:
// whoever repeats a command under its key wants nobody asked twice.
func keyOfAnother(ctx context.Context, ledger *store.Store, intent payment.Deposit) error {
	found, err := ledger.FindDeposit(ctx, intent.IdempotencyKey)
	if err != nil {
		return err
	}
	for _, d := range found {
		if d.IdempotencyKey == intent.IdempotencyKey && d.Environment == intent.Environment && d.Provider != intent.Provider {
			return &payment.Error{
				Kind: payment.KindConflict, Provider: intent.Provider,
				Message: "idempotency key: was used before for deposit " + d.ID + ", which has another provider (" + string(d.Provider) + ")",
				Hint:    "use a new key for another request",
			}
		}
	}
	return nil
}

// noteUsedKey tells what a used idempotency key has led to.
func (a *app) noteUsedKey(d payment.Deposit, done deposit.Done) {
	const before = "this idempotency key was used before: "
	switch done {
	case deposit.Nothing:
		a.out.Note(before+"%s is the first deposit, and nobody was asked again", d.ID)
	case deposit.SentLate:
		a.out.Note(before+"%s had not been sent, and was sent now", d.ID)
	case deposit.SentAgain:
		a.out.Note(before+"what became of %s was not known, so it was sent again under its key", d.ID)
	case deposit.Sent:
	}
}

// sendTimeout bounds the request for money, and any other single request.
const sendTimeout = deposit.SendTimeout

// sendLimit is the shorter one of sendTimeout and what is left of --timeout.
func (a *app) sendLimit(began time.Time) time.Duration {
	if a.global.timeout > 0 {
		return min(a.global.timeout-time.Since(began), sendTimeout)
	}
	return sendTimeout
}

// watcherSince is watcher within what is left of --timeout. When nothing is, it
// still reads the ledger once, since a callback may have decided meanwhile.
func (a *app) watcherSince(began time.Time, p provider.Provider, env payment.Environment, via watch.Via, ledger *store.Store) *watch.Watcher {
	policy := a.policy(p, env, via)
	if policy.Strict {
		policy.Deadline = max(policy.Deadline-time.Since(began), 1) // 0 is the default deadline
	}
	return watch.New(watch.Options{
		Ledger: ledger, Depositor: p.Depositor, Streamer: p.Streamer, Budget: ledger, Policy: policy, Now: a.now,
	})
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
		CallbackToken: deposit.NewToken(), CreatedAt: now, UpdatedAt: now,
	}
	if intent.IdempotencyKey == "" {
		intent.IdempotencyKey = deposit.NewIdempotencyKey()
	}
	warnings, err := p.Check(&intent)
	for _, w := range warnings {
		a.out.Note("warning: %s", w)
	}
	return intent, err
}

// checkFlags finds what is wrong with the flags alone, before any setting is read.
func checkFlags(id payment.ProviderID, o depositCreateOptions) error {
	if err := checkUnused(id, o); err != nil {
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
func checkUnused(id payment.ProviderID, o depositCreateOptions) error {
	if id != payment.Daraja {
		return nil
	}
	const hint = "leave it out, or choose --provider wasaapay"
	switch {
	case len(o.fields) > 0:
		return usagef(hint, "field: --field adds nothing to an STK push of Daraja")
	case o.wallet != "":
		return usagef(hint, "wallet: Daraja has no wallets; the money goes to the profile's shortcode")
	case o.follow.transports != "":
		return usagef(hint, "transports: Daraja has no stream")
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
