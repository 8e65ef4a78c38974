package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/emulator/daraja"
	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
	"github.com/payctl/payctl/internal/emulator/portal"
	"github.com/payctl/payctl/internal/emulator/wasaapay"
)

// fullPhones reports whether a view may show phone numbers unmasked.
func fullPhones(r *http.Request) bool { return r.URL.Query().Get("phones") == "full" }

func (c *control) getRequests(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit := engine.JournalSize
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("limit %q is not a whole number", text)
		}
		limit = n
	}
	direction, api, refused := q.Get("direction"), q.Get("api"), q.Get("refused")
	if direction != "" && direction != engine.DirectionIn && direction != engine.DirectionOut {
		return nil, fmt.Errorf("direction %q is neither in nor out", direction)
	}
	if refused != "" && refused != "true" && refused != "false" {
		return nil, fmt.Errorf("refused %q is neither true nor false", refused)
	}
	list := c.e.Journal.List(func(x *engine.Exchange) bool {
		return (direction == "" || x.Direction == direction) && (api == "" || x.API == api) &&
			(refused == "" || strconv.FormatBool(x.Refused) == refused)
	})
	if len(list) > limit {
		list = list[len(list)-limit:]
	}
	for i := range list {
		list[i] = engine.Masked(list[i], fullPhones(r))
	}
	return list, nil
}

func (c *control) getState(r *http.Request) (any, error) {
	c.e.Lock()
	defer c.e.Unlock()
	view := map[string]any{"clock": c.clockView(), "weather": c.em.weather, "backlog": c.e.Sender.Backlog()}
	for _, p := range c.em.parts {
		view[p.Name()] = p.View(fullPhones(r))
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
	c.e.Reset()
	for _, p := range c.em.parts {
		p.Reset()
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
	state := clockState{Mode: engine.ClockReal, Now: c.e.Now().UTC()}
	if c.e.Clock.Virtual {
		state.Mode = engine.ClockVirtual
	}
	n, next := c.e.Clock.Pending()
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
		_, d = c.e.Clock.Pending()
	} else {
		var err error
		if d, err = time.ParseDuration(want.Advance); err != nil {
			return nil, fmt.Errorf(`advance %q is not a duration such as 90s, or "next"`, want.Advance)
		}
	}
	ran, err := c.e.Clock.Advance(d)
	if err != nil {
		return nil, err
	}
	state := c.clockView()
	state.Ran = ran
	return state, nil
}

func (c *control) getPrompts(r *http.Request) (any, error) {
	wanted := r.URL.Query().Get("phone")
	phone, ok := mpesa.LooseMSISDN(wanted)
	if wanted != "" && !ok {
		return nil, errors.New("phone is not a Kenyan mobile number: write it like 254712345678")
	}
	list := []mpesa.Prompt{}
	c.e.Lock()
	defer c.e.Unlock()
	for _, p := range c.em.parts {
		list = append(list, p.Prompts()...)
	}
	if wanted != "" {
		list = slices.DeleteFunc(list, func(p mpesa.Prompt) bool { return p.Phone != phone.Full() })
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
	o := mpesa.OutcomeNamed(want.Outcome)
	if o == nil {
		return nil, fmt.Errorf("outcome %q is unknown: use one of %s", want.Outcome, mpesa.OutcomeNames())
	}
	prompt, err := c.answer(want.ID, o)
	if err != nil {
		return nil, err
	}
	return prompt, c.settle()
}

func (c *control) answer(id string, o *mpesa.Outcome) (mpesa.Prompt, error) {
	c.e.Lock()
	defer c.e.Unlock()
	for _, p := range c.em.parts {
		if prompt, err := p.Answer(id, o); !errors.Is(err, mpesa.ErrNoPrompt) {
			return prompt, err
		}
	}
	return mpesa.Prompt{}, fmt.Errorf("%w: %w; open prompts are at /_emulator/prompts", engine.ErrNotFound, mpesa.ErrNoPrompt)
}

func (c *control) getCertificate(*http.Request) (any, error) {
	text, err := daraja.CertificatePEM()
	return rawText{"application/x-pem-file", text}, err
}

// emitter is a part that makes events of what it does not play.
type emitter interface {
	Emit(want wasaapay.EventRequest) (wasaapay.EmittedEvent, error)
}

func (c *control) postEmit(r *http.Request) (any, error) {
	var want wasaapay.EventRequest
	if err := readControl(r, &want); err != nil {
		return nil, err
	}
	made, err := c.emit(want)
	if err == nil {
		err = c.settle()
	}
	return made, err
}

func (c *control) emit(want wasaapay.EventRequest) (made wasaapay.EmittedEvent, err error) {
	c.e.Lock()
	defer c.e.Unlock()
	for _, p := range c.em.parts {
		if e, ok := p.(emitter); ok {
			return e.Emit(want)
		}
	}
	return made, engine.ErrNotFound
}

// settle runs what is due now, so that what a call causes has happened when it is answered.
func (c *control) settle() error {
	if !c.e.Clock.Virtual {
		return nil
	}
	if _, err := c.e.Clock.Advance(0); err != nil && !errors.Is(err, engine.ErrClockBusy) {
		return err
	}
	return nil
}

// getStatement exports a statement file.
func (c *control) getStatement(r *http.Request) (any, error) {
	var txns []*mpesa.Txn
	c.e.Locked(func() { txns = c.em.net.Ledger.List() })
	q := r.URL.Query()
	return portal.Export(txns, portal.Request{
		Shortcode: q.Get("shortcode"), Family: q.Get("family"), From: q.Get("from"), To: q.Get("to"), Now: c.e.Now(),
	})
}
