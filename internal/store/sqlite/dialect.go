package sqlite

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// In is the condition that a column is one of a list, which Numbers or Texts spells.
func (db *DB) In(column string) string { return column + " IN (SELECT value FROM json_each(?))" }

// Named reads rows of a table by a column that has an index without its empty values,
// for a list that Texts spells. As a join that begins with the names it needs neither a
// table of its own for them nor a sorter.
func (db *DB) Named(table, column string) string {
	return " FROM json_each(?) AS names CROSS JOIN " + table + " ON " + column + " = names.value WHERE " + column + " <> ''"
}

// Numbers spells a list of numbers as an argument.
func (db *DB) Numbers(list []int64) any {
	out := []byte{'['}
	for i, n := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, n, 10)
	}
	return string(append(out, ']'))
}

// Texts spells a list of texts as an argument.
func (db *DB) Texts(list []string) any {
	out, err := json.Marshal(list)
	if err != nil { // a list of texts can always be marshalled
		return "[]"
	}
	return string(out)
}

// Count is a statement that adds sums to the row of a table of counts that has the keys.
func (db *DB) Count(table string, keys, sums []string) string {
	var set []string
	for _, s := range sums {
		set = append(set, s+" = "+table+"."+s+" + excluded."+s)
	}
	columns := slices.Concat(keys, sums)
	return "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) +
		") ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// Counted is the rows of a table of counts and those that wait among the tallies, where a
// cell is a list of its columns' values.
func (db *DB) Counted(table string, columns []string) string {
	waiting := make([]string, len(columns))
	for i, name := range columns {
		waiting[i] = "cell.value ->> " + strconv.Itoa(i) + " AS " + name
	}
	return "(SELECT " + strings.Join(columns, ", ") + " FROM " + table + " UNION ALL SELECT " + strings.Join(waiting, ", ") +
		" FROM tallies, json_each(tallies.cells, '$." + table + "') AS cell)"
}

// Remote reports that a statement costs no round trip.
func (db *DB) Remote() bool { return false }

// Scanned drops pages that no statement uses. SQLite's connections share one pool of
// them: a connection that has its share full takes the oldest of another's, and once the
// pool is over its bound by what that one reads anew, it keeps none of its own any more.
func (db *DB) Scanned(ctx context.Context) { _, _ = db.read.ExecContext(ctx, sqlGiveBack) }

// Pairs is a table of pairs of numbers, from two lists that Numbers spells.
func (db *DB) Pairs(alias, first, second string) string {
	return "(SELECT x.value AS " + first + ", y.value AS " + second + " FROM json_each(?) AS x JOIN json_each(?) AS y ON y.key = x.key) AS " + alias
}

// Clock is NULL: the ledger's clock is this process's.
func (db *DB) Clock() string { return "NULL" }

// Barrier returns at once: one transaction writes at a time.
func (db *DB) Barrier(context.Context) error { return nil }

// Columns lists a table's columns.
func (db *DB) Columns(ctx context.Context, table string) ([]string, error) {
	rows, err := db.read.QueryContext(ctx, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

// Counts names a table of counts: itself.
func (db *DB) Counts(table string) string { return table }

// GoOn is "": the next key follows the largest.
func (db *DB) GoOn(string, string) string { return "" }
