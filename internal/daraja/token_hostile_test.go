package daraja

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// hostileTokens are what no Authorization header can carry, or what is no token.
func hostileTokens() map[string]string {
	return map[string]string{
		"line break": "abc\r\nX-Evil: 1", "NUL": "abc\x00", "escape": "\x1b[2J", "delete": "abc\x7f",
		"letter beyond ASCII": "tokén", "space": "two words",
	}
}

// A cache whose JSON is not what payctl writes is as good as none, and is
// replaced by one that is.
func TestTokenCacheIsReplaced(t *testing.T) {
	t.Parallel()
	bodies := map[string]func(entry string) string{
		"null":       func(string) string { return "null" },
		"null entry": func(entry string) string { return `{"` + entry + `":null}` },
	}
	for name, value := range hostileTokens() {
		bodies[name] = func(entry string) string {
			body, err := json.Marshal(map[string]cachedToken{entry: {Token: value, Expires: noon().Add(time.Hour).Unix()}})
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, answer{status: 200, body: accepted})
			cfg := g.config()
			cfg.TokenCache = filepath.Join(t.TempDir(), "tokens.json")
			c := mustNew(t, cfg)
			if err := os.WriteFile(cfg.TokenCache, []byte(body(c.tokens.file.entry)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Create(t.Context(), testRequest(t)); err != nil {
				t.Fatal(err)
			}
			if got := g.seen()[0].Bearer; got != "token1" || c.tokens.file.read().value != "token1" {
				t.Errorf("sent %q, cached %q, want token1", got, c.tokens.file.read().value)
			}
		})
	}
}

// A token that no header can carry is the gateway's malformed answer: it is
// said, never shown, and not kept.
func TestMintedTokenUnusable(t *testing.T) {
	t.Parallel()
	for name, value := range hostileTokens() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			g := newGateway(t)
			g.oauth = func(int) answer {
				return answer{status: 200, body: `{"access_token":` + string(text) + `,"expires_in":"3599"}`}
			}
			cfg := g.config()
			cfg.TokenCache = filepath.Join(t.TempDir(), "tokens.json")
			c := mustNew(t, cfg)
			for range 2 {
				_, err = c.Create(t.Context(), testRequest(t))
				var e *payment.Error
				if !errors.As(err, &e) || e.Kind != payment.KindUnavailable || !e.Retryable || errors.Is(err, payment.ErrOutcomeUnknown) {
					t.Fatalf("got %+v", err)
				}
				if !strings.Contains(e.Message, "oauth: ") || !strings.Contains(e.Message, "access token") || e.Hint == "" || strings.Contains(e.Message+e.Hint, value) {
					t.Errorf("message %q, hint %q", e.Message, e.Hint)
				}
			}
			if g.tokensMinted() != 2 {
				t.Errorf("asked %d times, want 2", g.tokensMinted())
			}
		})
	}
}

// memoryGateway answers within the process, so that synctest's clock runs.
type memoryGateway struct{ minted int }

func (g *memoryGateway) RoundTrip(r *http.Request) (*http.Response, error) {
	body := accepted
	if r.URL.Path == "/oauth/v1/generate" {
		g.minted++
		body = `{"access_token":"minted","expires_in":"3599"}`
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// The cache's lock held elsewhere, by a process that was stopped say, costs a
// wait that is bounded and a mint, never a payment.
func TestTokenLockHeldElsewhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		// left is the token that the lock's holder leaves while it is waited for.
		left   string
		minted int
		cached string
	}{
		{"and nothing cached", "", 1, "minted"},
		{"and a token came meanwhile", "theirs", 0, "theirs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := &memoryGateway{}
				c := lockedClient(t, g)
				if tt.left != "" {
					time.AfterFunc(lockWait/2, func() {
						c.tokens.file.write(token{value: tt.left, expires: time.Now().Add(time.Hour)}, time.Now())
					})
				}
				began := time.Now()
				if _, err := c.Create(t.Context(), testRequest(t)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < lockWait || took > lockWait+time.Second {
					t.Errorf("waited %s, want %s", took, lockWait)
				}
				if diff := cmp.Diff(tt.cached, c.tokens.file.read().value); diff != "" || g.minted != tt.minted {
					t.Errorf("minted %d, want %d; cached (-want +got):\n%s", g.minted, tt.minted, diff)
				}
			})
		})
	}
	t.Run("and the caller's own time is over first", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := &memoryGateway{}
			ctx, cancel := context.WithTimeout(t.Context(), lockWait/2)
			defer cancel()
			_, err := lockedClient(t, g).Create(ctx, testRequest(t))
			if payment.KindOf(err) != payment.KindUnavailable || !errors.Is(err, context.DeadlineExceeded) || g.minted != 0 {
				t.Errorf("minted %d, got %v", g.minted, err)
			}
		})
	})
}

