package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// The writer is group commit: one goroutine, one connection. Callers hand over
// jobs and wait; the writer takes all that are there, runs them in one
// transaction, commits once and releases the callers. There is no timer: a lone
// job is committed at once, and while a commit is under way the next jobs gather.

// queueLength bounds the jobs that wait; further callers wait to hand over.
const queueLength = 1024

// mostJobs and mostBytes bound one transaction, so that nobody waits long and
// memory stays small.
const (
	mostJobs  = 512
	mostBytes = 16 << 20
)

// bytesPerJob is roughly what a job writes besides its body.
const bytesPerJob = 8 << 10

type writer struct {
	store *database
	queue chan *job
	stop  chan struct{}
	once  sync.Once
	// started spares all but the first the closure of once.
	started atomic.Bool
	wg      sync.WaitGroup

	// Only the goroutine touches what follows.
	conn      conn
	tx        *tx
	contended bool
	polite    int

	// failCommit, if it holds a function, lets a test fail commits.
	failCommit atomic.Pointer[func() error]
}

func newWriter(db *database) *writer {
	c := db.engine.Writer()
	return &writer{store: db, conn: c, tx: newTx(db, c), queue: make(chan *job, queueLength), stop: make(chan struct{})}
}

// start runs the goroutine at the first write: a command that only reads has none.
func (w *writer) start(ctx context.Context) {
	if w.started.Load() {
		return
	}
	w.once.Do(func() {
		w.started.Store(true)
		ctx = context.WithoutCancel(ctx)
		w.wg.Go(func() { w.loop(ctx) })
	})
}

// close ends the goroutine after the jobs that have been handed over.
func (w *writer) close() error {
	close(w.stop)
	w.wg.Wait()
	return w.conn.Close()
}

func (w *writer) loop(ctx context.Context) {
	batch := make([]*job, 0, mostJobs)
	for {
		select {
		case j := <-w.queue:
			batch = w.gather(append(batch[:0], j))
		case <-w.stop:
			// Nobody submits any more: the store is closed.
			for batch = w.gather(batch[:0]); len(batch) > 0; batch = w.gather(batch[:0]) {
				w.commit(ctx, batch)
			}
			return
		}
		w.commit(ctx, batch)
		w.tidy(ctx, batch)
		clear(batch)
		w.yield()
	}
}

// yieldFor is how long the ledger is left to others after a commit for which it
// had to be waited for, yieldCommits for how many commits that is remembered.
const (
	yieldFor     = time.Millisecond
	yieldCommits = 16
)

// yield lets another process in. SQLite's lock goes to whoever happens to ask
// while it is free: two listeners without manners would starve each other.
func (w *writer) yield() {
	if w.contended {
		w.polite = yieldCommits
	}
	if w.polite == 0 {
		return
	}
	w.polite--
	timer := time.NewTimer(yieldFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.stop:
	}
}

// gather takes what waits, without waiting.
func (w *writer) gather(batch []*job) []*job {
	size := 0
	kept := batch[:0]
	for _, j := range batch {
		if j.state.CompareAndSwap(jobQueued, jobTaken) {
			kept, size = append(kept, j), size+j.size
		}
	}
	for len(kept) < mostJobs && size < mostBytes {
		select {
		case j := <-w.queue:
			if j.state.CompareAndSwap(jobQueued, jobTaken) {
				kept, size = append(kept, j), size+j.size
			}
		default:
			return kept
		}
	}
	return kept
}

// commit runs a batch in one transaction and releases its callers. A batch that others'
// changes kept from its end, at every try, is run in halves: each of its jobs has fewer
// rivals then.
func (w *writer) commit(ctx context.Context, batch []*job) {
	if len(batch) == 0 {
		return
	}
	stats := CommitStats{Jobs: len(batch)}
	stats.Waited, stats.Took, stats.Retries, stats.Err = w.transact(ctx, batch)
	if len(batch) > 1 && stats.Err != nil && stats.Retries == mostRetries {
		w.commit(ctx, batch[:len(batch)/2])
		w.commit(ctx, batch[len(batch)/2:])
		return
	}
	if stats.Err != nil {
		for _, j := range batch {
			j.err = stats.Err
		}
	}
	for _, j := range batch {
		close(j.done)
	}
	if stats.Err == nil {
		w.store.changes.announce()
	}
	if w.store.onCommit != nil {
		w.store.onCommit(stats)
	}
}

// errApart says that a job failed after it had written, and that its batch is to be
// run again with every job apart from the others.
var errApart = errors.New("a job failed inside a shared transaction")

