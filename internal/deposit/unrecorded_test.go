package deposit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
)

// fullLedger takes the intent and then nothing more, as on a full disk.
type fullLedger struct{ ledger }

var errFull = &payment.Error{Kind: payment.KindUnavailable, Message: "ledger: the disk is full", Retryable: true}

func (l *fullLedger) ReleaseSend(context.Context, string) error { return errFull }

func (l *fullLedger) ApplyClaim(context.Context, string, payment.Claim) (payment.Deposit, payment.Move, error) {
	return payment.Deposit{}, payment.MoveNone, errFull
}

// TestUnrecordedAnswer checks that a request whose answer could not be recorded is
// of unknown outcome: "unavailable" would tell a script to send it again.
func TestUnrecordedAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer payment.Answer
		err    error
		kind   payment.Kind
		hint   string
	}{
		"accepted": {payment.Answer{Status: payment.StatusPending, ProviderID: "ws_CO_1"}, nil, payment.KindPending, "ws_CO_1"},
		"refused":  {payment.Answer{Status: payment.StatusFailed}, nil, payment.KindPending, "dep_1"},
		"not sent": {payment.Answer{}, &payment.Error{Kind: payment.KindUnavailable, Message: "cannot reach it"}, payment.KindUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := deposit.Asker{Ledger: &fullLedger{}, Depositor: &depositor{answer: c.answer, err: c.err}, Now: time.Now}
			d, _, err := a.Ask(t.Context(), payment.Deposit{ID: "dep_1", Status: payment.StatusCreated, Provider: payment.Daraja})
			if d.ID != "dep_1" || d.Status != payment.StatusUnknown {
				t.Errorf("deposit %q is %s, want dep_1 UNKNOWN as in the ledger", d.ID, d.Status)
			}
			var e *payment.Error
			if !errors.As(err, &e) || payment.KindOf(err) != c.kind || !strings.Contains(e.Hint, c.hint) || !errors.Is(err, errFull) {
				t.Errorf("error %v (%s), want %s with a hint of %q", err, payment.KindOf(err), c.kind, c.hint)
			}
		})
	}
}
