package config

import (
	"fmt"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Missing returns nil when every setting named is set, or one KindUnauthorized
// error that names all that are not, with their variables. It fetches no
// secret. A key that does not exist counts as missing.
func (c *Config) Missing(keys ...string) error {
	var missing, variables []string
	for _, key := range keys {
		s, _, ok := find(key)
		if _, set := strongest(c.candidates(s)); set {
			continue
		}
		missing = append(missing, key)
		if name := s.variable(); ok && name != "" {
			variables = append(variables, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	hint := "write them under profiles." + c.Profile + " in the user file"
	if c.userFile.Path != "" {
		hint += " " + quote(c.userFile.Path)
	}
	if len(variables) > 0 {
		hint = "set " + strings.Join(variables, ", ") + ", or " + hint
	}
	return &payment.Error{
		Kind:    payment.KindUnauthorized,
		Message: fmt.Sprintf("profile %s: missing %s", quote(c.Profile), strings.Join(missing, ", ")),
		Hint:    hint,
	}
}