// mostRetries is how often a batch is run again before it is cut in halves, and
// mostLoneRetries a job by itself.
const (
	mostRetries     = 3
	mostLoneRetries = 30
)

// askRepeats is for how many batches, after one with a repetition, the ledger is asked
// for them.
const askRepeats = 64

// transact runs a batch, again and again while others' changes keep it from its end.
func (w *writer) transact(ctx context.Context, batch []*job) (waited, took time.Duration, retries int, err error) {
	most, start := mostRetries, time.Now()
	if len(batch) == 1 {
		most = mostLoneRetries
	}
	for {
		var held time.Duration
		held, err = w.try(ctx, batch)
		waited += held
		w.tx.repeats = max(0, w.tx.repeats-1)
		if err == nil || !w.conn.Again(err) || retries == most || time.Since(start) > w.store.busy {
			return waited, time.Since(start) - waited, retries, err
		}
		if w.conn.Repeated(err) {
			w.tx.repeats = askRepeats
		}
		retries++
		w.pause(retries)
	}
}

// pause lets rivals end before a transaction is run again.
func (w *writer) pause(retries int) {
	most := min(int64(retries)*int64(time.Millisecond), int64(20*time.Millisecond))
	timer := time.NewTimer(time.Duration(rand.Int64N(most))) //nolint:gosec // a pause, no secret
	defer timer.Stop()
	<-timer.C
}

// try runs a batch in one transaction, its jobs apart from each other if one of them
// fails.
func (w *writer) try(ctx context.Context, batch []*job) (waited time.Duration, err error) {
	for _, apart := range []bool{false, true} {
		var held time.Duration
		if held, err = w.begin(ctx, batch); err == nil {
			err = w.run(ctx, batch, apart)
		}
		waited += held
		if err == nil {
			return waited, nil
		}
		failed := w.conn.Failed() && !w.conn.Fatal(err) && !w.conn.Again(err)
		w.conn.Rollback(ctx)
		if !errors.Is(err, errApart) && (!failed || apart) {
			break
		}
	}
	return waited, err
}

// run runs every job and commits. A savepoint costs more than most jobs, so none is
// made at first: a job checks before it writes, and what fails without having written
// leaves nothing to undo.
func (w *writer) run(ctx context.Context, batch []*job, apart bool) error {
	for _, j := range batch {
		if apart {
			j.err = w.runApart(ctx, j)
		} else {
			before := w.tx.writes
			if j.err = j.run(ctx, w.tx); j.err != nil && !w.conn.Fatal(j.err) && (w.tx.writes != before || w.conn.Failed()) {
				if w.conn.Again(j.err) {
					return j.err
				}
				return errApart
			}
		}
		if w.conn.Fatal(j.err) {
			return j.err
		}
	}
	if err := w.tx.settle(ctx); err != nil {
		return err
	}
	if fail := w.failCommit.Load(); fail != nil && *fail != nil {
		if err := (*fail)(); err != nil {
			return err
		}
	}
	return w.conn.Commit(ctx)
}

// runApart runs a job so that its failure leaves the others alone.
func (w *writer) runApart(ctx context.Context, j *job) error {
	w.tx.known = nil // of no use once something is undone
	mark := w.tx.mark()
	err := w.conn.Apart(ctx, func() error { return j.run(ctx, w.tx) })
	if err != nil {
		w.tx.reset(mark)
	}
	return err
}

// begin starts a transaction and reads what the batch's deliveries name.
func (w *writer) begin(ctx context.Context, batch []*job) (time.Duration, error) {
	waited, fresh, contended, err := w.conn.Begin(ctx)
	w.contended = contended
	if fresh {
		w.tx.dict.forget()
	}
	w.tx.begin(w.store.now())
	if err != nil {
		return waited, err
	}
	arrivals := make([]*arrival, 0, len(batch))
	for _, j := range batch {
		if j.arrival != nil {
			arrivals = append(arrivals, j.arrival)
		}
	}
	w.tx.known = nil
	if w.tx.remote() {
		err = w.tx.beginRemote(ctx, batch, arrivals)
	} else if len(arrivals) > 0 {
		w.tx.known, err = w.tx.look(ctx, arrivals)
	}
	return waited, err
}

// tidy lets the connection clear up, between batches.
func (w *writer) tidy(ctx context.Context, batch []*job) {
	written := int64(0)
	for _, j := range batch {
		written += int64(j.size) + bytesPerJob
	}
	w.conn.Tidy(ctx, written)
}
