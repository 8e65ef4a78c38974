package watch

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

const (
	// never is a time on a run's clock that does not come.
	never = time.Duration(math.MaxInt64)
	// maxAsks bounds the questions that are under way at once.
	maxAsks = 4
	// blindLook is how soon the ledger is read again when it was busy or has
	// stopped telling of changes.
	blindLook = 50 * time.Millisecond
	// overruleWait bounds the wait for a callback that overrules a failure. It is
	// rare, and every failure that a question tells waits for it.
	overruleWait = 2 * time.Second
	// idle is the longest sleep; something else always wakes the loop before.
	idle = time.Hour
	// lateRecord bounds recording what had been learned when a watch was stopped.
	lateRecord = 2 * time.Second
)

// item is one deposit that is followed.
type item struct {
	d payment.Deposit
	// doubts are what came about it and moved nothing; fresh counts those not told yet.
	doubts []payment.Doubt
	fresh  int
	// heard says that some delivery names a deposit that the ledger does not have.
	heard bool
	// next is when to ask, on the run's clock; step counts the gaps used up.
	next time.Duration
	step int
	// asking says that a question is under way.
	asking    bool
	questions int
	// askedAt is when the last question was asked.
	askedAt time.Duration
	// gap says that the stream gave a reason to ask since the last usable answer,
	// prompts counts the reasons: it came up, or an event decided nothing.
	gap     bool
	prompts int
	// unheard says that no event is to be expected, although the stream is up:
	// the subscription is not confirmed, or an event could not be used.
	unheard bool
	// linger is until when a decided deposit is still followed for its callback.
	linger time.Duration
	// closed says that the last query is over, or cannot be asked.
	closed bool
	// refused is why questions about it make no sense with these settings.
	refused error
	// changed says that no update has told of the present state yet, told that
	// the final one has.
	changed, told bool
}

// entered reports whether the ledger has the deposit.
func (it *item) entered() bool { return it.d.ID != "" }

// run is one call of Watch. One goroutine owns all of it; the workers only send
// on answers and streamed.
type run struct {
	o     Options
	p     Policy
	emit  func(Update)
	start time.Time
	// last is when the last queries begin, end when the watch is over.
	last, end time.Duration
	items     []*item

	workers  sync.WaitGroup
	answers  chan answer
	streamed chan streamMessage

	asking    int
	slot      slot
	failures  int
	failedAt  time.Duration
	notBefore time.Duration

	stream stream
	// stale says that the ledger must be read again soon, blind that it is so
	// always, since the ledger stopped telling of changes.
	stale, blind bool
	// closing says that the last queries are asked.
	closing bool
}

func newRun(o Options, emit func(Update)) *run {
	last, end := o.Policy.ends()
	return &run{
		o: o, p: o.Policy, emit: emit, start: time.Now(), last: last, end: end,
		answers: make(chan answer, maxAsks), streamed: make(chan streamMessage),
	}
}

// clock is the time since the start of the watch. It is monotonic: the
// machine's clock may jump without ending a watch early or never.
func (r *run) clock() time.Duration { return time.Since(r.start) }

// follow runs the watch until all deposits are over, the time is, or ctx ends.
func (r *run) follow(ctx context.Context, ids []string, elsewhere []payment.Deposit) error {
	// Before the first look, so that no change falls between the two.
	changes := r.o.Ledger.Changes(ctx)
	if err := r.open(ctx, ids, elsewhere); err != nil {
		return err
	}
	defer r.unreserve(ctx)
	deadline, wake := time.NewTimer(r.last-r.clock()), time.NewTimer(idle)
	defer deadline.Stop()
	defer wake.Stop()
	for {
		r.connect(ctx)
		if err := r.launch(ctx); err != nil {
			return r.lastLook(ctx, err)
		}
		r.announce()
		if r.over() {
			return r.lastLook(ctx, nil)
		}
		wake.Reset(r.untilWake())
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, alive := <-changes:
			if !alive {
				changes, r.blind = nil, true // a closed channel would be ready for ever
			}
			err = r.look(ctx)
		case a := <-r.answers:
			err = r.answered(ctx, a)
		case m := <-r.streamed:
			err = r.hear(ctx, m)
		case <-deadline.C:
			if r.closing {
				return r.lastLook(ctx, nil)
			}
			r.close()
			deadline.Reset(r.end - r.clock())
		case <-wake.C:
			if r.stale {
				err = r.look(ctx)
			}
		}
		if err != nil {
			return r.lastLook(ctx, err)
		}
	}
}

