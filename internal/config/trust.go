package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// Trusted is a project file whose owner has read it and lets it say where the
// sandbox's money goes.
type Trusted struct {
	Path string
	// SHA256 is that of its bytes: one byte changed, and it is not trusted.
	SHA256 string
	// Keys count only since the file is trusted.
	Keys []string
}

// Trust notes, for this user alone, that a project file was read and may set the
// payees of sandbox profiles. path is "" for the nearest one. Errors are KindUsage;
// a file that sets more than any project file may is not trusted.
func Trust(ctx context.Context, source Source, path string) (Trusted, error) {
	user, err := source.readUserFile(ctx)
	if err != nil {
		return Trusted{}, err
	}
	project, err := source.projectToTrust(ctx, path)
	if err != nil {
		return Trusted{}, err
	}
	p := projectCheck{source: source, project: project, user: user, trusted: true}
	if err := p.check(); err != nil {
		return Trusted{}, err
	}
	mark, err := source.trustMark(project)
	if err != nil {
		return Trusted{}, err
	}
	if mark == "" {
		return Trusted{}, payment.Usage("config trust: there is no home directory to keep it in", "set HOME or XDG_STATE_HOME")
	}
	err = os.MkdirAll(filepath.Dir(mark), 0o700)
	if err == nil {
		err = os.WriteFile(mark, []byte(project.path+"\n"), 0o600)
	}
	if err != nil {
		return Trusted{}, unkept(mark, err)
	}
	if ok, err := source.isTrusted(project); err != nil || !ok {
		return Trusted{}, errors.Join(err, unkept(mark, fs.ErrPermission))
	}
	slices.Sort(p.needs)
	return Trusted{Path: project.path, SHA256: project.digest, Keys: append([]string{}, p.needs...)}, nil
}

func unkept(mark string, err error) error {
	return &payment.Error{
		Kind: payment.KindUsage, Message: "config trust: " + filepath.Dir(mark) + " cannot be written", Err: err,
		Hint: "look at the owner and mode of that directory, or set XDG_STATE_HOME",
	}
}

// projectToTrust reads a named project file, or finds the nearest.
func (s Source) projectToTrust(ctx context.Context, path string) (*document, error) {
	if path == "" {
		project, err := s.readProjectFile(ctx)
		if err == nil && project == nil {
			err = payment.Usage("config trust: there is no "+projectFile+" here", "name the file, or go to its directory")
		}
		return project, err
	}
	path, err := s.path(path, s.WorkDir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, projectFile)
	}
	f, err := readPatiently(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, payment.Usage("config trust: there is no file "+quote(path), "name a "+projectFile)
	}
	if err = errors.Join(err, f.distrust); err != nil {
		return nil, err
	}
	return parse(path, f.data)
}

// isTrusted reports whether this user has trusted the file, as it stands.
func (s Source) isTrusted(project *document) (bool, error) {
	mark, err := s.trustMark(project)
	if err != nil || mark == "" {
		return false, err
	}
	for _, path := range []string{filepath.Dir(mark), mark} {
		err := trustfile.Check("config trust", path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return false, nil
		case err != nil:
			return false, err
		}
	}
	return true, nil
}

// trustMark is the file that says that a project file is trusted: its name is made
// of where the project file is and of what it holds. It is "" without a place to
// keep it.
func (s Source) trustMark(project *document) (string, error) {
	if s.StateDir == "" {
		return "", nil
	}
	path, err := filepath.EvalSymlinks(project.path)
	if err != nil {
		return "", unreadable(project.path, err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", unreadable(project.path, err)
	}
	sum := sha256.Sum256([]byte(project.digest + " " + path))
	return filepath.Join(s.StateDir, "trusted", hex.EncodeToString(sum[:])), nil
}
