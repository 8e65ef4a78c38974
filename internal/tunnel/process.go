package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// process is one run of the program.
type process struct {
	cmd *exec.Cmd
	// api is where the program's own API listens.
	api string
	// urls carries the newest address that the output named.
	urls chan string
	// ended is closed when the program has ended; err then says how.
	ended chan struct{}
	err   error
	guard *guard
	dir   string

	mu    sync.Mutex
	lines []string
	web   string
}

// tailLines is how much of the output is kept for an explanation.
const tailLines = 12

// startProcess starts the program in a process group of its own, so that Ctrl-C
// reaches payctl first, and with a guard that ends the group when payctl is gone.
func startProcess(o Options, metrics, attempt int) (*process, error) {
	program := o.Program
	dir, err := os.MkdirTemp("", "payctl-tunnel-")
	if err != nil {
		return nil, err
	}
	empty := filepath.Join(dir, "empty.yml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	argv := program.argv(o.Port, metrics, empty, attempt)
	p := &process{api: fmt.Sprintf("127.0.0.1:%d", metrics), urls: make(chan string, 1), ended: make(chan struct{}), dir: dir}
	// The program ends by its guard and by stop, which give it time, never by a context.
	p.cmd = exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // the operator's own command, from a flag, the environment or the user file
	// What the program has started may hold its output open after it has ended.
	p.cmd.WaitDelay = time.Second
	output := &lineWriter{line: func(line string) {
		p.note(program, line)
		if o.Output != nil {
			o.Output(line)
		}
	}}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	if p.guard, err = startGuarded(p.cmd); err != nil {
		_ = os.RemoveAll(dir)
		return nil, &failure{useless: true, problem: program.Name + " cannot be started: " + err.Error(), next: installHint(program.Name)}
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// note keeps a line of output and looks for the address in it.
func (p *process) note(program Program, line string) {
	p.mu.Lock()
	p.lines = append(p.lines, line)
	if len(p.lines) > tailLines {
		p.lines = p.lines[1:]
	}
	if web := ngrokWeb(line); web != "" && program.Name == Ngrok {
		p.web = web
	}
	p.mu.Unlock()
	if named := program.named(line); named != "" {
		select {
		case <-p.urls: // an older one that nobody took
		default:
		}
		p.urls <- named
	}
}

// tail returns the last lines of the output.
func (p *process) tail() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// ngrokAPI is where the agent's API listens.
func (p *process) ngrokAPI() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.web != "" {
		return p.web
	}
	return "127.0.0.1:4040"
}

// stop ends the program and what it has started, gently within the time given, and
// waits for the end.
func (p *process) stop(within time.Duration) {
	p.guard.terminate()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
	}
	p.guard.kill()
	<-p.ended
	p.guard.release()
	_ = os.RemoveAll(p.dir)
}

// ended explains the program's own end.
func (t *Tunnel) ended(p *process) error {
	what := "ended by itself"
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		what = "ended: " + exit.String()
	}
	return explain(t.o.Program.Name, p.tail(), what)
}

// mostLine bounds a line of output, in bytes.
const mostLine = 8 << 10

// lineWriter hands over whole lines. The program's two streams share one, so Write may
// be called by one goroutine only: exec sees to that when both are the same writer.
type lineWriter struct {
	line func(string)
	buf  bytes.Buffer
}

// Write never fails.
func (w *lineWriter) Write(data []byte) (int, error) {
	for rest := data; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if room := mostLine - w.buf.Len(); len(line) > room {
			line = line[:room]
		}
		w.buf.Write(line)
		if whole {
			w.line(string(bytes.TrimRight(w.buf.Bytes(), "\r")))
			w.buf.Reset()
		}
		rest = after
	}
	return len(data), nil
}
