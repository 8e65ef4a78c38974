package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// copied is a table as it is copied: its key, and whether it holds counts, which are
// written anew each time.
type copied struct {
	name   string
	key    []string
	counts bool
}

// copies lists the tables, what others refer to first.
func copies() []copied {
	seq := []string{"seq"}
	all := []copied{
		{name: "shelves", key: []string{"id"}},
		{name: "kinds", key: []string{"id"}},
		{name: "targets", key: []string{"id"}},
		{name: "deposits", key: seq},
		{name: "aliases", key: []string{"name", "deposit"}},
		{name: "claims", key: seq},
		{name: "deliveries", key: seq},
		{name: "queries", key: seq},
		{name: "wallet_transactions", key: seq},
		{name: "slots", key: []string{"name"}},
		{name: "forwards", key: seq},
		{name: "runs", key: seq},
		{name: "attempts", key: seq},
		{name: "failing", key: []string{"seq", "target"}},
		{name: "actions", key: seq},
	}
	for _, c := range countTables() {
		all = append(all, copied{name: c.table, key: c.keys, counts: true})
	}
	return all
}

// CopiedTable is a table that was copied: its rows and a hash of all of them, which is
// the same in both ledgers.
type CopiedTable struct {
	Name   string
	Rows   int64
	SHA256 string
}

// Copy copies a ledger into another, of whatever engine, with its ids, and compares what
// both then hold. to is new, or has had an earlier copy of the same ledger, which goes on:
// rows that are there are brought up to date. Nobody may write to either meanwhile; what
// differs afterwards is KindConflict; a ledger onto itself is KindUsage. progress is told of the rows of each table.
func Copy(ctx context.Context, from, to *Store, progress func(table string, rows int64)) ([]CopiedTable, error) {
	if sameLedger(from.Path(), to.Path()) {
		return nil, payment.Usage("copy: both are the same ledger", "name a new file, or another database, for the copy")
	}
	if err := from.engine.Barrier(ctx); err != nil {
		return nil, from.kinded("copy the ledger", err)
	}
	if err := takeKey(ctx, from, to); err != nil {
		return nil, err
	}
	for _, c := range copies() {
		if err := copyTable(ctx, from, to, c, progress); err != nil {
			return nil, err
		}
	}
	if err := to.finishCopy(ctx, from); err != nil {
		return nil, err
	}
	var out []CopiedTable
	var differ []string
	for _, c := range copies() {
		was, err := digestTable(ctx, from, c)
		if err != nil {
			return out, err
		}
		is, err := digestTable(ctx, to, c)
		if err != nil {
			return out, err
		}
		if was != is {
			differ = append(differ, fmt.Sprintf("%s (%d and %d rows)", c.name, was.Rows, is.Rows))
		}
		out = append(out, is)
	}
	if len(differ) > 0 {
		return out, &payment.Error{
			Kind: payment.KindConflict, Message: "copy: the ledgers differ in " + strings.Join(differ, ", "),
			Hint: "stop everything that writes to either, and copy again: it goes on where it was",
		}
	}
	return out, nil
}

