package deposit_test

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
)

// ledger is a strict fake: it holds one deposit and writes down every call.
type ledger struct {
	d     payment.Deposit
	has   bool
	taken bool
	calls []string
}

func (l *ledger) CreateDeposit(_ context.Context, d payment.Deposit) (payment.Deposit, bool, error) {
	l.calls = append(l.calls, "create")
	if l.has {
		return l.d, true, nil
	}
	l.d, l.has = d, true
	return l.d, false, nil
}

func (l *ledger) ClaimSend(context.Context, string) (payment.Deposit, bool, error) {
	l.calls = append(l.calls, "claim")
	if l.taken {
		return l.d, false, nil
	}
	l.d.Status = payment.StatusUnknown
	return l.d, true, nil
}

func (l *ledger) ReleaseSend(context.Context, string) error {
	l.calls = append(l.calls, "release")
	l.d.Status = payment.StatusCreated
	return nil
}

func (l *ledger) ApplyClaim(ctx context.Context, _ string, c payment.Claim) (payment.Deposit, payment.Move, error) {
	l.calls = append(l.calls, "apply")
	if ctx.Err() != nil {
		return l.d, payment.MoveNone, ctx.Err()
	}
	var m payment.Move
	l.d, m = l.d.Apply(c)
	return l.d, m, nil
}

func (l *ledger) Deposit(context.Context, string) (payment.Deposit, error) {
	l.calls = append(l.calls, "read")
	return l.d, nil
}

type depositor struct {
	answer payment.Answer
	err    error
	sent   int
	during func()
}

func (d *depositor) Create(context.Context, payment.DepositRequest) (payment.Answer, error) {
	d.sent++
	if d.during != nil {
		d.during()
	}
	return d.answer, d.err
}

func (d *depositor) Ask(context.Context, payment.Deposit) (payment.Answer, error) {
	return payment.Answer{}, errors.New("not asked here")
}

func TestAsk(t *testing.T) {
	t.Parallel()
	intent := payment.Deposit{ID: "dep_1", Status: payment.StatusCreated, Provider: payment.Daraja}
	lost := &payment.Error{Kind: payment.KindUnavailable, Message: "cut", Err: payment.ErrOutcomeUnknown}
	tests := []struct {
		name    string
		ledger  ledger
		answer  payment.Answer
		err     error
		settle  bool
		status  payment.Status
		kind    payment.Kind
		failed  bool
		existed bool
		sent    int
		calls   []string
	}{
		{
			name:   "accepted",
			answer: payment.Answer{Status: payment.StatusPending, ProviderID: "ws_CO_1"},
			status: payment.StatusPending, sent: 1, calls: []string{"create", "claim", "apply"},
		},
		{
			name:   "refused for good",
			answer: payment.Answer{Status: payment.StatusFailed, Failure: &payment.Failure{Code: "400.002.02"}},
			status: payment.StatusFailed, sent: 1, calls: []string{"create", "claim", "apply"},
		},
		{
			name: "nothing left the machine", err: &payment.Error{Kind: payment.KindUnavailable, Message: "refused"},
			status: payment.StatusCreated, failed: true, kind: payment.KindUnavailable, sent: 1,
			calls: []string{"create", "claim", "release"},
		},
		{
			name: "answer lost", err: lost, status: payment.StatusUnknown, failed: true, kind: payment.KindPending, sent: 1,
			calls: []string{"create", "claim", "read"},
		},
		{
			name: "answer lost, callback came", err: lost, settle: true, status: payment.StatusCompleted, sent: 1,
			calls: []string{"create", "claim", "read"},
		},
		{
			name:   "key used before",
			ledger: ledger{has: true, d: payment.Deposit{ID: "dep_0", Status: payment.StatusUnknown}},
			status: payment.StatusUnknown, existed: true, calls: []string{"create"},
		},
		{
			name:   "key used before, never left",
			ledger: ledger{has: true, d: payment.Deposit{ID: "dep_0", Status: payment.StatusCreated}},
			answer: payment.Answer{Status: payment.StatusPending},
			status: payment.StatusPending, existed: true, sent: 1, calls: []string{"create", "claim", "apply"},
		},
		{
			name:   "another process is sending",
			ledger: ledger{taken: true},
			status: payment.StatusCreated, existed: true, calls: []string{"create", "claim"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := tt.ledger
			d := &depositor{answer: tt.answer, err: tt.err}
			if tt.settle {
				d.during = func() { l.d.Status = payment.StatusCompleted }
			}
			asker := deposit.Asker{Ledger: &l, Depositor: d, Now: time.Now}
			got, existed, err := asker.Ask(t.Context(), intent)
			if (err != nil) != tt.failed || tt.failed && payment.KindOf(err) != tt.kind {
				t.Errorf("error %v, want failure %v of kind %v", err, tt.failed, tt.kind)
			}
			if got.Status != tt.status || existed != tt.existed || d.sent != tt.sent {
				t.Errorf("got %s existed=%v sent=%d, want %s %v %d", got.Status, existed, d.sent, tt.status, tt.existed, tt.sent)
			}
			if diff := cmp.Diff(tt.calls, l.calls); diff != "" {
				t.Errorf("ledger calls (-want +got):\n%s", diff)
			}
		})
	}
}

