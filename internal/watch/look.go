package watch

import (
	"context"

	"github.com/payctl/payctl/internal/payment"
)

// look reads all deposits again, decided ones too: a callback may still
// overrule what a question said. A ledger that is busy is read again later.
func (r *run) look(ctx context.Context) error {
	r.stale = r.blind
	var ids []string
	for _, it := range r.items {
		if err := r.lookAt(ctx, it); err != nil {
			r.stale = true
			return unlessBusy(err)
		}
		if it.entered() {
			ids = append(ids, it.d.ID)
		}
	}
	doubts, err := r.o.Ledger.Doubts(ctx, ids...)
	if err != nil {
		r.stale = true
		return unlessBusy(err)
	}
	for _, it := range r.items {
		r.doubt(it, doubts[it.d.ID])
	}
	return nil
}

func (r *run) lookAt(ctx context.Context, it *item) error {
	if it.entered() {
		d, err := r.o.Ledger.Get(ctx, it.d.ID)
		if err == nil {
			r.see(it, d, d.DecidedBy, "")
		}
		return err
	}
	d, heard, err := r.o.Ledger.Seek(ctx, it.d)
	switch {
	case err != nil:
		return err
	case d.ID != "":
		r.see(it, d, d.DecidedBy, "entered as "+d.ID)
	case heard && !it.heard:
		it.heard = true
		r.tell(it, payment.SourceCallback, "a callback names it and proves nothing: asking the provider", false)
		r.prompt(it)
	}
	return nil
}

// doubt tells of what has come about a deposit and moved nothing. Of an adopted one it
// may be all that will come, so the provider is asked.
func (r *run) doubt(it *item, doubts []payment.Doubt) {
	fresh := len(doubts) - len(it.doubts)
	if fresh <= 0 {
		return
	}
	it.doubts, it.fresh = doubts, it.fresh+fresh
	it.changed, it.told = true, false
	last := doubts[len(doubts)-1]
	r.tell(it, payment.SourceCallback, tidy(last.Told()), it.d.Status.Final() && r.isOver(it))
	if it.d.Adopted && !it.d.Status.Final() {
		r.prompt(it)
	}
}

// lastLook reads the ledger once more, tells what was not told, and returns err.
func (r *run) lastLook(ctx context.Context, err error) error {
	if lookErr := r.look(ctx); err == nil {
		err = lookErr
	}
	for _, it := range r.items {
		switch {
		case it.told:
		case it.d.Status.Final():
			r.tell(it, it.d.DecidedBy, "", true)
		case err == nil:
			r.tell(it, "", "still undecided after "+span(r.clock()), true)
		}
	}
	return err
}

// see takes in a deposit's new state and tells of what changed.
func (r *run) see(it *item, d payment.Deposit, via payment.Source, note string) {
	before := it.d
	it.d = d
	first := before.ID == ""
	if !d.Conflict.IsZero() && d.Conflict != before.Conflict {
		note = joined(note, "contradicting results: "+tidy(d.Conflict.Reason))
	}
	switch {
	case d.Status.Final() && !before.Status.Final():
		it.next = never
		if !first {
			note = joined(note, r.lingerFor(it))
		}
	case !d.Status.Final() && d.ProviderID != before.ProviderID:
		r.planFirst(it)
	}
	if d.Receipt != "" || d.DecidedBy == payment.SourceCallback {
		it.linger = 0
	}
	if first || d.Status != before.Status || d.Receipt != before.Receipt || d.Conflict != before.Conflict {
		it.changed, it.told = true, false
	}
	if it.changed || note != "" {
		r.tell(it, via, note, it.d.Status.Final() && r.isOver(it))
	}
}

// lingerFor starts the wait for the callback of a deposit that was settled by a
// question, and returns a note. The answer brings no receipt, and it may say
// failed of what the callback says is paid (reference/daraja.md §5).
func (r *run) lingerFor(it *item) string {
	d := it.d
	if r.p.ReceiptWait <= 0 || r.p.Via != ViaAuto || d.Receipt != "" || d.DecidedBy == payment.SourceCallback {
		return ""
	}
	if d.Status == payment.StatusCompleted {
		it.linger = r.clock() + r.p.ReceiptWait
		return "paid; the receipt comes with the callback"
	}
	if d.DecidedBy != payment.SourcePoll && d.DecidedBy != payment.SourceQuery {
		return ""
	}
	it.linger = r.clock() + min(r.p.ReceiptWait, overruleWait)
	return "failed, says the query; a callback may still overrule it"
}

func (r *run) tell(it *item, via payment.Source, note string, final bool) {
	it.told = it.told || final
	r.emit(Update{
		Deposit: it.d, Via: via, Changed: it.changed && it.entered(), Doubts: it.doubts, Fresh: it.fresh,
		Note: note, Final: final, At: r.o.Now(),
	})
	it.changed, it.fresh = false, 0
}

// announce tells of decided deposits whose wait for the callback is over.
func (r *run) announce() {
	for _, it := range r.items {
		if !it.told && it.d.Status.Final() && r.isOver(it) {
			r.tell(it, it.d.DecidedBy, "", true)
		}
	}
}
