package engine

import (
	"encoding/json"
	"runtime"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Directions of an Exchange.
const (
	DirectionIn  = "in"  // a request that reached the emulator
	DirectionOut = "out" // a callback or webhook that the emulator sent
)

// Exchange is one request and its answer, as the log and GET /_emulator/requests show it. Tokens, credentials and
// phone numbers are masked.
type Exchange struct {
	Seq         uint64    `json:"seq"`
	Time        time.Time `json:"time"`
	Direction   string    `json:"direction"`
	Provider    string    `json:"provider"`
	API         string    `json:"api"` // push, query, stk, result…
	Method      string    `json:"method"`
	URL         string    `json:"url"` // path and query of a request, the full address of a callback
	RequestBody string    `json:"request_body"`
	// Status is the HTTP status answered; 0 when no answer was given or received.
	Status       int    `json:"status"`
	ResponseBody string `json:"response_body"`
	// PaymentID is the id of the payment or conversation that the exchange is about, where there is one.
	PaymentID string `json:"payment_id"`
	// Refused reports that the request was refused, the callback not delivered, or a behaviour interfered.
	Refused bool `json:"refused"`
	// Reason says in plain words why, with more than the wire answer tells; empty when all went well.
	Reason string `json:"reason"`
	// DurationMS is the time the exchange took on the emulator's clock, in milliseconds.
	DurationMS int64 `json:"duration_ms"`
}

// MarshalJSON writes texts that are absent as null.
func (x Exchange) MarshalJSON() ([]byte, error) {
	type plain Exchange
	return json.Marshal(struct {
		plain
		RequestBody  *string `json:"request_body"`
		ResponseBody *string `json:"response_body"`
		PaymentID    *string `json:"payment_id"`
		Reason       *string `json:"reason"`
	}{plain(x), payment.OrNull(x.RequestBody), payment.OrNull(x.ResponseBody), payment.OrNull(x.PaymentID), payment.OrNull(x.Reason)})
}

// Bounds of the journal.
const (
	JournalSize = 2000    // exchanges kept for inspection
	maxLogged   = 8 << 10 // bytes of one body kept for inspection
)

// maxUnlogged bounds the exchanges that the log has not taken yet; whoever has one more waits.
const maxUnlogged = 4096

// journal keeps the latest exchanges, unmasked, and hands masked ones to the log.
type journal struct {
	log func(Exchange)

	mu   sync.Mutex
	seq  uint64
	ring []Exchange
	// unlogged is what waits for the goroutine that logs; nil where there is none.
	unlogged chan Exchange
	logging  sync.WaitGroup
	stopped  bool
}

func newJournal(log func(Exchange)) *journal { return &journal{log: log} }

// start has the log written by a goroutine of its own, so that nobody waits for its reader.
func (j *journal) start() {
	if j.log == nil {
		return
	}
	j.unlogged = make(chan Exchange, maxUnlogged)
	j.logging.Go(func() {
		for x := range j.unlogged {
			j.log(Masked(x, false))
			runtime.Gosched() // or it would keep a processor as long as there is something to log
		}
	})
}

// stop ends that goroutine, once it has logged all.
func (j *journal) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.unlogged == nil || j.stopped {
		return
	}
	close(j.unlogged)
	j.logging.Wait()
	j.stopped = true
}

// behind returns how many exchanges are not logged yet.
func (j *journal) behind() int { return len(j.unlogged) }

// Add numbers the exchange, keeps it and logs it. Calls are serialised, so that the log is in the order of seq.
func (j *journal) Add(x Exchange) {
	x.RequestBody, x.ResponseBody = clip(x.RequestBody), clip(x.ResponseBody)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	x.Seq = j.seq
	if len(j.ring) < JournalSize {
		j.ring = append(j.ring, x)
	} else {
		j.ring[(j.seq-1)%JournalSize] = x
	}
	switch {
	case j.log == nil:
	case j.unlogged != nil && !j.stopped:
		j.unlogged <- x
	default:
		j.log(Masked(x, false))
	}
}

// List returns the kept exchanges that want accepts, oldest first.
func (j *journal) List(want func(*Exchange) bool) []Exchange {
	j.mu.Lock()
	defer j.mu.Unlock()
	first := uint64(0)
	if j.seq > uint64(len(j.ring)) {
		first = j.seq % JournalSize
	}
	found := []Exchange{}
	for i := range uint64(len(j.ring)) {
		x := &j.ring[(first+i)%uint64(len(j.ring))]
		if want(x) {
			found = append(found, *x)
		}
	}
	return found
}

// reset forgets all exchanges and counts from one again.
func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq, j.ring = 0, nil
}
