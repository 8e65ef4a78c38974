package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
)

// column is a column's name and the place of its value in a row's struct.
type column struct {
	name string
	at   cell
}

// cell binds and scans one column.
type cell interface {
	sql.Scanner
	// bind returns the value as the driver takes it.
	bind() any
	// same reports whether the cell of another row's same column has the same value.
	same(other cell) bool
}

// table names the columns of a T once, in a list that both binds what is written and
// takes what is read. The first column is the key, which the database gives.
type table[T any] struct {
	name string
	// list appends a row's columns to others.
	list func(row *T, to []column) []column
	// texts are spelled when they are first needed: most commands read one table or two.
	texts func() *tableTexts
}

// tableTexts are the parts of a table's statements.
type tableTexts struct {
	names string
	// insert leaves the key to the database, keyed brings it; values are insert's arguments.
	insert, keyed, values string
}

func newTable[T any](name string, list func(*T, []column) []column, conflict string) *table[T] {
	return &table[T]{name: name, list: list, texts: sync.OnceValue(func() *tableTexts {
		columns := list(new(T), nil)
		values := strings.Repeat("?, ", len(columns)-2) + "?"
		return &tableTexts{
			names: names("", columns), values: values,
			insert: "INSERT INTO " + name + " (" + names("", columns[1:]) + ") VALUES (" + values + ")" + conflict,
			keyed:  "INSERT INTO " + name + " (" + names("", columns) + ") VALUES (" + strings.Repeat("?, ", len(columns)-1) + "?)",
		}
	})}
}

// names lists the columns' names, each with a prefix such as "v.".
func names(prefix string, columns []column) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + c.name)
	}
	return b.String()
}

// selects is a query for whole rows; rest begins with WHERE or a join.
func (s *table[T]) selects(rest string) string {
	return "SELECT " + s.texts().names + " FROM " + s.name + " " + rest
}

// places returns where a row's columns are scanned to.
func places(columns []column) []any {
	out := make([]any, len(columns))
	for i, c := range columns {
		out[i] = c.at
	}
	return out
}

// add writes a new row and returns its key and 1, or 0 if a conflict clause kept it from
// being written. Over a network the key is taken first, and a conflict fails the
// transaction, which is then run again: whoever adds looks before.
func (s *table[T]) add(ctx context.Context, t *tx, row *T) (key, n int64, err error) {
	t.columns[0] = s.list(row, t.columns[0][:0])
	t.wrote(s.texts().insert)
	if !t.remote() {
		text, args := s.spelled(t)
		return t.conn.Insert(ctx, text, args)
	}
	if key, err = t.ahead.key(ctx, s.name); err != nil {
		return 0, 0, err
	}
	t.columns[0] = s.list(row, t.columns[0][:0])
	args := t.bindColumns(t.columns[0])
	args[0].Value = key
	return t.conn.Insert(ctx, s.texts().keyed, args)
}

// put writes a new row whose key nobody asks for, unless a conflict clause keeps it from
// being written.
func (s *table[T]) put(ctx context.Context, t *tx, row *T) error {
	t.columns[0] = s.list(row, t.columns[0][:0])
	t.wrote(s.texts().insert)
	if t.remote() {
		return t.conn.Later(ctx, s.texts().insert, t.bindColumns(t.columns[0][1:]))
	}
	text, args := s.spelled(t)
	return t.conn.Later(ctx, text, args)
}

// mostSpelled bounds the texts of inserts: each is a statement that stays prepared.
const mostSpelled = 128

// spelled returns the insert of a new row, whose columns are the transaction's, in which
// what is empty is spelled out: an argument costs more than a literal.
func (s *table[T]) spelled(t *tx) (text string, args []driver.NamedValue) {
	columns := t.columns[0][1:]
	all := t.bindColumns(columns)
	var empty uint64
	for i, a := range all {
		if literal(a.Value) != "" {
			empty |= 1 << i
		}
	}
	text = t.inserts[statementKey{s.name, empty}]
	if text == "" {
		if len(t.inserts) == mostSpelled {
			return s.texts().insert, all
		}
		text = s.spell(all)
		t.inserts[statementKey{s.name, empty}] = text
	}
	args = all[:0]
	for i, a := range all {
		if empty&(1<<i) == 0 {
			args = append(args, driver.NamedValue{Ordinal: len(args) + 1, Value: a.Value})
		}
	}
	return text, args
}

