package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
)

// leastGap is how long nothing covers the time between two slices before it is a gap:
// slices end at :59 and go on at :00.
const leastGap = 3 * time.Minute

// cover finds out which time the files cover together, and holds slices against each
// other.
func (r *run) cover(context.Context) error {
	rep := r.report
	if len(rep.Files) == 0 {
		if r.in.From.IsZero() || r.in.To.IsZero() {
			return payment.Usage("reconcile: there is no file, and no period to ask the provider about", "give statement files, or --provider-check with --from and --to")
		}
		rep.From, rep.To = r.in.From, r.in.To
		return nil
	}
	if !slices.ContainsFunc(rep.Files, func(f statement.File) bool { return holdsPayments(&f) }) {
		f := rep.Files[0]
		return payment.Usage(fmt.Sprintf("statement %s: is of the %s, which holds no customers' payments", payment.Line(f.Name, 120), payment.Line(f.Account, 60)), "export the statement of the Utility account (paybill) or the Merchant account (till)")
	}
	r.compareSlices()
	for i := range rep.Files {
		f := &rep.Files[i]
		if f.From.IsZero() || !holdsPayments(f) {
			continue
		}
		r.covered = append(r.covered, interval{f.From, f.To})
	}
	if len(r.covered) == 0 { // rows none, period unknown
		r.covered = []interval{{r.in.From, r.in.To}}
	}
	r.covered = joinIntervals(r.covered)
	rep.From, rep.To = r.covered[0].from, r.covered[len(r.covered)-1].to
	if !r.in.From.IsZero() {
		rep.From = r.in.From
	}
	if !r.in.To.IsZero() {
		rep.To = r.in.To
	}
	switch {
	case rep.To.Before(rep.From):
		return payment.Usage("from: not before the end of the period", "give an earlier --from, or files of that time")
	case r.in.From.IsZero() && r.in.To.IsZero():
	default:
		// What was asked for beyond the files is not covered by the operator's word,
		// unless the files cannot tell.
		if slices.ContainsFunc(rep.Files, func(f statement.File) bool { return f.FromRows }) {
			r.covered = []interval{{rep.From, rep.To}}
		}
	}
	return nil
}

// holdsPayments reports whether customers' payments may be in a file: not in that of
// a settlement, MMF or charges account.
func holdsPayments(f *statement.File) bool {
	account := strings.ToLower(f.Account)
	for _, word := range []string{"settlement", "mmf", "charges", "working"} {
		if strings.Contains(account, word) {
			return f.Payments > 0
		}
	}
	return true
}

// joinIntervals merges what touches or overlaps.
func joinIntervals(list []interval) []interval {
	slices.SortFunc(list, func(a, b interval) int { return a.from.Compare(b.from) })
	out := list[:1]
	for _, next := range list[1:] {
		last := &out[len(out)-1]
		if next.from.Sub(last.to) < leastGap {
			if next.to.After(last.to) {
				last.to = next.to
			}
			continue
		}
		out = append(out, next)
	}
	return out
}

// compareSlices adds to each file's checks how it follows the slice before it, of the
// same account.
func (r *run) compareSlices() {
	files := r.report.Files
	order := make([]int, len(files))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &files[a], &files[b]
		if c := strings.Compare(x.ShortCode+"\x00"+x.Account, y.ShortCode+"\x00"+y.Account); c != 0 {
			return c
		}
		if c := x.From.Compare(y.From); c != 0 {
			return c
		}
		return strings.Compare(x.SHA256, y.SHA256)
	})
	for i := 1; i < len(order); i++ {
		before, f := &files[order[i-1]], &files[order[i]]
		if before.Account != f.Account || before.ShortCode != f.ShortCode || f.From.IsZero() || before.To.IsZero() || f.FromRows {
			continue
		}
		f.Checks = append(f.Checks, follows(before, f)...)
	}
}

func follows(before, f *statement.File) []statement.Check {
	yes, no := true, false
	gap := f.From.Sub(before.To)
	switch {
	case before.SHA256 == f.SHA256:
		return []statement.Check{{Name: "overlap", OK: &yes, Detail: "the same file as " + payment.Line(before.Name, 120) + "; its rows are counted once"}}
	case gap <= 0:
		return []statement.Check{{Name: "overlap", OK: &yes, Detail: "overlaps " + payment.Line(before.Name, 120) + " by " + inWords(-gap) + "; rows of both are counted once"}}
	case gap >= leastGap:
		return []statement.Check{{Name: "gap", OK: &no, Detail: "no file covers the " + inWords(gap) + " before it, from " + before.To.Format("2006-01-02 15:04:05") + " to " + f.From.Format("2006-01-02 15:04:05")}}
	case before.HasClosing && f.HasOpening && before.Closing != f.Opening:
		return []statement.Check{{Name: "continuity", OK: &no, Detail: "opens with " + statement.Decimal(f.Opening) + ", and " + payment.Line(before.Name, 120) + " closes with " + statement.Decimal(before.Closing)}}
	case before.HasClosing && f.HasOpening:
		return []statement.Check{{Name: "continuity", OK: &yes, Detail: "opens with what " + payment.Line(before.Name, 120) + " closes with"}}
	}
	return nil
}

// inWords writes a stretch of time with its days apart from the rest: "3 d 2h5m0s".
func inWords(d time.Duration) string {
	const day = 24 * time.Hour
	d = d.Round(time.Second)
	if d < 2*day {
		return d.String()
	}
	return fmt.Sprintf("%d d %s", d/day, d%day)
}

// covers reports whether a file covers a time.
func (r *run) covers(at time.Time) bool {
	return slices.ContainsFunc(r.covered, func(i interval) bool { return !at.Before(i.from) && !at.After(i.to) })
}

// nearEdge reports whether a time is within the grace of an edge of the period or of
// what is covered.
func (r *run) nearEdge(at time.Time) bool {
	near := func(edge time.Time) bool { return at.Sub(edge).Abs() <= r.in.Grace }
	if near(r.report.From) || near(r.report.To) {
		return true
	}
	return slices.ContainsFunc(r.covered, func(i interval) bool { return near(i.from) || near(i.to) })
}

func (r *run) inPeriod(at time.Time) bool {
	return !at.Before(r.report.From) && !at.After(r.report.To)
}
