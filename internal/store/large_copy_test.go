package store

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// copyLarge copies a ledger in a file to the server by COPY, its indices made afterwards:
// five million deliveries take minutes.
func copyLarge(b *testing.B, from *Store) *Store {
	b.Helper()
	place, ctx := testPlace(b), b.Context()
	to := openTest(b, Options{Path: place})
	if err := takeKey(ctx, from, to); err != nil {
		b.Fatal(err)
	}
	pg, err := pgconn.Connect(ctx, place)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = pg.Close(context.WithoutCancel(ctx)) }()
	exec := func(text string) [][][]byte {
		got, err := pg.Exec(ctx, text).ReadAll()
		if err != nil {
			b.Fatalf("%s: %v", text, err)
		}
		return got[0].Rows
	}
	indices := exec(`SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
		AND tablename IN ('deposits', 'deliveries', 'claims', 'failing') AND indexname NOT LIKE '%_pkey'`)
	for _, i := range indices {
		exec("DROP INDEX " + string(i[0]))
	}
	for _, c := range copies() {
		columns, err := from.engine.Columns(ctx, c.name)
		if err != nil {
			b.Fatal(err)
		}
		table, list, more := c.name, strings.Join(columns, ", "), ""
		if c.counts {
			table, list, more = to.engine.Counts(c.name), list+", writer", "\t1"
		}
		exec("DELETE FROM " + table)
		start := time.Now()
		rows, err := from.query(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+c.name)
		if err != nil {
			b.Fatal(err)
		}
		read, write := io.Pipe()
		go func() {
			into := bufio.NewWriterSize(write, 1<<20)
			err := copyRows(into, rows, len(columns), more)
			if err == nil {
				err = into.Flush()
			}
			_ = write.CloseWithError(err)
		}()
		tag, err := pg.CopyFrom(ctx, read, "COPY "+table+" ("+list+") FROM STDIN")
		if err != nil {
			b.Fatalf("copy %s: %v", c.name, err)
		}
		if tag.RowsAffected() > 1_000_000 {
			b.Logf("%s: %d rows in %s", c.name, tag.RowsAffected(), time.Since(start).Round(time.Second))
		}
	}
	for _, i := range indices {
		exec(string(i[1]))
	}
	exec("VACUUM ANALYZE")
	if err := to.finishCopy(ctx, from); err != nil {
		b.Fatal(err)
	}
	return to
}

// copyRows spells rows in COPY's text format, each with the same end.
func copyRows(to io.Writer, rows rowSet, columns int, end string) error {
	defer func() { _ = rows.Close() }()
	escape := strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r", "\t", "\\t")
	row, into := make([]any, columns), make([]any, columns)
	for i := range row {
		into[i] = &row[i]
	}
	cells := make([]string, columns)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range row {
			switch v := v.(type) {
			case nil:
				cells[i] = `\N`
			case []byte:
				cells[i] = `\\x` + hex.EncodeToString(v)
			case string:
				cells[i] = escape.Replace(clean(v))
			default:
				cells[i] = fmt.Sprint(v)
			}
		}
		if _, err := io.WriteString(to, strings.Join(cells, "\t")+end+"\n"); err != nil {
			return err
		}
	}
	return rows.Err()
}
