package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// settings says which profile is in force and why.
func (d *doctor) settings(context.Context) Finding {
	c := d.Config
	detail := fmt.Sprintf("profile %s, environment %s", c.Profile, c.Environment)
	if e, err := c.Explain("profile"); err == nil {
		detail += ", chosen by " + e.Origin.String()
	}
	var files []string
	for _, f := range []struct{ what, path string }{{"user file", existing(c.Path().User.Path)}, {"project file", existing(c.Path().Project.Path)}} {
		if f.path != "" {
			files = append(files, f.what+" "+f.path)
		}
	}
	if len(files) > 0 {
		detail += "; read: " + strings.Join(files, ", ")
	} else {
		detail += "; no file of settings"
	}
	if len(c.Warnings) > 0 {
		return warn(detail+"; "+strings.Join(c.Warnings, "; "), "payctl config show")
	}
	return ok(detail)
}

func existing(path string) string {
	if path == "" {
		return ""
	}
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// files holds owner and mode of everything that decides over money.
func (d *doctor) files(context.Context) Finding {
	var wrong, fixes, mended []string
	for _, f := range d.watched() {
		err := trustfile.Check(f.what, f.path)
		if err == nil && f.private {
			err = d.onlyMine(f.what, f.path)
		}
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist):
			continue
		case d.Fix && os.Chmod(f.path, f.mode()) == nil && trustfile.Check(f.what, f.path) == nil:
			mended = append(mended, f.path)
			continue
		}
		wrong, fixes = append(wrong, err.Error()), append(fixes, hintOf(err))
	}
	f := ok("owners and modes are as they should be")
	switch {
	case len(wrong) > 0:
		f = fail(payment.KindUsage, strings.Join(wrong, "; "), strings.Join(fixes, "; "))
	case len(mended) > 0:
		f = ok("modes were put right: " + strings.Join(mended, ", "))
	}
	f.Mended = len(mended) > 0
	return f
}

// watched is a file or directory whose owner and mode matter.
type watched struct {
	what, path string
	// private files hold secrets or payers: nobody else may read them.
	private, dir bool
}

func (w watched) mode() os.FileMode {
	if w.dir {
		return 0o700
	}
	return 0o600
}

func (d *doctor) watched() []watched {
	c := d.Config
	paths := c.Path()
	out := []watched{
		{what: "user file", path: existing(paths.User.Path), private: true},
		{what: "certificate", path: existing(c.Daraja.Certificate)},
		{what: "cache directory", path: existing(c.CacheDir), private: true, dir: true},
		{what: "state directory", path: existing(c.StateDir), private: true, dir: true},
	}
	if db := existing(c.DB); db != "" {
		out = append(out,
			watched{what: "ledger", path: db, private: true},
			watched{what: "token file", path: existing(db + ".token"), private: true},
			watched{what: "spill directory", path: existing(db + ".spill"), private: true, dir: true})
	}
	return keepNamed(out)
}

func keepNamed(all []watched) []watched {
	var out []watched
	for _, w := range all {
		if w.path != "" {
			out = append(out, w)
		}
	}
	return out
}

// onlyMine refuses a file that others can read.
func (d *doctor) onlyMine(what, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !modesCount || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	mode := "600"
	if info.IsDir() {
		mode = "700"
	}
	return payment.Usage(fmt.Sprintf("%s %s: other users can read it (mode %04o)", what, path, info.Mode().Perm()), "chmod "+mode+" "+payment.ShellWord(filepath.Clean(path)))
}

func hintOf(err error) string {
	if e, ok := errors.AsType[*payment.Error](err); ok {
		return e.Hint
	}
	return ""
}
