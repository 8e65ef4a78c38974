package cli

import (
	"cmp"
	"context"
	"os"
	"strings"

	"golang.org/x/term"
)

// question is what a person is asked on a terminal; elsewhere the default holds.
type question struct {
	into        *string
	name, words string
	otherwise   string
	// check refuses an answer, so that it is asked again; nil takes all.
	check func(answer string) error
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
	for {
		v.out.Prompt("%s:", words)
		line, err := v.typed(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return usagef("answer on the terminal, or give --"+q.name, "%s: nothing was typed", q.name)
		}
		answer := cmp.Or(strings.TrimSpace(line), q.otherwise)
		if q.check != nil {
			err = q.check(answer)
		}
		if err == nil {
			*q.into = answer
			return nil
		}
		view := errorView(err)
		v.out.Warn("%s: %s", view.Message, view.Hint)
	}
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
