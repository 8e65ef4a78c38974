package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// emulatorCA is "payctl emulator ca".
type emulatorCA struct{ *env }

func newEmulatorCA(s *session) *cobra.Command {
	v := &emulatorCA{env: s.env}
	return &cobra.Command{
		Use:   "ca",
		Short: "Print the certificate authority of --tls and --proxy",
		Long: `Prints the PEM certificate that clients must trust when they reach the emulator by
HTTPS or through its proxy; it is made when it is first needed. Its key stays in a
private file and it is constrained to this machine and the providers' hosts. With
-o json the file's path is there too, as NODE_EXTRA_CA_CERTS and SSL_CERT_FILE want it.`,
		Example: "  payctl emulator ca > emulator-ca.pem\n  export SSL_CERT_FILE=$(payctl emulator ca -o json --jq .file)",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
}

// Run prints the certificate.
func (v *emulatorCA) Run(context.Context) error {
	dir := emulatorCADir(v.env)
	if dir == "" {
		return usagef("set HOME, or fetch /_emulator/ca from the running emulator", "ca: there is no directory to keep it in")
	}
	ca, err := emulator.OpenCA(dir)
	if err != nil {
		return usagef("remove the broken files, or fix their permissions", "%s", err.Error())
	}
	if v.out.Format() == ui.FormatText {
		return v.out.Raw([]byte(ca.PEM()))
	}
	return v.out.One(view.Authority{File: ca.File(), PEM: ca.PEM()})
}

// emulatorCADir is where the emulator's certificate authority is kept, "" where
// this user has no place for state: it then lasts as long as the emulator. No
// settings are read for it: an emulator needs none.
func emulatorCADir(e *env) string {
	state := config.NewSource(e.in.Dir, e.getenv, nil).StateDir
	if state == "" {
		return ""
	}
	return filepath.Join(state, "emulator-ca")
}
