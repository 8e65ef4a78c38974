//go:build unix

package tunnel_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/tunnel"
)

// running is a tunnel under test.
type running struct {
	events chan tunnel.Event
	probe  *tunnel.Probe
	done   chan error
	stop   context.CancelFunc

	mu    sync.Mutex
	asked []string
}

func quick() tunnel.Times {
	return tunnel.Times{
		URL: 20 * time.Second, Ready: 20 * time.Second, Every: 50 * time.Millisecond, Retry: 50 * time.Millisecond,
		Backoff: 10 * time.Millisecond, Limited: 300 * time.Millisecond, Stop: 2 * time.Second,
	}
}

func start(t *testing.T, s *stage, program, address, host string, change func(*tunnel.Options)) *running {
	t.Helper()
	p, err := tunnel.ParseProgram(program, address, host)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{events: make(chan tunnel.Event, 1000), done: make(chan error, 1)}
	r.probe = &tunnel.Probe{Transport: s.transport(), Now: time.Now, Resolve: func(_ context.Context, name string) ([]netip.Addr, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, name)
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}
	s.arrive = r.probe.Arrive
	o := tunnel.Options{
		Program: p, Port: s.port, Unusable: func(string) string { return "" }, Check: r.probe.Check,
		Report: func(e tunnel.Event) { r.events <- e }, Now: time.Now, Times: quick(),
	}
	if change != nil {
		change(&o)
	}
	tn, err := tunnel.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.done <- tn.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-r.done //nolint:errcheck // whoever wanted it has looked
	})
	return r
}

// until returns the first event that fits.
func (r *running) until(t *testing.T, what string, fits func(tunnel.Event) bool) tunnel.Event {
	t.Helper()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	var seen []tunnel.Event
	for {
		select {
		case e := <-r.events:
			if fits(e) {
				return e
			}
			seen = append(seen, e)
		case err := <-r.done:
			r.done <- err
			t.Fatalf("the tunnel ended with %v before it was %s; events %+v", err, what, seen)
		case <-timer.C:
			t.Fatalf("never %s; events %+v", what, seen)
		}
	}
}

func in(state tunnel.State) func(tunnel.Event) bool {
	return func(e tunnel.Event) bool { return e.State == state }
}

func TestCloudflaredLive(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Host: "quiet-fox.example.com", Late: 300 * time.Millisecond})
	r := start(t, s, "cloudflared", "", "", nil)
	e := r.until(t, "live", in(tunnel.Live))
	if e.URL != "https://quiet-fox.example.com" || e.CheckedAt.IsZero() || e.PreviousURL != "" {
		t.Errorf("live event %+v", e)
	}
	if !r.probe.Appends() {
		t.Error("the edge appends the sender, and that was not learnt")
	}
	r.mu.Lock()
	asked := slices.Compact(slices.Sorted(slices.Values(r.asked)))
	r.mu.Unlock()
	if !slices.Equal(asked, []string{"example.com"}) {
		t.Errorf("names asked for: %q; the new name itself must not be", asked)
	}
	args := strings.Join(s.starts()[0].args, " ")
	for _, want := range []string{"--config ", "--no-autoupdate", "--output json", fmt.Sprintf("--url http://127.0.0.1:%d", s.port)} {
		if !strings.Contains(args, want) {
			t.Errorf("cloudflared was started with %q, without %q", args, want)
		}
	}
}

func TestNgrokLive(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Host: "Fixed.example.com", Late: 100 * time.Millisecond})
	e := start(t, s, "ngrok", "", "", nil).until(t, "live", in(tunnel.Live))
	if e.URL != "https://fixed.example.com" {
		t.Errorf("URL %q", e.URL)
	}
}

func TestCommandNamesItsHost(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{})
	line := `echo "docs at https://admin.localhost.run/ for port {port}"; echo '{"event":"tcpip-forward","address":"a1b2.example.com","status":"success"}'; exec sleep 60`
	e := start(t, s, line, "", "*.example.com", nil).until(t, "live", in(tunnel.Live))
	if e.URL != "https://a1b2.example.com" {
		t.Errorf("URL %q", e.URL)
	}
}

func TestCommandChangesItsName(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{})
	line := `echo one.example.com; sleep 0.4; echo two.example.com; exec sleep 60`
	r := start(t, s, line, "", "*.example.com", nil)
	r.until(t, "live", in(tunnel.Live))
	e := r.until(t, "live under the second name", func(e tunnel.Event) bool { return e.State == tunnel.Live && e.URL == "https://two.example.com" })
	if e.PreviousURL != "https://one.example.com" {
		t.Errorf("previous URL %q", e.PreviousURL)
	}
}

