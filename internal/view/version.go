package view

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

// Version is what this build is; its keys are the contract.
type Version struct {
	Version string  `json:"version"`
	Commit  *string `json:"commit"`
	Date    *string `json:"date"`
	Go      string  `json:"go"`
	SQLite  string  `json:"sqlite"`
	OS      string  `json:"os"`
	Arch    string  `json:"arch"`
}

// Text writes the version for people.
func (v Version) Text(t *ui.Text) {
	line := "payctl " + v.Version + " ("
	if v.Commit != nil {
		line += "commit " + *v.Commit
		if v.Date != nil {
			line += " of " + *v.Date
		}
		line += ", "
	}
	t.Linef("%s%s, SQLite %s, %s/%s)", line, v.Go, v.SQLite, v.OS, v.Arch)
}

// ThisBuild describes the running program.
func ThisBuild() Version {
	info, _ := debug.ReadBuildInfo()
	return NewVersion(info)
}

// NewVersion reads what the linker knows of the build: the module's version where it
// was installed or tagged, the commit and its date where it was built in a checkout.
func NewVersion(info *debug.BuildInfo) Version {
	v := Version{Version: "dev", Go: runtime.Version(), SQLite: store.SQLiteVersion, OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		return v
	}
	if built := info.Main.Version; built != "" && built != "(devel)" {
		v.Version = strings.TrimPrefix(built, "v")
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.time":
			v.Date = payment.OrNull(s.Value)
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+changes"
			}
		}
	}
	if commit != "" {
		v.Commit = payment.OrNull(commit[:min(len(commit), 12)] + dirty)
	}
	v.Go = cmp.Or(info.GoVersion, v.Go)
	return v
}
