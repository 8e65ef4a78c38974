package socketio

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/npmtest"
)

// npmVersion is the release of both packages that the tests run against.
const npmVersion = "4.8.4"

// nodeModules is the folder with the real packages.
func nodeModules(t *testing.T) string {
	t.Helper()
	return npmtest.Modules(t, "socket.io@"+npmVersion, "socket.io-client@"+npmVersion)
}

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
