package postgres

import (
	"database/sql/driver"
	enc "encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// rebind turns the ? of a text into $1, $2 and so on; those in literals stay.
func rebind(text string) string {
	if strings.IndexByte(text, '?') < 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 16)
	n, quoted := 0, false
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '\'':
			quoted = !quoted
		case c == '?' && !quoted:
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// newCall spells a statement's arguments: bytes in binary, all else as text, whose type
// the server takes from where it stands.
func newCall(text string, args []driver.NamedValue) (call, error) {
	c := call{text: text, values: make([][]byte, len(args)), formats: make([]int16, len(args))}
	for i, a := range args {
		switch v := a.Value.(type) {
		case nil:
		case int64:
			c.values[i] = strconv.AppendInt(nil, v, 10)
		case string:
			c.values[i] = []byte(v)
		case []byte:
			c.values[i], c.formats[i] = v, pgproto3.BinaryFormat
		case bool:
			c.values[i] = strconv.AppendBool(nil, v)
		default:
			return c, fmt.Errorf("an argument of type %T cannot be sent", v)
		}
		c.size += len(c.values[i])
	}
	return c, nil
}

// The types that the ledger's texts return (pg_type's numbers).
const (
	oidBool    = 16
	oidBytes   = 17
	oidChar    = 18
	oidName    = 19
	oidInt8    = 20
	oidInt2    = 21
	oidInt4    = 23
	oidText    = 25
	oidOID     = 26
	oidUnknown = 705
	oidVarchar = 1043
	oidVoid    = 2278
)

// decode reads a value as database/sql's drivers give it.
func decode(f pgconn.FieldDescription, raw []byte) (driver.Value, error) {
	if raw == nil {
		return nil, nil
	}
	switch f.DataTypeOID {
	case oidInt8:
		if len(raw) == 8 {
			return int64(enc.BigEndian.Uint64(raw)), nil
		}
	case oidInt4:
		if len(raw) == 4 {
			return int64(int32(enc.BigEndian.Uint32(raw))), nil
		}
	case oidInt2:
		if len(raw) == 2 {
			return int64(int16(enc.BigEndian.Uint16(raw))), nil
		}
	case oidOID:
		if len(raw) == 4 {
			return int64(enc.BigEndian.Uint32(raw)), nil
		}
	case oidBool:
		if len(raw) == 1 {
			return raw[0] != 0, nil
		}
	case oidText, oidVarchar, oidName, oidChar, oidUnknown:
		return string(raw), nil
	case oidBytes:
		return append(make([]byte, 0, len(raw)), raw...), nil
	case oidVoid:
		return nil, nil
	}
	return nil, fmt.Errorf("column %s has type %d, which no text of the ledger returns", f.Name, f.DataTypeOID)
}

// In is the condition that a column is one of a list, which Numbers or Texts spells.
func (db *DB) In(column string) string { return column + " = ANY (?)" }

// Named reads rows of a table by a column that has an index without its empty values,
// for a list that Texts spells.
func (db *DB) Named(table, column string) string {
	return " FROM " + table + " WHERE " + column + " = ANY (?) AND " + column + " <> ''"
}

// Numbers spells a list of numbers as an argument.
func (db *DB) Numbers(list []int64) any {
	out := []byte{'{'}
	for i, n := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, n, 10)
	}
	return string(append(out, '}'))
}

// Texts spells a list of texts as an argument.
func (db *DB) Texts(list []string) any {
	var b strings.Builder
	b.WriteByte('{')
	for i, s := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// Pairs is a table of pairs of numbers, from two lists that Numbers spells.
func (db *DB) Pairs(alias, first, second string) string {
	return "unnest(CAST(? AS BIGINT[]), CAST(? AS BIGINT[])) AS " + alias + " (" + first + ", " + second + ")"
}
