package config

import (
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// quote shows outside text in an error: bounded, and with control characters escaped.
func quote(s string) string {
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

func octal(mode fs.FileMode) string {
	return "0" + strconv.FormatUint(uint64(mode.Perm()), 8)
}

// shellWord quotes a path for a command that is shown to be copied.
func shellWord(s string) string {
	plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == ""
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
