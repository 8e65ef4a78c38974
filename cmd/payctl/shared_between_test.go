//go:build unix

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// program finds a server's program that stands between, or skips: run.sh installs it
// where it can.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			return filepath.Join(dir, name)
		}
	}
	t.Skip(name + " is not installed")
	return ""
}

// background runs a program until the test ends, and waits until it takes connections.
func background(t *testing.T, cmd *exec.Cmd, addr string) {
	t.Helper()
	log := &lockedLog{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if text := log.String(); t.Failed() {
			t.Logf("%s wrote at last:\n%s", cmd.Path, text[max(0, len(text)-2000):])
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen at %s: %s", cmd.Path, addr, log)
		}
	}
}

// newPooler starts pgbouncer in transaction mode before a server, and returns the URL of
// the ledger behind it.
func newPooler(t *testing.T, server *postgrestest.Cluster) string {
	t.Helper()
	bouncer := program(t, "pgbouncer")
	addr := freeAddress(t)
	_, port, _ := net.SplitHostPort(addr)
	direct := server.URL("postgres")
	password := regexp.MustCompile(`payctl:([^@]*)@`).FindStringSubmatch(direct)[1]
	file := filepath.Join(server.Dir(), "pgbouncer.ini")
	if err := os.WriteFile(file, fmt.Appendf(nil, `[databases]
postgres = host=127.0.0.1 port=%d user=payctl password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
`, server.Port, password, port), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), bouncer, file)
	server.Lend(cmd)
	background(t, cmd, addr)
	return strings.Replace(direct, fmt.Sprintf("127.0.0.1:%d", server.Port), addr, 1)
}

