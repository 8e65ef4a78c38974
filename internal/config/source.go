package config

import (
	"path/filepath"
	"runtime"

	"github.com/payctl/payctl/internal/payment"
)

// Source is what settings are looked for in. Directories are payctl's own
// ("…/payctl"); an empty one has no file to offer.
type Source struct {
	// Flags are the flags that were given, by name ("profile", "config", "db") or
	// by the key of the setting that they stand for ("wasaapay.wallet"). A secret
	// is never a flag's value; its "_file" form may be.
	Flags map[string]string
	// Env looks up a variable; nil is an empty environment.
	Env func(string) string
	// WorkDir is where the search for .payctl.yaml begins, and what relative
	// paths in flags and variables count from.
	WorkDir string
	// HomeDir is the user's home: the search ends there, and "~/" stands for it.
	HomeDir string
	// ConfigDir holds the user file, config.yaml.
	ConfigDir string
	// DataDir holds the ledgers.
	DataDir string
	// CacheDir holds what may be deleted, such as tokens; StateDir what should stay.
	CacheDir, StateDir string
	// Tunnel reads what a listener of a profile says of its tunnel, if it says anything; nil
	// reads nothing. An error says that what is there is not believed.
	Tunnel func(stateDir, profile string) (Tunnel, bool, error)
	// Keyring reads the system's keyring; nil is the real one.
	Keyring func(service, account string) (string, error)
	// Patience is the command's; nil has it anew for each secret.
	Patience *Patience
}

// NewSource returns the Source of a process: the XDG directories on Linux and
// BSD, ~/Library on macOS, AppData on Windows. It reads no file.
func NewSource(workDir string, env func(string) string, flags map[string]string) Source {
	return newSource(runtime.GOOS, workDir, env, flags)
}

func newSource(goos, workDir string, env func(string) string, flags map[string]string) Source {
	s := Source{Flags: flags, Env: env, WorkDir: workDir}
	switch goos {
	case "windows":
		s.HomeDir = env("USERPROFILE")
		local := absolute(env("LOCALAPPDATA"))
		s.ConfigDir = below(absolute(env("APPDATA")), "payctl")
		s.DataDir, s.StateDir = below(local, "payctl", "data"), below(local, "payctl", "state")
		s.CacheDir = below(local, "payctl", "cache")
	case "darwin", "ios":
		s.HomeDir = absolute(env("HOME"))
		support := below(s.HomeDir, "Library", "Application Support", "payctl")
		s.ConfigDir = xdg(env, "XDG_CONFIG_HOME", support)
		s.DataDir = xdg(env, "XDG_DATA_HOME", support)
		s.StateDir = xdg(env, "XDG_STATE_HOME", support)
		s.CacheDir = xdg(env, "XDG_CACHE_HOME", below(s.HomeDir, "Library", "Caches", "payctl"))
	default:
		s.HomeDir = absolute(env("HOME"))
		s.ConfigDir = xdg(env, "XDG_CONFIG_HOME", below(s.HomeDir, ".config", "payctl"))
		s.DataDir = xdg(env, "XDG_DATA_HOME", below(s.HomeDir, ".local", "share", "payctl"))
		s.StateDir = xdg(env, "XDG_STATE_HOME", below(s.HomeDir, ".local", "state", "payctl"))
		s.CacheDir = xdg(env, "XDG_CACHE_HOME", below(s.HomeDir, ".cache", "payctl"))
	}
	return s
}

// xdg prefers a base directory variable; one that is not absolute is ignored,
// as its specification asks.
func xdg(env func(string) string, name, otherwise string) string {
	if base := absolute(env(name)); base != "" {
		return filepath.Join(base, "payctl")
	}
	return otherwise
}

func absolute(dir string) string {
	if !filepath.IsAbs(dir) {
		return ""
	}
	return dir
}

// below joins, unless there is nothing to join to.
func below(dir string, names ...string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(append([]string{dir}, names...)...)
}

func (s Source) env(name string) string {
	if s.Env == nil || name == "" {
		return ""
	}
	return s.Env(name)
}

// path makes a written path usable: "~/" is the home, and a relative path
// counts from dir.
func (s Source) path(written, dir string) (string, error) {
	if rest, ok := cutHome(written); ok {
		if s.HomeDir == "" {
			return "", payment.Usage("the home directory that "+quote(written)+" begins with is not known", "write the whole path")
		}
		return filepath.Join(s.HomeDir, rest), nil
	}
	if filepath.IsAbs(written) || dir == "" {
		return filepath.Clean(written), nil
	}
	return filepath.Join(dir, written), nil
}

func cutHome(path string) (rest string, ok bool) {
	if path == "~" {
		return "", true
	}
	if len(path) > 1 && path[0] == '~' && (path[1] == '/' || path[1] == filepath.Separator) {
		return path[2:], true
	}
	return "", false
}
