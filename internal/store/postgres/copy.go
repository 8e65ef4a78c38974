package postgres

import (
	"context"
	"strings"
)

// Columns lists a table's columns, but for when the server stored a delivery.
func (db *DB) Columns(ctx context.Context, table string) ([]string, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT CAST(attname AS TEXT) FROM pg_attribute WHERE attrelid = CAST(CAST(? AS TEXT) AS regclass)
		AND attnum > 0 AND NOT attisdropped AND attname <> 'stored_at' ORDER BY attnum`, table)
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

// GoOn has a table's sequence go on after its largest key.
func (db *DB) GoOn(table, key string) string {
	if strings.Contains("aliases slots failing actions", table) {
		return ""
	}
	return "SELECT setval('" + table + "_seq', greatest(max(" + key + "), 1), max(" + key + ") IS NOT NULL) FROM " + table
}
