package replay

import (
	"context"

	"github.com/payctl/payctl/internal/store"
)

// mostTogether bounds the answers that are recorded in one transaction.
const mostTogether = 512

// recorder records the last answers of parcels for all lanes, as many at a time as have
// come meanwhile, so that no lane waits for a commit with what else it has to send.
type recorder struct {
	ledger record
	in     chan recording
}

// recording is a parcel whose last answer is to be recorded, and what came of it.
type recording struct {
	p    *parcel
	lane *lane
	err  error
}

func newRecorder(ledger record, lanes int) *recorder {
	return &recorder{ledger: ledger, in: make(chan recording, lanes*mostRecording)}
}

// work records until in is closed.
func (r *recorder) work(ctx context.Context) {
	var batch []recording
	var answers []store.Attempt
	for first := range r.in {
		batch = r.gather(append(batch[:0], first))
		answers = answers[:0]
		for _, b := range batch {
			answers = append(answers, *b.p.last)
		}
		err := r.ledger.RecordAttempts(ctx, answers)
		for i, b := range batch {
			b.p.last, b.err = nil, err
			b.lane.recorded <- b
			batch[i] = recording{}
		}
	}
}

// gather takes what waits, without waiting.
func (r *recorder) gather(batch []recording) []recording {
	for len(batch) < mostTogether {
		select {
		case b, more := <-r.in:
			if !more {
				return batch
			}
			batch = append(batch, b)
		default:
			return batch
		}
	}
	return batch
}
