// Package front is how clients with hard-coded hosts reach the emulator: a certificate authority that is good for the
// providers' hosts and this machine alone, and a proxy that answers for those hosts and dials nothing.
package front

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/trustfile"
)

// Files of a CA in its folder. The first may be given away; the second stays, mode 0600.
const (
	caCertFile = "ca.pem"
	caKeyFile  = "ca-key.pem"
)

const (
	caLife   = 5 * 365 * 24 * time.Hour
	leafLife = 90 * 24 * time.Hour
	leafSlop = time.Hour // certificates begin this much in the past, for clocks that are behind
	caRenew  = 90 * 24 * time.Hour
)

// providerHosts are the hosts that the emulator answers for (reference/daraja.md §1, reference/wasaapay.md §1).
func providerHosts() []string {
	return []string{"sandbox.safaricom.co.ke", "api.safaricom.co.ke", "api.wasaapay.com", "sandbox.wasaapay.com"}
}

// localNames are the names of this machine.
func localNames() ([]string, []net.IP) {
	return []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
}

// CA is a certificate authority of the emulator's own. Its key is made at random and belongs to one user; its certificate
// is constrained to this machine and the providers' hosts, so that trusting it gives nobody power over other sites.
type CA struct {
	cert *x509.Certificate
	der  []byte
	key  *ecdsa.PrivateKey
	dir  string

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// NewCA makes a CA that lives in memory only.
func NewCA() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("the emulator's CA key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	names, _ := localNames()
	now := time.Now() // clients check certificates by their own clock, whatever the emulator's says
	template := &x509.Certificate{
		SerialNumber:                serial,
		Subject:                     pkix.Name{CommonName: "payctl emulator CA", Organization: []string{"payctl emulator (for tests only)"}},
		NotBefore:                   now.Add(-leafSlop),
		NotAfter:                    now.Add(caLife),
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLenZero:              true,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         slices.Concat(names, providerHosts()),
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("the emulator's CA certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("the emulator's CA certificate: %w", err)
	}
	return &CA{cert: cert, der: der, key: key, leaves: map[string]*tls.Certificate{}}, nil
}

// OpenCA reads the CA in the folder dir, or makes one there: ca.pem, and ca-key.pem with mode 0600. One that ends within
// 90 days is made anew. Files that cannot be read or do not fit together are an error that names them.
func OpenCA(dir string) (*CA, error) {
	certFile, keyFile := filepath.Join(dir, caCertFile), filepath.Join(dir, caKeyFile)
	certPEM, err := os.ReadFile(certFile)
	if errors.Is(err, fs.ErrNotExist) {
		return createCA(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("the emulator's CA: %w", err)
	}
	for _, path := range []string{dir, certFile, keyFile} {
		// A browser that trusts the CA trusts whoever can write it.
		if err := trustfile.Check("the emulator's CA", path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("the emulator's CA: %w; remove %s to have a new one made", err, certFile)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("the emulator's CA: %s and %s do not fit together (%w); remove both to have a new one made", certFile, keyFile, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("the emulator's CA: %s is not a CA that the emulator made; remove it to have a new one made", certFile)
	}
	if time.Until(pair.Leaf.NotAfter) < caRenew {
		return createCA(dir)
	}
	return &CA{cert: pair.Leaf, der: pair.Certificate[0], key: key, dir: dir, leaves: map[string]*tls.Certificate{}}, nil
}

// createCA makes a CA and writes it: the key first, so that a certificate never stands there without its key.
func createCA(dir string) (*CA, error) {
	ca, err := NewCA()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		return nil, fmt.Errorf("the emulator's CA key: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the emulator's CA: %w", err)
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := atomicfile.Write(filepath.Join(dir, caKeyFile), keyPEM); err != nil {
		return nil, fmt.Errorf("the emulator's CA key: %w", err)
	}
	if err := atomicfile.Write(filepath.Join(dir, caCertFile), []byte(ca.PEM())); err != nil {
		return nil, fmt.Errorf("the emulator's CA: %w", err)
	}
	ca.dir = dir
	return ca, nil
}

// PEM is the CA's certificate, for clients that are to trust the emulator.
func (ca *CA) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.der}))
}

// File is where the certificate is kept, "" for a CA in memory.
func (ca *CA) File() string {
	if ca.dir == "" {
		return ""
	}
	return filepath.Join(ca.dir, caCertFile)
}

// PHPDir is a folder beside the certificate with an ini file that makes PHP trust it: neither PHP's curl nor its streams
// read a variable for that.
func (ca *CA) PHPDir() (string, error) {
	dir := filepath.Join(ca.dir, "php")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("the emulator's CA: %w", err)
	}
	quoted := `"` + ca.File() + `"`
	ini := "; written by payctl emulator\ncurl.cainfo=" + quoted + "\nopenssl.cafile=" + quoted + "\n"
	if err := atomicfile.Write(filepath.Join(dir, "payctl-emulator.ini"), []byte(ini)); err != nil {
		return "", fmt.Errorf("the emulator's CA: %w", err)
	}
	return dir, nil
}

// TLSConfig serves certificates of this CA: the providers' hosts by SNI, and this machine's for every other name. It
// offers HTTP/1.1 only, which websockets need.
func (ca *CA) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return ca.leaf(hostName(hello.ServerName))
		},
	}
}

// leaf returns the certificate for a host, made on first use; "" and strangers get this machine's.
func (ca *CA) leaf(host string) (*tls.Certificate, error) {
	if !slices.Contains(providerHosts(), host) {
		host = ""
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if leaf := ca.leaves[host]; leaf != nil && time.Until(leaf.Leaf.NotAfter) > leafSlop {
		return leaf, nil
	}
	names, addresses := []string{host}, []net.IP(nil)
	if host == "" {
		names, addresses = localNames()
	}
	leaf, err := ca.issue(names, addresses)
	if err != nil {
		return nil, fmt.Errorf("certificate for %s: %w", cmp.Or(host, "localhost"), err)
	}
	ca.leaves[host] = leaf
	return leaf, nil
}

func (ca *CA) issue(names []string, addresses []net.IP) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err //nolint:wrapcheck // leaf says what for
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: names[0], Organization: []string{"payctl emulator"}},
		NotBefore:    now.Add(-leafSlop), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              names, IPAddresses: addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), crypto.Signer(ca.key))
	if err != nil {
		return nil, err //nolint:wrapcheck // leaf says what for
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err //nolint:wrapcheck // leaf says what for
	}
	return &tls.Certificate{Certificate: [][]byte{der, ca.der}, PrivateKey: key, Leaf: parsed}, nil
}

func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, fmt.Errorf("certificate serial: %w", err)
	}
	return serial, nil
}

// hostName is a host in lower case, without the dot of a full name.
func hostName(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }
