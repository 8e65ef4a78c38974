package daraja

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

func mint(n int, expires string) answer {
	return answer{status: 200, body: fmt.Sprintf(`{"access_token":"token%d"%s}`, n, expires)}
}

// reference/daraja.md §2: expires_in is a string, a number or absent; a token
// is stale 60 s early.
func TestTokenLifetime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, expires string
		age           time.Duration
		minted        int
	}{
		{"string, fresh", `,"expires_in":"3599"`, 3538 * time.Second, 1},
		{"string, stale", `,"expires_in":"3599"`, 3539 * time.Second, 2},
		{"number, fresh", `,"expires_in":3599`, 3538 * time.Second, 1},
		{"number, stale", `,"expires_in":3599`, 3539 * time.Second, 2},
		{"absent, fresh", ``, 3538 * time.Second, 1},
		{"absent, stale", ``, 3539 * time.Second, 2},
		{"unusable", `,"expires_in":"soon"`, 3538 * time.Second, 1},
		{"negative", `,"expires_in":-5`, 3538 * time.Second, 1},
		{"absurd", `,"expires_in":99999999999`, 3539 * time.Second, 2},
		{"short, half its life", `,"expires_in":60`, 29 * time.Second, 1},
		{"short, over", `,"expires_in":60`, 30 * time.Second, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, answer{status: 200, body: accepted}, answer{status: 200, body: accepted})
			g.oauth = func(n int) answer { return mint(n, tt.expires) }
			now := noon()
			cfg := g.config()
			cfg.Now = func() time.Time { return now }
			c := mustNew(t, cfg)
			for range 2 {
				if _, err := c.Create(t.Context(), testRequest(t)); err != nil {
					t.Fatal(err)
				}
				now = now.Add(tt.age)
			}
			if g.tokensMinted() != tt.minted {
				t.Errorf("minted %d, want %d", g.tokensMinted(), tt.minted)
			}
		})
	}
}

// Many goroutines of two clients that share a file mint one token.
func TestTokenSingleFlight(t *testing.T) {
	t.Parallel()
	const senders = 16
	script := make([]answer, senders)
	for i := range script {
		script[i] = answer{status: 200, body: accepted}
	}
	g := newGateway(t, script...)
	cfg := g.config()
	cfg.TokenCache = filepath.Join(t.TempDir(), "deep", "tokens.json")
	clients := []*Client{mustNew(t, cfg), mustNew(t, cfg)}
	var wait sync.WaitGroup
	for i := range senders {
		wait.Go(func() {
			if _, err := clients[i%2].Create(t.Context(), testRequest(t)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if g.tokensMinted() != 1 {
		t.Errorf("minted %d, want 1", g.tokensMinted())
	}
	checkMode(t, cfg.TokenCache)
	checkMode(t, cfg.TokenCache+".lock")
}

func checkMode(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		t.Errorf("%s has mode %o, want 600", filepath.Base(path), mode)
	}
}

// Processes share the token: each child pushes once and all of them together
// mint once.
func TestTokenSharedByProcesses(t *testing.T) {
	if url := os.Getenv("DARAJA_TEST_GATEWAY"); url != "" {
		pushFromChild(t, url)
		return
	}
	t.Parallel()
	const children = 4
	script := make([]answer, children)
	for i := range script {
		script[i] = answer{status: 200, body: accepted}
	}
	g := newGateway(t, script...)
	cache := filepath.Join(t.TempDir(), "tokens.json")
	var wait sync.WaitGroup
	for range children {
		wait.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestTokenSharedByProcesses$")
			cmd.Env = append(os.Environ(), "DARAJA_TEST_GATEWAY="+g.URL, "DARAJA_TEST_CACHE="+cache)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("child: %v\n%s", err, out)
			}
		})
	}
	wait.Wait()
	if g.tokensMinted() != 1 {
		t.Errorf("%d processes minted %d tokens, want 1", children, g.tokensMinted())
	}
	body, err := os.ReadFile(cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"key", "sec&ret", "127.0.0.1"} {
		if strings.Contains(string(body), `"`+word) {
			t.Errorf("the cache names %q", word)
		}
	}
}

func pushFromChild(t *testing.T, url string) {
	t.Helper()
	c := mustNew(t, Config{
		Environment: payment.Local, BaseURL: url, TokenCache: os.Getenv("DARAJA_TEST_CACHE"), ShortCode: "600111",
		ConsumerKey: secret.New("key"), ConsumerSecret: secret.New("sec&ret"), Passkey: secret.New("passkey"), Now: noon,
	})
	if _, err := c.Create(t.Context(), testRequest(t)); err != nil {
		t.Fatal(err)
	}
}

