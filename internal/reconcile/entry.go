package reconcile

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
)

// receiptKey is a receipt as the two sides are sorted and compared by: its bytes, or
// a hash of one that is longer than 15 or not ASCII.
type receiptKey [2]uint64

// receipts turns receipts into keys and back.
type receipts struct {
	long map[receiptKey]string
}

func (r *receipts) key(receipt string) receiptKey {
	var b [16]byte
	ascii := len(receipt) <= 15
	for i := 0; ascii && i < len(receipt); i++ {
		ascii = receipt[i] < 0x80
	}
	if ascii {
		copy(b[:], receipt)
		return keyOf(b)
	}
	sum := sha256.Sum256([]byte(receipt))
	copy(b[:], sum[:])
	b[0] |= 0x80
	k := keyOf(b)
	if r.long == nil {
		r.long = map[receiptKey]string{}
	}
	r.long[k] = receipt
	return k
}

func keyOf(b [16]byte) receiptKey {
	return receiptKey{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (r *receipts) text(k receiptKey) string {
	if k[0]>>63 == 1 {
		return r.long[k]
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k[0])
	binary.BigEndian.PutUint64(b[8:], k[1])
	return strings.TrimRight(string(b[:]), "\x00")
}

func (k receiptKey) compare(o receiptKey) int {
	return cmp.Or(cmp.Compare(k[0], o[0]), cmp.Compare(k[1], o[1]))
}

func (k receiptKey) empty() bool { return k == receiptKey{} }

// refSize is how much of a reference is kept for comparing.
const refSize = 20

// entry is a row of either side, without pointers: millions of them are sorted, and
// written to a file when there are more than memory should hold.
type entry struct {
	key    receiptKey
	amount int64
	// number is the ledger's key of the row, or the table and line of the statement's.
	number int64
	// phone is a phone or what is visible of one; see packPhone.
	phone uint64
	// at is when it was completed, or asked for in the ledger: seconds since 1970.
	at int64
	// leg is the statement's; status, source and flags are the ledger's.
	leg    statement.Leg
	status uint8
	source uint8
	flags  uint8
	refLen uint8
	ref    [refSize]byte
}

// The flags of an entry.
const (
	completed uint8 = 1 << iota
	reversedHere
	refCut
	notPayment
)

func (e *entry) has(flag uint8) bool { return e.flags&flag != 0 }

func (e *entry) setRef(ref string) {
	n := copy(e.ref[:], ref)
	e.refLen = uint8(n)
	if n < len(ref) {
		e.flags |= refCut
	}
}

func (e *entry) refText() string { return string(e.ref[:e.refLen]) }

// place is a row's table, as run.tables numbers them, and its line.
func place(table, line int) int64 { return int64(table)<<40 | int64(line) }

func (e *entry) table() int { return int(e.number >> 40) }
func (e *entry) line() int  { return int(e.number & (1<<40 - 1)) }

// compare orders a side: by receipt, and equal rows beside each other.
func (e *entry) compare(o *entry) int {
	return cmp.Or(
		e.key.compare(o.key), cmp.Compare(e.at, o.at), cmp.Compare(e.leg, o.leg), cmp.Compare(e.amount, o.amount),
		cmp.Compare(e.flags&completed, o.flags&completed), cmp.Compare(e.source, o.source), cmp.Compare(e.number, o.number),
	)
}

// sameRow reports whether two rows of different tables may be the same.
func (e *entry) sameRow(o *entry) bool {
	return e.key == o.key && e.at == o.at && e.leg == o.leg && e.amount == o.amount && e.flags&completed == o.flags&completed
}

// entrySize is the size of an entry in a file.
const entrySize = 16 + 4*8 + 5 + refSize

func (e *entry) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, e.key[0])
	b = binary.LittleEndian.AppendUint64(b, e.key[1])
	b = binary.LittleEndian.AppendUint64(b, uint64(e.amount))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.number))
	b = binary.LittleEndian.AppendUint64(b, e.phone)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.at))
	b = append(b, byte(e.leg), e.status, e.source, e.flags, e.refLen)
	return append(b, e.ref[:]...)
}

func (e *entry) take(b []byte) {
	e.key = receiptKey{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
	e.amount = int64(binary.LittleEndian.Uint64(b[16:]))
	e.number = int64(binary.LittleEndian.Uint64(b[24:]))
	e.phone = binary.LittleEndian.Uint64(b[32:])
	e.at = int64(binary.LittleEndian.Uint64(b[40:]))
	e.leg, e.status, e.source, e.flags, e.refLen = statement.Leg(b[48]), b[49], b[50], b[51], b[52]
	copy(e.ref[:], b[53:])
}

// packPhone keeps the visible digits of a number in one word: up to 12 of the prefix,
// up to 3 of the suffix, and how many there are of each.
func packPhone(m statement.Mask) uint64 {
	if m.Empty() || len(m.Prefix) > 12 || len(m.Suffix) > 3 {
		return 0
	}
	prefix, _ := strconv.ParseUint("0"+m.Prefix, 10, 64)
	suffix, _ := strconv.ParseUint("0"+m.Suffix, 10, 64)
	return prefix<<24 | suffix<<8 | uint64(len(m.Prefix))<<4 | uint64(len(m.Suffix))
}

func unpackPhone(p uint64) statement.Mask {
	digits := func(n uint64, size int) string {
		if size == 0 {
			return ""
		}
		text := strconv.FormatUint(n, 10)
		return strings.Repeat("0", max(0, size-len(text))) + text
	}
	return statement.Mask{Prefix: digits(p>>24, int(p>>4&15)), Suffix: digits(p>>8&0xffff, int(p&15))}
}

// phonesFit reports whether a statement's visible digits may be the ledger's number.
func phonesFit(visible, whole uint64) bool {
	if visible == 0 || whole == 0 {
		return false
	}
	mine, theirs := unpackPhone(visible), unpackPhone(whole)
	if theirs.Suffix == "" {
		return mine.Fits(theirs.Prefix)
	}
	// Both are masked.
	n := min(len(mine.Prefix), len(theirs.Prefix))
	return mine.Prefix[:n] == theirs.Prefix[:n] && mine.Suffix == theirs.Suffix
}

// statusCodes spells a deposit's status in a byte.
func statusCode(s payment.Status) uint8 {
	for i, known := range payment.Statuses() {
		if s == known {
			return uint8(i)
		}
	}
	return 0
}

func (e *entry) ledgerStatus() payment.Status { return payment.Statuses()[e.status] }

func (e *entry) time() time.Time { return time.Unix(e.at, 0).UTC() }
