// Package filter compiles what --filter takes: a condition over the fields of a delivery
// or of a deposit. It leaves the flag to cli and the reading of rows to the store.
package filter
