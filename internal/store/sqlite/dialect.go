package sqlite

import (
	"encoding/json"
	"strconv"
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