// sameLedger reports whether two places are one ledger, by whatever names of its file.
func sameLedger(a, b string) bool {
	if a == b {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// takeKey gives the copy the key of the ids, where it holds nothing of its own.
func takeKey(ctx context.Context, from, to *Store) error {
	if slices.Equal(from.ids, to.ids) {
		return nil
	}
	var any bool
	err := to.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM deposits) OR EXISTS (SELECT 1 FROM deliveries)
		OR EXISTS (SELECT 1 FROM queries)`).Scan(&any)
	if err != nil {
		return to.kinded("look at the copy", err)
	}
	if any {
		return &payment.Error{
			Kind: payment.KindConflict, Message: "copy: " + to.Path() + " holds another ledger",
			Hint: "name a new file, or an empty database made by payctl ledger migrate",
		}
	}
	key := hex.EncodeToString(from.ids)
	err = to.do(ctx, "take the key over", func(ctx context.Context, t *tx) error {
		if err := t.exec(ctx, "DELETE FROM actions"); err != nil {
			return err
		}
		return t.exec(ctx, "UPDATE meta SET value = ? WHERE name = 'id_key'", key)
	})
	if err == nil {
		to.ids = slices.Clone(from.ids)
	}
	return err
}

func copyTable(ctx context.Context, from, to *Store, c copied, progress func(string, int64)) error {
	columns, err := from.engine.Columns(ctx, c.name)
	if err != nil {
		return from.kinded("copy the ledger", err)
	}
	text := upsert(columns, c)
	if c.counts {
		of := to.tables.of(c.name)
		columns, text = of.columns(), to.engine.Count(c.name, of.keys, of.sums)
		err := to.do(ctx, "copy "+c.name, func(ctx context.Context, t *tx) error {
			return t.exec(ctx, "DELETE FROM "+to.engine.Counts(c.name))
		})
		if err != nil {
			return err
		}
	}
	var done int64
	return eachPage(ctx, from, c, columns, func(rows [][]any) error {
		err := to.do(ctx, "copy "+c.name, func(ctx context.Context, t *tx) error {
			for _, row := range rows {
				if err := t.exec(ctx, text, row...); err != nil {
					return err
				}
			}
			return nil
		})
		if done += int64(len(rows)); err == nil && progress != nil {
			progress(c.name, done)
		}
		return err
	})
}

// upsert writes a row, over one that has its key.
func upsert(columns []string, c copied) string {
	text := "INSERT INTO " + c.name + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	var set []string
	for _, name := range columns {
		if !slices.Contains(c.key, name) {
			set = append(set, name+" = excluded."+name)
		}
	}
	if len(set) == 0 {
		return text + " ON CONFLICT DO NOTHING"
	}
	return text + " ON CONFLICT (" + strings.Join(c.key, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// eachPage reads a table in the order of its key, a page at a time.
func eachPage(ctx context.Context, s *Store, c copied, columns []string, do func([][]any) error) error {
	key := "(" + strings.Join(c.key, ", ") + ")"
	var last []any
	for {
		from := c.name
		if c.counts {
			from = s.summed(c.name)
		}
		query := "SELECT " + strings.Join(columns, ", ") + " FROM " + from
		if last != nil {
			query += " WHERE " + key + " > (?" + strings.Repeat(", ?", len(c.key)-1) + ")"
		}
		rows, err := s.query(ctx, query+" ORDER BY "+strings.Join(c.key, ", ")+fmt.Sprintf(" LIMIT %d", pageSize), last...)
		if err != nil {
			return s.kinded("read "+c.name, err)
		}
		page, err := scanPage(rows, len(columns))
		if err != nil {
			return s.kinded("read "+c.name, err)
		}
		if len(page) > 0 {
			if err := do(page); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
		last = last[:0]
		for _, name := range c.key {
			last = append(last, page[len(page)-1][slices.Index(columns, name)])
		}
	}
}

func scanPage(rows rowSet, columns int) ([][]any, error) {
	defer func() { _ = rows.Close() }()
	var out [][]any
	for rows.Next() {
		row, into := make([]any, columns), make([]any, columns)
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i, v := range row {
			if s, ok := v.(string); ok {
				row[i] = clean(s)
			}
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// digestTable hashes a table in the order of its key.
func digestTable(ctx context.Context, s *Store, c copied) (CopiedTable, error) {
	columns, err := s.engine.Columns(ctx, c.name)
	if err != nil {
		return CopiedTable{}, s.kinded("read "+c.name, err)
	}
	slices.Sort(columns)
	out, h := CopiedTable{Name: c.name}, sha256.New()
	err = eachPage(ctx, s, c, columns, func(rows [][]any) error {
		for _, row := range rows {
			out.Rows++
			hashRow(h, row)
		}
		return nil
	})
	out.SHA256 = hex.EncodeToString(h.Sum(nil))
	return out, err
}

func hashRow(h hash.Hash, row []any) {
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			_, _ = h.Write([]byte{0})
		case []byte:
			_, _ = fmt.Fprintf(h, "b%d:", len(v))
			_, _ = h.Write(v)
		case string:
			_, _ = fmt.Fprintf(h, "t%d:%s", len(v), v)
		default:
			_, _ = fmt.Fprintf(h, "i%v;", v)
		}
	}
}

// finishCopy takes over what no table holds: the head of the actions, the installation's
// token, and from which keys the copy goes on.
func (s *Store) finishCopy(ctx context.Context, from *Store) error {
	rows, err := from.query(ctx, "SELECT name, value FROM meta WHERE name IN ('actions_head', 'install_token')")
	if err != nil {
		return from.kinded("copy the ledger", err)
	}
	meta, err := scanPage(rows, 2)
	if err != nil {
		return from.kinded("copy the ledger", err)
	}
	return s.do(ctx, "finish the copy", func(ctx context.Context, t *tx) error {
		for _, m := range meta {
			err := t.exec(ctx, "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", m[0], m[1])
			if err != nil {
				return err
			}
		}
		for _, c := range copies() {
			if text := s.engine.GoOn(c.name, c.key[0]); text != "" && !c.counts {
				if _, err := t.changed(ctx, text); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
