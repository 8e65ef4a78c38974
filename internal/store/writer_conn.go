package store

import (
	"context"
	"os"
	"time"
)

// begin opens the connection if there is none and starts a transaction, waiting
// for other processes.
func (w *writer) begin(ctx context.Context) (time.Duration, error) {
	wait := newBusyWait(w.store.busy)
	defer wait.stop()
	start := time.Now()
	w.contended = false
	for {
		err := w.connect(ctx)
		if err == nil {
			_, err = w.tx.exec(ctx, sqlBegin)
		}
		if err == nil {
			w.tx.begin(w.store.now())
			return time.Since(start), nil
		}
		if !isBusy(err) {
			w.rollback(ctx)
			return time.Since(start), err
		}
		w.contended = true
		if !wait.next(ctx) {
			return time.Since(start), err
		}
	}
}

// connect opens the writer's connection.
func (w *writer) connect(ctx context.Context) error {
	if w.db != nil {
		return nil
	}
	db, err := openDB(w.store.path, modeWrite, 1)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return err
	}
	view, err := newTx(w.store, conn)
	if err != nil {
		_ = conn.Close()
		_ = db.Close()
		return err
	}
	w.db, w.tx = db, view
	// What others left in the log is checkpointed with what this process adds.
	if info, err := os.Stat(w.store.path + "-wal"); err == nil {
		w.unsaved += info.Size()
	}
	return nil
}

// rollback ends a failed transaction. The connection is thrown away too: after
// a failure of the disk nothing that it remembers is worth trusting.
func (w *writer) rollback(ctx context.Context) {
	if w.db == nil {
		return
	}
	_, _ = w.tx.exec(ctx, sqlRollback)
	w.tx.close()
	_ = w.db.Close()
	w.db, w.tx = nil, nil
}

// checkpoint moves the log into the file, between batches, when enough has been
// written. A failure is no loss: the log stays, and the next one tries again.
func (w *writer) checkpoint(ctx context.Context, batch []*job) {
	w.unsaved += checkpointPerCommit
	for _, j := range batch {
		w.unsaved += int64(j.size) + checkpointPerJob
	}
	if w.unsaved < checkpointBytes || w.db == nil {
		return
	}
	w.unsaved = 0
	_, _ = w.tx.exec(ctx, sqlCheckpoint)
}
