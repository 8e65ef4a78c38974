package trace

import (
	"slices"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// leastGap is how long nothing may happen before it is worth a word.
const leastGap = 30 * time.Second

// gaps finds the times in which something was to be expected.
func gaps(t *Trace, now time.Time) []Gap {
	var out []Gap
	if g := callbackGap(t, now); g != nil {
		out = append(out, *g)
	}
	out = append(out, queryGaps(t, now)...)
	out = append(out, forwardGaps(t, now)...)
	slices.SortStableFunc(out, func(a, b Gap) int { return a.From.Compare(b.From) })
	return out
}

// callbackGap is the time from the request to the first callback that was believed.
func callbackGap(t *Trace, now time.Time) *Gap {
	d := t.Deposit
	if d == nil || d.SentAt.IsZero() {
		return nil
	}
	g := Gap{From: d.SentAt, To: now}
	came := false
	for _, v := range t.Deliveries {
		if k := kindOf(v); (k == Callback || k == Notice) && v.ReceivedAt.After(d.SentAt) {
			g.To, came = v.ReceivedAt, true
			break
		}
	}
	for _, e := range t.Events {
		if !came && d.Status.Final() && (e.Kind == Poll || e.Kind == Stream || e.Kind == Result || e.Kind == Operator) && e.At.After(d.SentAt) {
			g.To = e.At // settled without it
		}
	}
	length := g.To.Sub(g.From)
	if length < leastGap {
		return nil
	}
	words := Words(length)
	switch {
	case came && length > payment.PromptLifetime:
		g.Meaning = "the callback came after " + words + ": late, the prompt was over"
	case came:
		g.Meaning = "the callback came after " + words
	case d.Status.Final():
		g.Meaning = "no callback for " + words + ": settled without one"
	case length > payment.PromptLifetime:
		g.Meaning = "no callback for " + words + ": prompt expired"
	default:
		g.Meaning = "no callback for " + words + ": the customer may still answer"
	}
	return &g
}

// queryGaps are questions whose results were long in coming, or never came.
func queryGaps(t *Trace, now time.Time) []Gap {
	var out []Gap
	for _, q := range t.Queries {
		to, came := q.AnsweredAt, !q.AnsweredAt.IsZero()
		if !came {
			to = now
		}
		length := to.Sub(q.CreatedAt)
		if length < leastGap || q.Status == store.QueryRefused {
			continue
		}
		meaning := "the result of " + q.ID + " came after " + Words(length)
		if !came {
			meaning = "no result of " + q.ID + " for " + Words(length)
		}
		out = append(out, Gap{q.CreatedAt, to, meaning})
	}
	return out
}

// forwardGaps are deliveries that an app had not taken for a time, or has not yet.
func forwardGaps(t *Trace, now time.Time) []Gap {
	var out []Gap
	type target struct{ ref, url string }
	tried := map[target]time.Time{}
	var order []target
	for _, e := range t.Events {
		if e.Kind != Forward {
			continue
		}
		k := target{e.Ref, e.Source}
		if _, known := tried[k]; !known {
			tried[k] = e.At
			order = append(order, k)
		}
	}
	for _, k := range order {
		to, taken := now, false
		for _, e := range t.Events {
			if (e.Kind == Forward || e.Kind == Replay) && e.Source == k.url && accepted(e) && !e.At.Before(tried[k]) {
				to, taken = e.At, true
				break
			}
		}
		length := to.Sub(tried[k])
		if length < leastGap {
			continue
		}
		meaning := k.url + " took " + k.ref + " after " + Words(length)
		if !taken {
			meaning = k.url + " has not taken " + k.ref + " for " + Words(length)
		}
		out = append(out, Gap{tried[k], to, meaning})
	}
	return out
}

func accepted(e Event) bool {
	return len(e.Summary) > 10 && e.Summary[:10] == "answered 2"
}

// Words writes a duration as people say it: "2 min 10 s".
func Words(d time.Duration) string {
	d = d.Round(time.Second)
	type unit struct {
		size time.Duration
		name string
	}
	units := []unit{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	out, parts := "", 0
	for _, u := range units {
		n := d / u.size
		d -= n * u.size
		if n == 0 || parts == 2 {
			continue
		}
		if out != "" {
			out += " "
		}
		out += itoa(int(n)) + " " + u.name
		parts++
	}
	if out == "" {
		return "0 s"
	}
	return out
}
