package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/timing"
)

// Hammer sends an endpoint what a bad day brings: copies in parallel, late and
// reordered events, junk, forgeries and masked fields. It is bounded in count
// and in time.
type Hammer struct {
	URL      string
	Bench    Bench
	Provider payment.ProviderID
	// Copies is how many copies each duplicate test sends; at most MaxCopies.
	Copies int
	Sender Sender
	// Probe asks the endpoint's books how often a payment was credited; nil
	// leaves that part of the report out.
	Probe func(ctx context.Context, f payment.Facts) (credits int, err error)
	// Settle is how long the endpoint may work on what it acknowledged before
	// the probe asks.
	Settle time.Duration
	Now    func() time.Time

	// invent keeps the payments of different tests apart.
	invent Inventor
}

// MaxCopies bounds Hammer.Copies.
const MaxCopies = 1000

// Blow is one test and its result.
type Blow struct {
	Name string `json:"name"`
	// Sent counts requests; Answers counts them by HTTP status, "none" where
	// no answer came.
	Sent    int            `json:"sent"`
	Answers map[string]int `json:"answers"`
	P50Ms   float64        `json:"p50_ms"`
	P99Ms   float64        `json:"p99_ms"`
	// Credits is what the probe said, and Want what it should; both null without a probe.
	Credits *int `json:"credits"`
	Want    *int `json:"want"`
	// Problem is "" when all is well.
	Problem string `json:"problem"`
	// Error says why requests did not reach the endpoint, "" when they did: that is
	// no problem of the endpoint's.
	Error string `json:"error"`
}

// plan is one test: what is sent in which order, and what must come of it.
type plan struct {
	name string
	// shots are sent one after the other; parallel ones all at once.
	shots    []payment.Sample
	parallel bool
	facts    payment.Facts
	credits  int
	// accept says which answers are right.
	accept func(status int) bool
	want   string
}

func acknowledged(status int) bool { return status >= 200 && status < 300 }
func refused(status int) bool      { return status >= 400 && status < 500 }
func handled(status int) bool      { return status > 0 && status < 500 }

// Run runs all tests for the provider and returns a report in their order. An
// error is KindUsage for a provider without such tests, KindUnavailable when the
// endpoint cannot be reached at all, or ctx's.
func (h *Hammer) Run(ctx context.Context) ([]Blow, error) {
	plans, err := h.plans()
	if err != nil {
		return nil, err
	}
	report := make([]Blow, 0, len(plans))
	for _, p := range plans {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		blow, unreached := h.blow(ctx, p)
		report = append(report, blow)
		if unreached != nil {
			return report, unreached
		}
	}
	return report, nil
}

// blow runs one test. The error says why no request of it reached the endpoint.
func (h *Hammer) blow(ctx context.Context, p plan) (Blow, error) {
	b := Blow{Name: p.name, Sent: len(p.shots), Answers: map[string]int{}}
	answers := h.send(ctx, p)
	latencies := make([]time.Duration, 0, len(answers))
	var unreached error
	missed := 0
	for _, a := range answers {
		latencies = append(latencies, a.Latency)
		answer := strconv.Itoa(a.Status)
		if a.Err != nil {
			answer = "none"
		}
		b.Answers[answer]++
		switch {
		case errors.Is(a.Err, deliver.ErrUnreached):
			missed++
			unreached, b.Error = a.Err, a.Problem()
		case p.accept(a.Status) || b.Problem != "":
		case a.Err != nil:
			b.Problem = "no answer: " + a.Problem()
		default:
			b.Problem = "answered " + answer + ", not " + p.want
			if a.Problem() != "" {
				b.Problem += " (" + a.Problem() + ")"
			}
		}
	}
	b.P50Ms, b.P99Ms = milliseconds(percentile(latencies, 50)), milliseconds(percentile(latencies, 99))
	if missed == len(answers) {
		return b, unreached
	}
	if h.Probe != nil && missed == 0 {
		h.probe(ctx, p, &b)
	}
	return b, nil
}

