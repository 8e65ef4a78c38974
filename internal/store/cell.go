package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// The cells: each is a field's type under another name, so that a pointer to the
// field is the cell. NULL reads as the zero value, and only the cells that say so
// write it.
type (
	// integer is a number; a bare int64 field.
	integer int64
	// key refers to another row: 0 is NULL.
	key int64
	// text is a string of any type.
	text string
	// words is text whose empty value is NULL.
	words string
	// instant is a time in microseconds; moment is one whose zero value is NULL.
	instant time.Time
	moment  time.Time
	// minor and currency are the halves of an amount, in that order; both are NULL
	// where there is none. cents and money are the same for one that is always there.
	minor    payment.Amount
	currency payment.Amount
	cents    payment.Amount
	money    payment.Amount
	// status refuses what is not a deposit's status.
	status payment.Status
	// msisdn is a phone number, "" for none.
	msisdn payment.Phone
	// move is a payment.Move; what no version wrote is none.
	move payment.Move
	// digest is a hash, maybe a text; both may be NULL.
	digest sql.NullInt64
	maybe  sql.NullString
	// boolean is 0 or 1.
	boolean bool
	// blob is bytes; nil is written as none.
	blob []byte
	// conflict and reversal are JSON, "" for none.
	conflict payment.Conflict
	reversal payment.Reversal
	// document is JSON as text.
	document json.RawMessage
)

// failure is a *payment.Failure as JSON, nil as NULL.
type failure struct{ at **payment.Failure }

func (c *integer) bind() any            { return int64(*c) }
func (c *integer) same(other cell) bool { return *c == *other.(*integer) }

// Scan implements sql.Scanner, as do those below.
func (c *integer) Scan(v any) error { return scanInt(v, (*int64)(c)) }

func (c *key) bind() any            { return nullKey(int64(*c)) }
func (c *key) same(other cell) bool { return *c == *other.(*key) }

// Scan reads NULL as 0.
func (c *key) Scan(v any) error { return scanInt(v, (*int64)(c)) }

func (c *text) bind() any            { return string(*c) }
func (c *text) same(other cell) bool { return *c == *other.(*text) }

// Scan reads a text.
func (c *text) Scan(v any) error { return scanText(v, (*string)(c)) }

func (c *words) bind() any            { return nullText(string(*c)) }
func (c *words) same(other cell) bool { return *c == *other.(*words) }

// Scan reads NULL as "".
func (c *words) Scan(v any) error { return scanText(v, (*string)(c)) }

func (c *instant) bind() any { return micros(time.Time(*c)) }
func (c *instant) same(other cell) bool {
	return time.Time(*c).Equal(time.Time(*other.(*instant)))
}

// Scan reads microseconds since 1970.
func (c *instant) Scan(v any) error { return scanTime(v, (*time.Time)(c)) }

func (c *moment) bind() any { return nullMicros(time.Time(*c)) }
func (c *moment) same(other cell) bool {
	return time.Time(*c).Equal(time.Time(*other.(*moment)))
}

// Scan reads NULL as the zero time.
func (c *moment) Scan(v any) error { return scanTime(v, (*time.Time)(c)) }

func (c *minor) bind() any            { return nullMinor(payment.Amount(*c)) }
func (c *minor) same(other cell) bool { return *c == *other.(*minor) }

// Scan reads the number; its currency comes in the next column.
func (c *minor) Scan(v any) error { return scanMinor(v, (*payment.Amount)(c)) }

func (c *currency) bind() any            { return nullText(string(payment.Amount(*c).Currency())) }
func (c *currency) same(other cell) bool { return *c == *other.(*currency) }

// Scan completes the amount.
func (c *currency) Scan(v any) error { return scanCurrency(v, (*payment.Amount)(c)) }

func (c *cents) bind() any            { return payment.Amount(*c).Minor() }
func (c *cents) same(other cell) bool { return *c == *other.(*cents) }

// Scan reads the number; its currency comes in the next column.
func (c *cents) Scan(v any) error { return scanMinor(v, (*payment.Amount)(c)) }

func (c *money) bind() any            { return string(payment.Amount(*c).Currency()) }
func (c *money) same(other cell) bool { return *c == *other.(*money) }

// Scan completes the amount.
func (c *money) Scan(v any) error { return scanCurrency(v, (*payment.Amount)(c)) }

func (c *status) bind() any            { return string(*c) }
func (c *status) same(other cell) bool { return *c == *other.(*status) }

// Scan refuses an unknown status: it is never taken for an open one.
func (c *status) Scan(v any) error {
	if err := scanText(v, (*string)(c)); err != nil {
		return err
	}
	if !payment.Status(*c).Valid() {
		return fmt.Errorf("the ledger holds the unknown status %s", payment.Quote(string(*c), 60))
	}
	return nil
}

func (c *msisdn) bind() any            { return payment.Phone(*c).MSISDN() }
func (c *msisdn) same(other cell) bool { return *c == *other.(*msisdn) }

