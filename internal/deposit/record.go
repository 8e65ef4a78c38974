package deposit

import (
	"context"
	"errors"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

const (
	// afterSend bounds the ledger's work once a request has left: it must be
	// finished even when the operator has pressed Ctrl-C or the time is over.
	afterSend = 15 * time.Second
	// recordEvery is the wait between tries to record an answer.
	recordEvery = time.Second
)

// Recorder takes what an answer says of a deposit.
type Recorder interface {
	Apply(ctx context.Context, id string, c payment.Claim) (payment.Deposit, payment.Move, error)
}

// Recovery keeps what a source said of a deposit where the ledger cannot take it, until
// a later command does.
type Recovery interface {
	// Keep returns the name of the file that holds the claim.
	Keep(id string, c payment.Claim) (file string, err error)
	// Drop forgets what Keep kept, because it was recorded after all.
	Drop(file string)
}

// UnrecordedError is in the chain of Ask's error when the ledger did not take an answer
// of the provider. It may be recorded later.
type UnrecordedError struct {
	id    string
	claim payment.Claim
	cause error
	// file is where it waits to be taken in, "" if it could not be kept.
	file     string
	recovery Recovery
}

// Error says why the ledger did not take it.
func (u *UnrecordedError) Error() string { return u.cause.Error() }

// Unwrap returns the ledger's error.
func (u *UnrecordedError) Unwrap() error { return u.cause }

// Record tries once more.
func (u *UnrecordedError) Record(ctx context.Context, to Recorder) (payment.Deposit, error) {
	d, _, err := to.Apply(ctx, u.id, u.claim)
	if err == nil && u.file != "" {
		u.recovery.Drop(u.file)
	}
	return d, err
}

// KeepRecording tries again until the answer is recorded or ctx ends, and returns
// the last try's error.
func (u *UnrecordedError) KeepRecording(ctx context.Context, to Recorder) error {
	return persist(ctx, func() error {
		_, err := u.Record(ctx, to)
		return err
	})
}

// persist repeats what a full disk or another process keeps from the ledger.
func persist(ctx context.Context, record func() error) error {
	for {
		err := record()
		if kind := payment.KindOf(err); err == nil || kind != payment.KindInternal && kind != payment.KindUnavailable {
			return err
		}
		if timing.Wait(ctx, recordEvery) != nil {
			return err
		}
	}
}

// record applies a claim, and keeps it in the error when it cannot.
func (a *Asker) record(ctx context.Context, id string, c payment.Claim) (d payment.Deposit, err error) {
	u := &UnrecordedError{id: id, claim: c, recovery: a.Recovery}
	u.cause = persist(ctx, func() error {
		d, err = u.Record(ctx, a.Ledger)
		if err != nil && u.file == "" && a.Recovery != nil {
			// At once: the process may be killed before the ledger can be written.
			u.file, _ = a.Recovery.Keep(id, c)
		}
		return err
	})
	if u.cause != nil {
		return d, u
	}
	return d, nil
}

// answered records what the provider said. Where that fails the outcome is
// unknown to whoever reads the ledger, and trouble that would pass must not tell
// a script to send the request again.
func (a *Asker) answered(ctx context.Context, d payment.Deposit, answer payment.Answer) (payment.Deposit, error) {
	now, err := a.record(ctx, d.ID, payment.Claim{
		Status: answer.Status, By: payment.SourceAnswer, Receipt: answer.Receipt, Failure: answer.Failure,
		ProviderID: answer.ProviderID, MerchantRequestID: answer.MerchantRequestID, At: a.Now(),
	})
	if err == nil {
		return now, nil
	}
	var u *UnrecordedError
	kept := errors.As(err, &u) && u.file != ""
	d = a.reread(ctx, d)
	if d.Status.Final() && kept && (d.Status == answer.Status || !answer.Status.Final()) {
		return d, nil // a callback was faster, and the answer will be taken in
	}
	hint := "do not send it again: mend the ledger, then run \"payctl status watch " + d.ID + "\""
	if answer.ProviderID != "" {
		// In full, although Daraja's ids end with the customer's number: it may be
		// all that is left to ask by.
		hint += "; the provider calls it " + answer.ProviderID
	}
	if kept {
		hint += "; the answer waits in " + u.file + ", and the next command that may write to the ledger takes it in"
	}
	return d, &payment.Error{
		Kind: payment.KindPending, Provider: d.Provider, Hint: hint, Err: errors.Join(payment.ErrOutcomeUnknown, err),
		Message: "the request was sent and answered " + string(answer.Status) + ", but recording the answer failed: " + err.Error(),
	}
}

// reread returns a deposit as the ledger has it, which may be read although it cannot be
// written; where it cannot, as it was.
func (a *Asker) reread(ctx context.Context, d payment.Deposit) payment.Deposit {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRecord)
	defer cancel()
	if now, err := a.Ledger.Get(ctx, d.ID); err == nil {
		return now
	}
	return d
}

// named fills in the ids of an answer that proves nothing, and reads the deposit.
func (a *Asker) named(ctx context.Context, d payment.Deposit, answer payment.Answer) (payment.Deposit, error) {
	if answer.ProviderID == "" && answer.MerchantRequestID == "" {
		return a.Ledger.Get(ctx, d.ID)
	}
	return a.record(ctx, d.ID, payment.Claim{
		Status: payment.StatusUnknown, By: payment.SourceAnswer,
		ProviderID: answer.ProviderID, MerchantRequestID: answer.MerchantRequestID, At: a.Now(),
	})
}

// BeforeSending words the end of the time for a command that certainly sent
// nothing: KindUnavailable, since it may be tried again. Other errors pass.
func BeforeSending(err error) error {
	if payment.KindOf(err) != payment.KindPending || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, payment.ErrOutcomeUnknown) {
		return err
	}
	return &payment.Error{
		Kind: payment.KindUnavailable, Retryable: true, Err: err,
		Message: "timeout: the time was over before anything was sent", Hint: "try again with a longer --timeout",
	}
}

// unclaimed is what becomes of a claim that failed. Ledger says that an ended
// context leaves nothing behind, so a deposit that is claimed all the same is being
// sent by another process, and its claim is not ours to release.
func (a *Asker) unclaimed(ctx context.Context, d payment.Deposit, cause error) (payment.Deposit, error) {
	if !errors.Is(cause, context.DeadlineExceeded) {
		return d, cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterSend)
	defer cancel()
	if now, err := a.Ledger.Get(ctx, d.ID); err == nil && now.Status != payment.StatusCreated {
		return now, nil
	}
	return d, BeforeSending(cause)
}
