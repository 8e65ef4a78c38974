package emulator

import (
	"math/bits"
	"strconv"
	"sync/atomic"
	"time"
)

// idKind separates the sequences, so that one more id of one kind does not change those of another.
type idKind uint8

const (
	idRequest idKind = iota
	idConversation
	idToken
	idReceipt
	idChance
	idDeposit
	idWallet
	idTransfer
	idKinds
)

// ids makes every identifier from the seed and a counter for each kind. It is safe for concurrent use.
type ids struct {
	seed uint64
	next [idKinds]atomic.Uint64
}

// mix is the finaliser of splitmix64: every bit of x reaches every bit of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (g *ids) words(kind idKind) (n, a, b uint64) {
	n = g.next[kind].Add(1)
	a = mix(mix(g.seed+uint64(kind)<<56) + n)
	return n, a, mix(a)
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, word uint64, digits int) []byte {
	for range digits {
		dst = append(dst, hexDigits[word&15])
		word >>= 4
	}
	return dst
}

// request is the shape of MerchantRequestID, requestId and OriginatorConversationID: 4-4-4-12 hex digits and 6 or 7
// decimal ones right behind (reference/daraja.md §3.3).
func (g *ids) request() string {
	n, a, b := g.words(idRequest)
	buf := make([]byte, 0, 34)
	buf = append(appendHex(buf, a, 4), '-')
	buf = append(appendHex(buf, a>>16, 4), '-')
	buf = append(appendHex(buf, a>>32, 4), '-')
	buf = appendHex(buf, b, 12)
	buf = strconv.AppendUint(buf, 100000+(b>>48+n)%9900000, 10)
	return string(buf)
}

// conversation is AG_YYYYMMDD_ and 20 hex digits (reference/daraja.md §3.3).
func (g *ids) conversation(now time.Time) string {
	_, a, b := g.words(idConversation)
	buf := append(make([]byte, 0, 32), "AG_"...)
	buf = now.In(nairobi()).AppendFormat(buf, "20060102")
	buf = append(buf, "_2010"...)
	return string(appendHex(appendHex(buf, a, 8), b, 8))
}

const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// token is 28 letters and digits (reference/daraja.md §2).
func (g *ids) token() string {
	_, a, b := g.words(idToken)
	buf := make([]byte, 0, 28)
	for _, word := range []uint64{a, b, mix(b)} {
		for range 10 {
			if len(buf) < 28 {
				buf = append(buf, alnum[word%uint64(len(alnum))])
			}
			word /= uint64(len(alnum))
		}
	}
	return string(buf)
}

// receiptSpace is 36^7; receiptStep has no factor in common with it, so that counting by it visits every value once.
const (
	receiptSpace = 78364164096
	receiptStep  = 31415926537
)

// receipt is an M-PESA receipt: three characters for the date in Nairobi and seven more, never twice the same
// (reference/daraja.md §3.3).
func (g *ids) receipt(now time.Time) string {
	n := g.next[idReceipt].Add(1)
	hi, lo := bits.Mul64(n%receiptSpace, receiptStep)
	value := (mix(g.seed)%receiptSpace + bits.Rem64(hi, lo, receiptSpace)) % receiptSpace
	var tail [7]byte
	for i := len(tail) - 1; i >= 0; i-- {
		tail[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[value%36]
		value /= 36
	}
	return receiptDate(now) + string(tail[:])
}

// noReceipt is the pseudo-id of failed and status results: the date and seven zeros (reference/daraja.md §3.3).
func noReceipt(now time.Time) string { return receiptDate(now) + "0000000" }

// receiptDate is the year's letter (S is 2024), the month's (A to L) and the day's character (1 to 9, then A to V).
func receiptDate(now time.Time) string {
	t := now.In(nairobi())
	year := (t.Year() - 2006) % 26
	if year < 0 {
		year += 26
	}
	return string([]byte{
		byte('A' + year),
		byte('A' + int(t.Month()) - 1),
		"0123456789ABCDEFGHIJKLMNOPQRSTUV"[t.Day()],
	})
}

// nairobi is East Africa Time, which never changes its clocks.
func nairobi() *time.Location { return eat }

var eat = time.FixedZone("EAT", 3*60*60) //nolint:gochecknoglobals // immutable

// stamp is the gateway's 14-digit time, yyyyMMddHHmmss in Nairobi.
func stamp(t time.Time) string { return t.In(nairobi()).Format("20060102150405") }

// reset starts every sequence again, so that a reset emulator repeats itself.
func (g *ids) reset() {
	for i := range g.next {
		g.next[i].Store(0)
	}
}
