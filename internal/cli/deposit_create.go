package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/watch"
)

// depositCreate is "payctl deposit create".
type depositCreate struct {
	*session
	provider             string
	words                deposit.Request
	keyGiven             func() bool
	fieldPairs           []string
	wait, dryRun         bool
	again, repeatUnknown bool
	fromFile             string
	fileGiven            func() bool
	concurrency          int
	follow               followOptions

	// What the flags come to.
	via    watch.Via
	fields map[string]string
}

func newDepositCreate(s *session) *cobra.Command {
	v := &depositCreate{session: s}
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

The same reference, customer and amount within a day is exit 9 while the first one may
be paid; --again asks all the same. A customer who was asked moments ago for something
else is asked after a warning that M-PESA may refuse that.

--from-file asks for each line of a plan: CSV with the header row
phone,amount,reference[,description,provider,wallet,idempotency_key], or NDJSON with
these keys. It is checked whole before the first is sent; --dry-run shows its total.
Run again, the same plan goes on where it stopped and asks nobody twice.`,
		Example: `  payctl deposit create --phone 0712345678 --amount 100 --reference INV-1 --wait
  payctl deposit create --provider wasaapay --wallet wallet_1 --phone 0712345678 --amount 250
  payctl deposit create --from-file plan.csv --wait -o ndjson`,
		Args: noArgs,
		RunE: s.run(v.Run),
	}
	f := cmd.Flags()
	v.keyGiven = func() bool { return f.Changed("idempotency-key") }
	f.StringVar(&v.provider, "provider", "", "`daraja|wasaapay` (default daraja)")
	f.StringVar(&v.words.Phone, "phone", "", "the customer's `NUMBER`, in any Kenyan form")
	f.StringVar(&v.words.Amount, "amount", "", "`AMOUNT` in KES; whole shillings for M-Pesa")
	f.StringVar(&v.words.Reference, "reference", "", "your own `TEXT`, shown to the customer (Daraja: at most 12 characters)")
	f.StringVar(&v.words.Description, "description", "", "`TEXT` for the prompt (Daraja: at most 13 characters)")
	f.StringVar(&v.words.Wallet, "wallet", "", "WasaaPay wallet `ID` (default: the profile's)")
	f.StringVar(&v.words.Key, "idempotency-key", "", "`KEY` that makes repeating this command safe (default: a new one)")
	f.StringArrayVar(&v.fieldPairs, "field", nil, "extra request field `NAME=VALUE` (WasaaPay; repeatable)")
	f.BoolVar(&v.wait, "wait", false, "follow the deposit to its end and exit with the outcome")
	f.BoolVar(&v.dryRun, "dry-run", false, "check everything and show the deposit; record and send nothing")
	f.BoolVar(&v.again, "again", false, "ask although the same was asked for within a day")
	f.BoolVar(&v.repeatUnknown, "repeat-unknown", false, "repeat an UNKNOWN WasaaPay request older than a day under its key")
	bindNewLedger(f, s)
	v.fileGiven = func() bool { return f.Changed("from-file") }
	f.StringVar(&v.fromFile, "from-file", "", "ask for each line of a `PLAN`, CSV or NDJSON, - for stdin")
	f.IntVar(&v.concurrency, "concurrency", 4, "with --from-file, ask `N` at once")
	v.follow.bind(f)
	return cmd
}

// Run asks a customer for money.
func (v *depositCreate) Run(ctx context.Context) error {
	if v.fileGiven() {
		return v.runPlan(ctx)
	}
	p, intent, err := v.plan(ctx)
	if err != nil {
		return deposit.BeforeSending(err)
	}
	if v.dryRun {
		return v.showPlan(ctx, intent)
	}
	if err := (guard{v.session}).checkProduction(ctx, intent); err != nil {
		return err
	}
	return v.send(ctx, p, intent)
}

// plan checks everything that can be known to be wrong.
func (v *depositCreate) plan(ctx context.Context) (p provider.Provider, intent payment.Deposit, err error) {
	id, err := v.providers.Parse(v.provider)
	if err != nil {
		return p, intent, err
	}
	row := v.providers.Row(id)
	if !row.Deposits {
		return p, intent, usagef("providers that can: "+provider.Names(v.providers.Depositors()), "provider %s: cannot ask for money", id)
	}
	var transports []string
	v.words.KeyGiven = v.keyGiven()
	if v.via, transports, err = v.follow.parse(); err != nil {
		return p, intent, err
	}
	if err := v.checkFlags(row, v.words); err != nil {
		return p, intent, err
	}
	if p, err = v.session.provider(ctx, id, transports); err != nil {
		return p, intent, err
	}
	if err := v.via.Check(p.Depositor, p.Streamer); err != nil {
		return p, intent, err
	}
	if intent, err = v.intent(ctx, p, v.words); err != nil {
		return p, intent, err
	}
	if v.fields, err = parseFields(v.fieldPairs); err != nil {
		return p, intent, err
	}
	if p.CheckFields != nil {
		err = p.CheckFields(v.fields)
	}
	return p, intent, err
}

// showPlan shows what would be asked for. Nobody need confirm that; a script that
// brings --yes learns whether the profile's cap lets it.
func (v *depositCreate) showPlan(ctx context.Context, intent payment.Deposit) error {
	if v.global.yes {
		if err := (guard{v.session}).checkProduction(ctx, intent); err != nil {
			return err
		}
	}
	v.out.Note("dry run: nothing was recorded or sent")
	return v.showDeposit(ctx, nil, intent, nil, nil)
}

// intent parses the flags into a deposit that is ready to be recorded.
func (v *depositCreate) intent(ctx context.Context, p provider.Provider, words deposit.Request) (payment.Deposit, error) {
	conf, err := v.config(ctx)
	if err != nil {
		return payment.Deposit{}, err
	}
	intent, err := words.Intent(deposit.Account{Provider: p.ID, Environment: conf.Environment, ShortCode: p.ShortCode, Wallet: p.Wallet}, v.now())
	if err != nil {
		return intent, err
	}
	warnings, err := p.Check(&intent)
	for _, w := range warnings {
		v.out.Note("warning: %s", w)
	}
	return intent, err
}

// checkFlags finds what is wrong with the flags alone, before any setting is read.
func (v *depositCreate) checkFlags(row provider.Row, words deposit.Request) error {
	if err := v.checkUnused(row, words.Wallet); err != nil {
		return err
	}
	return words.Check()
}

// checkUnused refuses a flag that would do nothing: it was given to do something.
func (v *depositCreate) checkUnused(row provider.Row, wallet string) error {
	const hint = "leave it out, or choose another --provider"
	switch {
	case len(v.fieldPairs) > 0 && !row.Fields:
		return usagef(hint, "field: --field adds nothing to a request to %s", row.Title)
	case wallet != "" && !row.Wallets:
		return usagef(hint, "wallet: %s has no wallets; the money goes to the profile's shortcode", row.Title)
	case v.follow.transports != "" && !row.Streams:
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

// send asks, shows the deposit as the ledger has it, and follows it where that is wanted.
func (v *depositCreate) send(ctx context.Context, p provider.Provider, intent payment.Deposit) error {
	ledger, err := v.openToAsk(ctx, intent)
	if err != nil {
		return deposit.BeforeSending(err)
	}
	if err := (guard{v.session}).confirmProduction(ctx, intent); err != nil {
		return err
	}
	asker := v.asker(p, ledger)
	var progress *ui.Progress
	asker.Sending = func() {
		progress = v.out.Progress("asking " + intent.Phone.String() + " for " + intent.Amount.String() + " " + string(intent.Amount.Currency()))
	}
	bounded, unbind := v.deadline.bound(ctx, 0)
	sending, cancel := context.WithTimeout(bounded, sendTimeout)
	d, done, err := asker.Ask(sending, intent)
	cancel()
	unbind()
	progress.Stop()
	follow := func() error {
		f := following{session: v.session, via: v.via, single: true}
		f.add(p, v.watcher(p, v.via, ledger), d)
		return f.follow(ctx)
	}
	switch {
	case err != nil && d.ID == "":
		return err
	case deposit.IsOpen(d, err) && v.wait && ctx.Err() == nil:
		return deposit.FollowOpen(ctx, ledger.Deposits, err, follow, func(text string) { v.out.Warn("%s", payment.FirstLine(text)) })
	case err != nil:
		return v.showDeposit(ctx, ledger, d, nil, err)
	}
	v.noteUsedKey(d, done)
	if !v.wait || d.Status.Final() {
		return v.showDeposit(ctx, ledger, d, nil, asked(d))
	}
	return follow()
}

func (v *depositCreate) asker(p provider.Provider, ledger *store.Store) *deposit.Asker {
	return &deposit.Asker{
		Ledger: ledger.Deposits, Depositor: p.Depositor, Now: v.now, CallbackURL: p.CallbackURL, Fields: v.fields,
		Idempotent: p.Idempotent, RepeatUnknown: v.repeatUnknown, Again: v.again, Recovery: ledger.Recovery,
	}
}

// openToAsk opens the ledger and looks for what speaks against the deposit.
func (v *depositCreate) openToAsk(ctx context.Context, intent payment.Deposit) (*store.Store, error) {
	ctx, cancel := v.deadline.preparing(ctx)
	defer cancel()
	ledger, err := v.openLedgerAs(ctx, v.config, store.Options{BusyTimeout: v.deadline.left(mostPatience)})
	if err != nil {
		return nil, err
	}
	if err := deposit.KeyOfAnother(ctx, ledger.Deposits, intent); err != nil {
		return nil, err
	}
	if v.again {
		return ledger, nil
	}
	warning, err := deposit.CoolDown(ctx, ledger.Deposits, intent, v.now())
	if warning != "" {
		v.out.Warn("%s", warning)
	}
	return ledger, err
}

// mostPatience is the longest wait for another process that holds the ledger. Once the
// writer has taken a write up, no context ends it, so what is left of --timeout is said
// beforehand; what must be recorded after sending is tried again.
const mostPatience = 15 * time.Second

// noteUsedKey tells what a used idempotency key has led to.
func (v *depositCreate) noteUsedKey(d payment.Deposit, done deposit.Done) {
	const before = "this idempotency key was used before: "
	switch done {
	case deposit.Nothing:
		v.out.Note(before+"%s is the first deposit, and nobody was asked again", d.ID)
	case deposit.SentLate:
		v.out.Note(before+"%s had not been sent, and was sent now", d.ID)
	case deposit.SentAgain:
		v.out.Note(before+"what became of %s was not known, so it was sent again under its key", d.ID)
	case deposit.Sent:
	}
}

// sendTimeout bounds the request for money, and any other single request.
const sendTimeout = deposit.SendTimeout

// asked is the error that a deposit's status means where nobody waited for the end: one
// that is merely pending is none.
func asked(d payment.Deposit) error {
	if d.Status == payment.StatusPending && d.Conflict.IsZero() {
		return nil
	}
	return watch.Outcome(d)
}
