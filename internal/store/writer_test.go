package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/payctl/payctl/internal/payment"
)

// commits gathers what the writer tells of its commits.
type commits struct {
	mu  sync.Mutex
	all []CommitStats
}

func (c *commits) add(s CommitStats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, s)
}

func (c *commits) jobs() (jobs, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.all {
		jobs, most = jobs+s.Jobs, max(most, s.Jobs)
	}
	return jobs, most
}

func TestGroupCommit(t *testing.T) {
	t.Parallel()
	var c commits
	s := openTest(t, Options{OnCommit: c.add})
	const deposits, senders, each = 40, 32, 25
	var all []payment.Deposit
	for i := range deposits {
		all = append(all, pending(t, s, push(t, fmt.Sprint("INV-", i)), fmt.Sprint("ws_", i)))
	}
	var mu sync.Mutex
	ids, moved := map[string]int{}, 0
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for i := range each {
				n := (sender*each + i*7) % (deposits * 2)
				a := callback(fmt.Sprint("ws_", n), fmt.Sprint("REC", n), 15000)
				if n < deposits {
					a = withToken(a, all[n].CallbackToken)
				}
				r, err := s.Deliveries.Record(t.Context(), a)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids[r.DeliveryID]++
				if r.Move == payment.MoveApply {
					moved++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(ids) != senders*each || moved != deposits {
		t.Errorf("%d deliveries, %d moves", len(ids), moved)
	}
	for id := range ids {
		if _, err := s.Deliveries.Get(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	for _, d := range all {
		if got := deposit(t, s, d.ID); got.Status != payment.StatusCompleted || !got.Conflict.IsZero() {
			t.Errorf("%s is %s", d.ID, got.Status)
		}
	}
	checkSound(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if jobs, most := c.jobs(); jobs != 3*deposits+senders*each || most < 2 {
		t.Errorf("%d jobs, at most %d in a commit", jobs, most)
	}
}

// A batch reads its deposits ahead; what the batch itself changes must be seen.
func TestBatchSeesItself(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := create(t, s, push(t, "INV-1"))
	other := pending(t, s, push(t, "INV-2"), "ws_2")
	if _, _, err := s.Deposits.ClaimSend(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	var jobs []*job
	var arrivals []*arrival
	for _, a := range []Arrival{
		withToken(callback("ws_1", "REC0000001", 15000), d.CallbackToken),
		withToken(callback("ws_1", "REC0000001", 15000), d.CallbackToken),
		callback("ws_1", "REC0000001", 15000),
		withToken(callback("ws_2", "REC0000001", 15000), other.CallbackToken),
		withToken(failed(callback("ws_1", "", 0)), d.CallbackToken),
	} {
		p, err := s.prepare(a)
		if err != nil {
			t.Fatal(err)
		}
		arrivals = append(arrivals, p)
		jobs = append(jobs, &job{run: p.record, arrival: p, done: make(chan struct{})})
	}
	runBatch(t, s, jobs)
	for i, want := range []outcome{
		{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted},
		{Deposit: true, Duplicate: true, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted},
		{Deposit: true, Verdict: payment.VerdictUntrusted, Reason: noToken, Status: payment.StatusCompleted},
		{
			Deposit: true, Verdict: payment.VerdictUntrusted, Status: payment.StatusPending,
			Reason: "the receipt is already that of deposit " + d.ID,
		},
		{
			Deposit: true, Move: payment.MoveConflict, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted,
			Reason: "the callback said COMPLETED, the callback says FAILED",
		},
	} {
		if got := outcomeOf(arrivals[i].out); got != want {
			t.Errorf("%d: got %+v, want %+v", i, got, want)
		}
	}
	if got := deposit(t, s, other.ID); got.Status != payment.StatusPending {
		t.Errorf("the other is %s", got.Status)
	}
	checkSound(t, s)
}

// TestBatchSeesOtherJobs holds that a delivery sees what another sort of job of its
// batch has made and changed.
func TestBatchSeesOtherJobs(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	known := pending(t, s, push(t, "INV-1"), "ws_1")
	made := push(t, "INV-2")
	made.IdempotencyKey, made.CallbackToken = "made", payment.NewToken()
	seq, _ := s.key(depositPrefix, known.ID)
	jobs := []*job{
		{done: make(chan struct{}), run: func(ctx context.Context, t *tx) error {
			_, err := t.deposits.insert(ctx, made)
			return err
		}},
		{done: make(chan struct{}), run: func(ctx context.Context, t *tx) error {
			d, err := s.depositBy(ctx, t, "seq = ?", seq)
			if err != nil {
				return err
			}
			_, _, err = t.deposits.apply(ctx, d, payment.Claim{Status: payment.StatusFailed, By: payment.SourceQuery, At: t.now})
			return err
		}},
	}
	var arrivals []*arrival
	for _, a := range []Arrival{
		withToken(callback("ws_2", "REC0000002", 15000), made.CallbackToken),
		withToken(callback("ws_1", "REC0000001", 15000), known.CallbackToken),
	} {
		p, err := s.prepare(a)
		if err != nil {
			t.Fatal(err)
		}
		arrivals = append(arrivals, p)
		jobs = append(jobs, &job{run: p.record, arrival: p, done: make(chan struct{})})
	}
	runBatch(t, s, jobs)
	for i, want := range []outcome{
		{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted},
		{
			Deposit: true, Move: payment.MoveOverrule, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted,
			Reason: "the query said FAILED, the callback says COMPLETED",
		},
	} {
		if got := outcomeOf(arrivals[i].out); got != want {
			t.Errorf("%d: got %+v, want %+v", i, got, want)
		}
	}
	checkSound(t, s)
}

// TestRefusalRunsOnce holds that a job that is refused before it writes costs its
// batch nothing, and that one that is refused later has the batch run again.
func TestRefusalRunsOnce(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	refused := errors.New("refused")
	for _, c := range []struct {
		writes bool
		runs   int
	}{{false, 1}, {true, 2}} {
		runs := 0
		jobs := []*job{
			{done: make(chan struct{}), run: func(ctx context.Context, t *tx) error {
				runs++
				return setSlot(ctx, t, fmt.Sprint(c.writes))
			}},
			{done: make(chan struct{}), run: func(ctx context.Context, t *tx) error {
				if !c.writes {
					return refused
				}
				return errors.Join(setSlot(ctx, t, "half done"), refused)
			}},
		}
		runBatch(t, s, jobs)
		if jobs[0].err != nil || !errors.Is(jobs[1].err, refused) || runs != c.runs {
			t.Errorf("writes %v: errors %v and %v, run %d times, want %d", c.writes, jobs[0].err, jobs[1].err, runs, c.runs)
		}
	}
	var first, last string
	var n int
	err := s.read.QueryRowContext(t.Context(), "SELECT count(*), min(name), max(name) FROM slots").Scan(&n, &first, &last)
	if err != nil || n != 2 || first != "false" || last != "true" {
		t.Errorf("%d slots from %q to %q, error %v", n, first, last, err)
	}
}

// setSlot writes a row that means nothing to anybody.
func setSlot(ctx context.Context, t *tx, name string) error {
	err := t.exec(ctx, "INSERT INTO slots (name, next_at, updated_at) VALUES (?, 1, 1)", name)
	return err
}

// runBatch puts jobs into one transaction, from outside the writer's goroutine,
// which has to be at rest.
func runBatch(t *testing.T, s *Store, jobs []*job) {
	t.Helper()
	w := newWriter(s.database)
	defer func() { _ = w.close() }()
	w.commit(context.WithoutCancel(t.Context()), jobs)
}

// One delivery that cannot be written must not take the others with it.
func TestBatchIsNotPoisoned(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	var jobs []*job
	var arrivals []*arrival
	for i := range 5 {
		p, err := s.prepare(withToken(callback(fmt.Sprint("ws_", i), "REC0000001", 15000), map[int]string{1: d.CallbackToken}[i]))
		if err != nil {
			t.Fatal(err)
		}
		run := p.record
		if i == 2 {
			run = func(ctx context.Context, t *tx) error { return errors.Join(p.record(ctx, t), errors.New("broken")) }
		}
		arrivals = append(arrivals, p)
		jobs = append(jobs, &job{run: run, arrival: p, done: make(chan struct{})})
	}
	refused := errors.New("refused")
	jobs = append(jobs, &job{done: make(chan struct{}), run: func(ctx context.Context, t *tx) error {
		if err := setSlot(ctx, t, "half done"); err != nil {
			return err
		}
		return refused
	}})
	runBatch(t, s, jobs)
	for i, j := range jobs {
		if failed := j.err != nil; failed != (i == 2 || i == 5) {
			t.Errorf("job %d: %v", i, j.err)
		}
	}
	if !errors.Is(jobs[5].err, refused) {
		t.Errorf("%v", jobs[5].err)
	}
	if arrivals[1].out.Move != payment.MoveApply || deposit(t, s, d.ID).Status != payment.StatusCompleted {
		t.Errorf("%+v", arrivals[1].out)
	}
	list, _, err := s.Deliveries.List(t.Context(), DeliveryFilter{})
	if err != nil || len(list) != 4 {
		t.Errorf("%d deliveries, error %v", len(list), err)
	}
	var slots int
	if err := s.read.QueryRowContext(t.Context(), "SELECT count(*) FROM slots").Scan(&slots); err != nil || slots != 0 {
		t.Errorf("%d slots of a refused job, error %v", slots, err)
	}
	checkSound(t, s)
}

// A commit that fails acknowledges nothing, and the next one works.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	broken := errors.New("the disk went away")
	setFailCommit(t, s, func() error { return broken })
	_, err := s.Deliveries.Record(t.Context(), genuine(t, s, callback("ws_1", "REC0000001", 15000)))
	if err == nil || !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping says that a commit would work")
	}
	if got := deposit(t, s, d.ID); got.Status != payment.StatusPending {
		t.Errorf("status %s", got.Status)
	}
	setFailCommit(t, s, nil)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if r := deliver(t, s, callback("ws_1", "REC0000001", 15000)); r.Duplicate || r.Move != payment.MoveApply {
		t.Errorf("%+v", r)
	}
	checkSound(t, s)
}

// TestRecordGivesUpItsPlace holds that a delivery whose caller gave up before
// its turn is not recorded later, and that a commit under way is awaited.
func TestRecordGivesUpItsPlace(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	begun, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	setFailCommit(t, s, func() error {
		once.Do(func() { close(begun); <-goOn })
		return nil
	})
	ctx, giveUp := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	record := func(id string, done chan<- error) {
		_, err := s.Deliveries.Record(ctx, callback(id, "", 100))
		done <- err
	}
	go record("ws_1", first)
	<-begun
	go record("ws_2", second)
	for s.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	giveUp()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("the one that waited: %v", err)
	}
	close(goOn)
	if err := <-first; err != nil {
		t.Errorf("the one under way: %v", err)
	}
	stored, _, err := s.Deliveries.List(t.Context(), DeliveryFilter{})
	if err != nil || len(stored) != 1 || stored[0].Event.ProviderID != "ws_1" {
		t.Errorf("stored %+v, error %v", stored, err)
	}
}

// setFailCommit changes the fault within the writer's own goroutine.
func setFailCommit(t *testing.T, s *Store, fail func() error) {
	t.Helper()
	s.writer.failCommit.Store(&fail)
}

// A full disk is told as one; what was acknowledged stays, and once there is
// room again the ledger goes on.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	fileOnly(t)
	s := openTest(t, Options{})
	acknowledged := map[string]bool{}
	for i := range 5 {
		acknowledged[record(t, s, callback(fmt.Sprint("ws_", i), "", 1)).DeliveryID] = true
	}
	limit := func(pages string) {
		err := s.do(t.Context(), "limit", func(ctx context.Context, t *tx) error {
			var n int64
			return t.row(ctx, "PRAGMA max_page_count = "+pages, nil, &n)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit("1")
	var err error
	for i := 0; err == nil && i < 2000; i++ {
		a := callback(fmt.Sprint("full_", i), "", 1)
		a.Delivery.Body = append(a.Delivery.Body, strings.Repeat("x", 5000)...)
		var r Recorded
		if r, err = s.Deliveries.Record(t.Context(), a); err == nil {
			acknowledged[r.DeliveryID] = true
		}
	}
	if kindOf(err) != payment.KindInternal || !strings.Contains(err.Error(), "disk is full") {
		t.Fatalf("%v", err)
	}
	// The failed connection was thrown away, and its limit with it.
	for i := range 5 {
		acknowledged[record(t, s, callback(fmt.Sprint("after_", i), "", 1)).DeliveryID] = true
	}
	for id := range acknowledged {
		if _, err := s.Deliveries.Get(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	list, _, err := s.Deliveries.List(t.Context(), DeliveryFilter{})
	if err != nil || len(list) != len(acknowledged) {
		t.Errorf("%d stored, %d acknowledged, error %v", len(list), len(acknowledged), err)
	}
	checkSound(t, s)
}

func TestCancelledWrite(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Deposits.Create(ctx, push(t, "INV-1")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}

	hold, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.do(t.Context(), "hold", func(context.Context, *tx) error {
			close(hold)
			<-release
			return nil
		})
	})
	<-hold
	ctx, cancel = context.WithCancel(t.Context())
	wg.Go(func() {
		if _, _, err := s.Deposits.Create(ctx, push(t, "INV-1")); !errors.Is(err, context.Canceled) {
			t.Errorf("a queued write that was cancelled: %v", err)
		}
	})
	for s.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		t.Error("the holder ended early")
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	<-done
	if list, _, err := s.Deposits.List(t.Context(), DepositFilter{}); err != nil || len(list) != 0 {
		t.Errorf("a cancelled write was written: %v, error %v", list, err)
	}
}

// Another program may hold the ledger: that is told as such, in time.
func TestHeldLedger(t *testing.T) {
	t.Parallel()
	fileOnly(t)
	s := openTest(t, Options{BusyTimeout: 50 * time.Millisecond})
	create(t, s, push(t, "INV-1"))
	db, err := sql.Open("sqlite", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Deposits.Create(t.Context(), push(t, "INV-2"))
	var e *payment.Error
	if !errors.As(err, &e) || e.Kind != payment.KindUnavailable || !e.Retryable || strings.Contains(err.Error(), "database is locked") {
		t.Errorf("%v", err)
	}
	if list, _, err := s.Deposits.List(t.Context(), DepositFilter{}); err != nil || len(list) != 1 {
		t.Errorf("reading beside a writer: %v, error %v", list, err)
	}
	if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	create(t, s, push(t, "INV-2"))
}

func TestDriverErrors(t *testing.T) {
	t.Parallel()
	fileOnly(t)
	s := openTest(t, Options{})
	_, err := s.read.ExecContext(t.Context(), "CREATE TABLE t (x)")
	if _, ok := errors.AsType[*sqlite.Error](err); !ok {
		t.Fatalf("%v", err)
	}
	if got := s.kinded("write", err); kindOf(got) != payment.KindInternal || !strings.Contains(got.Error(), "read-only") {
		t.Errorf("%v", got)
	}
	if got := s.kinded("read", context.DeadlineExceeded); !errors.Is(got, context.DeadlineExceeded) {
		t.Errorf("%v", got)
	}
	if got := s.kinded("read", nil); got != nil {
		t.Errorf("%v", got)
	}
}
