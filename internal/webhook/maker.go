package webhook

import (
	"context"
	"errors"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/input"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// maxPayload bounds a payload's file, in bytes.
const maxPayload = 1 << 20

// Maker makes the payloads of steps and says where each goes.
type Maker struct {
	Bench Bench
	// To is the endpoint; one without a path gets the routes of a listener.
	To string
	// Stored reads a delivery of the ledger.
	Stored func(ctx context.Context, id string) (store.StoredDelivery, error)
}

// Target is a URL with and without the token that it may have.
type Target struct{ URL, Shown string }

// Sample makes a step's payload: a delivery of the ledger, a file, or an event made of
// facts. token is the last segment of a push's callback path, where there is one.
func (m Maker) Sample(ctx context.Context, step Step, facts payment.Facts, token string) (payment.Sample, Target, error) {
	var d payment.Delivery
	name := step.Event
	switch {
	case strings.HasPrefix(step.Event, "dlv_"):
		stored, err := m.Stored(ctx, step.Event)
		if err != nil {
			return payment.Sample{}, Target{}, err
		}
		if d, token = stored.Delivery, stored.Token; stored.Event != nil {
			name = stored.Event.Name
		}
	case m.isFileName(step.Event):
		body, err := input.File("file", step.Event, maxPayload)
		if err != nil {
			return payment.Sample{}, Target{}, err
		}
		d.Body, name, token = body, "", ""
	default:
		sample, err := m.Bench.Build(step.Event, facts, step.Edit)
		if !strings.HasPrefix(sample.Event, "stk.") {
			token = "" // only a push's callback has one of its own
		}
		return sample, m.target(sample, token), err
	}
	sample, err := m.Bench.Again(d, step.Edit)
	if err != nil {
		return sample, Target{}, err
	}
	if name != "" {
		sample.Event = name
	}
	return sample, m.target(sample, token), nil
}

// isFileName reports whether an argument names a file, not an event.
func (m Maker) isFileName(name string) bool {
	for _, events := range m.Bench.Events() {
		if slices.Contains(events, name) {
			return false
		}
	}
	if strings.ContainsAny(name, `/\`) || strings.HasSuffix(strings.ToLower(name), ".json") {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// target adds the listener's own route to a URL that has no path, with the token without
// which a push's callback is not believed.
func (m Maker) target(s payment.Sample, token string) Target {
	u, err := url.Parse(m.To)
	if err != nil || u.Path != "" || u.RawQuery != "" {
		return Target{m.To, m.To}
	}
	shown := m.To + s.Route
	if token == "" {
		return Target{shown, shown}
	}
	return Target{shown + "/" + token, shown}
}

// ReadScenario reads a scenario's file; see ParseScenario.
func ReadScenario(path string) ([]Step, error) {
	text, err := input.File("scenario", path, maxScenario)
	if err != nil {
		return nil, err
	}
	return ParseScenario(text)
}

// ShotError is what an answer means to its sender: nil for 2xx, else KindUnavailable.
func ShotError(to string, answer deliver.Answer) error {
	switch {
	case answer.Err != nil:
		return NoAnswer(to, answer.Err)
	case !answer.OK():
		return &payment.Error{Kind: payment.KindUnavailable, Message: "the endpoint answered " + strconv.Itoa(answer.Status), Hint: "a provider would take that for a failed delivery"}
	}
	return nil
}

// NoAnswer names the target beside what went wrong on the way to it.
func NoAnswer(to string, err error) error {
	var e *payment.Error
	if !errors.As(err, &e) || e.Kind != payment.KindUnavailable {
		return err
	}
	named := *e
	named.Message = "no answer from " + deliver.Shown(to) + ": " + e.Message
	return &named
}
