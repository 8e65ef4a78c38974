package daraja

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// CertificateInfo identifies the certificate that a credential was made with:
// a wrong one is noticed only in the result, as code 2001 (§7).
type CertificateInfo struct {
	Subject string
	Issuer  string
	// Serial is in hexadecimal.
	Serial string
	// Fingerprint is the SHA-256 of the certificate, in pairs with colons.
	Fingerprint string
	NotBefore   time.Time
	NotAfter    time.Time
	// Bits is the length of the RSA key.
	Bits int
}

// ValidityNote says when a certificate is outside its dates, else "". That is
// no reason to refuse it: both published ones expired years ago and only the
// public key matters (§7).
func (i CertificateInfo) ValidityNote(now time.Time) string {
	switch {
	case now.After(i.NotAfter):
		return "the certificate expired on " + i.NotAfter.UTC().Format(time.DateOnly) + "; the gateway's published ones have too, and only the key matters"
	case now.Before(i.NotBefore):
		return "the certificate is not valid before " + i.NotBefore.UTC().Format(time.DateOnly) + "; only the key matters"
	}
	return ""
}

// The lengths of RSA keys, in bits: that of Safaricom's own (§7), and what Go's
// library takes at the least.
const (
	usualBits = 2048
	leastBits = 1024
)

// KeyWarning says when a certificate's key is shorter than Safaricom's, else "". The
// gateway alone knows whether it is the right one, so that it is no error.
func (i CertificateInfo) KeyWarning() string {
	if i.Bits >= usualBits {
		return ""
	}
	return fmt.Sprintf("the certificate's RSA key has %d bits, and Safaricom's have %d: check that it is the M-PESA certificate", i.Bits, usualBits)
}

const certificateHint = "give the M-PESA certificate of this environment, from the portal's Getting Started page"

// ParseCertificate reads an X.509 certificate, PEM or DER, with an RSA key.
// Errors are KindUsage.
func ParseCertificate(raw []byte) (CertificateInfo, *rsa.PublicKey, error) {
	der := raw
	if strings.Contains(string(raw), "-----BEGIN") {
		block, _ := pem.Decode(raw)
		if block == nil || block.Type != "CERTIFICATE" {
			return CertificateInfo{}, nil, payment.Usage("certificate: the PEM file holds no certificate", certificateHint)
		}
		der = block.Bytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return CertificateInfo{}, nil, payment.Usage("certificate: neither a PEM nor a DER certificate", certificateHint)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return CertificateInfo{}, nil, payment.Usage("certificate: its key is not RSA", certificateHint)
	}
	sum := sha256.Sum256(cert.Raw)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return CertificateInfo{
		Subject: cert.Subject.String(), Issuer: cert.Issuer.String(),
		Serial: fmt.Sprintf("%X", cert.SerialNumber), Fingerprint: strings.Join(pairs, ":"),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, Bits: key.N.BitLen(),
	}, key, nil
}

// EncryptCredential makes a SecurityCredential: the bytes of the initiator's
// password, without time stamp or base64 of their own, encrypted with the
// certificate's key under PKCS#1 v1.5 and written in base64 on one line, 344
// characters for RSA-2048 (reference/daraja.md §7). The result differs each
// time. Errors are KindUsage, and KindUnauthorized for a missing password.
func EncryptCredential(password *secret.Secret, certificate []byte) (string, CertificateInfo, error) {
	if !password.IsSet() {
		return "", CertificateInfo{}, require("credential", []string{"PAYCTL_DARAJA_INITIATOR_PASSWORD"})
	}
	info, key, err := ParseCertificate(certificate)
	if err != nil {
		return "", CertificateInfo{}, err
	}
	if info.Bits < leastBits {
		return "", info, payment.Usage(fmt.Sprintf("certificate: its RSA key has %d bits, too few to encrypt with", info.Bits), certificateHint)
	}
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, key, []byte(password.Reveal())) //nolint:staticcheck // the gateway decrypts nothing else (reference/daraja.md §7)
	if err != nil {
		return "", info, payment.Usage("initiator password: longer than the certificate's key can hold", "check that it is the password and not a credential made earlier")
	}
	return base64.StdEncoding.EncodeToString(sealed), info, nil
}

// PasswordWarnings names what §6.5 advises against in an initiator password,
// without showing it.
func PasswordWarnings(password *secret.Secret) []string {
	var out []string
	text := password.Reveal()
	for _, bad := range []string{"@", ".", "(", ")"} {
		if strings.Contains(text, bad) {
			out = append(out, "the password has the character "+bad+" in it, which has been refused; allowed specials are # & % $")
		}
	}
	if strings.TrimSpace(text) != text {
		out = append(out, "the password begins or ends with white space; a file's last line end may have come along")
	}
	return append(out, "initiator passwords expire 90 days after they were set")
}
