package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
)

const (
	// mostPlayed bounds the payloads of one play, longestPlayed the wait before each.
	mostPlayed    = 1000
	longestPlayed = 24 * time.Hour
)

// Play is a scenario: payloads that were made elsewhere, sent one after the other by the
// emulator's clock and with its behaviours for callbacks.
type Play struct {
	Steps []PlayStep `json:"steps"`
}

// PlayStep is one payload.
type PlayStep struct {
	Provider string `json:"provider"`
	Event    string `json:"event"`
	URL      string `json:"url"`
	// Header holds what comes beside the body.
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
	// After is how long to wait before it is sent: a duration such as 2s.
	After string `json:"after"`
}

// postPlay sends a scenario.
func (c *control) postPlay(r *http.Request) (any, error) {
	var play Play
	if err := readControl(r, &play); err != nil {
		return nil, err
	}
	deliveries, delays, err := play.deliveries()
	if err != nil {
		return nil, err
	}
	c.e.Locked(func() {
		for i, d := range deliveries {
			c.e.Emit(d, delays[i])
		}
	})
	return map[string]int{"steps": len(deliveries)}, c.settle()
}

// deliveries reads the steps and when, from now, each is due.
func (p Play) deliveries() ([]*engine.Delivery, []time.Duration, error) {
	if len(p.Steps) == 0 || len(p.Steps) > mostPlayed {
		return nil, nil, fmt.Errorf("steps: %d are none to play; give 1 to %d", len(p.Steps), mostPlayed)
	}
	var out []*engine.Delivery
	var delays []time.Duration
	var due time.Duration
	for i, s := range p.Steps {
		after, err := time.ParseDuration(s.After)
		if s.After == "" {
			after, err = 0, nil
		}
		if err != nil || after < 0 || after > longestPlayed {
			return nil, nil, fmt.Errorf("step %d: after %q is not a wait of at most 24h", i+1, s.After)
		}
		if err := playable(s); err != nil {
			return nil, nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		due += after
		class, _, _ := strings.Cut(s.Event, ".")
		header := s.Header.Clone()
		if header == nil {
			header = http.Header{"Content-Type": {engine.TypeJSON}}
		}
		out = append(out, &engine.Delivery{
			Provider: s.Provider, Class: class, URL: s.URL, Header: header, Body: []byte(s.Body), AnySuccess: true, Note: "played: " + s.Event,
		})
		delays = append(delays, due)
	}
	return out, delays, nil
}

func playable(s PlayStep) error {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("url is not an http or https address")
	case s.Provider == "" || len(s.Provider) > 40 || len(s.Event) > 80:
		return errors.New("provider is missing, or a name is too long")
	}
	return nil
}
