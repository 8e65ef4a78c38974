package replay

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// tries are a run's attempts at one delivery and target before it was resumed.
type tries struct {
	n int
	// last is when the last one ended; answered says that it had an answer, ok
	// that one of them had a 2xx.
	last         time.Time
	answered, ok bool
}

func (t tries) with(a store.Attempt) tries {
	return tries{
		n: t.n + 1, last: a.At.Add(a.Latency), answered: a.Status > 0,
		ok: t.ok || a.Status >= 200 && a.Status < 300,
	}
}

// done reports whether the run is through with them: a target was content, or it
// answered and the retries are used up. One that was away at the last of them
// gets another chance when the run is resumed.
func (t tries) done(retry []time.Duration) bool {
	return t.ok || t.answered && t.n > len(retry)
}

// due is when the next attempt is to be made, the zero time for at once.
func (t tries) due(retry []time.Duration) time.Time {
	if t.n == 0 || t.n > len(retry) {
		return time.Time{}
	}
	return t.last.Add(retry[t.n-1])
}

// retry gives the waits before further attempts.
func (r *run) retry(id payment.ProviderID) []time.Duration {
	if r.o.retry == nil {
		return nil
	}
	return r.o.retry(id)
}
