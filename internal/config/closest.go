package config

import "github.com/payctl/payctl/internal/spell"

// closest returns the candidate with the fewest edits from what was written,
// or "" when none is near enough to be a slip.
func closest(written string, candidates []string) string {
	best, most := "", max(len(written)/3, 1)+1
	for _, candidate := range candidates {
		if d := spell.Distance(written, candidate); d < most {
			best, most = candidate, d
		}
	}
	return best
}

// didYouMean is the clause that follows an unknown word.
func didYouMean(written string, candidates []string) string {
	if word := closest(written, candidates); word != "" {
		return `; did you mean "` + word + `"?`
	}
	return ""
}
