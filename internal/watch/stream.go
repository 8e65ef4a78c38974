package watch

import (
	"context"
	"slices"

	"github.com/payctl/payctl/internal/payment"
)

// stream is the state of the one connection that all deposits of a watch share.
type stream struct {
	// generation tells the current connection's messages from those of one that
	// was given up to subscribe to more ids.
	generation int
	cancel     context.CancelFunc
	ids        []string
	// up is whether it is connected and subscribed, ups how often it became so.
	up  bool
	ups int
	// over says that it ended for good.
	over bool
}

// streamMessage is a report of the streaming worker.
type streamMessage struct {
	generation int
	update     payment.StreamUpdate
	ended      bool
	err        error
}

// connect starts the stream as soon as there are ids to follow, and starts it
// anew when there are more.
func (r *run) connect(ctx context.Context) {
	if r.o.Streamer == nil || r.stream.over || r.closing || r.p.Via != ViaAuto && r.p.Via != ViaStream {
		return
	}
	ids := slices.Clone(r.stream.ids)
	for _, it := range r.items {
		if id := it.d.ProviderID; id != "" && !it.d.Status.Final() && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == len(r.stream.ids) {
		return
	}
	if r.stream.cancel != nil {
		r.stream.cancel()
	}
	ctx, r.stream.cancel = context.WithCancel(ctx)
	r.stream.ids, r.stream.up = ids, false
	r.stream.generation++
	generation := r.stream.generation
	r.workers.Go(func() {
		send := func(m streamMessage) {
			m.generation = generation
			select {
			case r.streamed <- m:
			case <-ctx.Done():
			}
		}
		err := r.o.Streamer.Stream(ctx, ids, func(u payment.StreamUpdate) { send(streamMessage{update: u}) })
		send(streamMessage{ended: true, err: err})
	})
}

// hear takes in a report of the stream.
func (r *run) hear(ctx context.Context, m streamMessage) error {
	if m.generation != r.stream.generation {
		return nil
	}
	if m.ended {
		return r.streamEnded(m.err)
	}
	switch m.update.Signal {
	case payment.StreamUp:
		r.stream.up = true
		r.stream.ups++
		r.eachOpen(func(it *item) {
			r.tell(it, payment.SourceStream, noted("connected", m.update.Note), false)
			it.gap = true
			r.planIn(it, 0)
		})
	case payment.StreamDown:
		r.stream.up = false
		r.eachOpen(func(it *item) {
			r.tell(it, payment.SourceStream, noted("connection lost", m.update.Note), false)
			it.step = 0
			r.planNext(it)
		})
	case payment.StreamEvent:
		return r.event(ctx, m.update)
	}
	return nil
}

// streamEnded goes on without the stream where another way is left.
func (r *run) streamEnded(err error) error {
	r.stream.up, r.stream.over = false, true
	if err == nil {
		err = &payment.Error{Kind: payment.KindUnavailable, Message: "stream: it ended", Hint: "use --via poll", Retryable: true}
	}
	if r.p.Via == ViaStream || payment.KindOf(err) == payment.KindUnauthorized {
		return err
	}
	r.eachOpen(func(it *item) {
		r.tell(it, payment.SourceStream, "no stream, asking instead: "+tidy(err.Error()), false)
		it.step = 0
		r.planNext(it)
	})
	return nil
}

// event records what the stream says about one of the deposits; others' events
// are not ours. An event that contradicts what was asked for decides nothing,
// but is a reason to ask.
func (r *run) event(ctx context.Context, u payment.StreamUpdate) error {
	e := u.Event
	at := slices.IndexFunc(r.items, func(it *item) bool { return e.ProviderID != "" && it.d.ProviderID == e.ProviderID })
	if at < 0 {
		return nil
	}
	it := r.items[at]
	note := joined(append(slices.Clone(e.Notes), u.Note)...)
	if e.Status != payment.StatusPending && !e.Status.Final() {
		r.tell(it, payment.SourceStream, noted(joined(e.Name, "decides nothing"), note), false)
		return nil
	}
	if doubt := payment.Trust(it.d, e, ""); doubt != "" {
		r.tell(it, payment.SourceStream, noted("an event is not believed", doubt), false)
		it.gap = true
		r.planIn(it, 0)
		return nil
	}
	d, _, err := r.o.Ledger.ApplyClaim(ctx, it.d.ID, payment.Claim{
		Status: e.Status, By: payment.SourceStream, Receipt: e.Receipt, Failure: e.Failure, At: r.o.Now(),
	})
	if err != nil {
		if unlessBusy(err) == nil {
			it.gap = true
			r.planIn(it, 0)
			return nil
		}
		return err
	}
	r.see(it, d, payment.SourceStream, tidy(note))
	return nil
}

func (r *run) eachOpen(do func(*item)) {
	for _, it := range r.items {
		if !it.d.Status.Final() && it.d.ProviderID != "" {
			do(it)
		}
	}
}

func noted(what, note string) string {
	if note == "" {
		return what
	}
	return what + ": " + tidy(note)
}
