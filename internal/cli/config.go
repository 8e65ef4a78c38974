package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/ui"
)

func newConfig(a *app) *cobra.Command {
	return group("config", "Show where settings come from",
		`A setting comes from the flag, then the environment, then the project file
(.payctl.yaml), then the user file, then the default. Secrets are masked wherever
they are shown. See also "payctl help environment".`,
		newConfigShow(a), newConfigExplain(a), newConfigPath(a))
}

// shownConfig loads the settings and says when they are only those that all
// profiles share.
func (a *app) shownConfig(ctx context.Context) (*config.Config, error) {
	conf, err := a.unchosen(ctx)
	if err == nil && conf.Profile == "" {
		a.out.Note("no profile is chosen: these are the settings that all share; choose with --profile: %s", strings.Join(conf.Profiles(), ", "))
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
		Key: e.Key, Meaning: e.Meaning, Value: orNull(e.Value), Origin: string(e.Origin.Kind), Variable: orNull(e.Variable),
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
		ui.KV("value", ui.Plain(or(v.Value, "(not set)"))),
		ui.KV("from", ui.Plain(v.Origin)),
		ui.KV("variable", ui.Plain(or(v.Variable, ""))),
	)
	for _, c := range v.Overridden {
		t.Line(ui.Dim("overridden: " + c.Value + " from " + c.Origin.String()))
	}
}

// Cells are a setting's columns in a list.
func (v settingView) Cells() []ui.Span {
	return []ui.Span{ui.Plain(v.Key), ui.Plain(or(v.Value, "-")), ui.Dim(v.Origin)}
}

func newConfigShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Show every setting in force",
		Example: "  payctl config show\n  payctl config show --profile shop-sandbox -o json",
		Args:    noArgs,
		RunE: a.glance(func(ctx context.Context) error {
			conf, err := a.shownConfig(ctx)
			if err != nil {
				return err
			}
			shown := conf.Show()
			views := make([]settingView, len(shown))
			for i, e := range shown {
				views[i] = newSettingView(e)
			}
			return ui.List(a.out, columns("SETTING", "VALUE", "FROM"), views)
		}),
	}
}

func newConfigExplain(a *app) *cobra.Command {
	var key string
	return &cobra.Command{
		Use:     "explain KEY",
		Short:   "Say what a setting is for and where its value came from",
		Example: "  payctl config explain daraja.shortcode\n  payctl config explain db -o json",
		Args:    oneArg("KEY", &key),
		RunE: a.glance(func(ctx context.Context) error {
			conf, err := a.shownConfig(ctx)
			if err != nil {
				return err
			}
			e, err := conf.Explain(key)
			if err != nil {
				return err
			}
			return a.out.One(newSettingView(e))
		}),
	}
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
		ui.KV("cache", ui.Plain(or(v.Cache, ""))), ui.KV("state", ui.Plain(or(v.State, ""))),
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

func newConfigPath(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "path",
		Short:   "Show where settings and the ledger are",
		Example: "  payctl config path\n  payctl config path -o json --jq .db.path",
		Args:    noArgs,
		RunE: a.glance(func(ctx context.Context) error {
			conf, err := a.shownConfig(ctx)
			if err != nil {
				return err
			}
			p := conf.Path()
			return a.out.One(pathsView{User: p.User, Project: p.Project, DB: p.DB, Cache: orNull(p.CacheDir), State: orNull(p.StateDir)})
		}),
	}
}