// TestSharedPooler: a pooler in transaction mode is noticed by what it refuses, or said to
// be there, and everything works through it; nobody listens for others' commits, and a
// watcher hears by asking.
func TestSharedPooler(t *testing.T) {
	t.Parallel()
	server, direct := ownServer(t)
	pooled := newPooler(t, server)
	newMachine(t, pooled).must(0, "ledger", "migrate")
	a := newMachine(t, pooled).serve()
	b := newMachine(t, pooled+"&payctl_pooler=on").serve()
	p := newPostings(t, pooled, 200, a, b)

	// A watcher on a third machine, of a payment whose callback comes now.
	watched := <-p.pushes
	watcher := newMachine(t, pooled)
	done := make(chan ran, 1)
	go func() {
		done <- watcher.run("status", "watch", watched.deposit, "--via", "callback", "--timeout", "100s", "-o", "json")
	}()
	p.begin(4, 2)
	p.pause(2 * time.Second)
	if n, err := postgrestest.Number(t.Context(), direct, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"); err != nil || n > 0 {
		t.Errorf("%d connections listen behind a pooler, error %v", n, err)
	}
	begun := time.Now()
	body := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":1032,"ResultDesc":"Request cancelled by user"}}}`, watched.id)
	if got := p.post(a.addr+"/callbacks/daraja/stk/"+watched.token, []byte(body), ""); got != http.StatusOK {
		t.Errorf("the callback was answered %d", got)
	}
	if got := <-done; got.code != 3 || !strings.Contains(got.stdout, "FAILED") {
		t.Errorf("the watcher: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	t.Logf("the watcher ended %s after the callback was sent", time.Since(begun).Round(time.Millisecond))

	// All connections of the pooler to the server end, under load.
	for range 5 {
		p.pause(200 * time.Millisecond)
		on(t, server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
	}
	p.pause(300 * time.Millisecond)
	p.end()
	quiet(t, direct, a, b)
	if files := append(a.spilled(), b.spilled()...); len(files) > 0 {
		t.Errorf("files are left: %v", files)
	}
	p.hold(direct)
	p.settled(direct)
	for _, args := range []string{"ledger verify", "ledger check", "ledger info", "webhook list", "stats", "deposit list"} {
		if got := watcher.run(strings.Fields(args)...); got.code != 0 {
			t.Errorf("payctl %s through a pooler: exit %d: %s", args, got.code, got.stderr)
		}
	}
}

// newCertificates makes an authority and a server's certificate for a name or an address,
// and returns the files.
func newCertificates(t *testing.T, dir, host string) (ca, certificate, key string) {
	t.Helper()
	made := func(name string, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if parent == nil {
			parent, signer = template, own
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &own.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		keyBytes, err := x509.MarshalPKCS8PrivateKey(own)
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", der)
		writePEM(t, filepath.Join(dir, name+".key"), "PRIVATE KEY", keyBytes)
		read, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return read, own
	}
	authority, signer := made("ca", &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "A private authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		leaf.IPAddresses = []net.IP{ip}
	} else {
		leaf.DNSNames = []string{host}
	}
	made("server", leaf, authority, signer)
	return filepath.Join(dir, "ca.pem"), filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key")
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSharedTLS: a server's certificate is checked against a private authority and the
// host's name; beyond this machine nothing less is taken unless it is said, and then it is
// warned of.
func TestSharedTLS(t *testing.T) {
	t.Parallel()
	server, direct := ownServer(t)
	ca, certificate, key := newCertificates(t, t.TempDir(), "127.0.0.1")
	for file, to := range map[string]string{certificate: "server.crt", key: "server.key"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Put(to, text); err != nil {
			t.Fatal(err)
		}
	}
	outside := outsideAddress()
	lines := []string{"ssl = on"}
	if outside != "" {
		lines = append(lines, "listen_addresses = '127.0.0.1,"+outside+"'")
	}
	if err := server.Configure(lines...); err != nil {
		t.Fatal(err)
	}
	if err := server.Append("pg_hba.conf", "host all all 0.0.0.0/0 scram-sha-256\n"); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(t.Context(), "fast"); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	as := func(host, mode, root string) string {
		place := strings.Replace(direct, "127.0.0.1:", host+":", 1)
		if mode == "" {
			place, _, _ = strings.Cut(place, "?")
		} else {
			place = postgrestest.With(place, "sslmode", mode)
		}
		if root != "" {
			place = postgrestest.With(place, "sslrootcert", root)
		}
		return place
	}
	other, _, _ := newCertificates(t, t.TempDir(), "127.0.0.1")
	for name, c := range map[string]struct {
		place, stderr string
		code          int
	}{
		"the authority and the name": {as("127.0.0.1", "verify-full", ca), "", 0},
		"the authority alone":        {as("localhost", "verify-ca", ca), "", 0},
		"another name":               {as("localhost", "verify-full", ca), "wanted to match localhost", 7},
		"another authority":          {as("127.0.0.1", "verify-full", other), "certificate signed by unknown authority", 7},
		"no authority at all":        {as("127.0.0.1", "verify-full", ""), "certificate signed by unknown authority", 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newMachine(t, c.place).run("ledger", "info")
			if got.code != c.code || !strings.Contains(got.stderr, c.stderr) {
				t.Errorf("exit %d, want %d with %q: %s", got.code, c.code, c.stderr, got.stderr)
			}
		})
	}
	if outside == "" {
		t.Log("this machine has no address but loopback: what is beyond it was not tried")
		return
	}
	for name, c := range map[string]struct {
		place, stderr string
		code          int
	}{
		"beyond, nothing said":  {as(outside, "", ""), "certificate", 7},
		"beyond, not encrypted": {as(outside, "disable", ""), "not proved by a certificate", 0},
		"beyond, not checked":   {as(outside, "require", ""), "not proved by a certificate", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newMachine(t, c.place).run("ledger", "info")
			if got.code != c.code || !strings.Contains(got.stderr, c.stderr) {
				t.Errorf("exit %d, want %d with %q: %s", got.code, c.code, c.stderr, got.stderr)
			}
		})
	}
}

// outsideAddress is an address of this machine that others reach, "" for none.
func outsideAddress() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if ip, _, err := net.ParseCIDR(a.String()); err == nil && ip.To4() != nil && !ip.IsLoopback() {
			return ip.String()
		}
	}
	return ""
}

// TestSharedNginx runs the example of README: two listeners behind nginx. A callback and
// its duplicate reach different ones, each is killed under load, and nothing is lost.
func TestSharedNginx(t *testing.T) {
	t.Parallel()
	place := sharedLedger(t)
	nginx := program(t, "nginx")
	a, b := newMachine(t, place).serve("--secret-path"), newMachine(t, place).serve("--secret-path")
	front := freeAddress(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "postgres", "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("127.0.0.1:4020", front, "127.0.0.1:4021", a.addr, "127.0.0.1:4022", b.addr).Replace(string(text))
	for _, addr := range []string{front, a.addr, b.addr} {
		if !strings.Contains(conf, addr) {
			t.Fatal("the example's addresses are not the ones that the test replaces")
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, exec.CommandContext(context.Background(), nginx, "-e", "stderr", "-p", dir, "-c", file, "-g", "daemon off; master_process off;"), front)

	if text := a.log.String() + b.log.String(); strings.Contains(text, "could not be kept") {
		t.Errorf("a listener could not start without the server: %s", text)
	}
	// Both have the same secret path: it is the ledger's.
	paths := a.must(0, "listen", "--print-secret-path", "-o", "json").stdout
	if other := b.must(0, "listen", "--print-secret-path", "-o", "json").stdout; other != paths {
		t.Errorf("the listeners have different secret paths: %s, %s", paths, other)
	}
	p := newPostings(t, place, 300, a, b)
	p.addrs = []string{front}
	twice := <-p.pushes
	body := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":1032,"ResultDesc":"Request cancelled by user"}}}`, twice.id)
	for range 2 {
		if got := p.post(front+"/callbacks/daraja/stk/"+twice.token, []byte(body), ""); got != http.StatusOK {
			t.Errorf("nginx answered %d", got)
		}
	}
	quiet(t, place, a, b)
	if one, other := deliveriesOf(t, a.addr), deliveriesOf(t, b.addr); one != 1 || other != 1 {
		t.Errorf("the callback and its duplicate: %d at one listener, %d at the other", one, other)
	}
	h := readHeld(t, openShared(t, place))
	if h.first["daraja/"+twice.id+"/FAILED"] != 1 || h.again != 1 {
		t.Errorf("the ledger has %v and %d repetitions", h.first, h.again)
	}

	secret := regexp.MustCompile(`/callbacks/wasaapay/([A-Za-z0-9_-]+)`).FindStringSubmatch(paths)
	if secret == nil {
		t.Fatalf("no secret path: %s", paths)
	}
	p.secret = "/" + secret[1]
	p.begin(4, 2)
	for i := range 4 {
		victim := []*serving{a, b}[i%2]
		p.pause(lasting(400*time.Millisecond, 2*time.Second))
		victim.die()
		p.pause(200 * time.Millisecond)
		victim.start()
	}
	p.pause(200 * time.Millisecond)
	p.end()
	quiet(t, place, a, b)
	p.hold(place)
	p.settled(place)
}

// deliveriesOf is how many deliveries a listener has stored.
func deliveriesOf(t *testing.T, addr string) (n int) {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^payctl_deliveries_total\{.*\} (\d+)$`).FindAllStringSubmatch(string(text), -1) {
		more, _ := strconv.Atoi(m[1])
		n += more
	}
	return n
}
