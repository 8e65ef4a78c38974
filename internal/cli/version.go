package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/view"
)

// version is "payctl version".
type version struct{ *env }

func newVersion(s *session) *cobra.Command {
	v := &version{env: s.env}
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  payctl version\n  payctl version -o json",
		Args:    noArgs,
		RunE:    s.quick(v.Run),
	}
}

// Run prints the version.
func (v *version) Run(context.Context) error {
	return v.out.One(view.ThisBuild())
}
