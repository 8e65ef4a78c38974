package watch

import "time"

// canAsk reports whether there is anybody and anything to ask with.
// Under ViaCallback only an adopted deposit is asked about, for a callback that proves
// nothing by itself.
func (r *run) canAsk(it *item) bool {
	asks := r.p.Via != ViaCallback || it.d.Adopted && it.gap
	return r.o.Depositor != nil && asks && it.d.ProviderID != "" && it.refused == nil
}

// polls reports whether questions are asked on a schedule.
func (r *run) polls() bool { return r.p.Via == ViaPoll || r.p.Via == ViaAuto }

// streams reports whether the stream can be expected to tell of a deposit.
func (r *run) streams(it *item) bool { return r.stream.up && !it.unheard && !it.gap }

// planFirst plans the first question: the first gap after the request left, or
// at once when that was long ago or nobody knows. A clock that was set back
// since does not delay it beyond the gap.
func (r *run) planFirst(it *item) {
	wait := time.Duration(0)
	if !it.d.SentAt.IsZero() {
		wait = min(max(r.p.gap(0)-r.o.Now().Sub(it.d.SentAt), 0), r.p.gap(0))
	}
	it.step = 1
	r.planIn(it, wait)
}

// planNext plans the next question of the schedule. Beside a stream, a crowd of
// deposits leaves half of the budget to others.
func (r *run) planNext(it *item) {
	if r.streams(it) {
		r.planIn(it, max(streamGap, 2*r.p.PerSlot*time.Duration(len(r.items))))
		return
	}
	wait := r.p.gap(it.step)
	it.step++
	r.planIn(it, wait)
}

// planSooner plans the next question of the schedule where none is due before.
func (r *run) planSooner(it *item) {
	if it.asking {
		return // its answer plans the next one
	}
	planned := it.next
	r.planNext(it)
	it.next = min(it.next, planned)
}

// prompt plans a question as soon as may be, for what the stream has told. An
// answer that is under way may be older than that and does not count for it.
func (r *run) prompt(it *item) {
	it.gap = true
	it.prompts++
	r.planSoon(it)
}

func (r *run) planSoon(it *item) {
	wait := time.Duration(0)
	if it.questions > 0 {
		wait = max(it.askedAt+soonGap-r.clock(), 0)
	}
	r.planIn(it, wait)
}

// planIn plans a question if one is wanted. One that would come within a slot
// of the last queries is left to them, who need the budget more.
func (r *run) planIn(it *item, wait time.Duration) {
	it.next = never
	wanted := !it.d.Status.Final() && (it.gap || r.polls())
	if r.closing || !wanted || !r.canAsk(it) {
		return
	}
	if next := max(r.clock()+wait, r.notBefore); next+r.p.PerSlot <= r.last {
		it.next = next
	}
}

// due returns the deposit whose question has waited longest, nil if none is due.
func (r *run) due() *item {
	now := r.clock()
	if !r.closing && now < r.notBefore {
		return nil
	}
	var first *item
	for _, it := range r.items {
		if !it.asking && it.next <= now && (first == nil || it.next < first.next) {
			first = it
		}
	}
	return first
}