func (s *table[T]) spell(all []driver.NamedValue) string {
	values := make([]string, len(all))
	for i, a := range all {
		values[i] = cmp.Or(literal(a.Value), "?")
	}
	return strings.Replace(s.texts().insert, s.texts().values, strings.Join(values, ", "), 1)
}

// literal spells an empty value, "" for any other.
func literal(v driver.Value) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		if v == "" {
			return "''"
		}
	case int64:
		if v == 0 {
			return "0"
		}
	}
	return ""
}

// update writes the columns that differ between two states of a row: one that is
// written has its indices written anew, changed or not.
func (s *table[T]) update(ctx context.Context, t *tx, before, after *T) error {
	was, is := s.list(before, t.columns[0][:0]), s.list(after, t.columns[1][:0])
	t.columns[0], t.columns[1] = was, is
	mask, changed := uint64(0), t.columns[2][:0]
	for i, c := range is {
		if !c.at.same(was[i].at) {
			mask |= 1 << i
			changed = append(changed, c)
		}
	}
	if mask == 0 {
		return nil
	}
	text := t.updates[statementKey{s.name, mask}]
	if text == "" {
		var set []string
		for _, c := range changed {
			set = append(set, c.name+" = ?")
		}
		text = "UPDATE " + s.name + " SET " + strings.Join(set, ", ") + " WHERE " + is[0].name + " = ?"
		t.updates[statementKey{s.name, mask}] = text
	}
	t.columns[2] = append(changed, is[0])
	return t.execColumns(ctx, text, t.columns[2])
}

// statementKey names the text of an update by what it sets, and of an insert by what is
// empty in it.
type statementKey struct {
	table string
	mask  uint64
}

// one scans the only row of a query; sql.ErrNoRows when there is none.
func (s *table[T]) one(ctx context.Context, q querier, where string, args ...any) (row T, err error) {
	rows, err := q.query(ctx, s.selects(where), args...)
	if err != nil {
		return row, err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return row, err
		}
		return row, sql.ErrNoRows
	}
	return row, rows.Scan(places(s.list(&row, nil))...)
}

// all scans the rows of a query for whole rows.
func (s *table[T]) all(ctx context.Context, q querier, where string, args ...any) ([]T, error) {
	rows, err := q.query(ctx, s.selects(where), args...)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, s.list)
}

// scanAll reads and closes rows.
func scanAll[T any](rows rowSet, list func(*T, []column) []column) ([]T, error) {
	return scanInto(rows, list, nil)
}

// scanInto is scanAll with the space for what is expected.
func scanInto[T any](rows rowSet, list func(*T, []column) []column, out []T) ([]T, error) {
	defer func() { _ = rows.Close() }()
	row := new(T)
	into := places(list(row, nil))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		out = append(out, *row)
	}
	return out, rows.Err()
}

// querier reads: the transaction, or the connections beside it.
type querier interface {
	query(ctx context.Context, text string, args ...any) (rowSet, error)
}

func (t *tx) query(ctx context.Context, text string, args ...any) (rowSet, error) {
	return t.rows(ctx, text, args...)
}

func (db *database) query(ctx context.Context, text string, args ...any) (rowSet, error) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = clean(s)
		}
	}
	return db.read.QueryContext(ctx, text, args...) //nolint:rowserrcheck // texts are of this package, and who reads rows checks them
}

func (t *tx) bindColumns(columns []column) []driver.NamedValue {
	t.args = t.args[:0]
	for i, c := range columns {
		v := c.at.bind()
		if s, ok := v.(string); ok {
			if kept := clean(s); kept != s { // else it would be boxed anew
				v = kept
			}
		}
		t.args = append(t.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return t.args
}

// clean makes a text one that every engine can store: bytes that are no text, and
// NUL, become U+FFFD. What came with a delivery is also in its body, which is bytes.
func clean(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// unreadable says that a column holds what no version has written.
func unreadable(what string, got any) error {
	return fmt.Errorf("the ledger holds %s that cannot be read (a %T)", what, got)
}
