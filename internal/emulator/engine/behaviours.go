package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Behaviour is one contested or nasty behaviour of a provider that can be switched on, as help texts show it.
type Behaviour struct {
	Name    string `json:"name"`
	Value   string `json:"value"`   // syntax of the value
	Summary string `json:"summary"` // what happens while it is on
	Section string `json:"section"` // where the reference speaks of it
}

// valueKind is what the first part of a behaviour's value means.
type valueKind uint8

const (
	kindFlag     valueKind = iota // [CHANCE]
	kindDuration                  // DURATION[,CHANCE]
	kindCount                     // N[,CHANCE]
	kindChoice                    // one word of choices[,CHANCE]
	kindRate                      // N/DURATION
)

// Row is one row of the catalogue: what is shown, and how its value is read.
type Row struct {
	Behaviour
	kind     valueKind
	choices  []string // of kindChoice; the first is meant when no value is given
	fallback string   // value meant when none is given, for the other kinds
	low      int      // of kindCount
	high     int
}

// Catalogue is every behaviour that can be switched on.
type Catalogue struct {
	Rows []Row
	// APIs is every word that may follow @ in a value: the APIs that answer and the classes of callbacks.
	APIs []string
}

// List returns every switch, sorted by name.
func (c *Catalogue) List() []Behaviour {
	list := make([]Behaviour, 0, len(c.Rows))
	for i := range c.Rows {
		list = append(list, c.Rows[i].Behaviour)
	}
	slices.SortFunc(list, func(a, b Behaviour) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Syntax of values, shared by the rows.
const (
	valueChance   = "[CHANCE][@API]"
	valueDuration = "DURATION[,CHANCE][@API]"
)

// Setting is a behaviour that is on.
type Setting struct {
	name   string
	raw    string // the value as it was given
	chance chance
	scope  []string // APIs it is limited to; empty for all it can touch

	Duration time.Duration
	Count    int
	choice   string

	rolls uint64 // how often it has been asked
	hits  uint64 // how often it said yes
}

// Settings are the behaviours that are on. The engine's lock guards them.
type Settings struct {
	catalogue *Catalogue
	seed      uint64
	on        map[string]*Setting
}

// NewSettings makes settings with nothing on; the seed decides their chances.
func NewSettings(c *Catalogue, seed uint64) *Settings {
	return &Settings{catalogue: c, seed: seed, on: map[string]*Setting{}}
}

// cutSetting splits NAME, NAME=VALUE or NAME@API, which is NAME=@API.
func cutSetting(text string) (name, value string) {
	text = strings.TrimSpace(text)
	at := strings.IndexAny(text, "=@")
	switch {
	case at < 0:
		return text, ""
	case text[at] == '@':
		return text[:at], text[at:]
	}
	return text[:at], text[at+1:]
}

// parse reads what cutSetting splits.
func (c *Catalogue) parse(text string) (*Setting, error) {
	name, value := cutSetting(text)
	table := c.Rows
	i := slices.IndexFunc(table, func(b Row) bool { return b.Name == name })
	if i < 0 {
		names := make([]string, 0, len(table))
		for i := range table {
			names = append(names, table[i].Name)
		}
		return nil, fmt.Errorf("behaviour %q is unknown%s", name, Suggest(name, names))
	}
	s := &Setting{name: name, raw: value}
	if err := table[i].parse(s, value, c.APIs); err != nil {
		return nil, fmt.Errorf("behaviour %s: %w; write %s=%s", name, err, name, table[i].Value)
	}
	return s, nil
}

// Set switches a behaviour on, or off when its value is "off" and off is not one of its choices.
func (s *Settings) Set(text string) error {
	if name, value := cutSetting(text); value == "off" && s.canUnset(name) {
		delete(s.on, name)
		return nil
	}
	parsed, err := s.catalogue.parse(text)
	if err != nil {
		return err
	}
	s.on[parsed.name] = parsed
	return nil
}

func (s *Settings) canUnset(name string) bool {
	table := s.catalogue.Rows
	i := slices.IndexFunc(table, func(b Row) bool { return b.Name == name })
	return i >= 0 && !slices.Contains(table[i].choices, "off")
}

// Clone is a copy to try changes on.
func (s *Settings) Clone() *Settings {
	return &Settings{catalogue: s.catalogue, seed: s.seed, on: maps.Clone(s.on)}
}

// Get returns the setting if it is on and concerns api, without rolling its chance.
func (s *Settings) Get(name, api string) *Setting {
	if len(s.on) == 0 {
		return nil
	}
	found := s.on[name]
	if found == nil || len(found.scope) > 0 && !slices.Contains(found.scope, api) {
		return nil
	}
	return found
}

// Roll asks a behaviour whether it strikes this time. nil means no.
func (s *Settings) Roll(name, api string) *Setting {
	found := s.Get(name, api)
	if found == nil {
		return nil
	}
	found.rolls++
	if !found.chance.strikes(s.seed, found) {
		return nil
	}
	found.hits++
	return found
}

// Choice is the chosen word of a behaviour, or the given default when it is off or does not strike.
func (s *Settings) Choice(name, api, otherwise string) string {
	if found := s.Roll(name, api); found != nil {
		return found.choice
	}
	return otherwise
}

// Span is the duration of a behaviour, or the given default when it is off.
func (s *Settings) Span(name, api string, otherwise time.Duration) time.Duration {
	if found := s.Roll(name, api); found != nil {
		return found.Duration
	}
	return otherwise
}

// Clear switches everything off.
func (s *Settings) Clear() { clear(s.on) }

// Turn is how often a behaviour that is on has been asked.
func (s *Settings) Turn(name string) uint64 { return s.on[name].rolls }

// restart forgets how often each behaviour was asked and struck.
func (s *Settings) restart() {
	for _, one := range s.on {
		one.rolls, one.hits = 0, 0
	}
}

// State is how a behaviour is set, as the control plane shows it; nil when it is off.
func (s *Settings) State(name string) (raw string, hits uint64, on bool) {
	found := s.on[name]
	if found == nil {
		return "", 0, false
	}
	return found.raw, found.hits, true
}

// Unset switches a behaviour off; one that is off already stays so.
func (s *Settings) Unset(name string) error {
	if _, err := s.catalogue.parse(name); err != nil && s.on[name] == nil {
		return err
	}
	delete(s.on, name)
	return nil
}

// Flag is a row without a value of its own.
func Flag(name, summary, section string) Row {
	return Row{Behaviour: Behaviour{Name: name, Value: valueChance, Summary: summary, Section: section}}
}

// Span is a row whose value is a duration.
func Span(name, fallback, summary, section string) Row {
	return Row{
		Behaviour: Behaviour{Name: name, Value: valueDuration, Summary: summary, Section: section},
		kind:      kindDuration, fallback: fallback,
	}
}

// Choice is a row whose value is one of some words, the first being meant when none is given.
func Choice(name, summary, section string, choices ...string) Row {
	var syntax strings.Builder
	for i, word := range choices {
		if i > 0 {
			syntax.WriteString("|")
		}
		syntax.WriteString(word)
	}
	return Row{
		Behaviour: Behaviour{Name: name, Value: syntax.String() + "[,CHANCE][@API]", Summary: summary, Section: section},
		kind:      kindChoice, choices: choices,
	}
}

// Count is a row whose value is a whole number from low to high.
func Count(name, fallback string, low, high int, shown Behaviour) Row {
	shown.Name = name
	return Row{Behaviour: shown, kind: kindCount, fallback: fallback, low: low, high: high}
}

// Rate is a row whose value is N/DURATION.
func Rate(name, fallback, summary, section string) Row {
	return Row{
		Behaviour: Behaviour{Name: name, Value: "N/DURATION", Summary: summary, Section: section},
		kind:      kindRate, fallback: fallback,
	}
}
