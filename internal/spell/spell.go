// Package spell measures slips of the finger, for errors that say what was meant.
package spell

import "strings"

// longest is how many bytes a word may have; longer ones are no slip of another.
const longest = 64

// Distance is the Levenshtein distance of two words in bytes: how many must be
// inserted, deleted or replaced to make one of the other. It is the longer one's
// length where that is over 64.
func Distance(a, b string) int {
	if len(a) > longest || len(b) > longest {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Nearest returns the name that a mistyped word stands for, "" for none: the first that
// begins with it, else the nearest within two slips of the finger.
func Nearest(word string, names []string) string {
	word = strings.ToLower(word)
	if word == "" {
		return ""
	}
	best, least := "", min(3, len(word))
	for _, name := range names {
		if strings.HasPrefix(name, word) {
			return name
		}
		if d := Distance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}
