package config

// closest returns the candidate with the fewest edits from what was written,
// or "" when none is near enough to be a slip.
func closest(written string, candidates []string) string {
	best, most := "", max(len(written)/3, 1)+1
	for _, candidate := range candidates {
		if d := edits(written, candidate); d < most {
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

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
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
