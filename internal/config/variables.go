package config

import "strings"

// Variable is an environment variable that sets something.
type Variable struct {
	Name string
	// Section is the key's first part ("daraja"), "" for a key of one part.
	Section string
	// Alias is a second name, weaker than the first; "" for none.
	Alias string
	// Meaning says in a few words what it is for.
	Meaning string
	// Secret says that the name with FileSuffix after it names a file to read instead.
	Secret bool
}

// FileSuffix ends the variable that names a secret's file.
const FileSuffix = "_FILE"

// Variables returns every variable that sets a setting, in the order of the table,
// those that choose the profile and the user file first.
func Variables() []Variable {
	out := []Variable{{Name: profileVariable, Meaning: profileMeaning}, {Name: fileVariable, Meaning: fileMeaning}}
	for _, s := range settings {
		if s.noEnv {
			continue
		}
		section, _, nested := strings.Cut(s.key, ".")
		if !nested {
			section = ""
		}
		out = append(out, Variable{Name: s.variable(), Section: section, Alias: s.alias, Meaning: s.what, Secret: s.kind == kindSecret})
	}
	return out
}

// The two settings outside the table: they decide where the others are looked for.
const (
	profileVariable = "PAYCTL_PROFILE"
	profileMeaning  = "the profile, as --profile"
	fileVariable    = "PAYCTL_CONFIG"
	fileMeaning     = "the user file, as --config"
)
