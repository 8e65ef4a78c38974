package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
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
func shownConfig(ctx context.Context, e *env) (*config.Config, error) {
	conf, err := e.anyProfile(ctx)
	if err == nil && conf.Profile == "" {
		e.out.Note("no profile is chosen: these are the settings that all share; choose with --profile: %s", strings.Join(conf.Profiles(), ", "))
	}
	return conf, err
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
	conf, err := shownConfig(ctx, v.env)
	if err != nil {
		return err
	}
	shown := conf.Show()
	views := make([]view.Setting, len(shown))
	for i, e := range shown {
		views[i] = view.NewSetting(e)
	}
	return ui.List(v.out, ui.Columns("SETTING", "VALUE", "FROM"), views)
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
	conf, err := shownConfig(ctx, v.env)
	if err != nil {
		return err
	}
	e, err := conf.Explain(v.key)
	if err != nil {
		return err
	}
	return v.out.One(view.NewSetting(e))
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
	conf, err := shownConfig(ctx, v.env)
	if err != nil {
		return err
	}
	p := conf.Path()
	return v.out.One(view.Paths{User: p.User, Project: p.Project, DB: p.DB, Cache: payment.OrNull(p.CacheDir), State: payment.OrNull(p.StateDir)})
}
