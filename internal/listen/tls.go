package listen

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// certCheck is how often at most the certificate's files are looked at, and
// certWatch how often without a client. A pair that has not loaded for certGrace
// is reported: certificate and key are replaced one after the other.
const (
	certCheck = time.Second
	certWatch = 10 * time.Second
	certGrace = 10 * time.Second
)

// TLS serves HTTP/1.1 over TLS 1.2 or later; make one with TLSConfig.
type TLS struct{ pair *keypair }

// TLSConfig returns what serves with a certificate that is read again when its
// files change. A changed pair that does not load leaves the old one in use, and
// is logged. Errors are KindUsage.
func TLSConfig(certFile, keyFile string) (*TLS, error) {
	for what, path := range map[string]string{"tls-cert": certFile, "tls-key": keyFile} {
		if err := trustfile.Check(what, path); payment.KindOf(err) == payment.KindUsage {
			return nil, err
		}
	}
	k := &keypair{certFile: certFile, keyFile: keyFile}
	if _, err := k.get(); err != nil {
		return nil, &payment.Error{
			Kind: payment.KindUsage, Err: err,
			Message: fmt.Sprintf("tls: cannot load the certificate %s with the key %s: %v", certFile, keyFile, err),
			Hint:    "give PEM files that belong together and that this user can read",
		}
	}
	return &TLS{pair: k}, nil
}

// config is nil without TLS.
func (t *TLS) config() *tls.Config {
	if t == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.pair.get() },
	}
}

// expiry is when the certificate in use ends, zero without TLS.
func (t *TLS) expiry() time.Time {
	if t == nil {
		return time.Time{}
	}
	cert, err := t.pair.get()
	if err != nil || cert.Leaf == nil {
		return time.Time{}
	}
	return cert.Leaf.NotAfter
}

// watch looks at the files also when no client comes, and reports a renewed pair
// that does not load, once: nobody else would hear of it before the old one ends.
func (t *TLS) watch(ctx context.Context, log *slog.Logger) {
	if t == nil {
		return
	}
	ticker := time.NewTicker(certWatch)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		expires := t.expiry()
		if err := t.pair.report(); err != nil {
			log.Warn("the changed certificate does not load and the old one stays in use; give PEM files that belong together and that this user can read",
				"certificate", t.pair.certFile, "key", t.pair.keyFile, "old_expires", expires.UTC().Format(time.RFC3339), slog.Any("error", err))
		}
	}
}

// keypair is a certificate on disk.
type keypair struct {
	certFile, keyFile string

	mu      sync.Mutex
	cert    *tls.Certificate
	stamp   [2]fileStamp
	checked time.Time
	fault   certFault
}

// certFault is a changed pair that does not load.
type certFault struct {
	err   error
	stamp [2]fileStamp
	since time.Time
	told  bool
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
	case err != nil:
		if k.fault.err == nil || k.fault.stamp != stamp {
			k.fault = certFault{stamp: stamp, since: now}
		}
		k.fault.err = err
		return k.cert, nil
	case cert != nil:
		k.cert, k.stamp = cert, stamp
	}
	k.fault = certFault{}
	return k.cert, nil
}

// report returns why the pair has not loaded for a while, once for each change.
func (k *keypair) report() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fault.err == nil || k.fault.told || time.Since(k.fault.since) < certGrace {
		return nil
	}
	k.fault.told = true
	return k.fault.err
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
