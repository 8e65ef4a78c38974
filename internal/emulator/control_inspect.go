package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// fullPhones tells whether a view may show phone numbers unmasked.
func fullPhones(r *http.Request) bool { return r.URL.Query().Get("phones") == "full" }

func (c *control) getRequests(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit := journalSize
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("limit %q is not a whole number", text)
		}
		limit = n
	}
	direction, api, refused := q.Get("direction"), q.Get("api"), q.Get("refused")
	if direction != "" && direction != DirectionIn && direction != DirectionOut {
		return nil, fmt.Errorf("direction %q is neither in nor out", direction)
	}
	if refused != "" && refused != "true" && refused != "false" {
		return nil, fmt.Errorf("refused %q is neither true nor false", refused)
	}
	list := c.e.journal.list(func(x *Exchange) bool {
		return (direction == "" || x.Direction == direction) && (api == "" || x.API == api) &&
			(refused == "" || strconv.FormatBool(x.Refused) == refused)
	})
	if len(list) > limit {
		list = list[len(list)-limit:]
	}
	for i := range list {
		list[i] = masked(list[i], fullPhones(r))
	}
	return list, nil
}

func (c *control) getState(r *http.Request) (any, error) {
	c.e.Lock()
	defer c.e.Unlock()
	view := map[string]any{"clock": c.clockView(), "weather": c.em.weather, "backlog": c.e.sender.backlog()}
	for _, p := range c.em.parts {
		view[p.name()] = p.view(fullPhones(r))
	}
	return view, nil
}

func (c *control) postReset(*http.Request) (any, error) {
	c.e.Lock()
	defer c.e.Unlock()
	c.forget()
	return map[string]bool{"reset": true}, nil
}

// forget resets everything but the behaviours. The lock is held.
func (c *control) forget() {
	c.e.reset()
	for _, p := range c.em.parts {
		p.reset()
	}
}

// clockState is what GET /_emulator/clock shows.
type clockState struct {
	Mode    string    `json:"mode"`
	Now     time.Time `json:"now"`
	Pending int       `json:"pending"`
	// NextIn is how far the first event is, "" when nothing is due.
	NextIn string `json:"next_in"`
	// Ran is how many events the last advance ran.
	Ran int `json:"ran"`
}

func (c *control) clockView() clockState {
	state := clockState{Mode: clockReal, Now: c.e.now().UTC()}
	if c.e.clock.virtual {
		state.Mode = clockVirtual
	}
	n, next := c.e.clock.pending()
	if state.Pending = n; n > 0 {
		state.NextIn = next.String()
	}
	return state
}

func (c *control) getClock(*http.Request) (any, error) { return c.clockView(), nil }

func (c *control) postClock(r *http.Request) (any, error) {
	var want struct {
		Advance string `json:"advance"`
	}
	if err := readControl(r, &want); err != nil {
		return nil, err
	}
	var d time.Duration
	if want.Advance == "next" {
		_, d = c.e.clock.pending()
	} else {
		var err error
		if d, err = time.ParseDuration(want.Advance); err != nil {
			return nil, fmt.Errorf(`advance %q is not a duration such as 90s, or "next"`, want.Advance)
		}
	}
	ran, err := c.e.clock.advance(d)
	if err != nil {
		return nil, err
	}
	state := c.clockView()
	state.Ran = ran
	return state, nil
}

func (c *control) getPrompts(r *http.Request) (any, error) {
	wanted := r.URL.Query().Get("phone")
	phone, ok := looseMSISDN(wanted)
	if wanted != "" && !ok {
		return nil, errors.New("phone is not a Kenyan mobile number: write it like 254712345678")
	}
	list := []Prompt{}
	c.e.Lock()
	defer c.e.Unlock()
	for _, p := range c.em.parts {
		list = append(list, p.prompts()...)
	}
	if wanted != "" {
		list = slices.DeleteFunc(list, func(p Prompt) bool { return p.Phone != phone.full() })
	}
	return list, nil
}

func (c *control) postAnswer(r *http.Request) (any, error) {
	var want struct {
		ID      string `json:"id"`
		Outcome string `json:"outcome"`
	}
	if err := readControl(r, &want); err != nil {
		return nil, err
	}
	o := outcomeNamed(want.Outcome)
	if o == nil {
		return nil, fmt.Errorf("outcome %q is unknown: use one of %s", want.Outcome, outcomeNames())
	}
	prompt, err := c.answer(want.ID, o)
	if err != nil {
		return nil, err
	}
	if c.e.clock.virtual {
		if _, err := c.e.clock.advance(0); err != nil && !errors.Is(err, errClockBusy) {
			return nil, err
		}
	}
	return prompt, nil
}

func (c *control) answer(id string, o *Outcome) (Prompt, error) {
	c.e.Lock()
	defer c.e.Unlock()
	for _, p := range c.em.parts {
		if prompt, err := p.answer(id, o); !errors.Is(err, errNoPrompt) {
			return prompt, err
		}
	}
	return Prompt{}, fmt.Errorf("%w: %w; open prompts are at /_emulator/prompts", errNotFound, errNoPrompt)
}

func (c *control) getCertificate(*http.Request) (any, error) {
	text, err := CertificatePEM()
	return rawText{"application/x-pem-file", text}, err
}
