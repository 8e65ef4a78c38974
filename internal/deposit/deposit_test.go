package deposit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
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
	// asked says that another deposit has asked for the same in between.
	asked bool
	as    payment.Deposit
	calls []string
}

func (l *ledger) Create(_ context.Context, d payment.Deposit) (payment.Deposit, bool, error) {
	l.calls = append(l.calls, "create")
	if l.has {
		return l.d, true, nil
	}
	l.d, l.has = d, true
	return l.d, false, nil
}

func (l *ledger) ClaimSend(_ context.Context, as payment.Deposit) (payment.Deposit, bool, error) {
	l.calls = append(l.calls, "claim")
	if l.asked {
		return payment.Deposit{}, false, payment.RepeatError(payment.Deposit{ID: "dep_9", Status: payment.StatusPending})
	}
	if l.taken {
		return l.d, false, nil
	}
	l.as = as
	l.d.Status, l.d.ShortCode, l.d.Wallet = payment.StatusUnknown, as.ShortCode, as.Wallet
	return l.d, true, nil
}

func (l *ledger) ClaimRepeat(_ context.Context, seen payment.Deposit) (payment.Deposit, bool, error) {
	l.calls = append(l.calls, "repeat")
	return l.d, !l.taken && seen.UpdatedAt.Equal(l.d.UpdatedAt), nil
}

func (l *ledger) ReleaseSend(_ context.Context, _ string, why *payment.Failure) (payment.Deposit, error) {
	l.calls = append(l.calls, "release")
	switch {
	case l.d.Status.Final():
		l.d.Conflict = payment.Conflict{Reason: "refused, and settled"}
	case l.d.ProviderID == "":
		l.d.Status, l.d.Failure = payment.StatusCreated, why
	}
	return l.d, nil
}

func (l *ledger) NotSent(_ context.Context, _ string, why *payment.Failure) (payment.Deposit, error) {
	l.calls = append(l.calls, "not sent")
	l.d.Failure = why
	return l.d, nil
}

func (l *ledger) Forget(context.Context, string) error {
	l.calls = append(l.calls, "forget")
	return nil
}

func (l *ledger) Apply(ctx context.Context, _ string, c payment.Claim) (payment.Deposit, payment.Move, error) {
	l.calls = append(l.calls, "apply")
	if ctx.Err() != nil {
		return l.d, payment.MoveNone, ctx.Err()
	}
	var m payment.Move
	l.d, m = l.d.Apply(c)
	return l.d, m, nil
}

func (l *ledger) Get(context.Context, string) (payment.Deposit, error) {
	l.calls = append(l.calls, "read")
	return l.d, nil
}

type depositor struct {
	answer payment.Answer
	err    error
	sent   int
	last   payment.DepositRequest
	during func()
}

