package front

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func pool(t *testing.T, ca *CA) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM([]byte(ca.PEM())) {
		t.Fatal("the CA's PEM has no certificate")
	}
	return p
}

// A client that trusts the CA accepts the server under every name it answers for, and under no other.
func TestTLSNames(t *testing.T) {
	t.Parallel()
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		ok   bool
	}{
		{"localhost", true},
		{"127.0.0.1", true},
		{"::1", true},
		{"sandbox.safaricom.co.ke", true},
		{"api.safaricom.co.ke", true},
		{"api.wasaapay.com", true},
		{"sandbox.wasaapay.com", true},
		{"example.com", false},
		{"www.wasaapay.com", false},
	} {
		here, there := net.Pipe()
		go func() {
			_ = tls.Server(there, ca.TLSConfig()).HandshakeContext(t.Context())
			_ = there.Close()
		}()
		client := tls.Client(here, &tls.Config{RootCAs: pool(t, ca), ServerName: tt.name, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
		err := client.HandshakeContext(t.Context())
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		if tt.ok && client.ConnectionState().NegotiatedProtocol != "http/1.1" {
			t.Errorf("%s: protocol %q", tt.name, client.ConnectionState().NegotiatedProtocol)
		}
		_ = here.Close()
	}
}

// Even the CA's own key cannot vouch for a host outside its constraints.
func TestCAConstraints(t *testing.T) {
	t.Parallel()
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"example.com", "safaricom.co.ke", "evil.test"} {
		leaf, err := ca.issue([]string{name}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: pool(t, ca), DNSName: name}); err == nil {
			t.Errorf("%s is vouched for", name)
		}
	}
	leaf, err := ca.issue([]string{"localhost"}, []net.IP{net.IPv4(10, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: pool(t, ca), DNSName: "localhost"}); err == nil {
		t.Error("an address that is not loopback is vouched for")
	}
}

// The folder keeps the CA: the next run finds the same one, its key is private, and damage is named.
func TestOpenCA(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "ca")
	first, err := OpenCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenCA(dir)
	if err != nil || again.PEM() != first.PEM() || again.File() != filepath.Join(dir, "ca.pem") || first.File() != again.File() {
		t.Errorf("the second opening differs: %v", err)
	}
	leaf, err := again.leaf("api.wasaapay.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: pool(t, first), DNSName: "api.wasaapay.com"}); err != nil {
		t.Errorf("the certificate of a later run: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "ca-key.pem"))
	if err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
		t.Errorf("mode of the key: %v %v", info.Mode(), err)
	}
	for name, damage := range map[string]func() error{
		"fit together": func() error { return os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("x"), 0o600) },
		"ca-key.pem":   func() error { return os.Remove(filepath.Join(dir, "ca-key.pem")) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenCA(dir); err == nil || !strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "ca-key.pem") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if first.cert.NotAfter.Before(time.Now().Add(365 * 24 * time.Hour)) {
		t.Error("the CA ends within a year")
	}
}
