package postgres

import (
	"slices"
	"strconv"
	"strings"
)

// Count is a statement that adds sums to a row of counts. Each process has rows of its
// own, by writer, which views add up: with one row for all, all commits would wait for
// each other.
func (db *DB) Count(table string, keys, sums []string) string {
	var set []string
	for _, s := range sums {
		set = append(set, s+" = n."+s+" + excluded."+s)
	}
	columns := slices.Concat(keys, sums)
	return "INSERT INTO " + table + "_counts AS n (writer, " + strings.Join(columns, ", ") + ") VALUES (" +
		strconv.FormatInt(db.writer.Load(), 10) + strings.Repeat(", ?", len(columns)) + ") ON CONFLICT (writer, " +
		strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// Counted is the view that adds up a table's rows of counts.
func (db *DB) Counted(table string, _ []string) string { return table }

// Counts names the table of counts by writer that is behind a view.
func (db *DB) Counts(table string) string { return table + "_counts" }
