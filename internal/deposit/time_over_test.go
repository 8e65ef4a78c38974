package deposit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
)

// lateLedger's time is over at one of its calls.
type lateLedger struct {
	ledger
	create, claim bool
	// other says that another process claimed the deposit meanwhile.
	other bool
}

func (l *lateLedger) Create(ctx context.Context, d payment.Deposit) (payment.Deposit, bool, error) {
	if l.create {
		return payment.Deposit{}, false, context.DeadlineExceeded
	}
	return l.ledger.Create(ctx, d)
}

func (l *lateLedger) ClaimSend(ctx context.Context, as payment.Deposit) (payment.Deposit, bool, error) {
	if !l.claim {
		return l.ledger.ClaimSend(ctx, as)
	}
	if l.other {
		l.d.Status = payment.StatusUnknown
	}
	return payment.Deposit{}, false, fmt.Errorf("claim: %w", context.DeadlineExceeded)
}

// When the time is over and certainly nothing was sent, it is safe to try again. What
// another process is sending is not: neither is its claim released.
func TestTimeOverBeforeSending(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ledger lateLedger
		err    error
		status payment.Status
		kind   payment.Kind
		sent   int
	}{
		"recording the intent": {ledger: lateLedger{create: true}, kind: payment.KindUnavailable},
		"claiming it":          {ledger: lateLedger{claim: true}, status: payment.StatusCreated, kind: payment.KindUnavailable},
		"claimed by another":   {ledger: lateLedger{claim: true, other: true}, status: payment.StatusUnknown},
		"before the first byte": {
			err: fmt.Errorf("token: %w", context.DeadlineExceeded), status: payment.StatusCreated, kind: payment.KindUnavailable, sent: 1,
		},
		"after it": {
			err: errors.Join(payment.ErrOutcomeUnknown, context.DeadlineExceeded), status: payment.StatusUnknown, kind: payment.KindPending, sent: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, d := c.ledger, &depositor{err: c.err}
			asker := deposit.Asker{Ledger: &l, Depositor: d, Now: time.Now}
			got, _, err := asker.Ask(t.Context(), payment.Deposit{ID: "dep_1", Status: payment.StatusCreated})
			if (err != nil) != (c.kind != 0) || err != nil && payment.KindOf(err) != c.kind {
				t.Errorf("error %v (%s), want %s", err, payment.KindOf(err), c.kind)
			}
			var e *payment.Error
			if c.kind == payment.KindUnavailable && (!errors.As(err, &e) || !e.Retryable || e.Message != "timeout: the time was over before anything was sent") {
				t.Errorf("error %+v, want a retryable one that says so", err)
			}
			if got.Status != c.status || d.sent != c.sent {
				t.Errorf("got %s sent=%d, want %s %d", got.Status, d.sent, c.status, c.sent)
			}
		})
	}
}