func (d *depositor) Create(_ context.Context, r payment.DepositRequest) (payment.Answer, error) {
	d.sent++
	d.last = r
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
		name   string
		ledger ledger
		answer payment.Answer
		err    error
		settle bool
		status payment.Status
		kind   payment.Kind
		failed bool
		done   deposit.Done
		id     string
		sent   int
		calls  []string
	}{
		{
			name:   "accepted",
			answer: payment.Answer{Status: payment.StatusPending, ProviderID: "ws_CO_1"},
			status: payment.StatusPending, id: "ws_CO_1", done: deposit.Sent, sent: 1, calls: []string{"create", "claim", "apply"},
		},
		{
			name:   "refused for good",
			answer: payment.Answer{Status: payment.StatusFailed, Failure: &payment.Failure{Code: "400.002.02"}},
			status: payment.StatusFailed, done: deposit.Sent, sent: 1, calls: []string{"create", "claim", "apply"},
		},
		{
			name: "refused, and settled meanwhile", err: &payment.Error{Kind: payment.KindUnavailable, Message: "system is busy"}, settle: true,
			status: payment.StatusCompleted, failed: true, kind: payment.KindConflict, done: deposit.Sent, sent: 1,
			calls: []string{"create", "claim", "release"},
		},
		{
			name: "asked for by another process in between", ledger: ledger{asked: true},
			failed: true, kind: payment.KindConflict, calls: []string{"create", "claim", "forget"},
		},
		{
			name: "asked for by another process, and recorded long before", ledger: ledger{asked: true, has: true, d: intent},
			status: payment.StatusCreated, failed: true, kind: payment.KindConflict, calls: []string{"create", "claim"},
		},
		{
			name: "nothing left the machine", err: &payment.Error{Kind: payment.KindUnavailable, Message: "refused"},
			status: payment.StatusCreated, failed: true, kind: payment.KindUnavailable, done: deposit.Sent, sent: 1,
			calls: []string{"create", "claim", "release"},
		},
		{
			name: "answer lost", err: lost, status: payment.StatusUnknown, failed: true, kind: payment.KindPending,
			done: deposit.Sent, sent: 1, calls: []string{"create", "claim", "read"},
		},
		{
			name: "answer lost, callback came", err: lost, settle: true, status: payment.StatusCompleted,
			done: deposit.Sent, sent: 1, calls: []string{"create", "claim", "read"},
		},
		{
			name: "an answer that proves nothing but names the push", err: lost,
			answer: payment.Answer{Status: payment.StatusUnknown, ProviderID: "ws_CO_1", MerchantRequestID: "m1"},
			status: payment.StatusUnknown, id: "ws_CO_1", failed: true, kind: payment.KindPending,
			done: deposit.Sent, sent: 1, calls: []string{"create", "claim", "apply"},
		},
		{
			name:   "key used before",
			ledger: ledger{has: true, d: payment.Deposit{ID: "dep_0", Status: payment.StatusUnknown}},
			status: payment.StatusUnknown, calls: []string{"create"},
		},
		{
			name:   "key used before, never left",
			ledger: ledger{has: true, d: payment.Deposit{ID: "dep_0", Status: payment.StatusCreated}},
			answer: payment.Answer{Status: payment.StatusPending},
			status: payment.StatusPending, done: deposit.SentLate, sent: 1, calls: []string{"create", "claim", "apply"},
		},
		{
			name:   "another process is sending",
			ledger: ledger{taken: true},
			status: payment.StatusCreated, calls: []string{"create", "claim"},
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
			got, done, err := asker.Ask(t.Context(), intent)
			if (err != nil) != tt.failed || tt.failed && payment.KindOf(err) != tt.kind {
				t.Errorf("error %v, want failure %v of kind %v", err, tt.failed, tt.kind)
			}
			if got.Status != tt.status || got.ProviderID != tt.id || done != tt.done || d.sent != tt.sent {
				t.Errorf("got %s %q done=%d sent=%d, want %s %q %d %d",
					got.Status, got.ProviderID, done, d.sent, tt.status, tt.id, tt.done, tt.sent)
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

// A request of unknown outcome is repeated only where the provider honours the
// key, neither while an attempt may be under way nor after the key may be
// forgotten, and only an answer that names the deposit moves it.
func TestAskAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	sentAgo := func(first, last time.Duration) payment.Deposit {
		return payment.Deposit{
			ID: "dep_1", Status: payment.StatusUnknown, Provider: payment.WasaaPay, IdempotencyKey: "key",
			SentAt: now.Add(-first), UpdatedAt: now.Add(-last),
		}
	}
	unknown := sentAgo(deposit.SendTimeout, deposit.SendTimeout)
	known := unknown
	known.ProviderID = "w1"
	refused := &payment.Error{Kind: payment.KindUnauthorized, Message: "refused key"}
	found := payment.Answer{Status: payment.StatusPending, ProviderID: "w1"}
	tests := []struct {
		name       string
		first      payment.Deposit
		idempotent bool
		repeat     bool
		taken      bool
		answer     payment.Answer
		err        error
		status     payment.Status
		says       string
		sent       int
		calls      []string
	}{
		{name: "not idempotent", first: unknown, status: payment.StatusUnknown, calls: []string{"create"}},
		{name: "its id is known", first: known, idempotent: true, status: payment.StatusUnknown, calls: []string{"create"}},
		{
			name: "found", first: unknown, idempotent: true, answer: found,
			status: payment.StatusPending, sent: 1, calls: []string{"create", "repeat", "apply"},
		},
		{
			name: "found, failed meanwhile", first: unknown, idempotent: true,
			answer: payment.Answer{Status: payment.StatusFailed, ProviderID: "w1", Failure: &payment.Failure{Reason: "cancelled"}},
			status: payment.StatusFailed, sent: 1, calls: []string{"create", "repeat", "apply"},
		},
		{
			name: "refused now", first: unknown, idempotent: true, answer: payment.Answer{Status: payment.StatusFailed},
			status: payment.StatusUnknown, says: "refused the request", sent: 1, calls: []string{"create", "repeat", "read"},
		},
		{
			name: "key refused now", first: unknown, idempotent: true, err: refused,
			status: payment.StatusUnknown, says: "refused key", sent: 1, calls: []string{"create", "repeat", "read"},
		},
		{
			name: "the first attempt may be under way", first: sentAgo(deposit.SendTimeout-1, deposit.SendTimeout-1), idempotent: true,
			repeat: true, answer: found, status: payment.StatusUnknown, says: "under way", calls: []string{"create"},
		},
		{
			name: "another attempt may be under way", first: sentAgo(time.Hour, time.Second), idempotent: true,
			answer: found, status: payment.StatusUnknown, says: "under way", calls: []string{"create"},
		},
		{
			name: "another process is about to repeat it", first: unknown, idempotent: true, taken: true,
			answer: found, status: payment.StatusUnknown, calls: []string{"create", "repeat"},
		},
		{
			name: "at the last moment", first: sentAgo(deposit.RepeatWithin, time.Hour), idempotent: true, answer: found,
			status: payment.StatusPending, sent: 1, calls: []string{"create", "repeat", "apply"},
		},
		{
			name: "too old", first: sentAgo(deposit.RepeatWithin+1, time.Hour), idempotent: true, answer: found,
			status: payment.StatusUnknown, says: "too old to repeat safely", calls: []string{"create"},
		},
		{
			name: "too old, forced", first: sentAgo(deposit.RepeatWithin+1, time.Hour), idempotent: true, repeat: true, answer: found,
			status: payment.StatusPending, sent: 1, calls: []string{"create", "repeat", "apply"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := ledger{d: tt.first, has: true, taken: tt.taken}
			d := &depositor{answer: tt.answer, err: tt.err}
			asker := deposit.Asker{
				Ledger: &l, Depositor: d, Now: func() time.Time { return now }, Idempotent: tt.idempotent, RepeatUnknown: tt.repeat,
			}
			got, done, err := asker.Ask(t.Context(), tt.first)
			if (err != nil) != (tt.says != "") || err != nil && (payment.KindOf(err) != payment.KindPending || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("error %v, want a pending one that says %q", err, tt.says)
			}
			if got.Status != tt.status || d.sent != tt.sent || (done == deposit.SentAgain) != (tt.sent > 0) {
				t.Errorf("got %s sent=%d done=%d, want %s %d", got.Status, d.sent, done, tt.status, tt.sent)
			}
			if diff := cmp.Diff(tt.calls, l.calls); diff != "" {
				t.Errorf("ledger calls (-want +got):\n%s", diff)
			}
		})
	}
}

// The operator is told how to go on: with the key, by the id, or as the provider's
// answer has it.
func TestAskHints(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		idempotent bool
		id, own    string
		want       string
	}{
		{name: "nothing can be repeated", own: "own", want: "payctl status watch dep_1"},
		{name: "the key finds it", idempotent: true, want: "--idempotency-key key"},
		{name: "the key is no use", idempotent: true, own: "another deposit has it", want: "another deposit has it"},
		{name: "its id is known", idempotent: true, id: "w1", own: "own", want: "payctl status watch dep_1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			asker := deposit.Asker{Ledger: &ledger{}, Now: time.Now, Idempotent: tt.idempotent, Depositor: &depositor{
				answer: payment.Answer{Status: payment.StatusUnknown, ProviderID: tt.id},
				err:    &payment.Error{Kind: payment.KindPending, Message: "cut", Hint: tt.own, Err: payment.ErrOutcomeUnknown},
			}}
			_, _, err := asker.Ask(t.Context(), payment.Deposit{ID: "dep_1", Status: payment.StatusCreated, IdempotencyKey: "key"})
			var e *payment.Error
			if !errors.As(err, &e) || !strings.Contains(e.Hint, tt.want) {
				t.Errorf("error %v, want a hint of %q", err, tt.want)
			}
		})
	}
}

