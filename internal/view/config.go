package view

import (
	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// Setting is one setting and its origin.
type Setting struct {
	Key        string             `json:"key"`
	Meaning    string             `json:"meaning"`
	Value      *string            `json:"value"`
	Origin     string             `json:"origin"`
	Variable   *string            `json:"variable"`
	Secret     bool               `json:"secret"`
	Overridden []config.Candidate `json:"overridden"`
}

// NewSetting is a setting as it was explained.
func NewSetting(e config.Explained) Setting {
	v := Setting{
		Key: e.Key, Meaning: e.Meaning, Value: payment.OrNull(e.Value), Origin: string(e.Origin.Kind), Variable: payment.OrNull(e.Variable),
		Secret: e.Secret, Overridden: e.Overridden,
	}
	if e.Origin.String() != "" {
		v.Origin = e.Origin.String()
	}
	if v.Overridden == nil {
		v.Overridden = []config.Candidate{}
	}
	return v
}

// Text writes one setting for people.
func (v Setting) Text(t *ui.Text) {
	t.Fields(
		ui.KV("setting", ui.Bold(v.Key)),
		ui.KV("meaning", ui.Plain(v.Meaning)),
		ui.KV("value", ui.Plain(payment.Or(v.Value, "(not set)"))),
		ui.KV("from", ui.Plain(v.Origin)),
		ui.KV("variable", ui.Plain(payment.Or(v.Variable, ""))),
	)
	for _, c := range v.Overridden {
		t.Line(ui.Dim("overridden: " + c.Value + " from " + c.Origin.String()))
	}
}

// Cells are a setting's columns in a list.
func (v Setting) Cells() []ui.Span {
	return []ui.Span{ui.Plain(v.Key), ui.Plain(payment.Or(v.Value, "-")), ui.Dim(v.Origin)}
}

// Paths is where things are.
type Paths struct {
	User    config.File `json:"user"`
	Project config.File `json:"project"`
	DB      config.File `json:"db"`
	Cache   *string     `json:"cache"`
	State   *string     `json:"state"`
}

// Text writes the paths for people.
func (v Paths) Text(t *ui.Text) {
	t.Fields(
		ui.KV("user file", fileSpans(v.User)...), ui.KV("project file", fileSpans(v.Project)...), ui.KV("ledger", fileSpans(v.DB)...),
		ui.KV("cache", ui.Plain(payment.Or(v.Cache, ""))), ui.KV("state", ui.Plain(payment.Or(v.State, ""))),
	)
}

func fileSpans(f config.File) []ui.Span {
	switch {
	case f.Path == "":
		return nil
	case f.Exists:
		return []ui.Span{ui.Plain(f.Path)}
	}
	return []ui.Span{ui.Plain(f.Path), ui.Dim(" (absent)")}
}

// What became of trying the credentials.
const (
	TestedOK          = "ok"
	TestedRefused     = "refused"
	TestedUnavailable = "unavailable"
	TestedSkipped     = "skipped"
)

// ProfileMade is what was written; its keys are the contract.
type ProfileMade struct {
	File        string       `json:"file"`
	Made        bool         `json:"made"`
	Profile     string       `json:"profile"`
	Environment string       `json:"environment"`
	Provider    string       `json:"provider"`
	Secrets     []KeptSecret `json:"secrets"`
	// Tested is ok, refused, unavailable or skipped.
	Tested string  `json:"tested"`
	Detail *string `json:"detail"`
	Next   string  `json:"next"`
}

// KeptSecret says where a secret is kept; "missing" has none yet.
type KeptSecret struct {
	Key  string `json:"key"`
	Kept string `json:"kept"`
}

// Text writes what was done for people.
func (v ProfileMade) Text(t *ui.Text) {
	wrote := "added to"
	if v.Made {
		wrote = "written to the new file"
	}
	t.Line(ui.Plain("profile "), ui.Bold(v.Profile), ui.Plain(" ("+v.Environment+", "+v.Provider+") was "+wrote+" "+v.File))
	for _, s := range v.Secrets {
		t.Line(ui.Plain("  "+s.Key+": "), ui.Plain(s.Kept))
	}
	switch v.Tested {
	case TestedOK:
		t.Line(ui.OK("the credentials are accepted"))
	default:
		t.Line(ui.Warn("credentials "+v.Tested), ui.Plain(": "+payment.Or(v.Detail, "")))
	}
	t.Line(ui.Dim("next: " + v.Next))
}

// Trusted is a project file that has been trusted.
type Trusted struct {
	Path   string   `json:"path"`
	SHA256 string   `json:"sha256"`
	Keys   []string `json:"keys"`
}

// Text writes what the file now says.
func (v Trusted) Text(t *ui.Text) {
	t.Line(ui.OK("trusted "), ui.Plain(v.Path))
	for _, key := range v.Keys {
		t.Line(ui.Plain("  it sets " + key))
	}
	if len(v.Keys) == 0 {
		t.Line(ui.Dim("  it sets nothing that needed it"))
	}
}

// Profile is a profile as it is listed; its keys are the contract.
type Profile struct {
	Name        string  `json:"name"`
	Environment *string `json:"environment"`
	// Source is the file and line that define it; null for a built-in one.
	Source  *string `json:"source"`
	Chosen  bool    `json:"chosen"`
	Problem *string `json:"problem"`
}

// Cells are a profile's columns in a list.
func (v Profile) Cells() []ui.Span {
	chosen := ui.Plain("")
	if v.Chosen {
		chosen = ui.OK("*")
	}
	problem := ui.Plain("")
	if v.Problem != nil {
		problem = ui.Warn(*v.Problem)
	}
	return []ui.Span{chosen, ui.Bold(v.Name), ui.Plain(payment.Or(v.Environment, "-")), ui.Dim(payment.Or(v.Source, "built in")), problem}
}

// ValidFile is what a file was found to be; its keys are the contract.
type ValidFile struct {
	File     *string   `json:"file"`
	Valid    bool      `json:"valid"`
	Problem  *string   `json:"problem"`
	Hint     *string   `json:"hint"`
	Profiles []Profile `json:"profiles"`
}

// Text writes the verdict for people.
func (v ValidFile) Text(t *ui.Text) {
	for _, p := range v.Profiles {
		if p.Problem != nil {
			t.Line(ui.Bad("wrong "), ui.Bold(p.Name), ui.Plain(": "+*p.Problem))
			continue
		}
		t.Line(ui.OK("good  "), ui.Bold(p.Name), ui.Plain(" ("+payment.Or(p.Environment, "-")+")"))
	}
	if v.Problem != nil {
		t.Line(ui.Bad("wrong "), ui.Plain(*v.Problem))
	}
}
