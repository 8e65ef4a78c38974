package deposit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
)

// fullLedger takes the intent and then nothing more, as on a full disk.
type fullLedger struct{ ledger }

var errFull = &payment.Error{Kind: payment.KindUnavailable, Message: "ledger: the disk is full", Retryable: true}

func (l *fullLedger) ReleaseSend(context.Context, string, *payment.Failure) (payment.Deposit, error) {
	return payment.Deposit{}, errFull
}

func (l *fullLedger) Apply(context.Context, string, payment.Claim) (payment.Deposit, payment.Move, error) {
	return payment.Deposit{}, payment.MoveNone, errFull
}

// TestUnrecordedAnswer checks that a request whose answer could not be recorded is
// of unknown outcome: "unavailable" would tell a script to send it again.
func TestUnrecordedAnswer(t *testing.T) {
	t.Parallel()
	const daraja = "ws_CO_02032026081500254712345678"
	for name, c := range map[string]struct {
		answer payment.Answer
		err    error
		kind   payment.Kind
		hint   string
		kept   bool
	}{
		"accepted":       {payment.Answer{Status: payment.StatusPending, ProviderID: "ws_CO_1"}, nil, payment.KindPending, "ws_CO_1", true},
		"a whole number": {payment.Answer{Status: payment.StatusPending, ProviderID: daraja}, nil, payment.KindPending, daraja, true},
		"refused":        {payment.Answer{Status: payment.StatusFailed}, nil, payment.KindPending, `"payctl status watch dep_1"`, true},
		"not sent":       {payment.Answer{}, &payment.Error{Kind: payment.KindUnavailable, Message: "cannot reach it"}, payment.KindUnavailable, "", false},
		"named, proves nothing": {
			payment.Answer{Status: payment.StatusUnknown, ProviderID: "ws_CO_1"},
			&payment.Error{Kind: payment.KindPending, Err: payment.ErrOutcomeUnknown},
			payment.KindPending, `"payctl status watch dep_1"`, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := deposit.Asker{Ledger: &fullLedger{}, Depositor: &depositor{answer: c.answer, err: c.err}, Now: time.Now}
				d, _, err := a.Ask(t.Context(), payment.Deposit{ID: "dep_1", Status: payment.StatusCreated, Provider: payment.Daraja})
				if d.ID != "dep_1" || d.Status != payment.StatusUnknown {
					t.Errorf("deposit %q is %s, want dep_1 UNKNOWN as in the ledger", d.ID, d.Status)
				}
				var e *payment.Error
				if !errors.As(err, &e) || payment.KindOf(err) != c.kind || !strings.Contains(e.Hint, c.hint) || !errors.Is(err, errFull) {
					t.Errorf("error %v (%s), want %s with a hint of %q, not %q", err, payment.KindOf(err), c.kind, c.hint, e.Hint)
				}
				var u *deposit.UnrecordedError
				if errors.As(err, &u) != c.kept {
					t.Fatalf("error %v: the answer is kept: %t, want %t", err, !c.kept, c.kept)
				}
				if !c.kept {
					return
				}
				// The disk has room again.
				mended := &ledger{d: d, has: true}
				got, err := u.Record(t.Context(), mended)
				if want := c.answer; err != nil || got.Status != want.Status || got.ProviderID != want.ProviderID {
					t.Errorf("recorded later: %s %q, error %v, want %s %q", got.Status, got.ProviderID, err, want.Status, want.ProviderID)
				}
			})
		})
	}
}

// soonLedger is full for some seconds.
type soonLedger struct {
	ledger
	until time.Time
}

func (l *soonLedger) Apply(ctx context.Context, id string, c payment.Claim) (payment.Deposit, payment.Move, error) {
	if time.Now().Before(l.until) {
		return payment.Deposit{}, payment.MoveNone, errFull
	}
	return l.ledger.Apply(ctx, id, c)
}

// A disk that is full for some seconds loses no answer, although the command's own
// time is over by then.
func TestAnswerIsRecordedWhenTheDiskHasRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		a := deposit.Asker{
			Ledger: &soonLedger{until: time.Now().Add(9 * time.Second)}, Now: time.Now,
			Depositor: &depositor{answer: payment.Answer{Status: payment.StatusPending, ProviderID: "ws_CO_1"}},
		}
		d, _, err := a.Ask(ctx, payment.Deposit{ID: "dep_1", Status: payment.StatusCreated})
		if err != nil || d.Status != payment.StatusPending || d.ProviderID != "ws_CO_1" {
			t.Errorf("got %s %q, error %v", d.Status, d.ProviderID, err)
		}
	})
}
