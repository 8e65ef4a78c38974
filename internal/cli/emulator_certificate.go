package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/ui"
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
	return v.out.One(pemView{PEM: strings.TrimRight(pem, "\n") + "\n"})
}

// pemView is a certificate alone.
type pemView struct {
	PEM string `json:"pem"`
}

// Text writes the certificate as it is.
func (v pemView) Text(t *ui.Text) { t.Block(0, v.PEM) }
