package listen

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// DeliveryView is what there is to show of a delivery.
type DeliveryView struct {
	// ID is the ledger's, "" when the delivery was spilled or refused.
	ID       string
	Provider payment.ProviderID
	Route    string
	// Event is the event's name, "" if the delivery means nothing that is known.
	Event   string
	Verdict payment.Verdict
	Reason  string
	// Duplicate repeats DuplicateOf.
	Duplicate   bool
	DuplicateOf string
	DepositID   string
	// Status, Code, Amount, Phone, Reference, Receipt and ProviderID are the event's
	// claims; Why is the provider's reason for a failure.
	Status     payment.Status
	Code, Why  string
	Phone      string
	Amount     payment.Amount
	Reference  string
	Receipt    string
	ProviderID string
	Notes      []string
	// StatusCode is the HTTP status that was answered.
	StatusCode int
	// Forwarded lists the targets that it was queued for, without their queries.
	Forwarded  []string
	Peer       string
	ReceivedAt time.Time
	// Spilled is kept outside the ledger until the ledger works again; Late was
	// spilled before and has been taken in now.
	Spilled bool
	Late    bool
}

// told is what only the handler knows of a delivery.
type told struct {
	status        int
	spilled, late bool
}

// tell logs a delivery, hands it to the viewer and wakes the forwarder.
func (s *Server) tell(ctx context.Context, n store.Arrival, r store.Recorded, t told) {
	d, i := n.Delivery, n.Inspection
	v := DeliveryView{
		ID: r.DeliveryID, Provider: d.Provider, Route: d.Route, Verdict: r.Verdict, Reason: r.Reason,
		Duplicate: r.Duplicate, DuplicateOf: r.DuplicateOf, DepositID: r.DepositID,
		StatusCode: t.status, Peer: d.Peer, ReceivedAt: d.ReceivedAt, Spilled: t.spilled, Late: t.late,
	}
	if v.Verdict == "" {
		v.Verdict, v.Reason = i.Verdict, i.Reason
	}
	if e := i.Event; e != nil {
		v.Event, v.Status, v.Amount, v.Reference = e.Name, e.Status, e.Amount, e.Reference
		v.Receipt, v.ProviderID, v.Notes, v.Phone = e.Receipt, e.ProviderID, e.Notes, e.Phone
		if e.Failure != nil {
			v.Code, v.Why = e.Failure.Code, e.Failure.Reason
		}
	}
	if v.ID != "" && len(n.Targets) > 0 && !r.Withheld {
		for _, target := range n.Targets {
			v.Forwarded = append(v.Forwarded, deliver.Shown(target))
		}
		s.forward.wake()
	}
	if s.o.OnUnproved != nil && r.Reason == payment.Unproved && r.DepositID != "" && !r.Status.Final() {
		s.o.OnUnproved(r.DepositID)
	}
	if s.log.Enabled(ctx, slog.LevelInfo) {
		s.log.InfoContext(ctx, "delivery", "id", v.ID, "provider", string(v.Provider), "event", clean(v.Event), "verdict", string(v.Verdict),
			"reason", clean(v.Reason), "duplicate", v.Duplicate, "deposit", v.DepositID, "status", v.StatusCode, "peer", v.Peer)
	}
	if s.o.OnDelivery != nil {
		s.views.put(func() { s.o.OnDelivery(v) })
	}
}

// ForwardView is one attempt to forward a delivery.
type ForwardView struct {
	DeliveryID string
	// Target is without what may be secret in its query.
	Target  string
	Attempt int
	// StatusCode is 0 when no answer came; Error then says why.
	StatusCode int
	Error      string
	// Answer is the beginning of what was answered.
	Answer   []byte
	Duration time.Duration
	// NextAt is when it is tried again; zero for never.
	NextAt time.Time
	At     time.Time
}

// mostViews is how many views may wait for a slow viewer.
const mostViews = 16384

// views shows what happens, one thing after the other, without ever making a
// request wait.
type views struct {
	lost  func()
	queue chan func()
	stop  chan struct{}
	once  sync.Once
}

func newViews(lost func()) *views {
	return &views{lost: lost, queue: make(chan func(), mostViews), stop: make(chan struct{})}
}

func (v *views) put(show func()) {
	select {
	case v.queue <- show:
	default:
		v.lost()
	}
}

// close has run show what waits and return.
func (v *views) close() { v.once.Do(func() { close(v.stop) }) }

func (v *views) run() {
	for {
		select {
		case show := <-v.queue:
			show()
		case <-v.stop:
			for {
				select {
				case show := <-v.queue:
					show()
				default:
					return
				}
			}
		}
	}
}
