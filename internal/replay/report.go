package replay

import (
	"maps"
	"slices"
)

// Report adds up what a run's targets answered. The zero value is ready; it is
// not safe for concurrent use.
type Report struct {
	// Sent and Failed count deliveries, Differing those whose targets did not
	// answer alike.
	Sent, Failed, Differing int64
	tallies                 map[string]*Tally
}

// Add counts one delivery.
func (r *Report) Add(result Result) {
	r.Sent++
	if !result.OK() {
		r.Failed++
	}
	if !result.Same() {
		r.Differing++
	}
	if r.tallies == nil {
		r.tallies = map[string]*Tally{}
	}
	for _, answer := range result.Answers {
		tally := r.tallies[answer.Target]
		if tally == nil {
			tally = &Tally{}
			r.tallies[answer.Target] = tally
		}
		tally.Add(answer)
	}
}

// Targets returns the targets that were sent to, in the order of their names.
func (r *Report) Targets() []string { return slices.Sorted(maps.Keys(r.tallies)) }

// Tally returns a target's count, an empty one where nothing was sent.
func (r *Report) Tally(target string) *Tally {
	if t := r.tallies[target]; t != nil {
		return t
	}
	return &Tally{}
}
