package listen

import (
	"log/slog"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// outage is a time in which the ledger takes nothing: it is told when it begins, when its
// reason is of another kind, and when it is over, with what was kept and refused meanwhile.
type outage struct {
	mu               sync.Mutex
	since            time.Time
	kind             payment.Kind
	spilled, refused int
}

// failed counts a delivery that the ledger could not take, and returns how loudly to say
// so: once.
func (o *outage) failed(err error, spilled bool, now time.Time) slog.Level {
	o.mu.Lock()
	defer o.mu.Unlock()
	kind := payment.KindOf(err)
	news := o.since.IsZero() || kind != o.kind
	if o.since.IsZero() {
		o.since = now
	}
	o.kind = kind
	if spilled {
		o.spilled++
	} else {
		o.refused++
	}
	if news {
		return slog.LevelError
	}
	return slog.LevelDebug
}

// over ends the outage, if there is one, and tells of it.
func (o *outage) over(log *slog.Logger, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return
	}
	log.Warn("the ledger takes deliveries again", "after", now.Sub(o.since).Round(time.Millisecond), "spilled", o.spilled, "refused", o.refused)
	o.since, o.spilled, o.refused = time.Time{}, 0, 0
}
