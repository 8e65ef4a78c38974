package cli

import (
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/ui"
)

type versionView struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Text writes the version for people.
func (v versionView) Text(t *ui.Text) {
	t.Linef("payctl %s (%s, %s/%s)", v.Version, v.Go, v.OS, v.Arch)
}

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
	return v.out.One(versionView{Version: v.in.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH})
}
