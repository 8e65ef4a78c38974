package cli

import (
	"context"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/view"
)

// question is what a person is asked on a terminal; elsewhere the default holds.
type question struct {
	into        *string
	name, words string
	otherwise   string
}

// ask takes what is given already, a person's answer, or the default.
func (v *configInit) ask(ctx context.Context, q question) error {
	if *q.into != "" {
		return nil
	}
	*q.into = q.otherwise
	if !v.asks {
		return nil
	}
	words := q.words
	if q.otherwise != "" {
		words += " [" + q.otherwise + "]"
	}
	v.out.Prompt("%s:", words)
	line, err := v.typed(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return usagef("answer on the terminal, or give --"+q.name, "%s: nothing was typed", q.name)
	}
	if answer := strings.TrimSpace(line); answer != "" {
		*q.into = answer
	}
	return nil
}

// askHidden reads a secret without showing it.
func (v *configInit) askHidden(ctx context.Context, words string) (string, error) {
	file, ok := v.in.Stdin.(*os.File)
	if !ok {
		return "", nil
	}
	fd := int(file.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", nil //nolint:nilerr // no terminal: the value is missing, which is said
	}
	v.out.Prompt("%s:", words)
	type answer struct {
		text []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		v.out.Prompt("\n")
		if a.err != nil {
			return "", usagef("answer on the terminal, or set the variable", "%s: nothing was typed", words)
		}
		return strings.TrimSpace(string(a.text)), nil
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		return "", ctx.Err()
	}
}

// keptMissing marks a secret that nobody gave.
const keptMissing = "missing"

// keepSecret puts a secret where it is to be kept and returns what the profile says
// of it.
func (v *configInit) keepSecret(ctx context.Context, key, value string, needed bool) ([]config.NewValue, []view.KeptSecret, error) {
	if v.keep == keepEnvironment {
		variable := "PAYCTL_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		return []config.NewValue{{Key: key, Missing: true}}, []view.KeptSecret{{Key: key, Kept: keepEnvironment + ": " + variable}}, nil
	}
	if value == "" {
		if !needed {
			return nil, nil, nil
		}
		return []config.NewValue{{Key: key, Missing: true}}, []view.KeptSecret{{Key: key, Kept: keptMissing}}, nil
	}
	if v.keep != keepFile {
		entry := "payctl/" + v.profile + "." + key
		err := config.KeepInKeyring(ctx, entry, value)
		if err == nil {
			return []config.NewValue{{Key: key + "_keyring", Value: entry}}, []view.KeptSecret{{Key: key, Kept: "keyring entry " + entry}}, nil
		}
		if v.keep == keepKeyring {
			return nil, nil, err
		}
		v.out.Note("there is no keyring here, so secrets go into the user file, which only you can read (mode 0600); --keep-secrets environment keeps none")
		v.keep = keepFile
	}
	return []config.NewValue{{Key: key, Value: value}}, []view.KeptSecret{{Key: key, Kept: "user file"}}, nil
}
