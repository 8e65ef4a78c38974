package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/view"
)

// configTrust is "payctl config trust".
type configTrust struct {
	*session
	file string
}

func newConfigTrust(s *session) *cobra.Command {
	v := &configTrust{session: s}
	return &cobra.Command{
		Use:   "trust [FILE]",
		Short: "Trust a project file that you have read",
		Long: `A project file (.payctl.yaml) may belong to anybody who wrote the repository, so it sets
only what moves neither money nor secrets nor evidence. A trusted one also sets
shortcode, till, wallet, initiator and callback_url of sandbox profiles; nothing else.

Trust is this user's own, for the file as it stands where it is: after any change it is
not trusted. Without FILE the nearest project file is meant.`,
		Example: "  payctl config trust\n  payctl config trust ../shop/.payctl.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return oneArg("FILE", &v.file)(cmd, args)
		},
		RunE: s.quick(v.Run),
	}
}

// Run trusts the file as it stands.
func (v *configTrust) Run(ctx context.Context) error {
	got, err := config.Trust(ctx, v.source(v.global.profile), v.file)
	if err != nil {
		return err
	}
	acted(ctx, v.session, unwarned(v.env), got.Path)
	return v.out.One(view.Trusted{Path: got.Path, SHA256: got.SHA256, Keys: got.Keys})
}
