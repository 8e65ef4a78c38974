package config

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/payctl/payctl/internal/payment"
)

// projectFile is the name of the file that a project keeps beside its code.
const projectFile = ".payctl.yaml"

// readUserFile reads the user file, which need not exist unless it was named.
func (s Source) readUserFile(ctx context.Context) (*document, error) {
	path, named, err := s.userFile()
	if err != nil || path == "" {
		return nil, err
	}
	data, mode, err := readPatiently(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, payment.Usage("config "+quote(path)+": there is no such file", "check --config and PAYCTL_CONFIG")
	case err != nil:
		return nil, err
	}
	d, err := parse(path, data)
	if err != nil {
		return nil, err
	}
	return d, checkPrivate(d, mode)
}

// userFile returns the user file's path, and whether it was asked for by name.
func (s Source) userFile() (path string, named bool, err error) {
	for _, written := range []string{s.Flags["config"], s.env(fileVariable)} {
		if written != "" {
			path, err = s.path(written, s.WorkDir)
			return path, true, err
		}
	}
	return below(s.ConfigDir, "config.yaml"), false, nil
}

// readProjectFile finds and reads the nearest .payctl.yaml, or returns nil.
func (s Source) readProjectFile(ctx context.Context) (*document, error) {
	user, _, err := s.userFile()
	if err != nil {
		return nil, err
	}
	for _, dir := range s.projectDirs() {
		path := filepath.Join(dir, projectFile)
		if path == user {
			continue
		}
		data, _, err := readPatiently(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		d, err := parse(path, data)
		if err != nil {
			return nil, err
		}
		return d, checkProject(d)
	}
	return nil, nil
}

// projectDirs are the directories to look in: from the working directory up to
// the repository's root or the home. Outside both only the working directory
// counts, so that a file planted in a shared parent such as /tmp is not obeyed; nor
// does a parent that everybody can write to, whatever was planted beside the file.
func (s Source) projectDirs() []string {
	if s.WorkDir == "" {
		return nil
	}
	var dirs []string
	for dir := filepath.Clean(s.WorkDir); ; dir = filepath.Dir(dir) {
		if len(dirs) > 0 && isShared(dir) {
			return dirs[:1]
		}
		dirs = append(dirs, dir)
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dirs
		}
		if s.HomeDir != "" && dir == filepath.Clean(s.HomeDir) {
			return dirs
		}
		if dir == filepath.Dir(dir) {
			return dirs[:1]
		}
	}
}

// isShared tells whether everybody can write to a directory.
func isShared(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && modesMatter() && info.Mode().Perm()&0o002 != 0
}

// readPatiently is readBounded for files that may keep their reader waiting: a
// pipe from a shell, a terminal. Neither opening nor reading can be interrupted.
// Errors are also ctx's own.
func readPatiently(ctx context.Context, path string) ([]byte, fs.FileMode, error) {
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() || info.IsDir() {
		return readBounded(path)
	}
	type file struct {
		data []byte
		mode fs.FileMode
	}
	got, err := patiently(ctx, func() (file, error) {
		data, mode, err := readBounded(path)
		return file{data, mode}, err
	})
	return got.data, got.mode, err
}

// patiently waits for what cannot be interrupted: when ctx ends first, its goroutine
// is left to end by itself, and the error is ctx's own.
func patiently[T any](ctx context.Context, get func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := get()
		answers <- answer{value, err}
	}()
	select {
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case a := <-answers:
		return a.value, a.err
	}
}

// readBounded reads a file and its permissions. Errors but fs.ErrNotExist are KindUsage.
func readBounded(path string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, 0, err
		}
		return nil, 0, unreadable(path, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, unreadable(path, err)
	}
	if info.IsDir() {
		return nil, 0, payment.Usage("config "+quote(path)+": is a directory", "name the file in it")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, 0, unreadable(path, err)
	}
	if len(data) > maxFile {
		return nil, 0, payment.Usage("config "+quote(path)+": is larger than 1 MiB", "this does not look like a configuration file")
	}
	return data, info.Mode(), nil
}

func unreadable(path string, err error) error {
	reason := "cannot be read"
	if errors.Is(err, fs.ErrPermission) {
		reason = "cannot be read: permission denied"
	}
	return &payment.Error{Kind: payment.KindUsage, Message: "config " + quote(path) + ": " + reason, Hint: "check the path and its permissions", Err: err}
}

// checkPrivate refuses a user file that others can read while it holds secrets
// or commands to run, or change while it says where money and credentials go.
func checkPrivate(d *document, mode fs.FileMode) error {
	if !modesMatter() || !mode.IsRegular() || mode.Perm()&0o077 == 0 {
		return nil
	}
	fix := "run: chmod 600 " + shellWord(d.path)
	for _, entries := range d.sections() {
		for _, key := range sortedKeys(entries) {
			s, form, _ := find(key)
			if s.kind != kindSecret || form != plainly && form != byCommand {
				continue
			}
			return payment.Usage(d.path+": holds "+quote(key)+" but other users can read or change the file (mode "+octal(mode)+")", fix)
		}
	}
	if mode.Perm()&0o022 == 0 {
		return nil
	}
	if key := d.weighty(); key != "" {
		return payment.Usage(d.path+": sets "+quote(key)+" but other users can change the file (mode "+octal(mode)+")", fix)
	}
	return nil
}

// weighty returns the first key that decides over money or credentials: the
// choice of the profile, a setting of one environment, a guard, a payee, a
// secret in any form. It is "" when there is none.
func (d *document) weighty() string {
	if d.profile.value != nil && d.profile.value != "" {
		return "profile"
	}
	for _, entries := range d.sections() {
		for _, key := range sortedKeys(entries) {
			if s, _, _ := find(key); s.bound || s.guarded || s.payee || s.kind == kindSecret {
				return key
			}
		}
	}
	return ""
}

// checkProject refuses what a project file must not hold: secrets in any form
// (a command in it would run whatever its author likes), guards of real money,
// and hosts that would be sent the user's credentials.
func checkProject(d *document) error {
	for _, entries := range d.sections() {
		for _, key := range sortedKeys(entries) {
			e := entries[key]
			place := Origin{Kind: FromProjectFile, Name: d.path, Line: e.line}.String()
			s, _, _ := find(key)
			switch {
			case s.kind == kindSecret:
				return payment.Usage(place+": "+quote(key)+" is a secret, and a project file must not hold any",
					moveIt(s))
			case s.guarded:
				return payment.Usage(place+": "+quote(key)+" guards real money and cannot be set by a project file",
					moveIt(s))
			case s.kind == kindURL || s.kind == kindSocket:
				if text, _ := e.value.(string); !harmlessHost(text) {
					return payment.Usage(place+": "+quote(key)+" would send credentials to another host than the provider's, which a project file must not do",
						moveIt(s))
				}
			}
		}
	}
	return nil
}

// moveIt is the way out for a setting that a project file must not hold.
func moveIt(s *setting) string {
	return "move it to the user file (see \"payctl config path\") or set " + s.variable()
}

// sections are all groups of entries in a file, in a fixed order.
func (d *document) sections() []map[string]entry {
	all := []map[string]entry{d.shared}
	for _, name := range sortedKeys(d.profiles) {
		all = append(all, d.profiles[name])
	}
	return all
}
