package replay

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
)

// Spec is what a run was asked for; the ledger keeps it for resuming, so it holds
// points in time and ids, nothing that would mean another thing later, and no
// secret.
type Spec struct {
	// IDs are the deliveries, when they were chosen one by one.
	IDs []string `json:"ids,omitempty"`
	// FailedAt are the targets that each delivery goes to, under Failed without
	// Targets.
	FailedAt map[string][]string `json:"failed_at,omitempty"`
	Targets  []string            `json:"targets,omitempty"`
	Provider payment.ProviderID  `json:"provider,omitempty"`
	Event    string              `json:"event,omitempty"`
	Statuses []payment.Status    `json:"statuses,omitempty"`
	Verdicts []payment.Verdict   `json:"verdicts,omitempty"`
	Since    time.Time           `json:"since,omitzero"`
	Until    time.Time           `json:"until,omitzero"`
	Filter   string              `json:"filter,omitempty"`
	// Failed chooses what did not get through.
	Failed bool `json:"failed,omitempty"`
	// Rate is in deliveries a second, Speed a multiple of the original pace; 0 is
	// as fast as possible.
	Rate        float64 `json:"rate,omitempty"`
	Speed       float64 `json:"speed,omitempty"`
	Concurrency int     `json:"concurrency"`
	// Retry is "", "provider", or waits such as "1s,5s".
	Retry       string   `json:"retry,omitempty"`
	Set         []string `json:"set,omitempty"`
	SetJSON     []string `json:"set_json,omitempty"`
	Unset       []string `json:"unset,omitempty"`
	Resign      bool     `json:"resign,omitempty"`
	AllowRemote bool     `json:"allow_remote,omitempty"`
}

func (s Spec) filter() store.DeliveryFilter {
	return store.DeliveryFilter{
		Provider: s.Provider, Event: s.Event, Statuses: s.Statuses, Verdicts: s.Verdicts, Since: s.Since, Until: s.Until,
	}
}

// MaxConcurrency bounds Spec.Concurrency: each delivery under way may hold a
// connection.
const MaxConcurrency = 1000

func (s Spec) checkPace() error {
	switch {
	case math.IsNaN(s.Rate) || math.IsInf(s.Rate, 0):
		return payment.Usage(fmt.Sprintf("rate %v: is not a number", s.Rate), "use a number of deliveries a second, 0 for no limit")
	case math.IsNaN(s.Speed) || math.IsInf(s.Speed, 0):
		return payment.Usage(fmt.Sprintf("speed %v: is not a number", s.Speed), "use 1 for the original pace, 0 for as fast as possible")
	case s.Rate < 0:
		return payment.Usage(fmt.Sprintf("rate %v: is negative", s.Rate), "use a number of deliveries a second")
	case s.Speed < 0:
		return payment.Usage(fmt.Sprintf("speed %v: is negative", s.Speed), "use 1 for the original pace, 10 for ten times as fast")
	case s.Concurrency < 1 || s.Concurrency > MaxConcurrency:
		return payment.Usage(fmt.Sprintf("concurrency %d: is out of range", s.Concurrency), "use 1 to "+strconv.Itoa(MaxConcurrency))
	}
	return nil
}

// maxRetries bounds how many waits Spec.Retry may name.
const maxRetries = 20

// parseRetry reads Spec.Retry; nil is no further attempt.
func parseRetry(text string) (func(payment.ProviderID) []time.Duration, error) {
	switch text {
	case "":
		return nil, nil //nolint:nilnil // no schedule is no further attempt
	case "provider":
		return func(id payment.ProviderID) []time.Duration { return provider.Builtin().Row(id).Retries }, nil
	}
	var waits []time.Duration
	for word := range strings.SplitSeq(text, ",") {
		wait, err := time.ParseDuration(strings.TrimSpace(word))
		if err != nil || wait < 0 {
			return nil, payment.Usage(fmt.Sprintf("retry %q: is not a wait", word), "write provider, or waits such as 1s,5s,30s")
		}
		waits = append(waits, wait)
	}
	if len(waits) > maxRetries {
		return nil, payment.Usage(fmt.Sprintf("retry: %d waits are too many", len(waits)), "use at most "+strconv.Itoa(maxRetries))
	}
	return func(payment.ProviderID) []time.Duration { return waits }, nil
}

// Expected estimates how many deliveries a run has, from the counts that the
// ledger keeps by day; 0 where that is not possible.
func (s Spec) Expected(counts []store.DeliveryCount) int64 {
	if s.IDs != nil {
		return int64(len(s.IDs))
	}
	if s.Filter != "" || len(s.Statuses) > 0 {
		return 0
	}
	total := int64(0)
	for _, c := range counts {
		if s.counts(c) {
			total += c.Count
		}
	}
	return total
}

// counts reports whether a day's count is of what the spec asks for.
func (s Spec) counts(c store.DeliveryCount) bool {
	prefix, wild := strings.CutSuffix(s.Event, "*")
	return (s.Provider == "" || s.Provider == c.Provider) &&
		(len(s.Verdicts) == 0 || slices.Contains(s.Verdicts, c.Verdict)) && c.Day.Before(s.Until) &&
		(s.Event == "" || s.Event == c.Event || wild && strings.HasPrefix(c.Event, prefix))
}
