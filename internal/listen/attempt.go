package listen

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// maxAnswer is how much of a target's answer is kept, in bytes.
const maxAnswer = 4 << 10

// markTime is how long the ledger may take to record an attempt.
const markTime = 5 * time.Second

// attempt sends one forward and records what came of it. The record is made
// even while stopping, or the target would get the delivery again.
func (f *forwarder) attempt(ctx context.Context, l lease) {
	r := result{lease: l}
	defer func() { f.results <- r }()
	f.s.metrics.forwarding.Add(1)
	defer f.s.metrics.forwarding.Add(-1)

	d, err := f.s.o.Ledger.Deliveries.Get(ctx, l.DeliveryID)
	switch {
	case payment.KindOf(err) == payment.KindNotFound:
		f.mark(ctx, l, store.Attempt{At: f.s.now(), Error: "the delivery is no longer in the ledger"}, store.Outcome{})
		return
	case err != nil:
		f.s.log.Warn("a delivery could not be read for forwarding", "delivery", l.DeliveryID, slog.Any("error", err))
		f.held.Add(-1)
		return // it comes back when its lease is over
	case time.Until(l.until) < f.o.Timeout: // as when the machine slept
		f.release(ctx, l)
		return
	}
	r.answer = f.sender.Post(ctx, deliver.Request{Target: l.Target, Header: f.s.credentialed(d.Delivery, d.Verdict), Own: aboutDelivery(d, l.Attempts+1), Body: d.Body})
	if ctx.Err() != nil && !r.answer.OK() {
		f.release(ctx, l) // the answer was not waited for: it is sent again at the next start
		return
	}
	r.sent = true
	next := f.next(l.Forward, r.answer)
	f.count(l.Forward, r.answer, next)
	f.show(l.Forward, r.answer, next)
	f.mark(ctx, l, store.Attempt{
		At: f.s.now().Add(-r.answer.Latency), Status: r.answer.Status, Latency: r.answer.Latency, Error: r.answer.Problem(),
		Body: string(r.answer.Body[:min(len(r.answer.Body), maxAnswer)]),
	}, next)
}

// mark records an attempt. If that fails, the forward comes back when its lease is over.
func (f *forwarder) mark(ctx context.Context, l lease, a store.Attempt, next store.Outcome) {
	f.held.Add(-1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	if err := f.s.o.Ledger.Forwards.MarkAttempt(ctx, l.Forward, a, next); err != nil {
		f.s.log.Error("an attempt to forward could not be recorded; the target may get it again", "delivery", l.DeliveryID, slog.Any("error", err))
	}
}

// mostRefusals is how often a target may refuse a delivery before it is dead:
// it will hardly change its mind, and what comes after it in its line waits.
const mostRefusals = 3

// next decides what comes after an attempt.
func (f *forwarder) next(w store.Forward, a deliver.Answer) store.Outcome {
	made, refused := w.Attempts+1, isRefusal(a)
	switch {
	case a.OK():
		return store.Outcome{Delivered: true}
	case made >= f.o.Attempts, refused && w.Refusals+1 >= mostRefusals:
		return store.Outcome{Refused: refused}
	}
	return store.Outcome{RetryAt: f.s.now().Add(f.o.pause(made)), Refused: refused}
}

// show tells of an attempt.
func (f *forwarder) show(w store.Forward, a deliver.Answer, next store.Outcome) {
	if f.s.o.OnForward == nil {
		return
	}
	v := ForwardView{
		DeliveryID: w.DeliveryID, Target: deliver.Shown(w.Target), Attempt: w.Attempts + 1, StatusCode: a.Status, Error: a.Problem(),
		Answer: a.Body[:min(len(a.Body), maxAnswer)], Duration: a.Latency, NextAt: next.RetryAt, At: f.s.now(),
	}
	f.s.views.put(func() { f.s.o.OnForward(v) })
}

func (f *forwarder) count(w store.Forward, a deliver.Answer, next store.Outcome) {
	attrs := []any{
		"delivery", w.DeliveryID, "target", deliver.Shown(w.Target), "attempt", w.Attempts + 1,
		"status", a.Status, "problem", a.Problem(), "latency", a.Latency.Round(time.Microsecond),
	}
	switch {
	case next.Delivered:
		f.s.metrics.forwards.with("delivered").inc()
		f.s.log.Debug("forwarded", attrs...)
	case next.RetryAt.IsZero():
		f.s.metrics.forwards.with("dead").inc()
		f.s.log.Error("forwarding was given up; payctl webhook replay --failed tries again", attrs...)
	default:
		f.s.metrics.forwards.with("retry").inc()
		f.s.log.Warn("forwarding failed and will be tried again", attrs...)
	}
}

// isTargetDown reports failures of the target as a whole from a refusal of this
// delivery.
func isTargetDown(a deliver.Answer) bool {
	switch a.Status {
	case 0, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// isRefusal reports an answer that says that this delivery is wrong, not that it
// came at the wrong time.
func isRefusal(a deliver.Answer) bool {
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return a.Status >= 400 && a.Status < 500
}

// aboutDelivery is what the target is told of a delivery.
func aboutDelivery(d store.StoredDelivery, attempt int) http.Header {
	return deliver.About{
		ID: d.ID, Provider: d.Provider, Event: d.Event, Verdict: d.Verdict, Reason: d.Reason,
		DuplicateOf: d.DuplicateOf, SamePaymentAs: d.SamePaymentAs, Attempt: attempt,
	}.Header()
}
