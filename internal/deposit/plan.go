package deposit

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/payment"
)

// MostPlan bounds a plan, in bytes.
const MostPlan = 64 << 20

// Line is one line of a plan as it was written.
type Line struct {
	// Number counts from 1, a header row included.
	Number                   int
	Phone, Amount, Reference string
	Description              string
	Provider, Wallet         string
	// Key is the idempotency key: the line's own, or one made from the plan's hash and
	// the line, so that the same plan run again asks nobody twice.
	Key string
}

// columns are a plan's, in the order in which they are explained.
func columns() []string {
	return []string{"phone", "amount", "reference", "description", "provider", "wallet", "idempotency_key"}
}

// ReadPlan reads a plan: CSV with a header row, or NDJSON. What is wrong with it is one
// KindUsage error that names the lines.
func ReadPlan(data []byte) ([]Line, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data) {
		return nil, planError("it is not UTF-8 text", "save it as CSV in UTF-8")
	}
	sum := sha256.Sum256(data)
	read := readCSV
	if text := bytes.TrimLeft(data, " \t\r\n"); len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		read = readNDJSON
	}
	lines, err := read(data)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, planError("it has no lines", "write a header row phone,amount,reference and a line for each deposit")
	}
	for i := range lines {
		if lines[i].Key == "" {
			lines[i].Key = "plan-" + hex.EncodeToString(sum[:12]) + "-" + strconv.Itoa(lines[i].Number)
		}
	}
	return lines, nil
}

func planError(problem, hint string) error { return payment.Usage("from-file: "+problem, hint) }

func (l *Line) set(column, value string) bool {
	at, known := map[string]*string{
		"phone": &l.Phone, "amount": &l.Amount, "reference": &l.Reference, "description": &l.Description,
		"provider": &l.Provider, "wallet": &l.Wallet, "idempotency_key": &l.Key,
	}[column]
	if known {
		*at = strings.TrimSpace(value)
	}
	return known
}

func unknownColumn(where, name string) error {
	return planError(where+payment.Quote(name, 60)+" is not a column", "use "+strings.Join(columns(), ", "))
}

func readCSV(data []byte) ([]Line, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if err != nil {
		return nil, planError("the header row cannot be read", "begin with phone,amount,reference")
	}
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns(), header[i]) {
			return nil, unknownColumn("line 1: ", name)
		}
		if slices.Contains(header[:i], header[i]) {
			return nil, planError("line 1: the column "+header[i]+" is there twice", "keep one of them")
		}
	}
	for _, needed := range columns()[:3] {
		if !slices.Contains(header, needed) {
			return nil, planError("the column "+needed+" is missing", "begin with phone,amount,reference")
		}
	}
	var out []Line
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if bad, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, planError(fmt.Sprintf("line %d: %v", bad.Line, bad.Err), "write as many cells as the header has")
		}
		if err != nil {
			return nil, err
		}
		l := Line{}
		l.Number, _ = r.FieldPos(0)
		for i, value := range row {
			l.set(header[i], value)
		}
		out = append(out, l)
	}
}

func readNDJSON(data []byte) ([]Line, error) {
	var out []Line
	number := 0
	for text := range bytes.Lines(data) {
		number++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		l := Line{Number: number}
		if err := l.object(text); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// object sets what a JSON object says, each member once.
func (l *Line) object(text []byte) error {
	where := fmt.Sprintf("line %d: ", l.Number)
	malformed := planError(where+"is not one JSON object", "write one object a line: {\"phone\":\"0712345678\",\"amount\":\"100\",\"reference\":\"INV-1\"}")
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return malformed
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, _ := token.(string)
		if err != nil {
			return malformed
		}
		value, err := d.Token()
		if err != nil {
			return malformed
		}
		set := ""
		switch value := value.(type) {
		case nil:
		case string:
			set = value
		case json.Number:
			set = value.String()
		default:
			return planError(where+payment.Quote(name, 60)+" is neither text nor a number", "write it as text")
		}
		switch {
		case seen[name]:
			return planError(where+payment.Quote(name, 60)+" is there twice", "keep one of them")
		case !l.set(name, set):
			return unknownColumn(where, name)
		}
		seen[name] = true
	}
	if _, err := d.Token(); err != nil {
		return malformed
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed
	}
	return nil
}

// Planned is a line with the deposit that it comes to.
type Planned struct {
	Line   int
	Intent payment.Deposit
}

// mostProblems bounds how many lines an error names.
const mostProblems = 10

// CheckPlan turns lines into deposits by parse, whole before anything is sent: the error
// names every line that is wrong, and lines that ask for the same twice.
func CheckPlan(lines []Line, parse func(Line) (payment.Deposit, error)) ([]Planned, error) {
	var problems []string
	out := make([]Planned, 0, len(lines))
	type question struct {
		provider                             payment.ProviderID
		account, wallet, reference, customer string
		amount                               payment.Amount
	}
	asked, keys := map[question]int{}, map[string]int{}
	for _, l := range lines {
		d, err := parse(l)
		if err != nil {
			problems = append(problems, fmt.Sprintf("line %d: %s", l.Number, err.Error()))
			continue
		}
		q := question{d.Provider, d.ShortCode, d.Wallet, d.Reference, d.Phone.MSISDN(), d.Amount}
		if first, twice := asked[q]; twice && d.Reference != "" {
			problems = append(problems, fmt.Sprintf("line %d: asks for the same as line %d", l.Number, first))
		}
		if first, twice := keys[d.IdempotencyKey]; twice {
			problems = append(problems, fmt.Sprintf("line %d: has the idempotency key of line %d", l.Number, first))
		}
		asked[q], keys[d.IdempotencyKey] = l.Number, l.Number
		out = append(out, Planned{Line: l.Number, Intent: d})
	}
	if len(problems) == 0 {
		return out, nil
	}
	more := ""
	if n := len(problems) - mostProblems; n > 0 {
		problems, more = problems[:mostProblems], fmt.Sprintf("; and %d more", n)
	}
	return nil, planError(strings.Join(problems, "; ")+more, "mend the plan: nothing was sent")
}
