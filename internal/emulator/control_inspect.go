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

func (e *Emulator) getRequests(r *http.Request) (any, error) {
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
	list := e.journal.list(func(x *Exchange) bool {
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

func (e *Emulator) getState(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	view := map[string]any{"clock": e.clockView(), "weather": e.weather, "backlog": e.sender.waiting.Load()}
	for _, p := range e.parts {
		view[p.name()] = p.view(fullPhones(r))
	}
	return view, nil
}

func (e *Emulator) postReset(*http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.epoch.Add(1)
	e.clock.clear()
	e.sender.reset()
	e.held, e.retrying = nil, 0
	for _, p := range e.parts {
		p.reset()
	}
	e.ids.reset()
	for _, s := range e.behaviours.on {
		s.rolls, s.hits = 0, 0
	}
	e.journal.reset()
	e.dirty = true
	return map[string]bool{"reset": true}, nil
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

func (e *Emulator) clockView() clockState {
	state := clockState{Mode: clockReal, Now: e.now().UTC()}
	if e.clock.virtual {
		state.Mode = clockVirtual
	}
	n, next := e.clock.pending()
	if state.Pending = n; n > 0 {
		state.NextIn = next.String()
	}
	return state
}

func (e *Emulator) getClock(*http.Request) (any, error) { return e.clockView(), nil }

func (e *Emulator) postClock(r *http.Request) (any, error) {
	var want struct {
		Advance string `json:"advance"`
	}
	if err := readControl(r, &want); err != nil {
		return nil, err
	}
	var d time.Duration
	if want.Advance == "next" {
		_, d = e.clock.pending()
	} else {
		var err error
		if d, err = time.ParseDuration(want.Advance); err != nil {
			return nil, fmt.Errorf(`advance %q is not a duration such as 90s, or "next"`, want.Advance)
		}
	}
	ran, err := e.clock.advance(d)
	if err != nil {
		return nil, err
	}
	state := e.clockView()
	state.Ran = ran
	return state, nil
}

// Prompt is an open payment as the payer's handset shows it.
type Prompt struct {
	Provider  string    `json:"provider"`
	ID        string    `json:"id"` // free of the phone number; what answer takes
	PaymentID string    `json:"payment_id"`
	Phone     string    `json:"phone"` // in full: a handset knows its own number
	Amount    string    `json:"amount"`
	Currency  string    `json:"currency"`
	PayTo     string    `json:"pay_to"`
	Reference string    `json:"reference"`
	Text      string    `json:"text"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// Outcome is the name of the outcome once answered, empty before.
	Outcome string `json:"outcome"`
}

func (e *Emulator) getPrompts(r *http.Request) (any, error) {
	wanted := r.URL.Query().Get("phone")
	phone, ok := looseMSISDN(wanted)
	if wanted != "" && !ok {
		return nil, errors.New("phone is not a Kenyan mobile number: write it like 254712345678")
	}
	list := []Prompt{}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.parts {
		list = append(list, p.prompts()...)
	}
	if wanted != "" {
		list = slices.DeleteFunc(list, func(p Prompt) bool { return p.Phone != phone.full() })
	}
	return list, nil
}

func (e *Emulator) postAnswer(r *http.Request) (any, error) {
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
	prompt, err := e.answer(want.ID, o)
	if err != nil {
		return nil, err
	}
	if e.clock.virtual {
		if _, err := e.clock.advance(0); err != nil && !errors.Is(err, errClockBusy) {
			return nil, err
		}
	}
	return prompt, nil
}

func (e *Emulator) answer(id string, o *Outcome) (Prompt, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.parts {
		if prompt, err := p.answer(id, o); !errors.Is(err, errNoPrompt) {
			return prompt, err
		}
	}
	return Prompt{}, fmt.Errorf("%w: %w; open prompts are at /_emulator/prompts", errNotFound, errNoPrompt)
}

func (e *Emulator) getCertificate(*http.Request) (any, error) {
	text, err := CertificatePEM()
	return rawText{"application/x-pem-file", text}, err
}
