package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Options says which ledger to open and how.
type Options struct {
	// Path is the ledger's file; it and its directory are made when absent. A postgres://
	// URL names a database, which Migrate makes a ledger.
	Path string
	// StateDir holds what this machine keeps of shared ledgers.
	StateDir string
	// MayWait opens a shared ledger although its server does not answer, if this machine
	// has opened it before: for a listener, which can keep what comes.
	MayWait bool
	// MustExist refuses to make one: for commands that would only find it empty.
	MustExist bool
	// ReadOnly opens an existing ledger without ever writing to it.
	ReadOnly bool
	// OrReadOnly opens a ledger that this user may not write as ReadOnly does: for
	// commands that only read.
	OrReadOnly bool
	// Actor returns whose command works with the ledger, for what is written down of it; see
	// Actions. nil has nothing written down.
	Actor func() Actor
	// Now is the clock of everything that is recorded; nil means the machine's that holds
	// the ledger.
	Now func() time.Time
	// BusyTimeout bounds how long a write waits for other processes; 0 means 15 s.
	BusyTimeout time.Duration
	// Quarantine bounds what junk may take; the zero value means DefaultQuarantine.
	Quarantine Quarantine
	// OnCommit, if set, is told of every commit of the writer, from its goroutine.
	OnCommit func(CommitStats)
	// NoRollups keeps no statistics, for benchmarks of what they cost.
	NoRollups bool
}

// CommitStats describes one commit.
type CommitStats struct {
	// Jobs is how many writes shared the commit.
	Jobs int
	// Retries is how often it was run again because of what others changed.
	Retries int
	// Waited is how long other processes kept the ledger; Took is the whole
	// transaction, fsync included, without the wait.
	Waited, Took time.Duration
	// Err is what the commit failed with, or nil.
	Err error
}

// defaultBusyTimeout is longer than any transaction of ours, many times over.
const defaultBusyTimeout = 15 * time.Second

// Store is an open ledger: one database, and a handle for each noun in it. It is
// safe for concurrent use, and other processes may have the same ledger open.
type Store struct {
	*database
	Deposits   *Deposits
	Deliveries *Deliveries
	Forwards   *Forwards
	Queries    *Queries
	Runs       *Runs
	Books      *Books
	Rollups    *Rollups
	Recovery   Recovery
	Actions    *Actions
}

// The handles. Each has the methods of one noun, over the same database.
type (
	// Deposits asks for, settles and finds deposits.
	Deposits struct{ *database }
	// Deliveries records and finds what providers sent.
	Deliveries struct{ *database }
	// Forwards is the queue of what is to be sent on.
	Forwards struct{ *database }
	// Queries are questions whose answers come by callback.
	Queries struct{ *database }
	// Runs are replays and their attempts.
	Runs struct{ *database }
)

// database is what the handles have in common.
type database struct {
	ids

	engine     engine
	now        func() time.Time
	quarantine Quarantine
	onCommit   func(CommitStats)
	actor      func() Actor
	noRollups  bool
	// busy bounds a write.
	busy time.Duration
	// ownClock says that the process's clock counts, whatever the ledger's says.
	ownClock bool

	read   *sql.DB
	tables tables
	// fetched counts deliveries that were read; see Deliveries.scanned.
	fetched atomic.Int64
	kinds   kinds

	writer  *writer
	changes *changes

	mu     sync.RWMutex
	closed bool
}

// Open opens a ledger, making and migrating it where needed. The file must be
// absent, empty or a payctl ledger: anything else is KindUsage and left as it
// is. A ledger that a newer payctl wrote is KindConflict; a damaged one or a
// failing disk is KindInternal; one that is held by another process for longer
// than BusyTimeout is KindUnavailable.
func Open(ctx context.Context, o Options) (*Store, error) {
	db := &database{tables: newTables(), now: o.Now, quarantine: o.Quarantine, onCommit: o.OnCommit, actor: o.Actor, noRollups: o.NoRollups, ownClock: o.Now != nil}
	if db.busy = o.BusyTimeout; db.busy <= 0 {
		db.busy = defaultBusyTimeout
	}
	if db.now == nil {
		db.now = time.Now
	}
	if db.quarantine == (Quarantine{}) {
		db.quarantine = DefaultQuarantine()
	}
	var err error
	if db.engine, err = openEngine(ctx, o, db.busy); err != nil {
		if db.engine == nil {
			return nil, err
		}
		return nil, db.kinded("open the ledger", err)
	}
	if err := (Recovery{db}).believed(); err != nil {
		return nil, errors.Join(err, db.engine.Close())
	}
	db.read = db.engine.Reader()
	if err := db.readKey(ctx); err != nil {
		return nil, db.kinded("open the ledger", errors.Join(err, db.engine.Close()))
	}
	db.writer = newWriter(db)
	db.changes = newChanges(db)
	s := &Store{
		database: db, Deposits: &Deposits{db}, Deliveries: &Deliveries{db}, Forwards: &Forwards{db},
		Queries: &Queries{db}, Runs: &Runs{db}, Books: &Books{db}, Rollups: &Rollups{db}, Recovery: Recovery{db}, Actions: &Actions{db},
	}
	if m, can := db.engine.(interface{ Migrated() (from, to int) }); can {
		if from, to := m.Migrated(); from != 0 {
			err = s.Actions.migrated(ctx, from, to)
		}
	}
	return s, err
}

// Close finishes the writes that have been handed over and closes the ledger.
// Calls that come later fail.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.changes.close()
	return s.kinded("close the ledger", errors.Join(s.writer.close(), s.engine.Close()))
}

// ReadOnly reports whether the ledger was opened without the right to write.
func (s *Store) ReadOnly() bool { return s.engine.ReadOnly() }

// Beside names a file or directory of this machine that belongs to the ledger: beside its
// file, or, for a shared one, in the state directory under the ledger's own id.
func (s *Store) Beside(name string) string { return s.engine.Beside(name) }

// Away reports whether the server of a shared ledger has not answered yet; see MayWait.
func (s *Store) Away() bool {
	e, can := s.engine.(interface{ Away() bool })
	return can && e.Away()
}

// Path returns the ledger's file, or its database without what is secret.
func (s *Store) Path() string { return s.engine.Path() }

// readKey reads the key of the ledger's ids.
func (db *database) readKey(ctx context.Context) error {
	key, err := db.engine.IDKey(ctx)
	if err != nil {
		return err
	}
	db.ids, err = hex.DecodeString(key)
	return err
}

// kinded gives an error of the engine its kind. An error that has a kind, or that is a
// context's, passes.
func (db *database) kinded(what string, err error) error {
	if err == nil {
		return nil
	}
	var e *payment.Error
	if errors.As(err, &e) || isContextErr(err) {
		return err
	}
	return db.engine.Error(what, err)
}

func isContextErr(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// micros is how times are stored: microseconds since 1970, UTC.
func micros(t time.Time) int64 { return t.UnixMicro() }

// nullMicros stores the zero time as NULL.
func nullMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// SharedID returns the id of a shared ledger, which its copies have too; "" for a file.
func (s *Store) SharedID() string {
	if e, can := s.engine.(interface{ ID() string }); can {
		return e.ID()
	}
	return ""
}

// Now returns the ledger's clock: the server's, for a shared one.
func (s *Store) Now() time.Time {
	if e, can := s.engine.(interface{ Now() time.Time }); can && !s.ownClock {
		return e.Now()
	}
	return s.now()
}
