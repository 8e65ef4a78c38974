package emulator

import (
	"cmp"
	"fmt"
	"net/http"
)

// behaviourState is a behaviour and how it is set.
type behaviourState struct {
	Behaviour
	Active  bool    `json:"active"`
	Setting *string `json:"setting"` // the value given; nil for always, or when it is off
	Hits    uint64  `json:"hits"`    // how often it struck
}

func (e *Emulator) getBehaviours(*http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.behaviourStates(), nil
}

func (e *Emulator) behaviourStates() []behaviourState {
	list := []behaviourState{}
	for _, b := range Behaviours() {
		state := behaviourState{Behaviour: b}
		if s := e.behaviours.on[b.Name]; s != nil {
			state.Active, state.Setting, state.Hits = true, orNull(s.raw), s.hits
		}
		list = append(list, state)
	}
	return list
}

// postBehaviours changes the weather, then switches off, then switches on; all of it or, on a bad value, nothing.
func (e *Emulator) postBehaviours(r *http.Request) (any, error) {
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
	e.mu.Lock()
	defer e.mu.Unlock()
	next := e.behaviours.clone()
	if want.Weather != "" {
		if err := next.weather(want.Weather); err != nil {
			return nil, err
		}
	}
	for _, name := range want.Unset {
		if err := next.unset(name); err != nil {
			return nil, err
		}
	}
	for _, text := range want.Set {
		if err := next.set(text); err != nil {
			return nil, err
		}
	}
	e.adopt(cmp.Or(want.Weather, e.weather), next)
	return e.behaviourStates(), nil
}

func (e *Emulator) deleteBehaviours(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next, weather := e.behaviours.clone(), e.weather
	if name := r.PathValue("name"); name != "" {
		if err := next.unset(name); err != nil {
			return nil, fmt.Errorf("%w: %w", errNotFound, err)
		}
	} else {
		clear(next.on)
		weather = calm
	}
	e.adopt(weather, next)
	return e.behaviourStates(), nil
}
