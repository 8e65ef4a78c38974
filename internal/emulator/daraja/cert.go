package daraja

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// The two primes of the emulator's RSA-2048 key. They are public on purpose: a certificate written to a file once
// stays good for every later run, and there is nothing to protect behind it.
const (
	primeP = "" +
		"d9d3687b3886ff82bcba9af1d3f7aeab8cedbd56f03bf706007776b58087ce2d" +
		"ce394ec9401f8574f7367fcb70d89da9938748510223f8c7acb1d97e6ca5c4c4" +
		"c1d9c35802fd854108f2c084bfaf6967084e983f4e1a4dedbb4ca72a695448cf" +
		"cd1964c364d4c4409e471a7eef69f967a13dda27c775eb44d0750f9d82036947"
	primeQ = "" +
		"df4602796310e783c94bbb51e17afbe874f98005dfdf32c3f02e55cb00cf5a35" +
		"4594d2dd553086ad630d873ec9428cc635f7dd0a92d811f610a777dbf76ee3ed" +
		"fff72a08804342f5863dcaa01a4c2bd6ef08a46c2cb9c6ee6241799f5da804f1" +
		"120eb09eb6963df0da65b6c4419ff8780c4bf78a3d6b842e6ee604d1d6127625"
)

// keyring makes the key and its certificate on first use, so that starting costs nothing.
type keyring struct {
	once sync.Once
	key  *rsa.PrivateKey
	err  error
}

func (k *keyring) load() error {
	k.once.Do(func() { k.key, _, k.err = makeCertificate() })
	return k.err
}

func makeCertificate() (*rsa.PrivateKey, string, error) {
	p, okP := new(big.Int).SetString(primeP, 16)
	q, okQ := new(big.Int).SetString(primeQ, 16)
	if !okP || !okQ {
		return nil, "", errors.New("the emulator's primes are not hexadecimal")
	}
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	const exponent = 65537
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent},
		D:         new(big.Int).ModInverse(big.NewInt(exponent), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	if err := key.Validate(); err != nil {
		return nil, "", fmt.Errorf("the emulator's key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:       big.NewInt(0x70617963746c), // "payctl"
		Subject:            pkix.Name{CommonName: "apicrypt.emulator.payctl.invalid", Organization: []string{"payctl emulator"}},
		NotBefore:          time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:           time.Date(2045, time.January, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:           x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment,
		SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, crypto.Signer(key))
	if err != nil {
		return nil, "", fmt.Errorf("the emulator's certificate: %w", err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

// CertificatePEM is the certificate that a SecurityCredential for the emulator is encrypted with. It never changes.
func CertificatePEM() (string, error) {
	_, text, err := makeCertificate()
	return text, err
}

// credentialFault returns what is wrong with a SecurityCredential, "" when it is the initiator's password: PKCS #1 v1.5
// under the emulator's certificate, base64 (reference/daraja.md §7).
func (k *keyring) credentialFault(credential string) string {
	if err := k.load(); err != nil {
		return err.Error()
	}
	sealed, err := base64.StdEncoding.DecodeString(credential)
	if err != nil {
		return "SecurityCredential is not base64"
	}
	plain, err := rsa.DecryptPKCS1v15(nil, k.key, sealed) //nolint:staticcheck // what the protocol wants; the key is public anyway
	if err != nil {
		return "SecurityCredential was not encrypted with the emulator's certificate and PKCS #1 v1.5 padding"
	}
	want := engine.Credentials().InitiatorPassword
	switch {
	case string(plain) == want:
		return ""
	case len(plain) == len(want)+14 && string(plain[:len(want)]) == want:
		return "SecurityCredential holds the password with a timestamp behind it; only the password belongs there"
	case string(plain) == base64.StdEncoding.EncodeToString([]byte(want)):
		return "SecurityCredential holds the base64 of the password; the password itself belongs there"
	default:
		return "SecurityCredential holds another password than the initiator's"
	}
}
