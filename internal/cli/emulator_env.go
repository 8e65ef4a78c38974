package cli

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/view"
)

// emulatorEnv is "payctl emulator env".
type emulatorEnv struct{ control }

func newEmulatorEnv(s *session) *cobra.Command {
	v := &emulatorEnv{control{session: s}}
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print what clients need to reach the emulator",
		Long: `Prints shell lines that export addresses and the emulator's own credentials, and what
they do not say in comments. With --tls or --proxy they carry the certificate authority
and the proxy to most runtimes, PHP included (PHP_INI_SCAN_DIR).`,
		Example: "  eval \"$(payctl emulator env)\"",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	v.bindURL(cmd.Flags())
	return cmd
}

// Run prints the variables.
func (v *emulatorEnv) Run(ctx context.Context) error {
	env := map[string]string{}
	if err := v.call(ctx, http.MethodGet, "env", nil, &env); err != nil {
		return err
	}
	return v.out.One(view.Environment(env))
}
