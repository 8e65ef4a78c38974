package wasaapay

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
)

const (
	lowerAlnum = "0123456789abcdefghijklmnopqrstuvwxyz"
	upperAlnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// appendBase appends digits characters of the alphabet, taken from word.
func appendBase(dst []byte, word uint64, alphabet string, digits int) []byte {
	base := uint64(len(alphabet))
	for range digits {
		dst = append(dst, alphabet[word%base])
		word /= base
	}
	return dst
}

// depositID makes an id and a reference of the shapes in reference/wasaapay.md §7.5. The reference counts within its six
// characters, so that no two of a day are alike.
func depositID(g *engine.IDs, now time.Time) (id, reference string) {
	n, a, _ := g.Words(engine.IDDeposit)
	return string(appendBase([]byte("dep_"), a, lowerAlnum, 12)), dated("DEP-", now, scatter(g.Seed, n))
}

// eventID makes an id and a reference of a withdrawal, transfer or bill in the manner of a deposit's. A given id keeps its
// reference.
func eventID(g *engine.IDs, family, given string, now time.Time) (id, reference string) {
	kind, prefix, shown := engine.IDWithdrawal, "wdr_", "WDR-"
	switch family {
	case "transfer":
		kind, prefix, shown = engine.IDTransfer, "trf_", "TRF-"
	case "bill":
		kind, prefix, shown = engine.IDBill, "bill_", "BIL-"
	}
	if given != "" {
		h := fnv.New64a()
		_, _ = h.Write([]byte(given))
		return given, dated(shown, now, h.Sum64())
	}
	n, a, _ := g.Words(kind)
	return string(appendBase([]byte(prefix), a, lowerAlnum, 12)), dated(shown, now, scatter(g.Seed, n))
}

// walletID makes an id and an account number.
func walletID(g *engine.IDs) (id, account string) {
	n, a, _ := g.Words(engine.IDWallet)
	number := strconv.FormatUint(1_000_000_000+n, 10)
	return string(appendBase([]byte("wallet_"), a, lowerAlnum, 10)), "WP" + number
}

// scatter turns a counter into one of 36^6 values, each once: the step has no factor in common with that number.
func scatter(seed, n uint64) uint64 {
	const space, step = 2176782336, 1234567891
	return (engine.Mix(seed)%space + n%space*step) % space
}

func dated(prefix string, now time.Time, word uint64) string {
	buf := now.UTC().AppendFormat([]byte(prefix), "20060102-")
	return string(appendBase(buf, word, upperAlnum, 6))
}
