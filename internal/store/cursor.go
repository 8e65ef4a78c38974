package store

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/payctl/payctl/internal/payment"
)

// position is where a page of a list ended: rows are ordered by time, then key.
type position struct{ at, seq int64 }

const cursorVersion = 1

// cursor spells a position for a caller to hand back.
func (p position) cursor() string {
	b := []byte{cursorVersion}
	b = binary.AppendVarint(b, p.at)
	b = binary.AppendVarint(b, p.seq)
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor reads a cursor; "" is the start of the list. Anything that cursor
// did not write is KindUsage.
func parseCursor(text string) (position, bool, error) {
	if text == "" {
		return position{}, false, nil
	}
	bad := payment.Usage("cursor: it is not one that a list gave", "take the cursor from the end of the page before, or leave it out")
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 || b[0] != cursorVersion {
		return position{}, false, bad
	}
	var p position
	at, n := binary.Varint(b[1:])
	if n <= 0 {
		return position{}, false, bad
	}
	seq, m := binary.Varint(b[1+n:])
	if m <= 0 || 1+n+m != len(b) || seq < 0 {
		return position{}, false, bad
	}
	p.at, p.seq = at, seq
	if p.cursor() != text {
		return position{}, false, bad
	}
	return p, true, nil
}