func (h *Hammer) send(ctx context.Context, p plan) []deliver.Answer {
	answers := make([]deliver.Answer, len(p.shots))
	if !p.parallel {
		for i, s := range p.shots {
			answers[i] = Shoot(ctx, h.Sender, h.URL, s)
		}
		return answers
	}
	var group errgroup.Group
	group.SetLimit(64)
	var start sync.WaitGroup
	start.Add(1)
	for i, s := range p.shots {
		if i == 32 {
			start.Done()
		}
		group.Go(func() error {
			start.Wait()
			answers[i] = Shoot(ctx, h.Sender, h.URL, s)
			return nil
		})
	}
	if len(p.shots) <= 32 {
		start.Done()
	}
	_ = group.Wait()
	return answers
}

func (h *Hammer) probe(ctx context.Context, p plan, b *Blow) {
	if timing.Wait(ctx, h.Settle) != nil {
		return
	}
	credits, err := h.Probe(ctx, p.facts)
	if err != nil {
		b.Problem = joined(b.Problem, "the probe failed: "+err.Error())
		return
	}
	b.Credits, b.Want = &credits, &p.credits
	switch {
	case credits > p.credits:
		b.Problem = joined(b.Problem, fmt.Sprintf("credited %d times, not %d", credits, p.credits))
	case credits < p.credits:
		b.Problem = joined(b.Problem, "acknowledged and lost: not credited")
	}
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// percentile returns the p-th percentile (0 to 100) of latencies.
func percentile(latencies []time.Duration, p int) time.Duration {
	if len(latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(latencies))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// plans are the provider's trials, and then junk.
func (h *Hammer) plans() ([]plan, error) {
	row := h.Bench.Providers.Row(h.Provider)
	if len(row.Trials) == 0 {
		tried := strings.ReplaceAll(provider.Names(h.Bench.Providers.Tried()), ", ", " or ")
		return nil, payment.Usage(fmt.Sprintf("provider %q: there are no such tests", h.Provider), "use "+tried)
	}
	h.invent.Bench = h.Bench
	payments := map[string]payment.Facts{}
	var plans []plan
	for _, t := range row.Trials {
		facts, known := payments[t.Payment]
		if !known {
			facts = h.invent.Next(h.Now())
		}
		if t.Payment != "" {
			payments[t.Payment] = facts
		}
		p := plan{name: t.Name, facts: facts, credits: t.Credits, parallel: t.Copies, accept: acknowledged, want: "2xx"}
		if t.Refuse {
			p.accept, p.want = refused, "4xx"
		}
		for _, shot := range t.Shots {
			s, err := h.Bench.Build(shot.Event, facts, Edit{Set: shot.Set, Unset: shot.Unset})
			if err != nil {
				return nil, err
			}
			if shot.Spoil != nil {
				s.Body = shot.Spoil(s.Body, facts)
			}
			p.shots = append(p.shots, s)
		}
		if t.Copies {
			p.name, p.shots = strconv.Itoa(h.Copies)+" "+t.Name, slices.Repeat(p.shots, h.Copies)
		}
		plans = append(plans, p)
	}
	for _, j := range junk() {
		p := plan{name: j.name, facts: h.invent.Next(h.Now()), shots: []payment.Sample{{Body: []byte(j.body), Header: jsonHeader()}}, accept: acknowledged, want: "2xx"}
		if len(row.Retries) > 0 { // what is not acknowledged comes again
			p.accept, p.want = handled, "below 500"
		}
		plans = append(plans, p)
	}
	return plans, nil
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

func junk() []struct{ name, body string } {
	return []struct{ name, body string }{
		{"an empty body", ""},
		{"a body that is not JSON", "<html>503</html>"},
		{"JSON that is cut off", `{"Body":{"stkCallback":{"ResultCode":0`},
		{"JSON of another shape", `[1,2,3]`},
		{"deep nesting", strings.Repeat("[", 5000) + strings.Repeat("]", 5000)},
		{"null everywhere", `{"Body":null,"event":null,"data":null,"signature":null}`},
	}
}
