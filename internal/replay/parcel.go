package replay

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/payctl/payctl/internal/store"
)

// parcel is a delivery on its way to its targets, one after the other.
type parcel struct {
	delivery store.StoredDelivery
	// about is the payment: parcels of one are sent in their order.
	about string
	// open are the targets that are still to answer; failed says that another
	// one was given up before the run was resumed.
	open   []string
	failed bool
	// edited is what is sent, once ready.
	edited store.StoredDelivery
	ready  bool
	// tried counts the attempts at the first open target once begun; due is when
	// the next is to be made, on this process's clock.
	begun   bool
	tried   int
	due     time.Time
	answers []Answer
	// last is the last answer while it is to be recorded, else nil.
	last *store.Attempt
}

// next leaves the first open target behind.
func (p *parcel) next() {
	p.open, p.begun = p.open[1:], false
}

// parcelState says what is to come for a parcel.
type parcelState int

// The states.
const (
	// parcelWaits is due later.
	parcelWaits parcelState = iota
	// parcelAnswered has its last answer, which is to be recorded.
	parcelAnswered
	parcelEnded
)

// advance goes on with a parcel until all its targets have answered, or until one
// is to be tried again later. All answers but the last are recorded.
func (r *run) advance(ctx context.Context, p *parcel) (state parcelState, err error) {
	if r.o.edit != nil && !p.ready {
		if p.edited, err = r.o.edit(p.delivery); err != nil {
			return state, fmt.Errorf("delivery %s: %w", p.delivery.ID, err)
		}
	} else if !p.ready {
		p.edited = p.delivery
	}
	p.ready = true
	for len(p.open) > 0 {
		if !p.begun {
			r.begin(p)
		}
		if time.Until(p.due) > 0 {
			return parcelWaits, nil
		}
		if err := r.attempt(ctx, p); err != nil {
			return state, err
		}
		if p.last != nil {
			return parcelAnswered, nil
		}
	}
	r.end(p)
	return parcelEnded, nil
}

// begin turns to the first open target, after what a resumed run has tried there.
func (r *run) begin(p *parcel) {
	p.begun, p.tried, p.due = true, 0, time.Time{}
	if len(r.before) == 0 {
		return
	}
	before := r.before[p.delivery.ID+" "+p.open[0]]
	p.tried = before.n
	if due := before.due(r.retry(p.delivery.Provider)); !due.IsZero() {
		p.due = time.Now().Add(due.Sub(r.o.now()))
	}
}

// attempt tries the first open target once and records it, but for an answer that is the
// parcel's last. After that the target is left behind, or the next attempt is due.
func (r *run) attempt(ctx context.Context, p *parcel) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d, target := p.edited, p.open[0]
	if r.o.wanted != nil {
		wanted, err := r.o.wanted(ctx, d.ID, target)
		if err != nil {
			return err
		}
		if !wanted {
			p.next()
			return nil
		}
	}
	answer := r.post(ctx, d, target, p.tried+1)
	if ctx.Err() != nil && answer.Err != nil {
		return ctx.Err()
	}
	p.tried++
	answer.Attempts = p.tried
	p.last = r.recordOf(d, answer)
	retry := r.retry(d.Provider)
	ends := answer.OK() || p.tried > len(retry)
	if ends && len(p.open) == 1 {
		p.answers = append(p.answers, answer)
		p.next()
		return nil
	}
	// One that was seen is recorded even while stopping, or the target would get the
	// delivery again.
	err := r.o.ledger.RecordAttempts(context.WithoutCancel(ctx), []store.Attempt{*p.last})
	if p.last = nil; err != nil {
		return err
	}
	if ends {
		p.answers = append(p.answers, answer)
		p.next()
		return nil
	}
	p.due = time.Now().Add(retry[p.tried-1])
	return nil
}

func (r *run) recordOf(d store.StoredDelivery, answer Answer) *store.Attempt {
	a := &store.Attempt{
		DeliveryID: d.ID, Target: answer.Target, RunID: r.o.runID, At: r.o.now().Add(-answer.Latency), Status: answer.Status, Latency: answer.Latency,
		Body: string(answer.Body[:min(len(answer.Body), keptAnswer)]),
	}
	a.Error = answer.Problem()
	return a
}

// end counts and reports a parcel.
func (r *run) end(p *parcel) {
	r.read.remove(p)
	if len(p.answers) == 0 {
		r.skip(p)
		return
	}
	result := Result{Delivery: p.delivery, Answers: p.answers}
	r.sent.Add(1)
	if p.failed || !result.OK() {
		r.failed.Add(1)
	}
	if r.o.onResult != nil {
		r.show.Lock()
		defer r.show.Unlock()
		r.o.onResult(result)
	}
}

const (
	// mostRead is how many deliveries are in memory at most; those of more than
	// usualBody bytes count for several.
	mostRead  = 10_000
	usualBody = 8 << 10
)

// inMemory counts what has been read and has not come to its end.
type inMemory struct {
	count atomic.Int64
	// freed holds a sign while there may be room again.
	freed chan struct{}
}

func weight(p *parcel) int64 { return max(1, int64(len(p.delivery.Body)/usualBody)) }

func (m *inMemory) add(p *parcel) { m.count.Add(weight(p)) }

func (m *inMemory) remove(p *parcel) {
	if w := weight(p); m.count.Add(-w)+w >= mostRead {
		select {
		case m.freed <- struct{}{}:
		default: // the sign is there already
		}
	}
}

// wait returns when there is room for one more; one goroutine may wait.
func (m *inMemory) wait(ctx context.Context) error {
	for m.count.Load() >= mostRead {
		select {
		case <-m.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