// Scan reads a number as MSISDN wrote it.
func (c *msisdn) Scan(v any) error {
	var number string
	if err := scanText(v, &number); err != nil {
		return err
	}
	*c = msisdn{}
	if number == "" {
		return nil
	}
	phone, err := payment.ParsePhone(number)
	if err != nil {
		return fmt.Errorf("the ledger holds a phone that is none")
	}
	*c = msisdn(phone)
	return nil
}

func (c *move) bind() any            { return int64(*c) }
func (c *move) same(other cell) bool { return *c == *other.(*move) }

// Scan reads what no version wrote as none.
func (c *move) Scan(v any) error {
	var n int64
	err := scanInt(v, &n)
	*c = move(moveOf(n))
	return err
}

func (c *digest) bind() any {
	if !c.Valid {
		return nil
	}
	return c.Int64
}
func (c *digest) same(other cell) bool { return *c == *other.(*digest) }

// Scan reads a number or NULL.
func (c *digest) Scan(v any) error {
	*c = digest{Valid: v != nil}
	return scanInt(v, &c.Int64)
}

func (c *maybe) bind() any {
	if !c.Valid {
		return nil
	}
	return c.String
}
func (c *maybe) same(other cell) bool { return *c == *other.(*maybe) }

// Scan reads a text or NULL.
func (c *maybe) Scan(v any) error {
	*c = maybe{Valid: v != nil}
	return scanText(v, &c.String)
}

func (c *boolean) bind() any            { return boolInt(bool(*c)) }
func (c *boolean) same(other cell) bool { return *c == *other.(*boolean) }

// Scan reads 0 and 1, or an engine's own booleans.
func (c *boolean) Scan(v any) error {
	if is, ok := v.(bool); ok {
		*c = boolean(is)
		return nil
	}
	var n int64
	err := scanInt(v, &n)
	*c = n != 0
	return err
}

func (c *blob) bind() any { return bytesOf(*c) }
func (c *blob) same(other cell) bool {
	return string(*c) == string(*other.(*blob))
}

// Scan takes the bytes, which the engines make anew for each row.
func (c *blob) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok && v != nil {
		return unreadable("bytes", v)
	}
	if *c = b; b == nil {
		*c = []byte{}
	}
	return nil
}

func (c *document) bind() any { return string(*c) }
func (c *document) same(other cell) bool {
	return string(*c) == string(*other.(*document))
}

// Scan copies the text.
func (c *document) Scan(v any) error {
	var s string
	err := scanText(v, &s)
	*c = document(s)
	return err
}

// conflictText and reversalText are how the two are spelled; times are microseconds.
type conflictText struct {
	Since   int64     `json:"since"`
	Between [2]string `json:"between"`
	Reason  string    `json:"reason"`
}

type reversalText struct {
	Status  payment.Status `json:"status"`
	Receipt string         `json:"receipt"`
	At      int64          `json:"at"`
}

func (c *conflict) bind() any {
	if payment.Conflict(*c).IsZero() {
		return ""
	}
	return spelled(conflictText{micros(c.Since), c.Between, c.Reason})
}

func (c *conflict) same(other cell) bool { return *c == *other.(*conflict) }

// Scan reads "" as no conflict.
func (c *conflict) Scan(v any) error {
	var t conflictText
	found, err := spelledIn(v, &t, "a conflict")
	*c = conflict{}
	if found {
		*c = conflict{Since: fromMicros(t.Since), Between: t.Between, Reason: t.Reason}
	}
	return err
}

func (c *reversal) bind() any {
	if *c == (reversal{}) {
		return ""
	}
	return spelled(reversalText{c.Status, c.Receipt, micros(c.At)})
}

func (c *reversal) same(other cell) bool { return *c == *other.(*reversal) }

// Scan reads "" as no reversal.
func (c *reversal) Scan(v any) error {
	var t reversalText
	found, err := spelledIn(v, &t, "a reversal")
	*c = reversal{}
	if found {
		*c = reversal{Status: t.Status, Receipt: t.Receipt, At: fromMicros(t.At)}
	}
	return err
}

func spelled(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // texts and numbers can always be marshalled
		return ""
	}
	return string(b)
}

func spelledIn(v, to any, what string) (found bool, err error) {
	var s string
	if err := scanText(v, &s); err != nil || s == "" {
		return false, err
	}
	if err := json.Unmarshal([]byte(s), to); err != nil {
		return false, fmt.Errorf("the ledger holds %s that cannot be read", what)
	}
	return true, nil
}

func (c failure) bind() any {
	if *c.at == nil {
		return nil
	}
	b, err := json.Marshal(*c.at)
	if err != nil { // three strings can always be marshalled
		return nil
	}
	return string(b)
}

func (c failure) same(other cell) bool {
	a, b := *c.at, *other.(failure).at
	return a == b || a != nil && b != nil && *a == *b
}

// Scan reads NULL as no failure.
func (c failure) Scan(v any) error {
	var s string
	*c.at = nil
	if v == nil {
		return nil
	}
	if err := scanText(v, &s); err != nil {
		return err
	}
	f := &payment.Failure{}
	if err := json.Unmarshal([]byte(s), f); err != nil {
		return fmt.Errorf("the ledger holds a failure that cannot be read")
	}
	*c.at = f
	return nil
}
