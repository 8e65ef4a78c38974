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

const (
	sqlBegun = "SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)"
	sqlEnded = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"
	// barrierWithin is longer than any transaction of ours may take.
	barrierWithin = 10 * time.Second
	barrierEvery  = 20 * time.Millisecond
)

// Barrier returns once every transaction that writes and had begun has ended. Keys are no
// order: one that is smaller than those that are seen may still be committed.
func (db *DB) Barrier(ctx context.Context) error {
	var begun, ended int64
	if err := db.read.QueryRowContext(ctx, sqlBegun).Scan(&begun); err != nil {
		return err
	}
	until := time.Now().Add(barrierWithin)
	for {
		if err := db.read.QueryRowContext(ctx, sqlEnded).Scan(&ended); err != nil || ended >= begun {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(until) {
			return &payment.Error{
				Kind: payment.KindUnavailable, Retryable: true,
				Message: "a transaction on " + db.place.name + " has been open for more than 10 s; what it writes could be missed",
				Hint:    "look for it in pg_stat_activity, and try again when it has ended",
			}
		}
		wait(ctx, barrierEvery)
	}
}
