package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// changesEvery is how often other processes' commits are looked for: a watcher
// must hear of one within 50 ms.
const changesEvery = 10 * time.Millisecond

// Watch calls changed after commits by other connections, and whenever it cannot tell,
// until ctx ends. It looks at the data version on a connection of its own.
func (db *DB) Watch(ctx context.Context, changed func()) {
	ticker := time.NewTicker(changesEvery)
	defer ticker.Stop()
	v := versionReader{ledger: db}
	defer v.close()
	last := int64(-1)
	for {
		now, err := v.read(ctx)
		if err != nil {
			v.close() // without a version, a watcher has to look for itself
			now = -1
		}
		if now != last || err != nil {
			changed()
		}
		last = now
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// versionReader keeps a connection to ask for the data version.
type versionReader struct {
	ledger *DB
	db     *sql.DB
	stmt   *sql.Stmt
}

func (v *versionReader) read(ctx context.Context) (int64, error) {
	if v.db == nil {
		db, err := openDB(v.ledger.path, v.ledger.readMode(), 1)
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