// A lock that is a link, or a pipe, is neither followed nor waited for: the token is minted,
// and what the link leads to stays as it was. So it is with the cache itself.
func TestTokenLockIsNoLink(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(cache, elsewhere string) error{
		"a link to nothing":         func(cache, elsewhere string) error { return os.Symlink(elsewhere+"-new", cache+".lock") },
		"a link to a file":          func(cache, elsewhere string) error { return os.Symlink(elsewhere, cache+".lock") },
		"a directory":               func(cache, _ string) error { return os.Mkdir(cache+".lock", 0o700) },
		"a cache that is a link":    func(cache, elsewhere string) error { return os.Symlink(elsewhere, cache) },
		"a cache that leads astray": func(cache, elsewhere string) error { return os.Symlink(elsewhere+"-new", cache) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cache, elsewhere := filepath.Join(dir, "tokens.json"), filepath.Join(dir, "elsewhere")
			planted := `{"` + newTokenFile(cache, "127.0.0.1:1", secret.New("key")).entry + `":{"token":"planted","expires":99999999999}}`
			if err := errors.Join(os.WriteFile(elsewhere, []byte(planted), 0o600), plant(cache, elsewhere)); err != nil {
				t.Fatal(err)
			}
			g := &memoryGateway{}
			began := time.Now()
			if _, err := clientWith(t, cache, g).Create(t.Context(), testRequest(t)); err != nil {
				t.Fatal(err)
			}
			left, err := os.ReadFile(elsewhere)
			if err != nil || string(left) != planted || g.minted != 1 || time.Since(began) > lockWait {
				t.Errorf("minted %d after %s; elsewhere holds %q, %v", g.minted, time.Since(began), left, err)
			}
			if _, err := os.Lstat(elsewhere + "-new"); err == nil {
				t.Error("the link was followed")
			}
		})
	}
}

// FuzzTokenFile: whatever a planted cache holds, nothing panics, no token is used that a
// header cannot carry or that lives longer than one does, and the next one is kept.
func FuzzTokenFile(f *testing.F) {
	entry := newTokenFile("x", "h", secret.New("key")).entry
	for name, value := range hostileTokens() {
		body, err := json.Marshal(map[string]cachedToken{entry: {Token: value, Expires: noon().Add(time.Hour).Unix()}, name: {}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, body := range []string{
		"", "null", "[]", `{"` + entry + `":null}`, `{"` + entry + `":{"token":"planted","expires":99999999999}}`, `{"` + entry + `":{"token":"t","expires":1e400}}`,
		`{"` + entry + `":{"token":"t","expires":-9223372036854775808}}`, strings.Repeat("[", 10000), "\xff\xfe",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		file := newTokenFile(filepath.Join(t.TempDir(), "tokens.json"), "h", secret.New("key"))
		if err := os.WriteFile(file.path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		got, now := file.read(), noon()
		if got.fresh(now) && (!visible(got.value) || got.expires.Sub(now) > tokenLifetime+time.Second) {
			t.Errorf("%q is used until %s", got.value, got.expires)
		}
		file.write(token{value: "minted", expires: now.Add(time.Hour)}, now)
		if got := file.read(); got.value != "minted" {
			t.Errorf("kept %q", got.value)
		}
	})
}

// lockedClient is a client whose cache is locked until the test ends.
func lockedClient(t *testing.T, g http.RoundTripper) *Client {
	t.Helper()
	cache := filepath.Join(t.TempDir(), "tokens.json")
	holder := flock.New(cache + ".lock")
	if held, err := holder.TryLock(); !held || err != nil {
		t.Fatalf("lock: %v, %v", held, err)
	}
	t.Cleanup(func() { _ = holder.Close() })
	return clientWith(t, cache, g)
}

func clientWith(t *testing.T, cache string, g http.RoundTripper) *Client {
	t.Helper()
	return mustNew(t, Config{
		Environment: payment.Local, BaseURL: "http://127.0.0.1:1", TokenCache: cache, ShortCode: "600111",
		ConsumerKey: secret.New("key"), ConsumerSecret: secret.New("sec&ret"), Passkey: secret.New("passkey"),
		HTTP: &http.Client{Transport: g},
	})
}
