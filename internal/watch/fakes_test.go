package watch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/wasaapay"
)

const (
	depositID  = "dep-1"
	checkoutID = "ws_CO_020120260304057711000222"
)

// memLedger is a ledger in memory that applies claims by the real rules.
type memLedger struct {
	mu       sync.Mutex
	deposits map[string]payment.Deposit
	claims   []payment.Claim
	watchers []chan struct{}
	doubts   []payment.Doubt
	heard    bool
	// mute keeps changes from being told, and closes the channel at once.
	mute bool
	// readErr and claimErr, when not nil, may fail a call.
	readErr, claimErr func() error
}

func newLedger(deposits ...payment.Deposit) *memLedger {
	l := &memLedger{deposits: map[string]payment.Deposit{}}
	for _, d := range deposits {
		l.deposits[d.ID] = d
	}
	return l
}

func (l *memLedger) Get(ctx context.Context, id string) (payment.Deposit, error) {
	if err := ctx.Err(); err != nil {
		return payment.Deposit{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readErr != nil {
		if err := l.readErr(); err != nil {
			return payment.Deposit{}, err
		}
	}
	d, ok := l.deposits[id]
	if !ok {
		return d, payment.NotFound("no deposit "+id, "")
	}
	return d, nil
}

func (l *memLedger) Apply(ctx context.Context, id string, c payment.Claim) (payment.Deposit, payment.Move, error) {
	if err := ctx.Err(); err != nil {
		return payment.Deposit{}, payment.MoveNone, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claimErr != nil {
		if err := l.claimErr(); err != nil {
			return payment.Deposit{}, payment.MoveNone, err
		}
	}
	d, move := l.deposits[id].Apply(c)
	l.deposits[id] = d
	l.claims = append(l.claims, c)
	l.changed()
	return d, move, nil
}

// Adopt enters what is not there and applies the claim.
func (l *memLedger) Adopt(ctx context.Context, d payment.Deposit, c payment.Claim) (payment.Deposit, payment.Move, error) {
	l.mu.Lock()
	d.ID, d.Adopted = depositID, true
	if _, ok := l.deposits[d.ID]; !ok {
		l.deposits[d.ID] = d
	}
	l.mu.Unlock()
	return l.Apply(ctx, d.ID, c)
}

// Seek finds a deposit by its provider's id; heard is whether a callback named it.
func (l *memLedger) Seek(_ context.Context, d payment.Deposit) (payment.Deposit, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, known := range l.deposits {
		if known.ProviderID == d.ProviderID {
			return known, true, nil
		}
	}
	return payment.Deposit{}, l.heard, nil
}

// Doubts returns what a test has put there.
func (l *memLedger) Doubts(context.Context, ...string) (map[string][]payment.Doubt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[string][]payment.Doubt{depositID: slices.Clone(l.doubts)}, nil
}

// hear stores a delivery that moves nothing.
func (l *memLedger) hear(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = true
	l.doubts = append(l.doubts, payment.Doubt{DeliveryID: fmt.Sprintf("dlv_%d", len(l.doubts)+1), At: time.Now(), Reason: reason})
	l.changed()
}

// edit changes a deposit as another process would.
func (l *memLedger) edit(id string, change func(*payment.Deposit)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.deposits[id]
	change(&d)
	l.deposits[id] = d
	l.changed()
}

func (l *memLedger) changed() {
	if l.mute {
		return
	}
	for _, w := range l.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (l *memLedger) Changes(context.Context) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(chan struct{}, 1)
	if l.mute {
		close(c)
		return c
	}
	l.watchers = append(l.watchers, c)
	return c
}

// callback is what the listener of another process stores.
func (l *memLedger) callback(t *testing.T, id string, status payment.Status) {
	t.Helper()
	c := payment.Claim{Status: status, By: payment.SourceCallback, At: time.Now()}
	if status == payment.StatusCompleted {
		c.Receipt = "UA2K7QX9ZP"
	} else {
		c.Failure = &payment.Failure{Code: "1032", Reason: "Request cancelled by user", Advice: "ask the customer"}
	}
	if _, _, err := l.Apply(context.WithoutCancel(t.Context()), id, c); err != nil {
		t.Error(err)
	}
}

// reply is one scripted answer: after takes that long.
type reply struct {
	answer payment.Answer
	err    error
	after  time.Duration
}

func says(s payment.Status) reply {
	a := payment.Answer{Status: s, ProviderID: checkoutID}
	switch s {
	case payment.StatusFailed:
		a.Failure = &payment.Failure{Code: "1032", Reason: "Request Cancelled by user."}
	case payment.StatusPending:
		a.Code, a.Message = "4999", "The transaction is still under processing"
	case payment.StatusCompleted, payment.StatusCreated, payment.StatusUnknown:
	}
	return reply{answer: a}
}

func refuses(k payment.Kind, message string) reply {
	return reply{err: &payment.Error{Kind: k, Message: message}}
}

// oracle answers questions from a script, one line for each provider id, and
// fails the test when it is asked more than that.
type oracle struct {
	t     *testing.T
	start time.Time
	mu    sync.Mutex
	lines map[string][]reply
	// asked holds when each question came, most how many were under way at once.
	asked     []time.Duration
	now, most int
}

func newOracle(t *testing.T, replies ...reply) *oracle {
	return &oracle{t: t, start: time.Now(), lines: map[string][]reply{checkoutID: replies}}
}

func (o *oracle) Create(context.Context, payment.DepositRequest) (payment.Answer, error) {
	o.t.Error("a watch must never ask a customer for money")
	return payment.Answer{}, nil
}

func (o *oracle) Ask(ctx context.Context, d payment.Deposit) (payment.Answer, error) {
	o.mu.Lock()
	o.asked = append(o.asked, time.Since(o.start))
	o.now++
	o.most = max(o.most, o.now)
	line := o.lines[d.ProviderID]
	var r reply
	if len(line) == 0 {
		o.t.Errorf("unexpected question about %q after %s", d.ProviderID, time.Since(o.start))
	} else {
		r, o.lines[d.ProviderID] = line[0], line[1:]
	}
	o.mu.Unlock()
	if r.answer.ProviderID != "" {
		r.answer.ProviderID = d.ProviderID // an answer is about what was asked
	}
	timer := time.NewTimer(r.after)
	defer timer.Stop()
	defer func() {
		o.mu.Lock()
		o.now--
		o.mu.Unlock()
	}()
	select {
	case <-ctx.Done():
		return payment.Answer{}, ctx.Err()
	case <-timer.C:
		return r.answer, r.err
	}
}

// spent fails the test when replies were left over.
func (o *oracle) spent() {
	o.t.Helper()
	for id, line := range o.lines {
		if len(line) > 0 {
			o.t.Errorf("%d scripted answers for %q were not asked for", len(line), id)
		}
	}
}

// step is one thing a scripted stream does, after a wait.
type step struct {
	after  time.Duration
	update payment.StreamUpdate
	// end ends the stream with err.
	end bool
	err error
}

func up(after time.Duration) step {
	return step{after: after, update: payment.StreamUpdate{Signal: payment.StreamUp, Note: "websocket"}}
}

func down(after time.Duration) step {
	return step{after: after, update: payment.StreamUpdate{Signal: payment.StreamDown, Note: "connection reset"}}
}

// unheard says that the stream will not tell of the deposit, heard that it will after all.
func unheard(after time.Duration) step {
	return step{after: after, update: payment.StreamUpdate{
		Signal: payment.StreamDown, Event: payment.Event{ProviderID: checkoutID}, Note: "not confirmed",
	}}
}

func heard(after time.Duration) step {
	return step{after: after, update: payment.StreamUpdate{Signal: payment.StreamUp, Event: payment.Event{ProviderID: checkoutID}}}
}

func tells(after time.Duration, e payment.Event) step {
	if e.ProviderID == "" {
		e.ProviderID = checkoutID
	}
	return step{after: after, update: payment.StreamUpdate{Signal: payment.StreamEvent, Event: e}}
}

func ends(after time.Duration, err error) step { return step{after: after, end: true, err: err} }

// tape is a Streamer that plays steps and then waits.
type tape struct {
	mu    sync.Mutex
	steps []step
	// subscribed holds the ids of each connection.
	subscribed [][]string
}

func (s *tape) Stream(ctx context.Context, ids []string, emit func(payment.StreamUpdate)) error {
	s.mu.Lock()
	s.subscribed = append(s.subscribed, ids)
	steps := s.steps
	s.mu.Unlock()
	for _, p := range steps {
		timer := time.NewTimer(p.after)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		if p.end {
			return p.err
		}
		emit(p.update)
	}
	<-ctx.Done()
	return ctx.Err()
}

// memBudget is a shared rate budget in memory.
type memBudget struct {
	mu    sync.Mutex
	next  time.Time
	holds []time.Duration
	start time.Time
	err   func() error
}

func (b *memBudget) ReserveWithin(_ context.Context, key string, per, most time.Duration) (payment.Slot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key == "" {
		return payment.Slot{}, fmt.Errorf("no budget key")
	}
	if b.err != nil {
		if err := b.err(); err != nil {
			return payment.Slot{}, err
		}
	}
	at := time.Now()
	if b.next.After(at) {
		at = b.next
	}
	if wait := time.Until(at); wait > most {
		return payment.Slot{Wait: wait}, nil
	}
	if per > 0 {
		b.next = at.Add(per)
	}
	return payment.Slot{Key: key, At: at, Per: per, Wait: time.Until(at)}, nil
}

func (b *memBudget) Unreserve(ctx context.Context, s payment.Slot) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next.Equal(s.At.Add(s.Per)) {
		b.next = s.At
	}
	return ctx.Err()
}

func (b *memBudget) Hold(_ context.Context, _ string, until time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds = append(b.holds, until.Sub(b.start))
	if until.After(b.next) {
		b.next = until
	}
	return nil
}

// slowDownError is a rate limit with a Retry-After.
type slowDownError struct {
	err  *payment.Error
	wait time.Duration
}

func (s *slowDownError) Error() string             { return s.err.Error() }
func (s *slowDownError) RetryAfter() time.Duration { return s.wait }
func (s *slowDownError) Unwrap() error             { return s.err }

func limited(wait time.Duration) reply {
	e := &payment.Error{Kind: payment.KindUnavailable, Message: "stk query: HTTP 429"}
	if wait == 0 {
		return reply{err: e}
	}
	return reply{err: &slowDownError{err: e, wait: wait}}
}

// pending is a deposit whose push left at sent.
func pending(id, providerID string, sent time.Time) payment.Deposit {
	return payment.Deposit{
		ID: id, Provider: payment.Daraja, Environment: payment.Sandbox, Reference: "INV-1", Status: payment.StatusPending,
		Amount: payment.AmountOf(10000, payment.KES), ShortCode: "174379", ProviderID: providerID, MerchantRequestID: "9c1e-4f0a",
		SentAt: sent, CreatedAt: sent, ExpiresAt: sent.Add(payment.PromptLifetime),
	}
}

// DarajaPolicy and WasaaPayPolicy are the real providers' schedules.
func DarajaPolicy(env payment.Environment) Policy { return PolicyOf(daraja.Schedule(env)) }

func WasaaPayPolicy(env payment.Environment) Policy { return PolicyOf(wasaapay.Schedule(env)) }
