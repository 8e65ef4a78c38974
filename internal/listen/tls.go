package listen

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// certCheck is how often at most the certificate's files are looked at.
const certCheck = time.Second

// TLSConfig returns a configuration for HTTP/1.1 over TLS 1.2 or later whose
// certificate is read again when its files change. A changed pair that does
// not load leaves the old one in use. Errors are KindUsage.
func TLSConfig(certFile, keyFile string) (*tls.Config, error) {
	k := &keypair{certFile: certFile, keyFile: keyFile}
	if _, err := k.get(); err != nil {
		return nil, &payment.Error{
			Kind: payment.KindUsage, Err: err,
			Message: fmt.Sprintf("tls: cannot load the certificate %s with the key %s: %v", certFile, keyFile, err),
			Hint:    "give PEM files that belong together and that this user can read",
		}
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.get() },
	}, nil
}

// keypair is a certificate on disk.
type keypair struct {
	certFile, keyFile string

	mu      sync.Mutex
	cert    *tls.Certificate
	stamp   [2]fileStamp
	checked time.Time
}

// fileStamp changes when a file is replaced, also by one of the same age.
type fileStamp struct {
	modified time.Time
	size     int64
}

func stampOf(name string) (fileStamp, error) {
	info, err := os.Stat(name)
	if err != nil {
		return fileStamp{}, err
	}
	return fileStamp{info.ModTime(), info.Size()}, nil
}

// get returns the current certificate; with one in hand it never fails, since
// certificate and key are replaced one after the other.
func (k *keypair) get() (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if k.cert != nil && now.Sub(k.checked) < certCheck {
		return k.cert, nil
	}
	k.checked = now
	cert, stamp, err := k.load()
	switch {
	case err != nil && k.cert == nil:
		return nil, err
	case err == nil && cert != nil:
		k.cert, k.stamp = cert, stamp
	}
	return k.cert, nil
}

// load reads the pair when its files changed; a nil certificate means that they did not.
func (k *keypair) load() (*tls.Certificate, [2]fileStamp, error) {
	var stamp [2]fileStamp
	for i, name := range []string{k.certFile, k.keyFile} {
		s, err := stampOf(name)
		if err != nil {
			return nil, stamp, err
		}
		stamp[i] = s
	}
	if k.cert != nil && stamp == k.stamp {
		return nil, stamp, nil
	}
	cert, err := tls.LoadX509KeyPair(k.certFile, k.keyFile)
	if err != nil {
		return nil, stamp, err
	}
	return &cert, stamp, nil
}
