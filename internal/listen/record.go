package listen

import (
	"context"
	"log/slog"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// kept says where a delivery is now.
type kept uint8

const (
	inLedger kept = iota
	inSpill
	nowhere
)

func (k kept) disposition() payment.Disposition {
	if k == nowhere {
		return payment.NotStored
	}
	return payment.Stored
}

// record commits a delivery, or spills it when its provider sends once only.
func (s *Server) record(ctx context.Context, n store.Arrival) (store.Recorded, kept) {
	d := n.Delivery
	recorded, err := s.commit(ctx, n)
	if err == nil {
		return recorded, inLedger
	}
	attrs := []any{"provider", string(d.Provider), "route", d.Route, slog.Any("error", err)}
	if !s.keepAside(ctx, d, s.outage.failed(err, s.routes[d.Route].SendsOnce, s.now()), attrs) {
		return store.Recorded{}, nowhere
	}
	return store.Recorded{}, inSpill
}

// keepAside spills a delivery that will not come again, and logs that.
func (s *Server) keepAside(ctx context.Context, d payment.Delivery, level slog.Level, attrs []any) bool {
	if !s.routes[d.Route].SendsOnce {
		s.log.Log(ctx, level, "the ledger could not take a delivery; the provider will try again", attrs...)
		return false
	}
	if err := s.spill.put(d); err != nil {
		s.metrics.lost.inc()
		s.log.Error("the ledger could not take a delivery, nor could the spill directory; it was refused", append(attrs, "spill_error", cause(err).Error())...)
		return false
	}
	s.metrics.spills.inc()
	s.log.Log(ctx, level, "the ledger could not take a delivery; it was spilled and will be taken in later", attrs...)
	select {
	case s.spilledNow <- struct{}{}:
	default:
	}
	return true
}

// commit is the one way into the ledger. After RecordTime the delivery loses its
// place in the queue, so that it is not recorded as well as spilled.
func (s *Server) commit(ctx context.Context, n store.Arrival) (store.Recorded, error) {
	s.recording.Add(1)
	defer s.recording.Done()
	start := time.Now()
	n.Within = s.o.Limits.RecordTime
	recorded, err := s.o.Ledger.Deliveries.Record(ctx, n)
	if err != nil {
		s.metrics.failed.inc()
		return store.Recorded{}, s.noteReplaced(err)
	}
	s.outage.over(s.log, s.now())
	s.metrics.committed(time.Since(start))
	s.metrics.delivery(n.Delivery.Provider, n.Inspection, recorded.Verdict)
	return recorded, nil
}
