package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// The ids that people see are the integer keys in another spelling: a prefix,
// the key in seven letters, which sort as the keys do, and four letters that
// depend on a secret of the ledger, so that an id of another ledger, or a
// guessed one, names nothing. Nothing of it is stored.

// ids is the secret of a ledger's ids, and of its hashes.
type ids []byte

// idPrefix says what an id names.
type idPrefix string

const (
	depositPrefix  idPrefix = "dep"
	deliveryPrefix idPrefix = "dlv"
	queryPrefix    idPrefix = "qry"
	forwardPrefix  idPrefix = "fwd"
	runPrefix      idPrefix = "run"
)

// idAlphabet is Crockford's base 32: no i, l, o and u.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	idKeyLetters   = 7
	idCheckLetters = 4
	idMostKey      = 1<<(5*idKeyLetters) - 1
)

// id spells a key; 0 is no key and gives "".
func (k ids) id(prefix idPrefix, seq int64) string {
	if seq <= 0 || seq > idMostKey {
		return ""
	}
	out := make([]byte, 0, len(prefix)+1+idKeyLetters+idCheckLetters)
	out = append(append(out, prefix...), '_')
	out = appendLetters(out, uint64(seq), idKeyLetters)
	return string(appendLetters(out, k.idCheck(prefix, seq), idCheckLetters))
}

func (k ids) idCheck(prefix idPrefix, seq int64) uint64 {
	var block [64]byte
	buf := append(append(block[:0], k...), prefix...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(seq))
	sum := sha256.Sum256(buf)
	return uint64(binary.BigEndian.Uint32(sum[:]))
}

func appendLetters(out []byte, n uint64, letters int) []byte {
	for i := letters - 1; i >= 0; i-- {
		out = append(out, idAlphabet[n>>(5*i)&31])
	}
	return out
}

// key reads an id; false when it is not one of this ledger's ids of that kind.
func (k ids) key(prefix idPrefix, id string) (int64, bool) {
	seq, check, ok := parseID(prefix, id)
	if !ok || appendsTo(k.idCheck(prefix, seq)) != check {
		return 0, false
	}
	return seq, true
}

func appendsTo(check uint64) string { return string(appendLetters(nil, check, idCheckLetters)) }

// parseID reads the form of an id. Letters are taken in either case, and the
// look-alikes that Crockford names as what they look like.
func parseID(prefix idPrefix, id string) (seq int64, check string, ok bool) {
	rest, found := strings.CutPrefix(strings.ToLower(id), string(prefix)+"_")
	if !found || len(rest) != idKeyLetters+idCheckLetters {
		return 0, "", false
	}
	rest = strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(rest)
	for i := range len(rest) {
		v := strings.IndexByte(idAlphabet, rest[i])
		if v < 0 {
			return 0, "", false
		}
		if i < idKeyLetters {
			seq = seq<<5 | int64(v)
		}
	}
	return seq, rest[idKeyLetters:], seq > 0
}

// hash64 hashes texts under the ledger's secret, so that nobody outside can
// make two things collide.
func (k ids) hash64(parts ...string) int64 {
	var block [256]byte
	buf := append(block[:0], k...)
	for _, p := range parts {
		buf = binary.AppendUvarint(buf, uint64(len(p)))
		buf = append(buf, p...)
	}
	sum := sha256.Sum256(buf)
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// hashBody hashes bytes likewise.
func (k ids) hashBody(tag string, body []byte) int64 {
	h := sha256.New()
	_, _ = h.Write(k)
	_, _ = h.Write([]byte(tag))
	_, _ = h.Write(body)
	var sum [sha256.Size]byte
	return int64(binary.BigEndian.Uint64(h.Sum(sum[:0])))
}

func noSuch(what, id string) error {
	hint := "it stands in what started it, as run_…"
	switch what {
	case "delivery":
		hint = "look for it with \"payctl webhook list\""
	case "deposit":
		hint = "look for it with \"payctl deposit list\""
	case "forward":
		hint = "look for it with \"payctl webhook queue list\""
	case "query":
		hint = "look for it with \"payctl transaction list\""
	}
	return payment.NotFound(fmt.Sprintf("no %s %s in the ledger", what, payment.Quote(id, 60)), hint)
}
