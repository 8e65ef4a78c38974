package postgres

import (
	"context"
	"strconv"

	"github.com/payctl/payctl/internal/payment"
)

// Check returns nothing: the server looks after its own pages. What the ledger's rows say
// of each other is the store's to check.
func (db *DB) Check(context.Context) ([]string, error) { return nil, nil }

// Size returns the bytes of the ledger's tables with their indices, and the version of
// the schema. What is free inside them is not told.
func (db *DB) Size(ctx context.Context) (bytes, free int64, schema int, err error) {
	var version string
	err = db.read.QueryRowContext(ctx, `SELECT coalesce(CAST(sum(pg_total_relation_size(c.oid)) AS BIGINT), 0),
		(SELECT value FROM meta WHERE name = 'schema')
		FROM pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = CAST('deliveries' AS regclass))`).
		Scan(&bytes, &version)
	if err != nil {
		return 0, 0, 0, err
	}
	schema, err = strconv.Atoi(version)
	return bytes, 0, schema, err
}

// Copy is refused: a database is backed up by other means.
func (db *DB) Copy(context.Context, string) error {
	return payment.Usage("backup: "+db.place.name+" is a database on a server, not a file",
		"use pg_dump, or payctl ledger copy URL FILE, which writes a ledger that any payctl can open")
}
