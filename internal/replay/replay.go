// Package replay sends stored deliveries again: it chooses them, sends the exact
// bytes and the headers that matter at their original pace or another, in order
// for each payment, and keeps every attempt and its answer in the ledger, so that
// an interrupted run can be taken up where it stopped. How a delivery is posted
// is deliver's, how a body is changed the caller's business.
package replay

import (
	"context"
	"encoding/json"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// Ledger is what replaying needs of the store.
type Ledger struct {
	Deliveries Deliveries
	Forwards   Forwards
	Runs       Runs
	// Path names the ledger's file; locks lie beside it.
	Path string
	// Hold takes a lock across machines, for a ledger that several share; the context ends
	// when it is lost. nil for a file.
	Hold func(ctx context.Context, name, what string) (held context.Context, release func(), err error)
}

// Deliveries are what is sent.
type Deliveries interface {
	Get(ctx context.Context, id string) (store.StoredDelivery, error)
	List(ctx context.Context, f store.DeliveryFilter) ([]store.StoredDelivery, string, error)
	Each(ctx context.Context, f store.DeliveryFilter, do func(store.StoredDelivery) error) error
	Attempts(ctx context.Context, deliveryID string) ([]store.Attempt, error)
}

// Forwards holds the dead letters of the listener, and where deliveries failed.
type Forwards interface {
	Failing(ctx context.Context, deliveryID string) ([]string, error)
	List(ctx context.Context, state store.ForwardState, limit int) ([]store.Forward, error)
	MarkDeadAttempt(ctx context.Context, forwardID string, a store.Attempt) error
}

// Runs are replays and their attempts.
type Runs interface {
	Start(ctx context.Context, spec json.RawMessage) (store.Run, error)
	Find(ctx context.Context, id string) (store.Run, error)
	Resume(ctx context.Context, id string) error
	Finish(ctx context.Context, id string) error
	RecordAttempts(ctx context.Context, list []store.Attempt) error
	EachAttempt(ctx context.Context, runID string, do func(store.Attempt) error) error
}

// LedgerOf returns an open store as a Ledger.
func LedgerOf(s *store.Store) Ledger {
	l := Ledger{Deliveries: s.Deliveries, Forwards: s.Forwards, Runs: s.Runs, Path: s.Path()}
	if s.Shared() {
		l.Hold = s.Hold
	}
	return l
}

// Sender posts deliveries, and says which targets it may post to.
type Sender interface {
	Post(ctx context.Context, r deliver.Request) deliver.Answer
	Check(ctx context.Context, target string, allowRemote bool) error
}

// Replayer replays. Ledger, Sender and Now are required.
type Replayer struct {
	Ledger Ledger
	Sender Sender
	Now    func() time.Time
	// Filter compiles Spec.Filter; it is asked for no empty one.
	Filter func(text string) (Keep, error)
	// Edit returns what changes a delivery before it is sent, nil for nothing.
	Edit func(Spec) (Edit, error)
	// OnStart is told of a run before its first attempt.
	OnStart func(runID string, spec Spec)
	// OnResult is told of each delivery, from several goroutines, one at a time.
	OnResult func(Result)
	// OnLeft is told of each target of a --failed run that may not be sent to.
	OnLeft func(Left)
}

// Keep chooses among deliveries.
type Keep = func(store.StoredDelivery) (bool, error)

// Edit changes a delivery.
type Edit func(store.StoredDelivery) (store.StoredDelivery, error)

// Input says what to replay.
type Input struct {
	Spec Spec
	// IDs are deliveries chosen one by one, Last the newest so many.
	IDs  []string
	Last int
}

// Left is a target that a run goes past, and how many deliveries it leaves there.
type Left struct {
	Target     string `json:"target"`
	Deliveries int    `json:"deliveries"`
	Reason     string `json:"reason"`
}

// Outcome is what came of a run; RunID is "" for one that did not begin.
type Outcome struct {
	RunID string
	Spec  Spec
	Totals
	Left []Left
}

// Choose returns the run that an input asks for, without sending anything, and
// the targets that it would leave out. Errors are KindUsage or KindNotFound.
func (r *Replayer) Choose(ctx context.Context, in Input) (Spec, []Left, error) {
	if err := r.check(ctx, in); err != nil {
		return in.Spec, nil, err
	}
	return r.choose(ctx, in)
}

// Start chooses deliveries and sends them. An interrupted run is KindInterrupted
// or KindPending, with what was sent in the Outcome.
func (r *Replayer) Start(ctx context.Context, in Input) (Outcome, error) {
	if err := r.check(ctx, in); err != nil {
		return Outcome{}, err
	}
	ctx, unlock, err := r.Ledger.lockFailed(ctx, in.Spec)
	if err != nil {
		return Outcome{}, err
	}
	defer unlock()
	spec, left, err := r.choose(ctx, in)
	if err != nil {
		return Outcome{Left: left}, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return Outcome{}, err
	}
	run, err := r.Ledger.Runs.Start(ctx, text)
	if err != nil {
		return Outcome{}, err
	}
	out, err := r.work(ctx, run, spec)
	out.Left = left
	return out, err
}

// Pace changes how fast a run goes on; nil leaves it as it was.
type Pace struct {
	Rate, Speed *float64
	Concurrency *int
}

// Resume takes up an interrupted run, the latest for "", with what it was asked
// for. One that came to its end is KindUsage, none KindNotFound.
func (r *Replayer) Resume(ctx context.Context, runID string, p Pace) (Outcome, error) {
	run, err := r.Ledger.Runs.Find(ctx, runID)
	if err != nil {
		return Outcome{}, err
	}
	if !run.FinishedAt.IsZero() {
		return Outcome{}, payment.Usage("resume "+run.ID+": the run came to its end on "+run.FinishedAt.UTC().Format(time.RFC3339), "send what failed again with --failed")
	}
	var spec Spec
	if err := json.Unmarshal(run.Spec, &spec); err != nil {
		return Outcome{}, &payment.Error{Kind: payment.KindInternal, Message: "resume " + run.ID + ": what it was asked for cannot be read", Err: err}
	}
	if p.Rate != nil {
		spec.Rate = *p.Rate
	}
	if p.Speed != nil {
		spec.Speed = *p.Speed
	}
	if p.Concurrency != nil {
		spec.Concurrency = *p.Concurrency
	}
	if err := spec.checkPace(); err != nil {
		return Outcome{}, err
	}
	ctx, unlock, err := r.Ledger.lockFailed(ctx, spec)
	if err != nil {
		return Outcome{}, err
	}
	defer unlock()
	if err := r.Ledger.Runs.Resume(ctx, run.ID); err != nil {
		return Outcome{}, err
	}
	return r.work(ctx, run, spec)
}

// work sends what a run has left.
func (r *Replayer) work(ctx context.Context, run store.Run, spec Spec) (Outcome, error) {
	out := Outcome{RunID: run.ID, Spec: spec}
	ctx, unlock, err := r.Ledger.lockRun(ctx, run.ID)
	if err != nil {
		return out, err
	}
	defer unlock()
	shelf, err := newShelf(ctx, r.Ledger, run, spec)
	if err != nil {
		return out, err
	}
	o, err := r.options(shelf, run, spec)
	if err != nil {
		return out, err
	}
	if r.OnStart != nil {
		r.OnStart(run.ID, spec)
	}
	out.Totals, err = send(ctx, o)
	switch {
	case payment.KindOf(err) == payment.KindUsage:
		// The same would come of it again: this run is not one to go on with.
		if ended := r.Ledger.Runs.Finish(context.WithoutCancel(ctx), run.ID); ended != nil {
			return out, ended
		}
		return out, err
	case err != nil:
		return out, err
	}
	return out, r.Ledger.Runs.Finish(ctx, run.ID)
}

func (r *Replayer) options(s *shelf, run store.Run, spec Spec) (options, error) {
	o := options{
		ledger: s, runID: run.ID, sender: r.Sender, filter: spec.filter(), targets: spec.Targets, rate: spec.Rate, speed: spec.Speed,
		concurrency: spec.Concurrency, onResult: r.OnResult, now: r.Now,
	}
	var err error
	if o.retry, err = parseRetry(spec.Retry); err != nil {
		return o, err
	}
	if len(spec.IDs) == 0 {
		if o.keep, err = r.keep(spec); err != nil {
			return o, err
		}
	}
	if len(spec.FailedAt) > 0 {
		o.targetsOf = func(d store.StoredDelivery) []string { return spec.FailedAt[d.ID] }
	}
	if spec.Failed {
		o.wanted = s.stillFailed
	}
	if r.Edit != nil {
		o.edit, err = r.Edit(spec)
	}
	return o, err
}

// keep compiles the spec's filter; nil keeps all.
func (r *Replayer) keep(spec Spec) (Keep, error) {
	if spec.Filter == "" {
		return nil, nil //nolint:nilnil // no filter keeps all
	}
	return r.Filter(spec.Filter)
}

// Plan calls do for each delivery of a chosen run, in the order of sending, with
// the targets that it would go to. Nothing is sent.
func (r *Replayer) Plan(ctx context.Context, spec Spec, do func(d store.StoredDelivery, targets []string) error) error {
	s := &shelf{ledger: r.Ledger, spec: spec}
	o, err := r.options(s, store.Run{}, spec)
	if err != nil {
		return err
	}
	return s.Each(ctx, o.filter, func(d store.StoredDelivery) error {
		if o.keep != nil {
			if kept, err := o.keep(d); err != nil || !kept {
				return err
			}
		}
		targets := o.targets
		if o.targetsOf != nil {
			targets = o.targetsOf(d)
		}
		return do(d, targets)
	})
}
