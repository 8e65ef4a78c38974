package socketio

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// npmVersion is the release of both packages that the tests run against.
const npmVersion = "4.8.4"

// npmOnce installs the packages once for each run of the tests; later runs
// find them in the user's cache.
var npmOnce = sync.OnceValues(installNPM)

// nodeModules is the folder with the real packages. Without Node, npm or a
// registry the test is skipped, loudly.
func nodeModules(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED in short mode: the npm socket.io interoperability test")
	}
	dir, err := npmOnce()
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED against the npm packages socket.io and socket.io-client %s: %v", npmVersion, err)
	}
	return dir
}

func installNPM() (string, error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", err
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	parent := filepath.Join(cache, "payctl-test")
	home := filepath.Join(parent, "socket.io-"+npmVersion)
	modules := filepath.Join(home, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "socket.io-client", "package.json")); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(parent, "install-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", fresh, "--no-audit", "--no-fund", "--ignore-scripts",
		"socket.io@"+npmVersion, "socket.io-client@"+npmVersion)
	cmd.WaitDelay = 10 * time.Second // for children that hold its output
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &npmError{err: err, out: string(out)}
	}
	// Another run may have been faster; then its installation is as good.
	if err := os.Rename(fresh, home); err != nil {
		if _, statErr := os.Stat(modules); statErr != nil {
			return "", err
		}
	}
	return modules, nil
}

type npmError struct {
	err error
	out string
}

// Error gives npm's own words too.
func (e *npmError) Error() string { return "npm install: " + e.err.Error() + ": " + e.out }

// told is a line from one of the scripts.
type told struct {
	Saw       string            `json:"saw"`
	Port      int               `json:"port"`
	Transport string            `json:"transport"`
	Reason    string            `json:"reason"`
	Message   string            `json:"message"`
	Data      json.RawMessage   `json:"data"`
	Name      string            `json:"name"`
	Args      []json.RawMessage `json:"args"`
	What      string            `json:"what"`
	Err       string            `json:"err"`
	Got       json.RawMessage   `json:"got"`
}

// script is a running Node process.
type script struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan told
	// heard are the lines passed over so far.
	heard []told
}

func runScript(t *testing.T, name string, options map[string]any) *script {
	t.Helper()
	modules := nodeModules(t)
	arg, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join("testdata", name), string(arg))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, cmd: cmd, stdin: stdin, lines: make(chan told, 1000)}
	go func() {
		defer close(s.lines)
		in := bufio.NewScanner(stdout)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			var line told
			if err := json.Unmarshal(in.Bytes(), &line); err != nil {
				line = told{Saw: "nonsense", Message: in.Text()}
			}
			s.lines <- line
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		for range s.lines {
		}
		_ = cmd.Wait()
	})
	return s
}

func (s *script) say(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.stdin, line+"\n"); err != nil {
		s.t.Fatalf("say %s: %v", line, err)
	}
}

// hear takes the first line of one kind, waiting for it; others keep.
func (s *script) hear(saw string) told {
	s.t.Helper()
	for i, line := range s.heard {
		if line.Saw == saw {
			s.heard = slices.Delete(s.heard, i, i+1)
			return line
		}
	}
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	for {
		select {
		case line, ok := <-s.lines:
			switch {
			case !ok:
				s.t.Fatalf("the script ended before %q", saw)
			case line.Saw == saw:
				return line
			}
			s.heard = append(s.heard, line)
		case <-timer.C:
			s.t.Fatalf("no %q from the script within a minute", saw)
		}
	}
}
