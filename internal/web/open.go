package web

import (
	"context"
	"errors"
	"html"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// OpenBrowser opens an address in the user's browser. The address holds a token, and
// arguments can be read by everybody: the browser gets the name of a file of this user's
// that leads on. forget removes it.
func OpenBrowser(ctx context.Context, environ []string, stateDir, url string) (forget func() error, err error) {
	forget = func() error { return nil }
	program, args, err := browser(environ)
	if err != nil {
		return forget, err
	}
	if stateDir != "" {
		if err := os.MkdirAll(stateDir, 0o700); err != nil {
			return forget, err
		}
	}
	f, err := os.CreateTemp(stateDir, "open-*.html") // 0600
	if err != nil {
		return forget, err
	}
	name := f.Name()
	forget = func() error {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	_, err = f.WriteString(`<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url=` + html.EscapeString(url) + `"><title>payctl</title>` + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return forget, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, append(args, name)...) //nolint:gosec // the system's own opener
	cmd.Env = environ
	if err := cmd.Start(); err != nil {
		return forget, err
	}
	go func() { _ = cmd.Wait() }() // the browser may live on
	return forget, nil
}

// browser is the system's way to open a file.
func browser(environ []string) (program string, args []string, err error) {
	switch runtime.GOOS {
	case "darwin":
		return "/usr/bin/open", nil, nil
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}, nil
	}
	if !slices.ContainsFunc(environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return value != "" && (name == "DISPLAY" || name == "WAYLAND_DISPLAY")
	}) {
		return "", nil, errors.New("there is no display")
	}
	program, err = exec.LookPath("xdg-open")
	return program, nil, err
}