// open reads the deposits for the first time and plans the first questions.
func (r *run) open(ctx context.Context, ids []string, elsewhere []payment.Deposit) error {
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		d, err := r.o.Ledger.Get(ctx, id)
		if err != nil {
			return err
		}
		it := &item{next: never}
		r.items = append(r.items, it)
		r.see(it, d, d.DecidedBy, r.firstNote(d))
	}
	for i, d := range elsewhere {
		if slices.ContainsFunc(elsewhere[:i], func(o payment.Deposit) bool { return o.ProviderID == d.ProviderID }) {
			continue
		}
		it := &item{next: never, d: d}
		r.items = append(r.items, it)
		r.planFirst(it)
	}
	return r.look(ctx)
}

func (r *run) firstNote(d payment.Deposit) string {
	switch {
	case d.Status.Final() || r.p.Via == ViaCallback || d.ProviderID != "":
		return ""
	case d.Status == payment.StatusCreated:
		return "recorded but not sent yet: only the ledger can tell more"
	default:
		return "no answer is recorded, so there is no id to ask with: only the callback can decide"
	}
}

// close begins the last phase.
func (r *run) close() {
	r.closing = true
	for _, it := range r.items {
		switch {
		case it.asking || it.d.Status.Final():
		case r.canAsk(it):
			it.next = r.clock()
		default:
			it.closed = true
		}
	}
}

func (r *run) isOver(it *item) bool {
	switch {
	case !it.entered() && it.refused != nil:
		return true
	case !it.d.Status.Final():
		// A callback or the stream may decide until the deadline that was set.
		return it.closed && (!r.p.Strict || r.clock() >= r.end)
	}
	return r.clock() >= it.linger
}

func (r *run) over() bool {
	return !slices.ContainsFunc(r.items, func(it *item) bool { return !r.isOver(it) })
}

// untilWake returns how long nothing is due.
func (r *run) untilWake() time.Duration {
	now, wake := r.clock(), never
	if r.stale {
		wake = now + blindLook
	}
	for _, it := range r.items {
		if it.linger > now {
			wake = min(wake, it.linger)
		}
		if it.asking || it.next == never || r.asking >= maxAsks {
			continue
		}
		due := it.next
		if !r.closing {
			due = max(due, r.notBefore)
		}
		if r.slot.held {
			due = max(due, r.slot.at)
		}
		wake = min(wake, due)
	}
	if wake == never {
		return idle
	}
	return max(wake-now, 0)
}

// drain records what answers had come in when the watch ended, so that nothing
// that was learned is lost.
func (r *run) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateRecord)
	defer cancel()
	for {
		select {
		case a := <-r.answers:
			if a.err == nil && a.answer.Status.Final() && a.it.entered() {
				_ = r.record(ctx, a)
			}
		default:
			return
		}
	}
}

// conclude makes the results and the watch's own error.
func (r *run) conclude(ctx context.Context, err error) (Results, error) {
	results := make(Results, len(r.items))
	var open []string
	for i, it := range r.items {
		results[i] = Result{Deposit: it.d, Doubts: it.doubts, Questions: it.questions}
		if !it.entered() {
			results[i].unknown = it.refused
		}
		if !it.d.Status.Final() {
			open = append(open, cmp.Or(it.d.ID, it.d.ProviderID))
		}
	}
	switch {
	case err == nil, len(open) == 0 && len(results) > 0:
		return results, nil
	case ctx.Err() != nil:
		return results, stopped(ctx, strings.Join(open, " "))
	}
	return results, err
}

// span words how long something took.
func span(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func joined(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(s string) bool { return s == "" }), "; ")
}

// unlessBusy drops a ledger error that passes by itself.
func unlessBusy(err error) error {
	if payment.KindOf(err) == payment.KindUnavailable {
		return nil
	}
	return err
}
