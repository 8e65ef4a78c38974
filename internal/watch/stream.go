package watch

import (
	"context"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// stream is the state of the one connection that all deposits of a watch share.
type stream struct {
	// generation tells the current connection's messages from those of one that
	// was given up to subscribe to more ids.
	generation int
	cancel     context.CancelFunc
	ids        []string
	// up is whether it is connected and subscribed.
	up bool
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
	if id := m.update.Event.ProviderID; id != "" && m.update.Signal != payment.StreamEvent {
		r.hearOfOne(id, m.update)
		return nil
	}
	switch m.update.Signal {
	case payment.StreamUp:
		r.stream.up = true
		r.eachOpen(func(it *item) {
			it.unheard = false
			r.tell(it, payment.SourceStream, noted("connected", m.update.Note), false)
			r.prompt(it)
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

// hearOfOne takes in that one deposit's subscription on a connection that is up
// is not confirmed (StreamDown), or is after all (StreamUp). Its events may come
// all the same, so the connection is kept, and it is polled beside.
func (r *run) hearOfOne(id string, u payment.StreamUpdate) {
	r.eachOpen(func(it *item) {
		switch {
		case it.d.ProviderID != id:
		case u.Signal == payment.StreamUp:
			it.unheard = false
			r.tell(it, payment.SourceStream, noted("subscribed", u.Note), false)
			r.prompt(it)
		default:
			it.unheard = true
			r.tell(it, payment.SourceStream, noted("asking beside the stream", u.Note), false)
			r.planSooner(it)
		}
	})
}

// streamEnded goes on without the stream where another way is left. A refusal
// says little of the key, since a server has no other way to word its own
// trouble: where the key is bad, the next answer says so too.
func (r *run) streamEnded(err error) error {
	r.stream.up, r.stream.over = false, true
	if err == nil {
		err = &payment.Error{Kind: payment.KindUnavailable, Message: "stream: it ended", Hint: "use --via poll", Retryable: true}
	}
	refused := payment.KindOf(err) == payment.KindUnauthorized
	// A key of another environment would ask the wrong one.
	if r.p.Via == ViaStream || refused && r.o.Depositor == nil || payment.KindOf(err) == payment.KindUsage {
		return err
	}
	r.eachOpen(func(it *item) {
		r.tell(it, payment.SourceStream, "no stream, asking instead: "+tidy(err.Error()), false)
		if refused {
			r.prompt(it)
			return
		}
		it.step = 0
		r.planNext(it)
	})
	return nil
}

// event records what the stream says about one of the deposits; others' events
// are not ours. An event that contradicts what was asked for, or one of a final
// name that does not say what became of the deposit, decides nothing, but is a
// reason to ask.
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
		r.wonder(it, e)
		return nil
	}
	if doubt := payment.Trust(it.d, e, ""); doubt != "" {
		r.tell(it, payment.SourceStream, noted("an event is not believed", doubt), false)
		it.unheard = true
		r.prompt(it)
		return nil
	}
	claim := payment.Claim{
		Status: e.Status, By: payment.SourceStream, Receipt: e.Receipt, Failure: e.Failure,
		Amount: e.Amount, Reference: e.Reference, At: r.o.Now(),
	}
	if e.Phone != "" {
		claim.Phone, _ = payment.ParsePhone(e.Phone) // a masked one is none
	}
	d, err := r.apply(ctx, it.d, claim)
	if err != nil {
		if unlessBusy(err) == nil {
			r.prompt(it)
			return nil
		}
		return err
	}
	r.see(it, d, payment.SourceStream, tidy(note))
	r.wonder(it, e)
	return nil
}

// apply records a claim, and enters the deposit where the ledger does not have it.
func (r *run) apply(ctx context.Context, d payment.Deposit, c payment.Claim) (payment.Deposit, error) {
	if d.ID == "" {
		d, _, err := r.o.Ledger.Adopt(ctx, d, c)
		return d, err
	}
	d, _, err := r.o.Ledger.Apply(ctx, d.ID, c)
	return d, err
}

// wonder asks about a deposit whose event has a final name and left it open: no
// other event will come, so it is polled from then on.
func (r *run) wonder(it *item, e payment.Event) {
	final := strings.HasSuffix(e.Name, ".completed") || strings.HasSuffix(e.Name, ".failed")
	if final && !it.d.Status.Final() {
		it.unheard = true
		r.prompt(it)
	}
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
