package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// environments are the environments, and also the names of the profiles that
// need no definition: "sandbox" and "production" know their hosts and lack
// only credentials, "local" lacks nothing.
func environments() []string {
	return []string{string(payment.Local), string(payment.Sandbox), string(payment.Production)}
}

func isEnvironment(name string) bool {
	return slices.Contains(environments(), name)
}

// chooseProfile asks the sources in turn for a profile's name. When nobody
// names one, and none is defined, it is local. When profiles are defined but
// none is named, there is none: guessing could mean real money.
func (c *Config) chooseProfile(project, user *document) error {
	var found []Candidate
	add := func(text string, origin Origin) {
		if text != "" {
			found = append(found, Candidate{Value: text, Origin: origin})
		}
	}
	add(c.source.Flags["profile"], Origin{Kind: FromFlag, Name: "profile"})
	add(c.source.env(profileVariable), Origin{Kind: FromEnvironment, Name: profileVariable})
	addFile := func(kind OriginKind, d *document) {
		if d != nil {
			text, _ := d.profile.value.(string)
			add(text, Origin{Kind: kind, Name: d.path, Line: d.profile.line})
		}
	}
	addFile(FromProjectFile, project)
	addFile(FromUserFile, user)
	defined := definedProfiles(project, user)
	if len(found) == 0 && len(defined) > 0 {
		c.known = defined
		c.chosen = Explained{Key: "profile", Origin: Origin{Kind: NotChosen, Name: strings.Join(defined, ", ")}}
		return nil
	}
	add(string(payment.Local), Origin{Kind: FromDefault})
	name, origin := found[0].Value, found[0].Origin
	if err := checkProfileName(name); err != nil {
		return fromOrigin(origin, err)
	}
	known := environments()
	for _, other := range defined {
		if !isEnvironment(other) {
			known = append(known, other)
		}
	}
	if !contains(known, name) {
		return payment.Usage(fmt.Sprintf("%s: profile %s is not defined%s", origin, quote(name), didYouMean(name, known)),
			"the profiles are "+strings.Join(known, ", "))
	}
	c.Profile, c.known = name, known
	c.chosen = Explained{Key: "profile", Value: name, Origin: origin, Overridden: found[1:]}
	return nil
}

// NotChosen is the error (KindUsage) of settings that need a profile and have none.
func (c *Config) NotChosen() error {
	if c.Profile != "" {
		return nil
	}
	return payment.Usage("profile: none is chosen, and the configuration defines "+c.chosen.Origin.Name,
		"pass --profile NAME, set PAYCTL_PROFILE, or write \"profile: NAME\" at the top of the file")
}

// Profiles returns the names that --profile takes: the environments and what
// the files define.
func (c *Config) Profiles() []string { return append([]string{}, c.known...) }

// definedProfiles are the profiles of the files, without local, which needs no choosing.
func definedProfiles(docs ...*document) []string {
	names := map[string]bool{}
	for _, d := range docs {
		if d == nil {
			continue
		}
		for name := range d.profiles {
			if name != string(payment.Local) {
				names[name] = true
			}
		}
	}
	return sortedKeys(names)
}

func contains(list []string, word string) bool {
	return slices.Contains(list, word)
}

// chooseEnvironment settles the profile's environment. The profiles named for
// an environment have that one; others must say theirs, and two files that
// disagree are refused, since credentials of one would meet the other.
func (c *Config) chooseEnvironment() error {
	row, _, _ := find("environment")
	want := ""
	if isEnvironment(c.Profile) {
		want = c.Profile
	}
	for s := range c.candidates(row) {
		if !isEnvironment(s.text) {
			return payment.Usage(fmt.Sprintf("%s: environment %s: not an environment%s", s.origin, quote(s.text), didYouMean(s.text, environments())),
				"write local, sandbox or production")
		}
		if want != "" && s.text != want {
			return payment.Usage(fmt.Sprintf("%s: profile %s is for %s, not %s", s.origin, quote(c.Profile), want, s.text),
				"keep one environment in a profile; define another profile for the other")
		}
		want = s.text
	}
	if want == "" {
		return payment.Usage("profile "+quote(c.Profile)+": environment is missing", "write \"environment: sandbox\" or \"environment: production\" in it")
	}
	c.Environment = payment.Environment(want)
	return nil
}

// fromOrigin puts the place before an error's message and keeps its hint.
func fromOrigin(origin Origin, err error) error {
	hint := ""
	if e, ok := err.(*payment.Error); ok { //nolint:errorlint // our own error, made just now and not wrapped
		hint = e.Hint
	}
	return payment.Usage(origin.String()+": "+err.Error(), hint)
}
