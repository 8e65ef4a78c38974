package listen

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
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
func (f *forwarder) attempt(ctx context.Context, w *waiting) {
	r := result{item: w}
	defer func() { f.results <- r }()
	f.s.metrics.forwarding.Add(1)
	defer f.s.metrics.forwarding.Add(-1)

	l := w.forward
	d, err := f.s.o.Ledger.Deliveries.Get(ctx, l.DeliveryID)
	if err != nil {
		f.s.log.Warn("a delivery could not be read for forwarding", "delivery", l.DeliveryID, slog.Any("error", err))
		r.next = store.Outcome{RetryAt: f.s.now().Add(f.lease())} // it comes back when its lease is over
		return
	}
	r.behind, err = f.s.o.Ledger.Forwards.Behind(ctx, l)
	switch {
	case err == nil:
	case payment.KindOf(err) == payment.KindNotFound:
		r.gone = true
		return
	default:
		f.s.log.Warn("the forward queue could not be read", slog.Any("error", err))
		r.behind = true // it is asked again
	}
	if r.behind {
		return
	}
	r.out = f.sender.Post(ctx, deliver.Request{Target: l.Target, Header: d.Header, Own: aboutDelivery(d, l.Attempts+1), Body: d.Body})
	r.next = f.next(w, r.out)
	if ctx.Err() != nil && !r.out.OK() {
		return // the answer was not waited for: it is sent again at the next start
	}
	f.count(r)
	mark, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	err = f.s.o.Ledger.Forwards.MarkAttempt(mark, l.ID, store.Attempt{
		DeliveryID: l.DeliveryID, Target: l.Target, At: f.s.now().Add(-r.out.Latency),
		Status: r.out.Status, Latency: r.out.Latency, Error: r.out.Problem(), Body: string(r.out.Body[:min(len(r.out.Body), maxAnswer)]),
	}, r.next)
	if err != nil {
		f.s.log.Error("an attempt to forward could not be recorded; the target may get it again", "delivery", l.DeliveryID, slog.Any("error", err))
		if !r.next.Delivered {
			r.next = store.Outcome{RetryAt: f.s.now().Add(f.lease())}
		}
	}
}

// mostRefusals is how often a target may refuse a delivery before it is dead:
// it will hardly change its mind, and what comes after it in its line waits.
const mostRefusals = 3

// next decides what comes after an attempt.
func (f *forwarder) next(w *waiting, out deliver.Answer) store.Outcome {
	made := w.forward.Attempts + 1
	switch {
	case out.OK():
		return store.Outcome{Delivered: true}
	case made >= f.o.Attempts, isRefusal(out) && w.refusals+1 >= mostRefusals:
		return store.Outcome{}
	}
	return store.Outcome{RetryAt: f.s.now().Add(f.o.pause(made))}
}

func (f *forwarder) count(r result) {
	attrs := []any{
		"delivery", r.item.forward.DeliveryID, "target", deliver.Shown(r.item.forward.Target), "attempt", r.item.forward.Attempts + 1,
		"status", r.out.Status, "problem", r.out.Problem(), "latency", r.out.Latency.Round(time.Microsecond),
	}
	switch {
	case r.next.Delivered:
		f.s.metrics.forwards.with("delivered").inc()
		f.s.log.Debug("forwarded", attrs...)
	case r.next.RetryAt.IsZero():
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

// headerDelivery names the delivery to a target, and to a listener that it has
// been forwarded before.
const headerDelivery = "X-Payctl-Delivery"

// aboutDelivery tells the target what payctl knows; the stored headers cannot
// set these.
func aboutDelivery(d store.StoredDelivery, attempt int) http.Header {
	h := http.Header{
		headerDelivery:      {d.ID},
		"X-Payctl-Provider": {string(d.Provider)},
		"X-Payctl-Verdict":  {string(d.Verdict)},
		"X-Payctl-Attempt":  {strconv.Itoa(attempt)},
	}
	if d.Event != nil {
		h["X-Payctl-Event"] = []string{clean(d.Event.Name)}
	}
	if d.Reason != "" {
		h["X-Payctl-Reason"] = []string{clean(d.Reason)}
	}
	if d.DuplicateOf != "" {
		h["X-Payctl-Duplicate"] = []string{d.DuplicateOf}
	}
	return h
}
