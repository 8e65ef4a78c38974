package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// csvRow is the cells of one JSON object under its keys, in their order.
type csvRow struct{ keys, cells []string }

// csvHeader returns the keys of R's JSON objects, for a list that may be empty.
func csvHeader[R any]() ([]string, error) {
	sort := reflect.TypeFor[R]()
	if sort.Kind() == reflect.Pointer {
		sort = sort.Elem()
	}
	if sort.Kind() != reflect.Struct {
		return nil, nil
	}
	row, err := newCSVRow(reflect.New(sort).Interface())
	return row.keys, err
}

// newCSVRow takes an object's JSON apart. A null is an empty cell; an object or
// an array inside is its own JSON.
func newCSVRow(v any) (csvRow, error) {
	data, err := encode(v)
	if err != nil {
		return csvRow{}, err
	}
	if data[0] != '{' {
		return csvRow{}, fmt.Errorf("printing CSV: not an object")
	}
	var row csvRow
	for i := 1; data[i] != '}'; {
		colon := valueEnd(data, i)
		end := valueEnd(data, colon+1)
		row.keys = append(row.keys, textOf(data[i:colon]))
		row.cells = append(row.cells, csvCell(data[colon+1:end]))
		if i = end; data[i] == ',' {
			i++
		}
	}
	return row, nil
}

// valueEnd returns where the key or the value ends that begins at i of an object as encode
// writes it, without blanks.
func valueEnd(data []byte, i int) int {
	for depth, quoted := 0, false; ; i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case depth == 0 && (c == ':' || c == ',' || c == '}'):
			return i
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
}

func csvCell(value []byte) string {
	switch {
	case string(value) == "null":
		return ""
	case value[0] == '"':
		return guard(textOf(value))
	}
	return guard(string(value))
}

// textOf returns what a JSON string says.
func textOf(quoted []byte) (text string) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	if json.Unmarshal(quoted, &text) != nil {
		return string(quoted)
	}
	return text
}

// guard puts an apostrophe before what a spreadsheet would run as a formula: names
// and references are written by whoever pays. A plain decimal number is left alone,
// so that negative amounts stay numbers.
func guard(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) || isDecimal(cell) {
		return cell
	}
	return "'" + cell
}

// isDecimal reports whether text is digits with at most one point between them and
// at most a minus before them.
func isDecimal(text string) bool {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (!point || digits(fraction))
}

// csvLine writes one record as RFC 4180 has it. encoding/csv would drop carriage
// returns inside cells.
func csvLine(buf *bytes.Buffer, cells []string) {
	for i, cell := range cells {
		if i > 0 {
			buf.WriteByte(',')
		}
		if strings.ContainsAny(cell, ",\"\r\n") || cell == "" && len(cells) == 1 {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		buf.WriteString(cell)
	}
	buf.WriteString("\r\n")
}

// csvOne prints one object as a row, after the header if none was printed yet.
func (p *Printer) csvOne(v any) error {
	row, err := newCSVRow(v)
	if err != nil {
		return err
	}
	return p.csvWrite(row.keys, row.cells)
}

// csvWrite prints a row, or the header alone without cells.
func (p *Printer) csvWrite(header, cells []string) error {
	var buf bytes.Buffer
	p.mu.Lock()
	first := !p.headed
	p.headed = true
	p.mu.Unlock()
	if first && header != nil {
		csvLine(&buf, header)
	}
	if cells != nil {
		if p.opts.StdoutTTY {
			for i := range cells {
				cells[i] = Safe(cells[i])
			}
		}
		csvLine(&buf, cells)
	}
	return p.write(buf.Bytes())
}
