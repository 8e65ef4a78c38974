package store

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// changesEvery is how often other processes' commits are looked for: a watcher
// must hear of one within 50 ms.
const changesEvery = 10 * time.Millisecond

// changes tells watchers that something has been committed: by this process at
// once, by others when SQLite's data version moves. Nobody looks while nobody
// watches.
type changes struct {
	db *database

	mu       sync.Mutex
	watchers map[chan struct{}]struct{}
	stop     chan struct{}
	wg       sync.WaitGroup
	closed   bool
}

func newChanges(db *database) *changes {
	return &changes{db: db, watchers: map[chan struct{}]struct{}{}}
}

// Changes returns a channel that receives after every commit to the ledger, by
// whatever process; commits that come close together may be one. A first value
// is waiting, so that a caller who reads upon each value misses nothing. The
// channel is closed when ctx ends or the ledger is closed.
func (s *Store) Changes(ctx context.Context) <-chan struct{} { return s.changes.join(ctx) }

// Changes is that of the whole ledger.
func (h *Deposits) Changes(ctx context.Context) <-chan struct{} { return h.changes.join(ctx) }

// Changes is that of the whole ledger.
func (h *Queries) Changes(ctx context.Context) <-chan struct{} { return h.changes.join(ctx) }

func (c *changes) join(ctx context.Context) <-chan struct{} {
	ch := make(chan struct{}, 1)
	ch <- struct{}{}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || ctx.Err() != nil {
		close(ch)
		return ch
	}
	c.watchers[ch] = struct{}{}
	if c.stop == nil {
		c.stop = make(chan struct{})
		stop, lookCtx := c.stop, context.WithoutCancel(ctx)
		c.wg.Go(func() { c.look(lookCtx, stop) })
	}
	context.AfterFunc(ctx, func() { c.leave(ch) })
	return ch
}

func (c *changes) leave(ch chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.watchers[ch]; !ok {
		return
	}
	delete(c.watchers, ch)
	close(ch)
	if len(c.watchers) == 0 {
		close(c.stop)
		c.stop = nil
	}
}

func (c *changes) announce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ch := range c.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (c *changes) close() {
	c.mu.Lock()
	c.closed = true
	for ch := range c.watchers {
		delete(c.watchers, ch)
		close(ch)
	}
	if c.stop != nil {
		close(c.stop)
		c.stop = nil
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// look polls the data version on a connection of its own: the version is that
// of commits by other connections.
func (c *changes) look(ctx context.Context, stop <-chan struct{}) {
	ticker := time.NewTicker(changesEvery)
	defer ticker.Stop()
	var v versionReader
	defer v.close()
	last := int64(-1)
	for {
		now, err := v.read(ctx, c.db)
		switch {
		case err != nil:
			// Without a version, a watcher has to look for itself.
			v.close()
			c.announce()
		case now != last:
			c.announce()
		}
		if err == nil {
			last = now
		}
		select {
		case <-ticker.C:
		case <-stop:
			return
		}
	}
}

// versionReader keeps a connection to ask for the data version.
type versionReader struct {
	db   *sql.DB
	stmt *sql.Stmt
}

func (v *versionReader) read(ctx context.Context, ledger *database) (int64, error) {
	if v.db == nil {
		db, err := openDB(ledger.path, ledger.readMode(), 1)
		if err != nil {
			return 0, err
		}
		v.db = db
	}
	if v.stmt == nil {
		stmt, err := v.db.PrepareContext(ctx, sqlDataVersion)
		if err != nil {
			return 0, err
		}
		v.stmt = stmt
	}
	var n int64
	err := v.stmt.QueryRowContext(ctx).Scan(&n)
	return n, err
}

func (v *versionReader) close() {
	if v.stmt != nil {
		_ = v.stmt.Close()
	}
	if v.db != nil {
		_ = v.db.Close()
	}
	v.db, v.stmt = nil, nil
}