func TestRateLimitedIsSaidAndWaitedFor(t *testing.T) {
	t.Parallel()
	s := newStage(t,
		role{Says: "error=\"Error unmarshaling QuickTunnel response: error code: 1015\"\nfailed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value"},
		role{Host: "after.example.com"})
	r := start(t, s, "cloudflared", "", "", nil)
	began := time.Now()
	e := r.until(t, "down", in(tunnel.Down))
	if !strings.Contains(e.Problem, "1015") || e.Next == "" {
		t.Errorf("event %+v", e)
	}
	r.until(t, "live", in(tunnel.Live))
	if took := time.Since(began); took < quick().Limited/2 {
		t.Errorf("started again after %v in spite of the limit", took)
	}
	if n := len(s.starts()); n != 2 {
		t.Errorf("%d starts", n)
	}
	if args := s.starts()[1].args; !slices.Contains(args, "http2") {
		t.Errorf("the second start %q does not try the other protocol", args)
	}
}

func TestConfigurationThatWinsIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Host: "other.example.com", Service: "http_status:404"})
	r := start(t, s, "cloudflared", "", "", nil)
	wantUsage(t, r, "configuration of its own")
}

func TestNoURL(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{})
	r := start(t, s, "cloudflared", "", "", func(o *tunnel.Options) { o.Times.URL = 300 * time.Millisecond })
	if e := r.until(t, "down", in(tunnel.Down)); !strings.Contains(e.Problem, "no address") {
		t.Errorf("event %+v", e)
	}
}

func TestTooOldProgram(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Says: "Incorrect Usage: flag provided but not defined: -output"})
	wantUsage(t, start(t, s, "cloudflared", "", "", nil), "does not know a flag")
}

func TestNgrokSessionLimit(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Says: `{"err":"authentication failed: limited to 1 simultaneous sessions\r\n\r\nERR_NGROK_108\r\n","lvl":"crit","msg":"command failed"}`})
	wantUsage(t, start(t, s, "ngrok", "", "", nil), "no further session")
}

func wantUsage(t *testing.T, r *running, words string) {
	t.Helper()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case err := <-r.done:
		r.done <- err
		if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), words) {
			t.Errorf("error %v, want usage with %q", err, words)
		}
	case <-timer.C:
		t.Fatalf("no end; want an error with %q", words)
	}
}

func TestMissingProgram(t *testing.T) {
	p, err := tunnel.ParseProgram("cloudflared", "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err = tunnel.New(tunnel.Options{Program: p}); payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("error %v", err)
	}
}

func TestUnusableNameTakesAnother(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Host: "exercise-query.example.com"}, role{Host: "calm.example.com"})
	r := start(t, s, "cloudflared", "", "", func(o *tunnel.Options) {
		o.Unusable = func(url string) string {
			if strings.Contains(url, "query") {
				return "has the word \"query\" in it"
			}
			return ""
		}
	})
	if e := r.until(t, "live", in(tunnel.Live)); e.URL != "https://calm.example.com" {
		t.Errorf("event %+v", e)
	}
	if n := len(s.starts()); n != 2 {
		t.Errorf("%d starts", n)
	}
}

func TestProgramDiesAndNameChanges(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Host: "first.example.com", Dies: 700 * time.Millisecond}, role{Host: "second.example.com"})
	r := start(t, s, "cloudflared", "", "", nil)
	r.until(t, "live", in(tunnel.Live))
	down := r.until(t, "down", in(tunnel.Down))
	if down.PreviousURL != "https://first.example.com" || !strings.Contains(down.Problem, "the last words") {
		t.Errorf("down event %+v", down)
	}
	e := r.until(t, "live again", in(tunnel.Live))
	if e.URL != "https://second.example.com" || e.PreviousURL != "https://first.example.com" {
		t.Errorf("event %+v", e)
	}
}

func TestDegradedAfterTwoFailures(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Host: "wobbly.example.com"})
	r := start(t, s, "cloudflared", "", "", nil)
	r.until(t, "live", in(tunnel.Live))
	s.setAnswer(func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("<html>You are about to visit…</html>"))
	})
	first := r.until(t, "in doubt", func(e tunnel.Event) bool { return e.Problem != "" })
	if first.State != tunnel.Live || !strings.Contains(first.Problem, "something else answers") {
		t.Errorf("after one failure: %+v", first)
	}
	r.until(t, "degraded", in(tunnel.Degraded))
	s.setAnswer(nil)
	if e := r.until(t, "live again", in(tunnel.Live)); e.Problem != "" {
		t.Errorf("event %+v", e)
	}
}

