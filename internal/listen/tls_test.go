package listen

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// writePair writes a fresh certificate for a serial number, and its key.
func writePair(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTLS holds that a callback arrives over TLS with HTTP/1.1 only, and that
// plain HTTP on the same port is told so.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	writePair(t, cert, key, 1)
	config, err := TLSConfig(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, Options{TLS: config})
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}},
		ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+r.addr+stkPath, strings.NewReader(stkBody))
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if diff := cmp.Diff([]any{200, "HTTP/1.1", 1}, []any{res.StatusCode, res.Proto, len(r.ledger.stored())}); diff != "" {
		t.Errorf("status, protocol, stored (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{400}, r.raw(post(stkPath, stkBody))); diff != "" {
		t.Errorf("plain HTTP (-want +got):\n%s", diff)
	}
	old := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}}
	if conn, err := old.DialContext(t.Context(), "tcp", r.addr); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

// TestCertificateReload holds that a new pair is taken up, and that half of one
// leaves the old one in use.
func TestCertificateReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := &keypair{certFile: filepath.Join(dir, "c.pem"), keyFile: filepath.Join(dir, "k.pem")}
	writePair(t, k.certFile, k.keyFile, 1)
	serial := func() int64 {
		t.Helper()
		k.mu.Lock()
		k.checked = time.Time{}
		k.mu.Unlock()
		c, err := k.get()
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	got := []int64{serial()}
	writePair(t, k.certFile, filepath.Join(dir, "other.pem"), 2)
	got = append(got, serial()) // the key does not fit yet
	writePair(t, k.certFile, k.keyFile, 3_000_000_000)
	got = append(got, serial())
	if err := os.Remove(k.certFile); err != nil {
		t.Fatal(err)
	}
	got = append(got, serial())
	if diff := cmp.Diff([]int64{1, 1, 3_000_000_000, 3_000_000_000}, got); diff != "" {
		t.Errorf("serials (-want +got):\n%s", diff)
	}
	if _, err := TLSConfig(k.certFile, k.keyFile); payment.KindOf(err) != payment.KindUsage || err == nil {
		t.Errorf("a missing file: %v", err)
	}
}

// TestCertificateFault holds that a renewed pair that does not load is reported
// once for each change, and not while certificate and key are being replaced.
func TestCertificateFault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	synctest.Test(t, func(t *testing.T) {
		writePair(t, cert, key, 1)
		pair, err := TLSConfig(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		log := &syncBuffer{}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); pair.watch(ctx, slog.New(slog.NewTextHandler(log, nil))) }()
		var got []int
		after := func(d time.Duration) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			got = append(got, strings.Count(log.String(), "does not load"))
		}
		write := func(serial int64, size int) {
			t.Helper()
			writePair(t, cert, filepath.Join(dir, "other.pem"), serial)
			old := time.Unix(int64(size), 0) // so that no two changes look alike
			if err := os.Chtimes(cert, old, old); err != nil {
				t.Fatal(err)
			}
		}

		after(time.Minute)
		write(2, 1)
		after(15 * time.Second) // seen once, for less than the grace
		writePair(t, cert, key, 3)
		after(time.Minute)
		write(4, 2)
		after(time.Hour)
		write(5, 3)
		after(time.Hour)
		if err := os.Remove(key); err != nil {
			t.Fatal(err)
		}
		after(time.Hour)
		writePair(t, cert, key, 6)
		after(time.Hour)
		stop()
		<-done
		if diff := cmp.Diff([]int{0, 0, 0, 1, 2, 3, 3}, got); diff != "" {
			t.Errorf("reports (-want +got):\n%s", diff)
		}
		for _, part := range []string{"level=WARN", "certificate=" + cert, "private key does not match public key", "old_expires=2000-01-01T01:"} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("the log lacks %s:\n%s", part, log.String())
			}
		}
	})
}

// TestCertificateExpiry holds that the metrics say when the certificate in use
// ends, and nothing without one: a zero would look like one that ended long ago.
func TestCertificateExpiry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	writePair(t, cert, key, 1)
	pair, err := TLSConfig(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	const name = "payctl_tls_certificate_expiry_seconds"
	for _, c := range []struct {
		pair *TLS
		want string
	}{
		{nil, ""},
		{pair, name + " " + number(float64(pair.expiry().Unix()))},
	} {
		s, _ := newServer(t, Options{TLS: c.pair})
		got := ""
		for line := range strings.Lines(ask(t, s, "GET", "/metrics", home, "").Body.String()) {
			if strings.HasPrefix(line, name+" ") {
				got = strings.TrimSpace(line)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("expiry (-want +got):\n%s", diff)
		}
	}
	if left := time.Until(pair.expiry()); left < 50*time.Minute || left > time.Hour {
		t.Errorf("it expires in %s, want about an hour", left)
	}
}

func TestActivatedCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pid, fds string
		want     int
		ok       bool
	}{
		"none":             {"", "", 0, true},
		"another process":  {"41", "1", 0, true},
		"one":              {"42", "1", 1, true},
		"several":          {"42", "3", 3, true},
		"not a number":     {"42", "x", 0, false},
		"negative":         {"42", "-1", 0, false},
		"far too many":     {"42", "1000000", 0, false},
		"count is missing": {"42", "", 0, false},
	} {
		n, err := activatedCount(func(key string) string {
			return map[string]string{"LISTEN_PID": c.pid, "LISTEN_FDS": c.fds}[key]
		}, 42)
		if n != c.want || (err == nil) != c.ok {
			t.Errorf("%s: %d %v", name, n, err)
		}
	}
}

func TestNotify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(t.Context(), "unixgram", path)
	if err != nil {
		t.Skipf("NOTE: no datagram sockets here: %v", err)
	}
	defer func() { _ = conn.Close() }()
	if err := Notify(t.Context(), path, "READY=1"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, _, err := conn.ReadFrom(buf)
	if diff := cmp.Diff("READY=1", string(buf[:n])); diff != "" || err != nil {
		t.Errorf("told (-want +got):\n%s %v", diff, err)
	}
	if err := Notify(context.WithoutCancel(t.Context()), "", "READY=1"); err != nil {
		t.Errorf("without a socket: %v", err)
	}
	if err := Notify(t.Context(), filepath.Join(dir, "none"), "READY=1"); err == nil {
		t.Error("a missing socket is no error")
	}
}
