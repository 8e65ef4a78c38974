//go:build unix

package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// variableBin names the directory of the server's programs.
const variableBin = Variable + "_BIN"

// Cluster is a server of a test's own, which may be stopped, killed and promoted.
type Cluster struct {
	// Data is the directory that holds it, Port that on 127.0.0.1 where it listens.
	Data string
	Port int

	dir, password string
	killed        bool
	as            *syscall.Credential
}

// NewCluster makes a server with further lines of configuration and starts it. Close
// removes it.
func NewCluster(ctx context.Context, lines ...string) (*Cluster, error) {
	c, err := emptyCluster()
	if err != nil {
		return nil, err
	}
	c.password = rand.Text()
	file := filepath.Join(c.dir, "password")
	if err := os.WriteFile(file, []byte(c.password+"\n"), 0o644); err != nil { //nolint:gosec // the server's user reads it; its directory is gone with the test
		return nil, errors.Join(err, c.Close(ctx))
	}
	err = c.run(ctx, "initdb", "-D", c.Data, "-U", "payctl", "--auth=scram-sha-256", "--pwfile="+file, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	if err == nil {
		err = c.start(ctx, append([]string{
			"listen_addresses = '127.0.0.1'", "fsync = off", "max_connections = 100", "max_pred_locks_per_transaction = 256",
			"log_min_messages = error", "shared_buffers = 32MB",
		}, lines...))
	}
	if err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

// NewStandby copies a running server into one that follows it, and starts that.
func (c *Cluster) NewStandby(ctx context.Context, lines ...string) (*Cluster, error) {
	s, err := emptyCluster()
	if err != nil {
		return nil, err
	}
	s.password = c.password
	err = s.run(ctx, "pg_basebackup", "-D", s.Data, "-d", c.URL("payctl"), "-R", "-X", "stream", "--checkpoint=fast", "--no-sync")
	if err == nil {
		err = s.start(ctx, lines)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

func emptyCluster() (*Cluster, error) {
	dir, err := os.MkdirTemp("", "payctl-cluster-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, Data: filepath.Join(dir, "data")}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server's user enters it
		return nil, err
	}
	if os.Getuid() != 0 {
		return c, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	c.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return c, os.Chown(dir, uid, gid)
}

// start starts the server on a port that is free; the lines of configuration stay.
func (c *Cluster) start(ctx context.Context, lines []string) error {
	lines = append(lines, "unix_socket_directories = '"+c.dir+"'")
	if err := c.Configure(lines...); err != nil {
		return err
	}
	var err error
	for range 10 {
		if c.Port, err = freePort(ctx); err != nil {
			return err
		}
		if err = c.Start(ctx); err == nil {
			return nil
		}
	}
	return err
}

// Configure adds lines to the server's configuration, for its next start.
func (c *Cluster) Configure(lines ...string) error {
	return c.Append("postgresql.conf", strings.Join(lines, "\n")+"\n")
}

// Append adds text to a file in the server's directory.
func (c *Cluster) Append(name, text string) error {
	f, err := os.OpenFile(filepath.Join(c.Data, name), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// MakeDir makes a directory in Dir, as the server's user.
func (c *Cluster) MakeDir(name string) error {
	dir := filepath.Join(c.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil || c.as == nil {
		return err
	}
	return os.Chown(dir, int(c.as.Uid), int(c.as.Gid))
}

// Put writes a file (0600) into the server's directory, as the server's user.
func (c *Cluster) Put(name string, text []byte) error {
	file := filepath.Join(c.Data, name)
	if err := os.WriteFile(file, text, 0o600); err != nil || c.as == nil {
		return err
	}
	return os.Chown(file, int(c.as.Uid), int(c.as.Gid))
}

// firstPort and ports are where a server listens: below those that systems give out by
// themselves, so that it can be started again on its own.
const (
	firstPort = 24000
	ports     = 8000
)

func freePort(ctx context.Context) (int, error) {
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(ports))
		if err != nil {
			return 0, err
		}
		port := firstPort + int(n.Int64())
		var lc net.ListenConfig
		if ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return port, ln.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// Start starts the server again, where it was. After a Kill it tries until nothing of the
// old one is left.
func (c *Cluster) Start(ctx context.Context) error {
	until := time.Now().Add(30 * time.Second)
	for {
		err := c.run(ctx, "pg_ctl", "-D", c.Data, "-l", filepath.Join(c.dir, "server.log"), "-o", "-p "+strconv.Itoa(c.Port), "-w", "-t", "60", "start")
		if err == nil || !c.killed || ctx.Err() != nil || time.Now().After(until) {
			c.killed = false
			return err
		}
	}
}

// Stop stops the server in a mode of pg_ctl's: fast, or immediate, as at a crash.
func (c *Cluster) Stop(ctx context.Context, mode string) error {
	return c.run(ctx, "pg_ctl", "-D", c.Data, "-m", mode, "-w", "stop")
}

// Kill kills the server with -9, and what it has started.
func (c *Cluster) Kill() error {
	text, err := os.ReadFile(filepath.Join(c.Data, "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return err
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // elsewhere they end by themselves
	c.killed = true
	err = syscall.Kill(pid, syscall.SIGKILL)
	for child := range strings.FieldsSeq(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
	return err
}

// Promote makes a standby the primary.
func (c *Cluster) Promote(ctx context.Context) error {
	return c.run(ctx, "pg_ctl", "-D", c.Data, "-w", "promote")
}

// Reload has the server read its configuration.
func (c *Cluster) Reload(ctx context.Context) error {
	return c.run(ctx, "pg_ctl", "-D", c.Data, "reload")
}

// Close stops the server and removes it.
func (c *Cluster) Close(ctx context.Context) error {
	_ = c.Stop(context.WithoutCancel(ctx), "immediate")
	return os.RemoveAll(c.dir)
}

// Dir is a directory that the server's user may enter, gone with the server.
func (c *Cluster) Dir() string { return c.dir }

// URL is that of a database of the server's.
func (c *Cluster) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("payctl", c.password), Host: "127.0.0.1:" + strconv.Itoa(c.Port),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// run runs one of the server's programs as its user; its output is in the error.
func (c *Cluster) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(os.Getenv(variableBin), name), args...) //nolint:forbidigo,gosec // the tests' own
	c.Lend(cmd)
	cmd.Dir = c.dir
	// Not through a pipe: the server would keep it open.
	out, err := os.CreateTemp("", "payctl-cluster-*.log")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()); _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return nil
}

// Lend has a command run as the server's user.
func (c *Cluster) Lend(cmd *exec.Cmd) {
	cmd.Env = append(os.Environ(), "HOME="+c.dir) //nolint:forbidigo // the tests' own
	if c.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	}
}
