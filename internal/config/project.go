package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
)

// A project file may belong to anybody who wrote the repository, so that it may
// set only what cannot move money, secrets or evidence: open settings for every
// profile, nearly everything for profiles of the environment local, and payees of
// sandbox profiles once its owner has trusted it. Whatever else stands in it is an
// error, whether this run would use it or not.

// checkProject holds a project file to that, and marks what counts only because the
// file is trusted. user is the user file, which may define the profiles that the
// project file speaks of; either may be nil. Errors are KindUsage and name the line.
func (s Source) checkProject(project, user *document) error {
	if project == nil {
		return nil
	}
	trusted, err := s.isTrusted(project)
	if err != nil {
		return err
	}
	p := projectCheck{source: s, project: project, user: user, trusted: trusted}
	return p.check()
}

// projectCheck is one reading of a project file.
type projectCheck struct {
	source        Source
	project, user *document
	trusted       bool
	// needs are the keys that count only in a trusted file.
	needs []string
}

func (p *projectCheck) check() error {
	if name, _ := p.project.profile.value.(string); p.environment(name) == payment.Production {
		return payment.Usage(p.place(p.project.profile)+": \"profile\" chooses "+quote(name)+", a profile of production, which a project file must not do",
			"pass --profile, set PAYCTL_PROFILE, or choose it in the user file (see \"payctl config path\")")
	}
	type place struct {
		entries      map[string]entry
		profile, key string
	}
	var places []place
	for _, key := range sortedKeys(p.project.shared) {
		places = append(places, place{p.project.shared, "", key})
	}
	for _, name := range sortedKeys(p.project.profiles) {
		for _, key := range sortedKeys(p.project.profiles[name]) {
			places = append(places, place{p.project.profiles[name], name, key})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return a.entries[a.key].line - b.entries[b.key].line })
	for _, at := range places {
		if err := p.checkKey(at.entries, at.profile, at.key); err != nil {
			return err
		}
	}
	return nil
}

func (p *projectCheck) place(e entry) string {
	return Origin{Kind: FromProjectFile, Name: p.project.path, Line: e.line}.String()
}

// environment is that of a profile, by the file that defines it; "" where none does.
// Only local is taken on the project file's word.
func (p *projectCheck) environment(profile string) payment.Environment {
	if isEnvironment(profile) {
		return payment.Environment(profile)
	}
	for _, d := range []*document{p.user, p.project} {
		if d == nil {
			continue
		}
		if env, ok := d.profiles[profile]["environment"].value.(string); ok {
			return payment.Environment(env)
		}
	}
	return ""
}

// checkKey judges one key of a section; profile is "" for the file's top.
func (p *projectCheck) checkKey(entries map[string]entry, profile, key string) error {
	e := entries[key]
	s, form, _ := find(key)
	env := p.environment(profile)
	if profile == "" {
		env = ""
	}
	switch {
	case env == payment.Local:
		return p.checkLocal(s, form, key, e)
	case s.key == "listen.addr":
		return p.checkAddr(e)
	case s.open:
		return nil
	case s.payee && env == payment.Sandbox:
		if !p.trusted {
			return payment.Usage(p.place(e)+": "+quote(key)+" says where money or the news of it goes, and the file is not trusted",
				"read it, then run: payctl config trust "+payment.ShellWord(p.project.path))
		}
		p.needs = append(p.needs, "profiles."+profile+"."+key)
		e.trusted = true
		entries[key] = e
		return nil
	}
	return p.refuse(s, key, e)
}

// refuse says what is wrong with a key that is not for project files.
func (p *projectCheck) refuse(s *setting, key string, e entry) error {
	why := " decides over money, secrets or evidence, and cannot be set by a project file"
	switch {
	case s.kind == kindSecret:
		why = " is a secret, and a project file must not hold any"
	case s.payee:
		why = " says where real money or the news of it goes, which a project file must not do"
	case s.key == "production_cap":
		why = " guards real money and cannot be set by a project file"
	case s.kind == kindURL || s.kind == kindSocket:
		why = " would send credentials where its author likes, which a project file must not do"
	case s.kind == kindEnvironment:
		return payment.Usage(p.place(e)+": a project file defines profiles of the environment local only",
			"define the profile in the user file (see \"payctl config path\")")
	}
	return payment.Usage(p.place(e)+": "+quote(key)+why, moveIt(s))
}

// checkLocal judges a key of a profile that speaks to the emulator: nothing in it may
// run a program, ask the keyring, or reach beyond this machine and the repository.
func (p *projectCheck) checkLocal(s *setting, form, key string, e entry) error {
	text, _ := e.value.(string)
	switch {
	case form == byCommand || form == byKeyring:
		return payment.Usage(p.place(e)+": "+quote(key)+" would run a program or ask the keyring, which a project file must not do", moveIt(s))
	case s.kind == kindURL || s.kind == kindSocket:
		if !isLoopbackURL(text) {
			return payment.Usage(p.place(e)+": "+quote(key)+" would send credentials to another host than this machine, which a project file must not do", moveIt(s))
		}
	case s.key == "listen.addr":
		return p.checkAddr(e)
	case s.kind == kindPath, s.kind == kindLedger, form == byFile:
		if !p.inRepository(text) {
			return payment.Usage(p.place(e)+": "+quote(key)+" names a file outside the repository, which a project file must not do", moveIt(s))
		}
	}
	return nil
}

func (p *projectCheck) checkAddr(e entry) error {
	row, _, _ := find("listen.addr")
	c := candidate{setting: row, origin: Origin{Kind: FromProjectFile, Name: p.project.path, Line: e.line}}
	c.text, _ = e.value.(string)
	host, err := c.host()
	if err != nil {
		return err
	}
	if !loopback.Is(host) {
		return payment.Usage(p.place(e)+": \"listen.addr\" opens the listener beyond this machine, which a project file must not do", moveIt(row))
	}
	return nil
}

// inRepository reports whether a path, links followed, stays in the directory that
// holds .git, or, where there is none, in the project file's own.
func (p *projectCheck) inRepository(written string) bool {
	dir := filepath.Dir(p.project.path)
	path, err := p.source.path(written, dir)
	if err != nil || strings.ContainsAny(written, "\x00") {
		return false
	}
	root := dir
	if dirs := p.source.projectDirs(); len(dirs) > 0 {
		last := dirs[len(dirs)-1]
		if _, err := os.Lstat(filepath.Join(last, ".git")); err == nil {
			root = last
		}
	}
	root, err = filepath.EvalSymlinks(root)
	if err != nil {
		return false
	}
	real, err := realPath(path)
	if err != nil {
		return false
	}
	below, err := filepath.Rel(root, real)
	return err == nil && filepath.IsLocal(below)
}

// realPath follows the links of a path, of which the last parts need not exist.
func realPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	if _, err := os.Lstat(path); err == nil {
		return "", errors.New("a link leads nowhere")
	}
	dir := filepath.Dir(path)
	if dir == path {
		return path, nil
	}
	dir, err = realPath(dir)
	return filepath.Join(dir, filepath.Base(path)), err
}

// moveIt is the way out for a setting that a project file must not hold.
func moveIt(s *setting) string {
	hint := "move it to the user file (see \"payctl config path\")"
	if name := s.variable(); name != "" {
		hint += " or set " + name
	}
	return hint
}
