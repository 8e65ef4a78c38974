package deposit

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// IsOpen reports whether a deposit was sent, by this attempt or another one, and nobody
// knows what came of it; err is what Ask returned.
func IsOpen(d payment.Deposit, err error) bool {
	return payment.KindOf(err) == payment.KindPending && d.Status != payment.StatusCreated && !d.Status.Final()
}

// lastRecord bounds the last try to record an answer.
const lastRecord = 2 * time.Second

// FollowOpen follows a deposit of unknown outcome, which cause tells of: a callback or
// the process that is sending it may know what the answer would have said. An answer
// that could not be recorded is recorded as soon as that can be done. follow returns
// the outcome; warn is called with what the operator should know before and after.
func FollowOpen(ctx context.Context, ledger Recorder, cause error, follow func() error, warn func(string)) error {
	var unrecorded *UnrecordedError
	coming := "waiting for its callback"
	if errors.As(cause, &unrecorded) || !errors.Is(cause, payment.ErrOutcomeUnknown) {
		coming = "following it"
	}
	warn(cause.Error() + "; it is not sent again: " + coming)
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
	warn(cause.Error())
	return ended
}
