package config

import (
	"io/fs"
	"maps"
	"slices"
	"strconv"

	"github.com/payctl/payctl/internal/payment"
)

// quote shows a name, a key or a path that the operator wrote. Digits stay: they are no payer's.
func quote(s string) string { return `"` + payment.Cut(payment.Escape(s), 200) + `"` }

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

func octal(mode fs.FileMode) string {
	return "0" + strconv.FormatUint(uint64(mode.Perm()), 8)
}