// A cache that is corrupt, readable by others, or of another key or host, is
// not used; and it never stands in the way.
func TestTokenFileDistrusted(t *testing.T) {
	t.Parallel()
	entry := func(f *tokenFile, expires time.Time) string {
		body, err := json.Marshal(map[string]cachedToken{f.entry: {Token: "cached", Expires: expires.Unix()}})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	good := noon().Add(time.Hour)
	tests := []struct {
		name   string
		body   func(mine, other *tokenFile) string
		mode   os.FileMode
		bearer string
	}{
		{"good", func(mine, _ *tokenFile) string { return entry(mine, good) }, 0o600, "cached"},
		{"corrupt", func(*tokenFile, *tokenFile) string { return "{not json" }, 0o600, "token1"},
		{"an array", func(*tokenFile, *tokenFile) string { return "[1]" }, 0o600, "token1"},
		{"empty", func(*tokenFile, *tokenFile) string { return "" }, 0o600, "token1"},
		{"another key's", func(_, other *tokenFile) string { return entry(other, good) }, 0o600, "token1"},
		{"over", func(mine, _ *tokenFile) string { return entry(mine, noon()) }, 0o600, "token1"},
		{"from a wrong clock", func(mine, _ *tokenFile) string { return entry(mine, noon().AddDate(1, 0, 0)) }, 0o600, "token1"},
	}
	if runtime.GOOS != "windows" {
		tests = append(tests, struct {
			name   string
			body   func(mine, other *tokenFile) string
			mode   os.FileMode
			bearer string
		}{"readable by others", func(mine, _ *tokenFile) string { return entry(mine, good) }, 0o644, "token1"})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, answer{status: 200, body: accepted})
			cfg := g.config()
			cfg.TokenCache = filepath.Join(t.TempDir(), "tokens.json")
			c := mustNew(t, cfg)
			other := newTokenFile(cfg.TokenCache, c.host, secret.New("another"))
			if err := os.WriteFile(cfg.TokenCache, []byte(tt.body(c.tokens.file, other)), tt.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(cfg.TokenCache, tt.mode); err != nil { // whatever the umask
				t.Fatal(err)
			}
			if _, err := c.Create(t.Context(), testRequest(t)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.bearer, g.seen()[0].Bearer); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkMode(t, cfg.TokenCache)
		})
	}
}

func TestTokenFileUnusable(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answer{status: 200, body: accepted})
	cfg := g.config()
	blocker := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.TokenCache = filepath.Join(blocker, "tokens.json")
	if _, err := mustNew(t, cfg).Create(t.Context(), testRequest(t)); err != nil {
		t.Errorf("a cache that cannot be used must not stop a payment: %v", err)
	}
}

// reference/daraja.md §2: a refused token is thrown away everywhere, also out
// of the file, and the call repeated once.
func TestRefusedTokenIsReplaced(t *testing.T) {
	t.Parallel()
	g := newGateway(t,
		answer{status: 200, body: accepted},
		answer{status: 404, body: syncError("404.001.03", "Invalid Access Token")},
		answer{status: 200, body: accepted},
		answer{status: 200, body: accepted})
	cfg := g.config()
	cfg.TokenCache = filepath.Join(t.TempDir(), "tokens.json")
	first, second := mustNew(t, cfg), mustNew(t, cfg)
	for _, c := range []*Client{first, first, second} {
		if a, err := c.Create(t.Context(), testRequest(t)); err != nil || a.Status != payment.StatusPending {
			t.Fatalf("%+v %v", a, err)
		}
	}
	var bearers []string
	for _, call := range g.seen() {
		bearers = append(bearers, call.Bearer)
	}
	if diff := cmp.Diff([]string{"token1", "token1", "token2", "token2"}, bearers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A 401 without the gateway's own code blames key and secret, and no token: there is none yet.
func TestTokenDenied(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.oauth = func(int) answer {
		return answer{status: 401, body: `{"error":{"code":"INVALID_CREDENTIALS","message":"Invalid consumer key or secret"}}`}
	}
	_, err := g.client().Ask(t.Context(), testDeposit(t))
	var fault *payment.Error
	if !errors.As(err, &fault) || fault.Kind != payment.KindUnauthorized || !strings.Contains(fault.Hint, "consumer key or secret is wrong") ||
		!strings.Contains(fault.Message, "INVALID_CREDENTIALS") {
		t.Errorf("%+v", fault)
	}
}
