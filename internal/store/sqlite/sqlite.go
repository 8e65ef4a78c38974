package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/payctl/payctl/internal/payment"
)

// applicationID marks a SQLite file as a payctl ledger ("PyCt").
const applicationID = 0x50794374

const (
	sqlBegin       = "BEGIN IMMEDIATE"
	sqlCommit      = "COMMIT"
	sqlRollback    = "ROLLBACK"
	sqlSavepoint   = "SAVEPOINT one"
	sqlRelease     = "RELEASE one"
	sqlUndo        = "ROLLBACK TO one"
	sqlCheckpoint  = "PRAGMA wal_checkpoint(PASSIVE)"
	sqlDataVersion = "PRAGMA data_version"
	sqlIntegrity   = "PRAGMA integrity_check(20)"
	sqlFreePages   = "PRAGMA freelist_count"
	sqlPageSize    = "PRAGMA page_size"
	sqlGiveBack    = "PRAGMA shrink_memory"
	sqlShrink      = "PRAGMA incremental_vacuum(512)"
)

// openMode is what a connection is for.
type openMode uint8

const (
	// modeWrite is the one connection that writes. It never waits inside
	// SQLite: the writer waits by itself, so that it can be fair and cancelled.
	modeWrite openMode = iota
	// modeRead reads beside the writer.
	modeRead
	// modeReadOnly opens the file itself read-only.
	modeReadOnly
	// modeStill reads a file that no process has a log beside, and makes none.
	modeStill
	// modeCreate lays out a new file.
	modeCreate
	// modeInspect looks at a file that may not be ours, without changing it.
	modeInspect
)

// readBusyMillis bounds how long a reader waits for the rare exclusive moments
// of a WAL database (recovery, the last close).
const readBusyMillis = 10_000

// dsn returns the data source name: the pragmas are in it, so that they reach
// every connection of a pool.
func dsn(path string, mode openMode) string {
	q := url.Values{}
	pragma := func(name, value string) { q.Add("_pragma", name+"("+value+")") }
	q.Set("_txlock", "immediate")
	// What a view, trigger or default of a planted file calls has no effects.
	pragma("trusted_schema", "0")
	switch mode {
	case modeWrite:
		q.Set("mode", "rw")
		pragma("busy_timeout", "0")
		pragma("journal_mode", "WAL")
		pragma("synchronous", "FULL")
		pragma("foreign_keys", "1")
		pragma("wal_autocheckpoint", "0")
		// The log keeps its blocks over a checkpoint: an fsync of blocks that are
		// there takes half the time of one that must also note new ones.
		pragma("journal_size_limit", strconv.Itoa(2*checkpointBytes))
		pragma("cache_size", "-8192")
		// What a statement may have to undo is otherwise spilled to a file.
		pragma("temp_store", "MEMORY")
	case modeRead:
		q.Set("mode", "rw")
		pragma("busy_timeout", strconv.Itoa(readBusyMillis))
		pragma("query_only", "1")
	case modeReadOnly:
		q.Set("mode", "ro")
		pragma("busy_timeout", strconv.Itoa(readBusyMillis))
	case modeStill:
		q.Set("mode", "ro")
		q.Set("immutable", "1")
	case modeCreate:
		q.Set("mode", "rw")
		pragma("busy_timeout", "0")
		pragma("synchronous", "FULL")
		pragma("foreign_keys", "1")
	case modeInspect:
		q.Set("mode", "ro")
		pragma("busy_timeout", strconv.Itoa(readBusyMillis))
	}
	return fileURI(path) + "?" + q.Encode()
}

// fileURI spells a path as SQLite's file: URI; a Windows drive needs a slash in front.
func fileURI(path string) string {
	p := filepath.ToSlash(path)
	if len(p) > 1 && p[1] == ':' {
		p = "/" + p
	}
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(p)
}

func openDB(path string, mode openMode, most int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, mode))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

// code returns SQLite's primary result code in err, 0 if there is none.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// isBusy tells that another connection holds the ledger for the moment.
func isBusy(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_BUSY || c == sqlite3.SQLITE_LOCKED
}

// isFatal tells that no statement of the batch would have fared better.
func isFatal(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT:
		return true
	}
	return false
}

// Error gives a driver's error its kind and its words; what says what was attempted.
func (db *DB) Error(what string, err error) error {
	name := filepath.Base(db.path)
	out := &payment.Error{Kind: payment.KindInternal, Err: err}
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		out.Kind, out.Retryable = payment.KindUnavailable, true
		out.Message = fmt.Sprintf("%s: ledger %s is held by another process", what, name)
		out.Hint = "try again; if it lasts, look for a program that keeps the file open, such as a database browser"
	case sqlite3.SQLITE_FULL:
		out.Message = fmt.Sprintf("%s: ledger %s cannot grow: the disk is full", what, name)
		out.Hint = "free some space, or run payctl ledger prune"
	case sqlite3.SQLITE_IOERR:
		out.Message = fmt.Sprintf("%s: the disk under ledger %s failed", what, name)
		out.Hint = "look at the disk and its free space, then run payctl ledger check"
	case sqlite3.SQLITE_READONLY:
		out.Message = fmt.Sprintf("%s: ledger %s is read-only", what, name)
		out.Hint = "make the file and its directory writable for this user"
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		out.Message = fmt.Sprintf("%s: ledger %s cannot be opened", what, name)
		out.Hint = "look at the permissions of the file and its directory"
	case sqlite3.SQLITE_NOTADB:
		return notALedger(db.path, "it is not a database")
	case sqlite3.SQLITE_CORRUPT:
		out.Message = fmt.Sprintf("%s: ledger %s is damaged", what, name)
		out.Hint = "keep the file as it is, and restore the last payctl ledger backup under another name"
	case sqlite3.SQLITE_CONSTRAINT:
		out.Kind = payment.KindConflict
		out.Message = what + ": it contradicts what the ledger holds"
	case sqlite3.SQLITE_TOOBIG:
		out.Kind = payment.KindUsage
		out.Message = what + ": it is too large for the ledger"
	default:
		out.Message = fmt.Sprintf("%s: ledger %s: %v", what, name, err)
	}
	return out
}

func notALedger(path, why string) error {
	return payment.Usage(fmt.Sprintf("db: %s is not a payctl ledger: %s", filepath.Base(path), why),
		"name another file with --db; a ledger is made when there is no file")
}
