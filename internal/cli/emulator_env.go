package cli

import (
	"context"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
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
	return v.out.One(envView(env))
}

// envView is a set of variables.
type envView map[string]string

// Text writes shell lines.
func (v envView) Text(t *ui.Text) {
	for line := range strings.SplitSeq(emulatorNumbers(), "\n") {
		t.Line(ui.Plain("# " + line))
	}
	t.Line(ui.Plain("# The control plane is at " + v["EMULATOR_CONTROL_URL"]))
	if v["NODE_USE_ENV_PROXY"] != "" {
		t.Line(ui.Plain("# The fetch of Node 20 and older reads no proxy variable. It needs, once, with the package undici:"))
		t.Line(ui.Plain("#   setGlobalDispatcher(new EnvHttpProxyAgent())"))
	}
	for _, name := range sortedKeys(v) {
		t.Linef("export %s=%s", name, payment.CommandLine(v[name]))
	}
}