func TestChangedBodyIsNoPass(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Host: "helpful.example.com"})
	s.bodies = func(b []byte) []byte { return []byte(strings.ToValidUTF8(string(b), "?")) }
	r := start(t, s, "cloudflared", "", "", nil)
	if e := r.until(t, "in doubt", func(e tunnel.Event) bool { return e.Problem != "" }); e.State != tunnel.Unchecked || !strings.Contains(e.Problem, "changes bodies") {
		t.Errorf("event %+v", e)
	}
}

func TestHopsThatAreNotAppended(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Host: "raw.example.com"})
	s.hops = false
	r := start(t, s, "cloudflared", "", "", nil)
	r.until(t, "live", in(tunnel.Live))
	if r.probe.Appends() {
		t.Error("a tunnel that appends nothing is believed to do so")
	}
}

func TestStopEndsAProgramThatIgnoresTerm(t *testing.T) {
	t.Parallel()
	s := newStage(t, role{Host: "stubborn.example.com", IgnoresTerm: true})
	r := start(t, s, "cloudflared", "", "", func(o *tunnel.Options) { o.Times.Stop = 200 * time.Millisecond })
	r.until(t, "live", in(tunnel.Live))
	r.stop()
	if err := <-r.done; err != nil {
		t.Errorf("error %v", err)
	}
	r.done <- nil
	wantGone(t, s.starts()[0].pid)
}

// TestKilledParentLeavesNoProcess kills the process that runs a tunnel whose program
// has a child that ignores SIGTERM.
func TestKilledParentLeavesNoProcess(t *testing.T) {
	t.Parallel()
	parent := selfCommand(t, "TUNNEL_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 2 && lines.Scan(); {
		var pid int
		if _, err := fmt.Sscanf(lines.Text(), "pid %d", &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	if len(pids) != 2 {
		t.Fatalf("pids %v", pids)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for _, pid := range pids {
		wantGone(t, pid)
	}
}

// playParent runs a tunnel whose command has a grandchild, and shows both pids.
func playParent() {
	p, err := tunnel.ParseProgram(`(trap '' TERM; echo "pid $(exec sh -c 'echo $PPID')" >&2; while :; do sleep 1; done) & echo "pid $$"; wait`, "https://x.example.com", "")
	if err != nil {
		panic(err)
	}
	tn, err := tunnel.New(tunnel.Options{
		Program: p, Port: 1, Unusable: func(string) string { return "" }, Report: func(tunnel.Event) {}, Now: time.Now,
		Check:  func(context.Context, string, time.Time) error { return errors.New("never") },
		Output: func(line string) { fmt.Println(line) },
	})
	if err != nil {
		panic(err)
	}
	_ = tn.Run(context.Background())
	os.Exit(0)
}

func wantGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if gone(pid) {
			return
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Errorf("process %d still runs", pid)
}

// gone reports whether a process has ended; one that nobody has waited for has.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestParseProgram(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, program, url, host, wrong string }{
		{"quick tunnel", "cloudflared", "", "", ""},
		{"quick tunnel with a name", "cloudflared", "https://a.example.com", "", "random name"},
		{"ngrok with its domain", "ngrok", "https://a.ngrok-free.app", "", ""},
		{"ngrok with a pattern", "ngrok", "", "*.ngrok-free.app", "says its address itself"},
		{"command alone", "ssh -N host", "", "", "nothing says"},
		{"command with its address", "ssh -N host", "https://hooks.example.com/", "", ""},
		{"plain address", "ssh -N host", "http://hooks.example.com", "", "no public https address"},
		{"address with a password", "ssh -N host", "https://a:b@hooks.example.com", "", "no public https address"},
		{"pattern that is none", "ssh -N host", "", "[", "no pattern"},
		{"nothing", "  ", "", "", "is empty"},
	} {
		_, err := tunnel.ParseProgram(c.program, c.url, c.host)
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.wrong)
		}
	}
}

func TestHandover(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, _, err := tunnel.Current(dir, "sandbox"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before: %v", err)
	}
	p, err := tunnel.Publish(dir, "sandbox")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Set(tunnel.Handover{URL: "https://a.example.com", State: tunnel.Live}); err != nil {
		t.Fatal(err)
	}
	if _, err := tunnel.Publish(dir, "sandbox"); payment.KindOf(err) != payment.KindConflict {
		t.Errorf("a second listener: %v", err)
	}
	if h, alive, err := tunnel.Current(dir, "sandbox"); err != nil || !alive || h.URL != "https://a.example.com" || h.PID != os.Getpid() {
		t.Errorf("while it runs: %+v %v %v", h, alive, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tunnel.Current(dir, "sandbox"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after: %v", err)
	}
}
