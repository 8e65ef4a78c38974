package mpesa

import (
	"math/bits"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/timing"
)

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, word uint64, digits int) []byte {
	for range digits {
		dst = append(dst, hexDigits[word&15])
		word >>= 4
	}
	return dst
}

// RequestID has the shape of MerchantRequestID, requestId and OriginatorConversationID: 4-4-4-12 hex digits and 6 or 7
// decimal ones right behind (reference/daraja.md §3.3).
func RequestID(g *engine.IDs) string {
	n, a, b := g.Words(engine.IDRequest)
	buf := make([]byte, 0, 34)
	buf = append(appendHex(buf, a, 4), '-')
	buf = append(appendHex(buf, a>>16, 4), '-')
	buf = append(appendHex(buf, a>>32, 4), '-')
	buf = appendHex(buf, b, 12)
	buf = strconv.AppendUint(buf, 100000+(b>>48+n)%9900000, 10)
	return string(buf)
}

// ConversationID is AG_YYYYMMDD_ and 20 hex digits (reference/daraja.md §3.3).
func ConversationID(g *engine.IDs, now time.Time) string {
	_, a, b := g.Words(engine.IDConversation)
	buf := append(make([]byte, 0, 32), "AG_"...)
	buf = now.In(timing.EAT()).AppendFormat(buf, "20060102")
	buf = append(buf, "_2010"...)
	return string(appendHex(appendHex(buf, a, 8), b, 8))
}

// receiptSpace is 36^7; receiptStep has no factor in common with it, so that counting by it visits every value once.
const (
	receiptSpace = 78364164096
	receiptStep  = 31415926537
)

// ReceiptID is an M-PESA receipt: three characters for the date in Nairobi and seven more, never twice the same
// (reference/daraja.md §3.3).
func ReceiptID(g *engine.IDs, now time.Time) string {
	n := g.Count(engine.IDReceipt)
	hi, lo := bits.Mul64(n%receiptSpace, receiptStep)
	value := (engine.Mix(g.Seed)%receiptSpace + bits.Rem64(hi, lo, receiptSpace)) % receiptSpace
	var tail [7]byte
	for i := len(tail) - 1; i >= 0; i-- {
		tail[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[value%36]
		value /= 36
	}
	return receiptDate(now) + string(tail[:])
}

// NoReceipt is the pseudo-id of failed and status results: the date and seven zeros (reference/daraja.md §3.3).
func NoReceipt(now time.Time) string { return receiptDate(now) + "0000000" }

// receiptDate is the year's letter (S is 2024), the month's (A to L) and the day's character (1 to 9, then A to V).
func receiptDate(now time.Time) string {
	t := now.In(timing.EAT())
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

// Stamp is the gateway's 14-digit time, yyyyMMddHHmmss in Nairobi.
func Stamp(t time.Time) string { return t.In(timing.EAT()).Format("20060102150405") }

func appendUint(buf []byte, n uint64) []byte { return strconv.AppendUint(buf, n, 10) }
