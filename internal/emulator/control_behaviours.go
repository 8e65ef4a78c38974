package emulator

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/payment"
)

// behaviourState is a behaviour and how it is set.
type behaviourState struct {
	engine.Behaviour
	Active  bool    `json:"active"`
	Setting *string `json:"setting"` // the value given; nil for always, or when it is off
	Hits    uint64  `json:"hits"`    // how often it struck
}

func (c *control) getBehaviours(*http.Request) (any, error) {
	c.e.Lock()
	defer c.e.Unlock()
	return c.behaviourStates(), nil
}

func (c *control) behaviourStates() []behaviourState {
	list := []behaviourState{}
	for _, b := range Behaviours() {
		state := behaviourState{Behaviour: b}
		if raw, hits, on := c.e.Behaviours.State(b.Name); on {
			state.Active, state.Setting, state.Hits = true, payment.OrNull(raw), hits
		}
		list = append(list, state)
	}
	return list
}

// postBehaviours changes the weather, then switches off, then switches on; all of it or, on a bad value, nothing.
func (c *control) postBehaviours(r *http.Request) (any, error) {
	var want struct {
		Weather string   `json:"weather"`
		Set     []string `json:"set"`
		Unset   []string `json:"unset"`
		Name    string   `json:"name"`
		Value   string   `json:"value"`
	}
	if err := readControl(r, &want); err != nil {
		return nil, err
	}
	if want.Name != "" {
		text := want.Name
		if want.Value != "" {
			text += "=" + want.Value
		}
		want.Set = append(want.Set, text)
	}
	c.e.Lock()
	defer c.e.Unlock()
	next := c.e.Behaviours.Clone()
	if want.Weather != "" {
		if err := applyWeather(next, want.Weather); err != nil {
			return nil, err
		}
	}
	for _, name := range want.Unset {
		if err := next.Unset(name); err != nil {
			return nil, err
		}
	}
	for _, text := range want.Set {
		if err := next.Set(text); err != nil {
			return nil, err
		}
	}
	c.em.weather = cmp.Or(want.Weather, c.em.weather)
	c.e.Adopt(next)
	return c.behaviourStates(), nil
}

func (c *control) deleteBehaviours(r *http.Request) (any, error) {
	c.e.Lock()
	defer c.e.Unlock()
	next := c.e.Behaviours.Clone()
	if name := r.PathValue("name"); name != "" {
		if err := next.Unset(name); err != nil {
			return nil, fmt.Errorf("%w: %w", engine.ErrNotFound, err)
		}
	} else {
		next.Clear()
		c.em.weather = calm
	}
	c.e.Adopt(next)
	return c.behaviourStates(), nil
}
