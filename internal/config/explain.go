package config

import (
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// Candidate is one source's word on a setting.
type Candidate struct {
	Value  string `json:"value"`
	Origin Origin `json:"origin"`
}

// Explained is a setting, where its value came from, and which other sources
// were overridden. Secrets are masked; "" is a setting that nothing sets.
type Explained struct {
	Key string `json:"key"`
	// Meaning says in a few words what the setting is for.
	Meaning string `json:"meaning"`
	// Variable is the environment variable that sets it, "" if there is none.
	Variable   string      `json:"variable"`
	Value      string      `json:"value"`
	Secret     bool        `json:"secret"`
	Origin     Origin      `json:"origin"`
	Overridden []Candidate `json:"overridden"`
}

// Explain says where a setting's value came from. Keys are those of the files
// ("daraja.shortcode"), and "profile" and "config"; the name of a variable stands
// for what it sets. An unknown key is KindUsage.
func (c *Config) Explain(key string) (Explained, error) {
	key = strings.ToLower(strings.TrimSpace(key))
	switch key {
	case "profile", strings.ToLower(profileVariable):
		return c.explainProfile(), nil
	case "config", strings.ToLower(fileVariable):
		return c.explainFile(), nil
	}
	s, _, ok := find(key)
	if !ok {
		s, ok = byVariable(key)
	}
	if !ok {
		keys := []string{"profile", "config"}
		for _, s := range settings {
			keys = append(keys, s.key)
		}
		return Explained{}, payment.Usage("key "+quote(key)+": there is no such setting"+didYouMean(key, keys), "see \"payctl config show\" for all settings")
	}
	return c.explain(s), nil
}

// Show explains every setting, in the order of the table.
func (c *Config) Show() []Explained {
	out := []Explained{c.explainProfile(), c.explainFile()}
	for _, s := range settings {
		out = append(out, c.explain(s))
	}
	return out
}

// byVariable finds the setting of an environment variable, in any case. The
// variable that names a secret's file sets the secret.
func byVariable(name string) (*setting, bool) {
	name = strings.ToUpper(name)
	for _, s := range settings {
		switch {
		case s.noEnv:
		case name == s.variable(), s.alias != "" && name == s.alias, s.kind == kindSecret && name == s.variable()+FileSuffix:
			return s, true
		}
	}
	return nil, false
}

func (c *Config) explain(s *setting) Explained {
	e := Explained{
		Key: s.key, Meaning: s.what, Variable: s.variable(), Secret: s.kind == kindSecret,
		Origin: Origin{Kind: FromNowhere}, Overridden: []Candidate{},
	}
	for got := range c.candidates(s) {
		if e.Origin.Kind == FromNowhere {
			e.Value, e.Origin = got.shown(), got.origin
			continue
		}
		e.Overridden = append(e.Overridden, Candidate{Value: got.shown(), Origin: got.origin})
	}
	if s.key == "environment" && e.Origin.Kind == FromNowhere && c.Profile != "" {
		e.Value, e.Origin = string(c.Environment), Origin{Kind: FromBuiltIn, Name: c.Profile}
	}
	return e
}

// shown is a candidate's value as it may be seen.
func (c candidate) shown() string {
	switch {
	case c.setting.kind == kindSecret:
		return c.place()
	case c.setting.kind == kindLedger && strings.Contains(c.text, "://"):
		return secret.URL(c.text)
	case c.list != nil:
		return strings.Join(c.list, ", ")
	}
	return c.text
}

func (c *Config) explainProfile() Explained {
	e := c.chosen
	e.Meaning, e.Variable = profileMeaning, profileVariable
	if e.Overridden == nil {
		e.Overridden = []Candidate{}
	}
	return e
}

func (c *Config) explainFile() Explained {
	e := Explained{Key: "config", Meaning: fileMeaning, Variable: fileVariable, Value: c.userFile.Path, Origin: Origin{Kind: FromDefault}, Overridden: []Candidate{}}
	flag, variable := c.source.Flags["config"], c.source.env(fileVariable)
	switch {
	case flag != "":
		e.Origin = Origin{Kind: FromFlag, Name: "config"}
		if variable != "" {
			e.Overridden = append(e.Overridden, Candidate{Value: variable, Origin: Origin{Kind: FromEnvironment, Name: fileVariable}})
		}
	case variable != "":
		e.Origin = Origin{Kind: FromEnvironment, Name: fileVariable}
	}
	return e
}
