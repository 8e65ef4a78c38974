package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/input"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/view"
)

func newDarajaCredential(s *session) *cobra.Command {
	return group(s, "daraja credential", "Make Daraja's SecurityCredential",
		"The APIs that answer by a result want the initiator's password, encrypted with the\nM-PESA certificate of the environment.", command{"encrypt", newDarajaCredentialEncrypt})
}

// darajaCredentialEncrypt is "payctl daraja credential encrypt".
type darajaCredentialEncrypt struct {
	*env
	certificate, passwordFile string
}

func newDarajaCredentialEncrypt(s *session) *cobra.Command {
	v := &darajaCredentialEncrypt{env: s.env}
	cmd := &cobra.Command{
		Use:   "encrypt",
		Short: "Encrypt the initiator's password with a certificate",
		Long: `Encrypts the bare password with the certificate's RSA key (PKCS#1 v1.5) and prints it
in base64, 344 characters for RSA-2048. Each run gives another text; all of them hold
until the password changes. stderr says which certificate it was: a wrong one is
noticed only in the result, as code 2001.

The password comes from --password-file (- for stdin), else from the profile, else
from stdin. An expired certificate is noted and used: only its key matters. A key that
is shorter than Safaricom's is warned of and used.`,
		Example: "  payctl daraja credential encrypt --certificate ProductionCertificate.cer --password-file pw\n  payctl daraja credential encrypt --certificate emulator.pem --password-file - -o json",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.certificate, "certificate", "", "M-PESA certificate `FILE`, PEM or DER (default: the profile's)")
	f.StringVar(&v.passwordFile, "password-file", "", "read the initiator's password from `FILE`, - for stdin")
	return cmd
}

// Run encrypts the password and says with which certificate.
func (v *darajaCredentialEncrypt) Run(ctx context.Context) error {
	certificate, err := v.readCertificate(ctx)
	if err != nil {
		return err
	}
	password, err := v.password(ctx)
	if err != nil {
		return err
	}
	sealed, info, err := daraja.EncryptCredential(password, certificate)
	if err != nil {
		return err
	}
	v.out.Note("certificate: %s", info.Subject)
	v.out.Note("sha256: %s", info.Fingerprint)
	v.out.Note("valid: %s to %s, serial %s, RSA-%d", info.NotBefore.UTC().Format("2006-01-02"), info.NotAfter.UTC().Format("2006-01-02"), info.Serial, info.Bits)
	if note := info.ValidityNote(v.now()); note != "" {
		v.out.Note("note: %s", note)
	}
	if w := info.KeyWarning(); w != "" {
		v.out.Note("warning: %s", w)
	}
	for _, w := range daraja.PasswordWarnings(password) {
		v.out.Note("warning: %s", w)
	}
	return v.out.One(view.Credential{SecurityCredential: sealed, Certificate: view.Certificate{
		Subject: info.Subject, Issuer: info.Issuer, Serial: info.Serial, Fingerprint: info.Fingerprint,
		NotBefore: timing.RFC3339(info.NotBefore), NotAfter: timing.RFC3339(info.NotAfter), Bits: info.Bits,
	}})
}

// maxCertificate is the largest certificate file, in bytes.
const maxCertificate = 1 << 16

// readCertificate reads the file named, or the profile's, or takes the emulator's.
func (v *darajaCredentialEncrypt) readCertificate(ctx context.Context) ([]byte, error) {
	path := v.certificate
	if path == "" {
		conf, err := v.config(ctx)
		if err != nil {
			return nil, err
		}
		if local, err := localCertificate(conf); err != nil || local != nil {
			return local, err
		}
		if path = conf.Daraja.Certificate; path == "" {
			return nil, usagef("give --certificate FILE, or set daraja.certificate", "certificate: none was named")
		}
	}
	// Whoever writes it has the password sealed to a key of his own.
	return input.Trusted("certificate", path, maxCertificate)
}

// password reads the password: the file, the profile, or stdin.
func (v *darajaCredentialEncrypt) password(ctx context.Context) (*secret.Secret, error) {
	switch v.passwordFile {
	case "":
	case "-":
		return v.passwordFromStdin(ctx)
	default:
		return input.Secret(v.passwordFile)
	}
	conf, err := v.config(ctx)
	if err != nil {
		return nil, err
	}
	if conf.Daraja.InitiatorPassword.IsSet() {
		return conf.Daraja.InitiatorPassword.Get(ctx)
	}
	if isTerminal(v.in.Stdin) {
		return nil, usagef("give --password-file FILE, or set daraja.initiator_password_file", "password: none was given, and it is not read from a terminal")
	}
	return v.passwordFromStdin(ctx)
}

func (v *darajaCredentialEncrypt) passwordFromStdin(ctx context.Context) (*secret.Secret, error) {
	data, err := input.All(v.stdin(ctx), maxCertificate, "stdin")
	if err != nil {
		return nil, err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return nil, usagef("give --password-file FILE, or pipe the password in", "password: stdin is empty")
	}
	return secret.New(text), nil
}
