package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

func newConfig(s *session) *cobra.Command {
	return group(s, "config", "Make settings, and show where they come from",
		`A setting comes from the flag, then the environment, then the project file
(.payctl.yaml), then the user file, then the default. Secrets are masked wherever
they are shown. See also "payctl help environment".`,
		command{"init", newConfigInit}, command{"validate", newConfigValidate}, command{"show", newConfigShow}, command{"explain", newConfigExplain}, command{"path", newConfigPath}, command{"profiles", newConfigProfiles}, command{"trust", newConfigTrust})
}

// shownConfig loads the settings and says when they are only those that all
// profiles share.
func (e *env) shownConfig(ctx context.Context) (*config.Config, error) {
	conf, err := e.anyProfile(ctx)
	if err == nil && conf.Profile == "" {
		e.out.Note("no profile is chosen: these are the settings that all share; choose with --profile: %s", strings.Join(conf.Profiles(), ", "))
	}
	return conf, err
}

// settingView is one setting and its origin.
type settingView struct {
	Key        string             `json:"key"`
	Meaning    string             `json:"meaning"`
	Value      *string            `json:"value"`
	Origin     string             `json:"origin"`
	Variable   *string            `json:"variable"`
	Secret     bool               `json:"secret"`
	Overridden []config.Candidate `json:"overridden"`
}

func newSettingView(e config.Explained) settingView {
	v := settingView{
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
func (v settingView) Text(t *ui.Text) {
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
func (v settingView) Cells() []ui.Span {
	return []ui.Span{ui.Plain(v.Key), ui.Plain(payment.Or(v.Value, "-")), ui.Dim(v.Origin)}
}

// configShow is "payctl config show".
type configShow struct{ *env }

func newConfigShow(s *session) *cobra.Command {
	v := &configShow{env: s.env}
	return &cobra.Command{
		Use:     "show",
		Short:   "Show every setting in force",
		Example: "  payctl config show\n  payctl config show --profile shop-sandbox -o json",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
}

// Run lists the settings.
func (v *configShow) Run(ctx context.Context) error {
	conf, err := v.shownConfig(ctx)
	if err != nil {
		return err
	}
	shown := conf.Show()
	views := make([]settingView, len(shown))
	for i, e := range shown {
		views[i] = newSettingView(e)
	}
	return ui.List(v.out, columns("SETTING", "VALUE", "FROM"), views)
}

// configExplain is "payctl config explain".
type configExplain struct {
	*env
	key string
}

func newConfigExplain(s *session) *cobra.Command {
	v := &configExplain{env: s.env}
	return &cobra.Command{
		Use:     "explain KEY",
		Short:   "Say what a setting is for and where its value came from",
		Example: "  payctl config explain daraja.shortcode\n  payctl config explain db -o json",
		Args:    oneArg("KEY", &v.key),
		RunE:    s.quick(v.Run),
	}
}

// Run shows one setting.
func (v *configExplain) Run(ctx context.Context) error {
	conf, err := v.shownConfig(ctx)
	if err != nil {
		return err
	}
	e, err := conf.Explain(v.key)
	if err != nil {
		return err
	}
	return v.out.One(newSettingView(e))
}

// pathsView is where things are.
type pathsView struct {
	User    config.File `json:"user"`
	Project config.File `json:"project"`
	DB      config.File `json:"db"`
	Cache   *string     `json:"cache"`
	State   *string     `json:"state"`
}

// Text writes the paths for people.
func (v pathsView) Text(t *ui.Text) {
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

// configPath is "payctl config path".
type configPath struct{ *env }

func newConfigPath(s *session) *cobra.Command {
	v := &configPath{env: s.env}
	return &cobra.Command{
		Use:     "path",
		Short:   "Show where settings and the ledger are",
		Example: "  payctl config path\n  payctl config path -o json --jq .db.path",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
}

// Run shows the paths.
func (v *configPath) Run(ctx context.Context) error {
	conf, err := v.shownConfig(ctx)
	if err != nil {
		return err
	}
	p := conf.Path()
	return v.out.One(pathsView{User: p.User, Project: p.Project, DB: p.DB, Cache: payment.OrNull(p.CacheDir), State: payment.OrNull(p.StateDir)})
}
