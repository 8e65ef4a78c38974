package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// required is set where a missing tool is a failure and not a reason to skip.
var required = os.Getenv("BROWSER_REQUIRED") != ""

func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if required {
		t.Fatalf(format, args...)
	}
	t.Skipf("SKIPPED, NOT TESTED: "+format, args...)
}

var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "payctl-browser-")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "payctl")
	cmd := exec.Command("go", "build", "-trimpath", "-o", name, "./cmd/payctl")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return name, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if name, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(name))
	}
	os.Exit(code)
}

// stage is an emulator, an app, a listener and the view, each a process of its own.
type stage struct {
	t                      testing.TB
	dir                    string
	env                    []string
	emulator, listener, ui string
	start, bearer          string
	app                    *httptest.Server
	view                   *exec.Cmd
	uiArgs                 []string

	mu     sync.Mutex
	taken  []string
	status int
}

// newStage starts all of it; emulator are further arguments of the emulator.
func newStage(t testing.TB, emulator []string, ui ...string) *stage {
	t.Helper()
	if _, err := program(); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, dir: t.TempDir(), status: http.StatusOK, uiArgs: ui}
	s.app = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken = append(s.taken, string(body))
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, "the app says "+http.StatusText(s.status))
	}))
	t.Cleanup(s.app.Close)
	s.env = append(os.Environ(), "HOME="+s.dir, "XDG_STATE_HOME="+s.dir+"/state", "XDG_CONFIG_HOME="+s.dir+"/config", "XDG_DATA_HOME="+s.dir+"/data",
		"XDG_CACHE_HOME="+s.dir+"/cache", "TZ=Africa/Nairobi", "NO_COLOR=1", "PAYCTL_PROFILE=", "DISPLAY=")
	s.emulator = s.serve("emulator", append([]string{"--addr", "127.0.0.1:0", "--callback-delay", "20ms"}, emulator...)...)[0]
	s.env = append(s.env, "PAYCTL_DARAJA_BASE_URL="+s.emulator, "PAYCTL_WASAAPAY_BASE_URL="+s.emulator)
	s.listener = s.serve("listen", "--addr", "127.0.0.1:0", "--forward-to", s.app.URL+"/hook", "--forward-attempts", "1")[0]
	s.env = append(s.env, "PAYCTL_CALLBACK_URL="+s.listener)
	s.startView("127.0.0.1:0")
	return s
}

// startView starts the view.
func (s *stage) startView(addr string) {
	lines := s.serve("ui", append([]string{"--addr", addr, "-o", "ndjson"}, s.uiArgs...)...)
	s.ui, s.bearer = lines[0], lines[1]
	out, err := os.ReadFile(filepath.Join(s.dir, "ui.out"))
	if err != nil {
		s.t.Fatal(err)
	}
	var ready struct{ Type, URL string }
	first, _, _ := strings.Cut(string(out), "\n")
	if err := json.Unmarshal([]byte(first), &ready); err != nil || ready.Type != "ready" {
		s.t.Fatalf("the first line is %q", first)
	}
	s.start = ready.URL
}

// serve starts a verb that serves, and returns the lines of its ready file.
func (s *stage) serve(verb string, args ...string) []string {
	s.t.Helper()
	name, _ := program()
	ready := filepath.Join(s.dir, verb+".ready")
	_ = os.Remove(ready)
	cmd := exec.Command(name, append([]string{verb, "--ready-file", ready}, args...)...)
	cmd.Env = s.env
	out, err := os.Create(filepath.Join(s.dir, verb+".out"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); _ = out.Close(); close(done) }()
	if verb == "ui" {
		s.view = cmd
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			s.t.Errorf("%s did not end", verb)
		}
	})
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(ready); err == nil && len(text) > 0 {
			return strings.Split(strings.TrimSpace(string(text)), "\n")
		}
	}
	log, _ := os.ReadFile(out.Name())
	s.t.Fatalf("%s is not ready: %s", verb, log)
	return nil
}

// run runs a verb to its end; a code other than 0 is the caller's to judge.
func (s *stage) run(args ...string) string {
	s.t.Helper()
	name, _ := program()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = s.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && stdout.Len() == 0 {
		s.t.Logf("payctl %v: %v %s", args, err, stderr.String())
	}
	return stdout.String()
}

// pay asks a customer and waits for the end.
func (s *stage) pay(phone, amount, reference string) {
	s.t.Helper()
	s.run("deposit", "create", "--phone", phone, "--amount", amount, "--reference", reference, "--wait", "--via", "callback", "--timeout", "20s", "-o", "json")
}

// post posts a body to a path of the listener, as a provider would.
func (s *stage) post(path, body string, header ...string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.listener+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = res.Body.Close()
}

var chromium = sync.OnceValue(func() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
})

// browser starts a Chromium; flags are its own.
func browser(t testing.TB, flags ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	if chromium() == "" {
		missing(t, "there is no Chromium")
	}
	options := append(append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...),
		chromedp.ExecPath(chromium()), chromedp.NoSandbox, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("force-color-profile", "srgb"),
	)
	options = append(options, flags...)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// enter opens the view by its start address.
func (s *stage) enter(ctx context.Context) {
	s.t.Helper()
	s.do(ctx, chromedp.Navigate(s.start))
	s.wait(ctx, `document.querySelector("#live.good") !== null`)
	if at := s.text(ctx, "location.href"); strings.Contains(at, "token") {
		s.t.Errorf("the token stays in the address: %s", at)
	}
}

func (s *stage) do(ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		s.t.Fatal(err)
	}
}

// open opens a page of the view.
func (s *stage) open(ctx context.Context, path string) {
	s.t.Helper()
	s.do(ctx, chromedp.Navigate(s.ui+path))
	s.wait(ctx, `document.querySelector("h1") !== null`)
}

// wait waits until an expression holds. While a page goes and another comes, none does.
func (s *stage) wait(ctx context.Context, expression string) time.Duration {
	s.t.Helper()
	began := time.Now()
	var err error
	for time.Since(began) < patience {
		var holds bool
		if holds, err = chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")")); holds && err == nil {
			return time.Since(began)
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%s does not hold: %v\n%s", expression, err, s.text(ctx, "document.body.innerText"))
	return 0
}

// patience is how long a page may take on a machine with other work.
const patience = 30 * time.Second

// text is what an expression is, as text.
func (s *stage) text(ctx context.Context, expression string) string {
	s.t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		s.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// keys types keys at the page, each as one press: what a page prevents is not typed.
func (s *stage) keys(ctx context.Context, keys string) {
	s.t.Helper()
	for _, r := range keys {
		for _, k := range kb.Encode(r) {
			switch k.Type {
			case input.DispatchKeyEventTypeChar:
				continue
			case input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyDown:
				k.Type = input.DispatchKeyEventTypeKeyDown
				if r >= ' ' && r < 0x7f || r == '\r' {
					k.Text = string(r)
				}
			}
			if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, *k); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// scheme sets the colours that the person prefers.
func (s *stage) scheme(ctx context.Context, name string) {
	s.t.Helper()
	s.media(ctx, "screen", name)
}

// media sets where the page is shown, and the colours that the person prefers.
func (s *stage) media(ctx context.Context, medium, scheme string) {
	s.t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