// A deposit that certainly was not sent goes out with the settings of now.
func TestAskSendsAsCorrected(t *testing.T) {
	t.Parallel()
	first := payment.Deposit{ID: "dep_1", Status: payment.StatusCreated, ShortCode: "600999", Wallet: "wallet_none"}
	again := first
	again.ID, again.ShortCode, again.Wallet = "", "174379", "wallet_1"
	l := ledger{d: first, has: true}
	d := &depositor{answer: payment.Answer{Status: payment.StatusPending, ProviderID: "w1"}}
	asker := deposit.Asker{Ledger: &l, Depositor: d, Now: time.Now}
	got, done, err := asker.Ask(t.Context(), again)
	if err != nil || done != deposit.SentLate || got.ShortCode != "174379" || got.Wallet != "wallet_1" {
		t.Errorf("got %+v done=%d, error %v", got, done, err)
	}
	if l.as.ID != "dep_1" || d.last.Deposit.ShortCode != "174379" || d.last.Deposit.Wallet != "wallet_1" {
		t.Errorf("claimed as %+v, sent as %+v", l.as, d.last.Deposit)
	}
}

// The ledger learns whether the extra fields are the same, not what they are.
func TestAskHashesFields(t *testing.T) {
	t.Parallel()
	hash := func(fields map[string]string) string {
		l := ledger{}
		asker := deposit.Asker{Ledger: &l, Depositor: &depositor{answer: payment.Answer{Status: payment.StatusPending}}, Now: time.Now, Fields: fields}
		got, _, err := asker.Ask(t.Context(), payment.Deposit{ID: "dep_1", Status: payment.StatusCreated})
		if err != nil {
			t.Fatal(err)
		}
		return got.FieldsHash
	}
	if got := hash(map[string]string{}); got != "" {
		t.Errorf("no fields: %q", got)
	}
	one := hash(map[string]string{"branch": "Thika", "till": "4"})
	if one == "" || strings.Contains(one, "Thika") || one != hash(map[string]string{"till": "4", "branch": "Thika"}) {
		t.Errorf("the same fields: %q", one)
	}
	for _, other := range []map[string]string{nil, {"branch": "Thika"}, {"branch": "Thika", "till": "5"}, {"branch": "4", "till": "Thika"}} {
		if hash(other) == one {
			t.Errorf("%v: the same hash", other)
		}
	}
}