// The operator presses Ctrl-C while the request is under way: the answer that
// came is recorded all the same.
func TestAskRecordsAnswerAfterInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	l := &ledger{}
	asker := deposit.Asker{
		Ledger: l, Now: time.Now,
		Depositor: &depositor{answer: payment.Answer{Status: payment.StatusPending}, during: cancel},
	}
	got, _, err := asker.Ask(ctx, payment.Deposit{ID: "dep_1", Status: payment.StatusCreated})
	if err != nil || got.Status != payment.StatusPending {
		t.Errorf("got %s, %v", got.Status, err)
	}
}

func TestNewKeys(t *testing.T) {
	t.Parallel()
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	token := regexp.MustCompile(`^[a-z2-7]{26}$`)
	seen := map[string]bool{}
	for range 100 {
		k, tok := deposit.NewIdempotencyKey(), deposit.NewToken()
		if !uuid.MatchString(k) || !token.MatchString(tok) || seen[k] || seen[tok] {
			t.Fatalf("key %q, token %q", k, tok)
		}
		seen[k], seen[tok] = true, true
	}
}

// A request of unknown outcome is repeated only where the provider honours the
// key, and only an answer that names the deposit moves it.
func TestAskAgain(t *testing.T) {
	t.Parallel()
	unknown := payment.Deposit{ID: "dep_1", Status: payment.StatusUnknown, Provider: payment.WasaaPay, IdempotencyKey: "key"}
	known := unknown
	known.ProviderID = "w1"
	refused := &payment.Error{Kind: payment.KindUnauthorized, Message: "refused key"}
	tests := []struct {
		name       string
		first      payment.Deposit
		idempotent bool
		answer     payment.Answer
		err        error
		status     payment.Status
		failed     bool
		sent       int
		calls      []string
	}{
		{name: "not idempotent", first: unknown, status: payment.StatusUnknown, calls: []string{"create"}},
		{name: "its id is known", first: known, idempotent: true, status: payment.StatusUnknown, calls: []string{"create"}},
		{
			name: "found", first: unknown, idempotent: true, answer: payment.Answer{Status: payment.StatusPending, ProviderID: "w1"},
			status: payment.StatusPending, sent: 1, calls: []string{"create", "apply"},
		},
		{
			name: "found, failed meanwhile", first: unknown, idempotent: true,
			answer: payment.Answer{Status: payment.StatusFailed, ProviderID: "w1", Failure: &payment.Failure{Reason: "cancelled"}},
			status: payment.StatusFailed, sent: 1, calls: []string{"create", "apply"},
		},
		{
			name: "refused now", first: unknown, idempotent: true, answer: payment.Answer{Status: payment.StatusFailed},
			status: payment.StatusUnknown, failed: true, sent: 1, calls: []string{"create", "read"},
		},
		{
			name: "key refused now", first: unknown, idempotent: true, err: refused,
			status: payment.StatusUnknown, failed: true, sent: 1, calls: []string{"create", "read"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := ledger{d: tt.first, has: true}
			d := &depositor{answer: tt.answer, err: tt.err}
			asker := deposit.Asker{Ledger: &l, Depositor: d, Now: time.Now, Idempotent: tt.idempotent}
			got, existed, err := asker.Ask(t.Context(), tt.first)
			if (err != nil) != tt.failed || tt.failed && payment.KindOf(err) != payment.KindPending {
				t.Errorf("error %v, want pending: %v", err, tt.failed)
			}
			if got.Status != tt.status || !existed || d.sent != tt.sent {
				t.Errorf("got %s existed=%v sent=%d, want %s true %d", got.Status, existed, d.sent, tt.status, tt.sent)
			}
			if diff := cmp.Diff(tt.calls, l.calls); diff != "" {
				t.Errorf("ledger calls (-want +got):\n%s", diff)
			}
		})
	}
}
