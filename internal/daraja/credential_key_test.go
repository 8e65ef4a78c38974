package daraja

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// A short key is warned of, since the gateway notices a wrong certificate only in the
// result; it is no error, since Safaricom's may change.
func TestShortKeyIsWarnedOf(t *testing.T) {
	t.Parallel()
	for bits, want := range map[int]string{
		1024: "the certificate's RSA key has 1024 bits, and Safaricom's have 2048: check that it is the M-PESA certificate",
		2048: "", 3072: "",
	} {
		key := testKey()
		if bits != 2048 {
			var err error
			if key, err = rsa.GenerateKey(rand.Reader, bits); err != nil {
				t.Fatal(err)
			}
		}
		sealed, info, err := EncryptCredential(secret.New("Invented#1"), certificateOf(t, &key.PublicKey))
		if err != nil || base64.StdEncoding.DecodedLen(len(sealed)) < bits/8 {
			t.Errorf("%d bits: got %q, %v", bits, sealed, err)
		}
		if got := info.KeyWarning(); got != want {
			t.Errorf("%d bits: got %q, want %q", bits, got, want)
		}
	}
}

// A key that is too short for Go's library is what the error says, not the password.
func TestKeyTooShortToEncryptWith(t *testing.T) {
	t.Parallel()
	short := new(big.Int).Lsh(big.NewInt(1), 767)
	short.SetBit(short, 0, 1)
	_, _, err := EncryptCredential(secret.New("Invented#1"), certificateOf(t, &rsa.PublicKey{N: short, E: 65537}))
	if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), "certificate: its RSA key has 768 bits") {
		t.Errorf("got %v", err)
	}
}

// certificateOf is a certificate of another's key, signed by the test's.
func certificateOf(t *testing.T, key *rsa.PublicKey) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: noon(), NotAfter: noon().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key, testKey())
	if err != nil {
		t.Fatal(err)
	}
	return der
}
