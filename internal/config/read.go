package config

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// projectFile is the name of the file that a project keeps beside its code.
const projectFile = ".payctl.yaml"

// readUserFile reads the user file, which need not exist unless it was named.
func (s Source) readUserFile(ctx context.Context) (*document, error) {
	path, named, err := s.userFile()
	if err != nil || path == "" {
		return nil, err
	}
	f, err := readPatiently(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, payment.Usage("config "+quote(path)+": there is no such file", "check --config and PAYCTL_CONFIG")
	case err != nil:
		return nil, err
	}
	d, err := parse(path, f.data)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(d, f.mode); err != nil {
		return nil, err
	}
	return d, f.distrust
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
		f, err := readPatiently(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err = errors.Join(err, f.distrust); err != nil {
			return nil, err
		}
		return parse(path, f.data)
	}
	return nil, nil
}

// Sets reports whether a file, or one of the variables, may set something. It is cheap:
// most of payctl's runs set nothing.
func (s Source) Sets(variables ...string) bool {
	for _, name := range variables {
		if s.env(name) != "" {
			return true
		}
	}
	user, _, err := s.userFile()
	there := func(path string) bool { _, err := os.Lstat(path); return err == nil }
	if err != nil || there(user) {
		return true
	}
	for _, dir := range s.projectDirs() {
		if there(filepath.Join(dir, projectFile)) {
			return true
		}
	}
	return false
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

// isShared reports whether everybody can write to a directory.
func isShared(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && modesMatter() && info.Mode().Perm()&0o002 != 0
}

// readPatiently is readBounded for files that may keep their reader waiting: a
// pipe from a shell, a terminal. Neither opening nor reading can be interrupted.
// Errors are also ctx's own.
func readPatiently(ctx context.Context, path string) (contents, error) {
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() || info.IsDir() {
		return readBounded(path)
	}
	if err := trustfile.Check("config", path); err != nil { // a pipe of another user's keeps everybody waiting
		return contents{}, err
	}
	return patiently(ctx, func() (contents, error) { return readBounded(path) })
}

// contents is a file that was read. distrust says why it is not believed, nil when
// it is: the caller may have better words for a mode.
type contents struct {
	data     []byte
	mode     fs.FileMode
	distrust error
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
func readBounded(path string) (contents, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return contents{}, err
		}
		return contents{}, unreadable(path, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return contents{}, unreadable(path, err)
	}
	if info.IsDir() {
		return contents{}, payment.Usage("config "+quote(path)+": is a directory", "name the file in it")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return contents{}, unreadable(path, err)
	}
	if len(data) > maxFile {
		return contents{}, payment.Usage("config "+quote(path)+": is larger than 1 MiB", "this does not look like a configuration file")
	}
	return contents{data: data, mode: info.Mode(), distrust: trustfile.CheckOpen("config", path, f)}, nil
}

func unreadable(path string, err error) error {
	reason := "cannot be read"
	if errors.Is(err, fs.ErrPermission) {
		reason = "cannot be read: permission denied"
	}
	return &payment.Error{Kind: payment.KindUsage, Message: "config " + quote(path) + ": " + reason, Hint: "check the path and its permissions", Err: err}
}

// checkPrivate refuses a user file that others can read while it holds secrets
// or commands to run, or change while it says anything.
func checkPrivate(d *document, mode fs.FileMode) error {
	if !modesMatter() || !mode.IsRegular() || mode.Perm()&0o077 == 0 {
		return nil
	}
	fix := "run: chmod 600 " + payment.ShellWord(d.path)
	first := ""
	for _, entries := range d.sections() {
		for _, key := range sortedKeys(entries) {
			if s, form, _ := find(key); s.kind == kindSecret && (form == plainly || form == byCommand) {
				return payment.Usage(d.path+": holds "+quote(key)+" but other users can read or change the file (mode "+octal(mode)+")", fix)
			}
			if first == "" {
				first = key
			}
		}
	}
	if d.profile.value != nil && d.profile.value != "" {
		first = "profile"
	}
	if mode.Perm()&0o022 == 0 || first == "" {
		return nil
	}
	return payment.Usage(d.path+": sets "+quote(first)+" but other users can change the file (mode "+octal(mode)+")", fix)
}

// sections are all groups of entries in a file, in a fixed order.
func (d *document) sections() []map[string]entry {
	all := []map[string]entry{d.shared}
	for _, name := range sortedKeys(d.profiles) {
		all = append(all, d.profiles[name])
	}
	return all
}
