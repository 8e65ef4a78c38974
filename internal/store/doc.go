// Package store is the ledger: deposits, deliveries, what moved them, queries
// and their results, forwarding and replay. What carries it is an engine: package
// sqlite keeps it in one file, package postgres in a database that machines share. Texts
// and rules here are the same for every engine.
//
// A Store is one database with a handle for each noun: Deposits, Deliveries,
// Forwards, Queries, Runs. What concerns the ledger as a whole (its check,
// backup, statistics, pruning) is the Store's own. Whoever uses one handle
// declares the few methods it calls beside the code that calls them.
//
// An exported method is one transaction, and what it returns has been committed
// with full durability. All writes of a process go through one goroutine on one
// connection, which lets requests that arrive together share a commit; reads
// use a small pool beside it and never wait for writers.
//
// Money moves only by payment.Deposit.Apply; this package decides which deposit
// an event is about, whether it is to be believed, and that it counts once. It
// leaves wire formats to the adapters, words for people to ui, and asking
// providers to watch. Errors are *payment.Error, kinded by the driver's codes.
//
// To add a column:
//
//  1. write sqlite/migrations/NNNN_name.sql with ALTER TABLE … ADD COLUMN, and run
//     go test ./internal/store/sqlite -run Fingerprints -write-fingerprints; write
//     postgres/migrations/NNNN_name.sql of the same number (counts: see 0011), and run
//     make test-postgres;
//  2. give the row's struct a field with the column's name: paid_at is PaidAt;
//  3. add one line to the table's list (depositColumns, deliveryColumns, …), with
//     the cell (cell.go) that fits the field.
//
// What inserts, reads and updates the table takes the column from the list, and
// TestColumns finds a column that is missing or leads to another field.
package store
