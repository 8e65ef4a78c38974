package postgres

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Clock is an expression for the server's clock, in microseconds.
func (db *DB) Clock() string {
	return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
}

// What writes to a table holds a lock on it until it ends. Transactions of others in the
// same server are none of the ledger's: one that is open for an hour may not stop a scan.
const (
	sqlWriting = `SELECT DISTINCT CAST(virtualtransaction AS TEXT) FROM pg_locks
		WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = CAST('deliveries' AS regclass)))`
	sqlStillWriting = "SELECT count(*) FROM pg_locks WHERE virtualtransaction = ANY (?) AND mode = 'RowExclusiveLock'"
	// sqlStuck ends transactions of this user whose client has said nothing for as long
	// as idleWithin, in microseconds. The server's own time-out does not see one that is
	// silent in the midst of a request.
	sqlStuck = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
		AND state <> 'idle' AND wait_event = 'ClientRead' AND greatest(xact_start, query_start, state_change) < clock_timestamp() - CAST(? AS BIGINT) * INTERVAL '1 microsecond'`
	// barrierWithin is longer than any transaction of ours may take.
	barrierWithin = 10 * time.Second
	barrierEvery  = 20 * time.Millisecond
)

// Barrier returns once every transaction that had begun to write has ended. Keys are no
// order: one that is smaller than those that are seen may still be committed.
func (db *DB) Barrier(ctx context.Context) error {
	writing, err := db.writing(ctx)
	if err != nil || len(writing) == 0 {
		return err
	}
	begun := time.Now()
	for {
		var left int
		if err := db.read.QueryRowContext(ctx, sqlStillWriting, db.Texts(writing)).Scan(&left); err != nil || left == 0 {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if waited := time.Since(begun); waited > barrierWithin {
			return &payment.Error{
				Kind: payment.KindUnavailable, Retryable: true,
				Message: "a transaction on " + db.place.name + " has been open for more than 10 s; what it writes could be missed",
				Hint:    "look for it in pg_stat_activity, and try again when it has ended",
			}
		} else if waited > idleWithin {
			db.endStuck(ctx)
		}
		wait(ctx, barrierEvery)
	}
}

// writing returns the transactions that write to the ledger.
func (db *DB) writing(ctx context.Context) ([]string, error) {
	rows, err := db.read.QueryContext(ctx, sqlWriting)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// endStuck ends the transactions of clients that fell silent, if it may: those of another
// user are left to the server.
func (db *DB) endStuck(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	var n int
	_ = db.read.QueryRowContext(ctx, sqlStuck, idleWithin.Microseconds()).Scan(&n)
}
