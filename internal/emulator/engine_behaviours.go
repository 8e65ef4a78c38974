package emulator

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

// row is one row of the catalogue: what is shown, and how its value is read.
type row struct {
	Behaviour
	kind     valueKind
	choices  []string // of kindChoice; the first is meant when no value is given
	fallback string   // value meant when none is given, for the other kinds
	low      int      // of kindCount
	high     int
}

// catalogue is every behaviour that can be switched on.
type catalogue struct {
	Rows []row
	// APIs is every word that may follow @ in a value: the APIs that answer and the classes of callbacks.
	APIs []string
}

// list returns every switch, sorted by name.
func (c *catalogue) list() []Behaviour {
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

// setting is a behaviour that is on.
type setting struct {
	name   string
	raw    string // the value as it was given
	chance chance
	scope  []string // APIs it is limited to; empty for all it can touch

	duration time.Duration
	count    int
	choice   string

	rolls uint64 // how often it has been asked
	hits  uint64 // how often it said yes
}

// settings are the behaviours that are on. The engine's lock guards them.
type settings struct {
	catalogue *catalogue
	seed      uint64
	on        map[string]*setting
}

// newSettings makes settings with nothing on; the seed decides their chances.
func newSettings(c *catalogue, seed uint64) *settings {
	return &settings{catalogue: c, seed: seed, on: map[string]*setting{}}
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
func (c *catalogue) parse(text string) (*setting, error) {
	name, value := cutSetting(text)
	table := c.Rows
	i := slices.IndexFunc(table, func(b row) bool { return b.Name == name })
	if i < 0 {
		names := make([]string, 0, len(table))
		for i := range table {
			names = append(names, table[i].Name)
		}
		return nil, fmt.Errorf("behaviour %q is unknown%s", name, suggest(name, names))
	}
	s := &setting{name: name, raw: value}
	if err := table[i].parse(s, value, c.APIs); err != nil {
		return nil, fmt.Errorf("behaviour %s: %w; write %s=%s", name, err, name, table[i].Value)
	}
	return s, nil
}

// set switches a behaviour on, or off when its value is "off" and off is not one of its choices.
func (s *settings) set(text string) error {
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

func (s *settings) canUnset(name string) bool {
	table := s.catalogue.Rows
	i := slices.IndexFunc(table, func(b row) bool { return b.Name == name })
	return i >= 0 && !slices.Contains(table[i].choices, "off")
}

// clone is a copy to try changes on.
func (s *settings) clone() *settings {
	return &settings{catalogue: s.catalogue, seed: s.seed, on: maps.Clone(s.on)}
}

// get returns the setting if it is on and concerns api, without rolling its chance.
func (s *settings) get(name, api string) *setting {
	if len(s.on) == 0 {
		return nil
	}
	found := s.on[name]
	if found == nil || len(found.scope) > 0 && !slices.Contains(found.scope, api) {
		return nil
	}
	return found
}

// roll asks a behaviour whether it strikes this time. nil means no.
func (s *settings) roll(name, api string) *setting {
	found := s.get(name, api)
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

// choice is the chosen word of a behaviour, or the given default when it is off or does not strike.
func (s *settings) choice(name, api, otherwise string) string {
	if found := s.roll(name, api); found != nil {
		return found.choice
	}
	return otherwise
}

// span is the duration of a behaviour, or the given default when it is off.
func (s *settings) span(name, api string, otherwise time.Duration) time.Duration {
	if found := s.roll(name, api); found != nil {
		return found.duration
	}
	return otherwise
}

// clear switches everything off.
func (s *settings) clear() { clear(s.on) }

// restart forgets how often each behaviour was asked and struck.
func (s *settings) restart() {
	for _, one := range s.on {
		one.rolls, one.hits = 0, 0
	}
}

// state is how a behaviour is set, as the control plane shows it; nil when it is off.
func (s *settings) state(name string) (raw string, hits uint64, on bool) {
	found := s.on[name]
	if found == nil {
		return "", 0, false
	}
	return found.raw, found.hits, true
}

// unset switches a behaviour off; one that is off already stays so.
func (s *settings) unset(name string) error {
	if _, err := s.catalogue.parse(name); err != nil && s.on[name] == nil {
		return err
	}
	delete(s.on, name)
	return nil
}

// flag is a row without a value of its own.
func flag(name, summary, section string) row {
	return row{Behaviour: Behaviour{Name: name, Value: valueChance, Summary: summary, Section: section}}
}

// span is a row whose value is a duration.
func span(name, fallback, summary, section string) row {
	return row{
		Behaviour: Behaviour{Name: name, Value: valueDuration, Summary: summary, Section: section},
		kind:      kindDuration, fallback: fallback,
	}
}

// choice is a row whose value is one of some words, the first being meant when none is given.
func choice(name, summary, section string, choices ...string) row {
	syntax := ""
	for i, word := range choices {
		if i > 0 {
			syntax += "|"
		}
		syntax += word
	}
	return row{
		Behaviour: Behaviour{Name: name, Value: syntax + "[,CHANCE][@API]", Summary: summary, Section: section},
		kind:      kindChoice, choices: choices,
	}
}

// count is a row whose value is a whole number from low to high.
func count(name, fallback string, low, high int, shown Behaviour) row {
	shown.Name = name
	return row{Behaviour: shown, kind: kindCount, fallback: fallback, low: low, high: high}
}

// rate is a row whose value is N/DURATION.
func rate(name, fallback, summary, section string) row {
	return row{
		Behaviour: Behaviour{Name: name, Value: "N/DURATION", Summary: summary, Section: section},
		kind:      kindRate, fallback: fallback,
	}
}
