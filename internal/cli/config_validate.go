package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// listProfiles loads every profile that the settings know.
func listProfiles(ctx context.Context, e *env) ([]view.Profile, error) {
	conf, err := e.anyProfile(ctx)
	if err != nil {
		return nil, err
	}
	infos := conf.ProfileList(func(name string) (*config.Config, error) { return config.Load(ctx, e.source(name)) })
	out := make([]view.Profile, len(infos))
	for i, info := range infos {
		out[i] = view.Profile{Name: info.Name, Environment: payment.OrNull(string(info.Environment)), Chosen: info.Chosen, Problem: payment.OrNull(info.Problem)}
		if info.Source != "" {
			out[i].Source = payment.OrNull(info.Source + ":" + itoa(info.Line))
		}
	}
	return out, nil
}

// configProfiles is "payctl config profiles".
type configProfiles struct{ *env }

func newConfigProfiles(s *session) *cobra.Command {
	v := &configProfiles{env: s.env}
	return report(&cobra.Command{
		Use:     "profiles",
		Short:   "List the profiles, and what keeps one from being used",
		Example: "  payctl config profiles\n  payctl config profiles -o json --jq '.[].name'",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	})
}

// Run lists the profiles.
func (v *configProfiles) Run(ctx context.Context) error {
	views, err := listProfiles(ctx, v.env)
	if err != nil {
		return err
	}
	return ui.List(v.out, ui.Columns("", "PROFILE", "ENVIRONMENT", "DEFINED IN", "PROBLEM"), views)
}

// configValidate is "payctl config validate".
type configValidate struct {
	*env
	file string
}

func newConfigValidate(s *session) *cobra.Command {
	v := &configValidate{env: s.env}
	return &cobra.Command{
		Use:     "validate [FILE]",
		Short:   "Check a file of settings, every profile of it",
		Long:    "Reads a user file (default: yours) as a command would, and every profile in it. No\nsecret is fetched and nobody is asked. Exit 64 when something is wrong.",
		Example: "  payctl config validate\n  payctl config validate ./payctl-config.yaml -o json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give one FILE, or none for your own", "unexpected argument %q", args[1])
			}
			if len(args) == 1 {
				v.file = args[0]
			}
			return nil
		},
		RunE: s.quick(v.Run),
	}
}

// Run reads the file and each profile.
func (v *configValidate) Run(ctx context.Context) error {
	if v.file != "" {
		if _, err := os.Stat(v.file); err != nil {
			return usagef("check the path", "file %s: cannot be read", v.file)
		}
		v.global.configFile = v.file
	}
	v.global.profile = ""
	out := view.ValidFile{Valid: true, Profiles: []view.Profile{}}
	err := v.check(ctx, &out)
	if err != nil {
		view := errorView(err)
		out.Valid, out.Problem, out.Hint = false, payment.OrNull(view.Message), payment.OrNull(view.Hint)
	}
	var outcome error
	if !out.Valid {
		outcome = payment.Usage("config: something is wrong with the settings", "correct what is named, then validate again")
	}
	return v.ended(v.out.One(out), outcome, "the settings were read")
}

func (v *configValidate) check(ctx context.Context, out *view.ValidFile) error {
	conf, err := v.anyProfile(ctx)
	if err != nil {
		return err
	}
	out.File = payment.OrNull(conf.Path().User.Path)
	all, err := listProfiles(ctx, v.env)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Source == nil {
			continue
		}
		out.Profiles = append(out.Profiles, p)
		out.Valid = out.Valid && p.Problem == nil
	}
	return nil
}
