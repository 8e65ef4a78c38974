package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/watch"
)

// send is a deposit that is ready to be asked for.
type send struct {
	intent      payment.Deposit
	fields      map[string]string
	via         watch.Via
	wait, force bool
}

func (a *app) depositSend(ctx context.Context, p provider.Provider, s send) error {
	intent := s.intent
	ledger, err := a.depositLedger(ctx, s)
	if err != nil {
		return deposit.BeforeSending(err)
	}
	if err := a.confirmProduction(ctx, intent); err != nil {
		return err
	}
	asker := deposit.Asker{
		Ledger: ledger.Deposits, Depositor: p.Depositor, Now: a.now, CallbackURL: p.CallbackURL, Fields: s.fields,
		Idempotent: p.Idempotent, Force: s.force,
	}
	progress := a.out.Progress("asking " + intent.Phone.String() + " for " + intent.Amount.String() + " " + string(intent.Amount.Currency()))
	bounded, unbind := a.deadline.bound(ctx, 0)
	sending, cancel := context.WithTimeout(bounded, sendTimeout)
	d, done, err := asker.Ask(sending, intent)
	cancel()
	unbind()
	progress.Stop()
	follow := func() error {
		w := a.watcherSince(p, d.Environment, s.via, ledger)
		return a.follow(ctx, []watch.Job{{Watcher: w, IDs: []string{d.ID}}}, &d)
	}
	switch {
	case err != nil && d.ID == "":
		return err
	case isOpen(d, err) && s.wait && ctx.Err() == nil:
		return a.followOpen(ctx, ledger.Deposits, err, follow)
	case err != nil:
		return a.ended(a.out.One(a.depositView(d)), err, aboutDeposit(d))
	}
	a.noteUsedKey(d, done)
	if !s.wait || d.Status.Final() {
		return a.ended(a.out.One(a.depositView(d)), outcome(d), aboutDeposit(d))
	}
	return follow()
}

// isOpen tells that a deposit was sent, by this attempt or another one, and that
// nobody knows what came of it.
func isOpen(d payment.Deposit, err error) bool {
	return payment.KindOf(err) == payment.KindPending && d.Status != payment.StatusCreated && !d.Status.Final()
}

// followOpen follows a deposit of unknown outcome, which cause tells of: a callback
// or the process that is sending it may know what the answer would have said. An
// answer that could not be recorded is recorded as soon as that can be done.
func (a *app) followOpen(ctx context.Context, ledger deposit.Recorder, cause error, follow func() error) error {
	var unrecorded *deposit.UnrecordedError
	coming := "waiting for its callback"
	if errors.As(cause, &unrecorded) || !errors.Is(cause, payment.ErrOutcomeUnknown) {
		coming = "following it"
	}
	a.out.Warn("%s; it is not sent again: %s", firstLine(cause.Error()), coming)
	if unrecorded == nil {
		if ended := follow(); payment.KindOf(ended) != payment.KindPending {
			return ended
		}
		return cause
	}
	during, stop := context.WithCancel(ctx)
	var recording sync.WaitGroup
	var lost error
	recording.Go(func() { lost = unrecorded.KeepRecording(during, ledger) })
	ended := follow()
	stop()
	recording.Wait()
	if lost != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRecord)
		defer cancel()
		_, lost = unrecorded.Record(last, ledger)
	}
	switch {
	case lost == nil:
		return ended
	case payment.KindOf(ended) == payment.KindPending:
		return cause
	}
	a.out.Warn("%s", firstLine(cause.Error()))
	return ended
}

// lastRecord bounds the last try to record an answer.
const lastRecord = 2 * time.Second

// depositLedger opens the ledger and looks for what speaks against the deposit.
func (a *app) depositLedger(ctx context.Context, s send) (*store.Store, error) {
	ctx, cancel := a.preparing(ctx)
	defer cancel()
	ledger, err := a.openLedgerAs(ctx, a.config, store.Options{BusyTimeout: a.deadline.left(mostPatience)})
	if err != nil {
		return nil, err
	}
	if err := keyOfAnother(ctx, ledger, s.intent); err != nil {
		return nil, err
	}
	return ledger, a.coolDown(ctx, ledger, s)
}

// mostPatience is the longest wait for another process that holds the ledger. Once the
// writer has taken a write up, no context ends it, so what is left of --timeout is said
// beforehand; what must be recorded after sending is tried again.
const mostPatience = 15 * time.Second

// keyOfAnother refuses an idempotency key that a deposit of another provider has:
// whoever repeats a command under its key wants nobody asked twice.
func keyOfAnother(ctx context.Context, ledger *store.Store, intent payment.Deposit) error {
	found, err := ledger.Deposits.Find(ctx, intent.IdempotencyKey)
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

// watcherSince is watcher within what is left of --timeout. When nothing is, it
// still reads the ledger once, since a callback may have decided meanwhile.
func (a *app) watcherSince(p provider.Provider, env payment.Environment, via watch.Via, ledger *store.Store) *watch.Watcher {
	policy := a.policy(p, env, via)
	if policy.Strict {
		policy.Deadline = a.deadline.left(policy.Deadline)
	}
	return watch.New(watch.Options{
		Ledger: ledger.Deposits, Depositor: p.Depositor, Streamer: p.Streamer, Budget: ledger.Budget, Policy: policy, Now: a.now,
	})
}
