package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/view"
)

// emulatorCertificate is "payctl emulator certificate".
type emulatorCertificate struct{ *env }

func newEmulatorCertificate(s *session) *cobra.Command {
	v := &emulatorCertificate{env: s.env}
	return &cobra.Command{
		Use:     "certificate",
		Short:   "Print the certificate for SecurityCredential",
		Long:    "Prints the PEM certificate that a SecurityCredential for the emulator is encrypted with;\nunder json it is the member pem of an object.",
		Example: "  payctl emulator certificate > emulator.pem\n  payctl daraja credential encrypt --certificate emulator.pem --password-file pw",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
}

// Run prints the certificate.
func (v *emulatorCertificate) Run(context.Context) error {
	pem, err := emulator.CertificatePEM()
	if err != nil {
		return err
	}
	return v.out.One(view.PEM{PEM: strings.TrimRight(pem, "\n") + "\n"})
}