// preparing is a provider that wants a token first.
type preparing struct {
	*depositor
	ledger *ledger
	err    error
	// takes is how long that takes.
	takes time.Duration
	seen  payment.Status
}

func (p *preparing) Prepare(context.Context) error {
	p.seen = p.ledger.d.Status
	time.Sleep(p.takes)
	return p.err
}

// The claim follows the token: until it is there the deposit is CREATED, and a process
// that is killed leaves it so. What is left of the time then must do for the request.
func TestClaimFollowsTheToken(t *testing.T) {
	t.Parallel()
	intent := payment.Deposit{ID: "dep_1", Status: payment.StatusCreated}
	for name, c := range map[string]struct {
		err    error
		takes  time.Duration
		limit  time.Duration
		status payment.Status
		kind   payment.Kind
		calls  []string
	}{
		"a token":           {nil, 0, time.Minute, payment.StatusPending, 0, []string{"create", "claim", "apply"}},
		"a refused key":     {&payment.Error{Kind: payment.KindUnauthorized}, 0, time.Minute, payment.StatusCreated, payment.KindUnauthorized, []string{"create", "not sent"}},
		"a slow one":        {nil, 56 * time.Second, time.Minute, payment.StatusCreated, payment.KindUnavailable, []string{"create"}},
		"just in time":      {nil, 55 * time.Second, time.Minute, payment.StatusPending, 0, []string{"create", "claim", "apply"}},
		"too little at all": {nil, 0, 5*time.Second - 1, "", payment.KindUnavailable, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				l := &ledger{}
				p := &preparing{depositor: &depositor{answer: payment.Answer{Status: payment.StatusPending}}, ledger: l, err: c.err, takes: c.takes}
				got, _, err := (&deposit.Asker{Ledger: l, Depositor: p, Now: time.Now}).Ask(ctx, intent)
				if got.Status != c.status || (err != nil) != (c.kind != 0) || err != nil && payment.KindOf(err) != c.kind {
					t.Errorf("%s, error %v, want %s and %s", got.Status, err, c.status, c.kind)
				}
				if c.calls != nil && p.seen != payment.StatusCreated {
					t.Errorf("the token was fetched while the deposit was %q", p.seen)
				}
				if diff := cmp.Diff(c.calls, l.calls); diff != "" {
					t.Errorf("ledger calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}
