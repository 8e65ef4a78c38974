package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// gateway is a Daraja that answers pushes as a test wants and counts them.
type gateway struct {
	*httptest.Server
	mu     sync.Mutex
	pushes []map[string]any
}

// newGateway answers each push by push, which gets the request's fields and its number.
func newGateway(t *testing.T, push func(n int, fields map[string]any, w http.ResponseWriter)) *gateway {
	t.Helper()
	g := &gateway{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !strings.Contains(r.URL.Path, "stkpush/v1/processrequest") {
			_, _ = io.WriteString(w, `{"access_token":"token","expires_in":"3599"}`)
			return
		}
		var fields map[string]any
		if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
			t.Error(err)
		}
		g.mu.Lock()
		g.pushes = append(g.pushes, fields)
		n := len(g.pushes)
		g.mu.Unlock()
		push(n, fields, w)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.pushes)
}

func accept(w io.Writer, id string) {
	_, _ = fmt.Fprintf(w, `{"MerchantRequestID":"m-%s","CheckoutRequestID":"%s","ResponseCode":"0","ResponseDescription":"Success. Request accepted for processing","CustomerMessage":"ok"}`, id, id)
}

// shop is one operator's machine: a ledger and settings of its own.
type shop struct {
	t   *testing.T
	dir string
	env []string
}

func newShop(t *testing.T, gatewayURL, callbackURL string) *shop {
	dir := t.TempDir()
	return &shop{t: t, dir: dir, env: append(os.Environ(),
		"PAYCTL_PROFILE=local", "PAYCTL_DB="+filepath.Join(dir, "ledger.db"), "HOME="+dir,
		"PAYCTL_DARAJA_BASE_URL="+gatewayURL, "PAYCTL_CALLBACK_URL="+callbackURL)}
}

type ran struct {
	code           int
	stdout, stderr string
}

// run runs payctl to its end.
func (s *shop) run(args ...string) ran {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "payctl", args...)
	cmd.Env, cmd.Dir = s.env, s.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Error(err)
	}
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func (s *shop) create(more ...string) ran {
	s.t.Helper()
	return s.run(append(strings.Fields("deposit create --phone 0712345678 --amount 100 -o json"), more...)...)
}

// deposit reads one deposit as the ledger has it.
func (s *shop) deposit(id string) map[string]any {
	s.t.Helper()
	got := s.run("deposit", "get", id, "-o", "json")
	var d map[string]any
	if err := json.Unmarshal([]byte(got.stdout), &d); err != nil {
		s.t.Fatalf("deposit get %s: exit %d, %s%s", id, got.code, got.stdout, got.stderr)
	}
	return d
}

// listen starts "payctl listen" on the shop's ledger and returns its URL.
func (s *shop) listen() string {
	s.t.Helper()
	ready := filepath.Join(s.dir, "listen.url")
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "payctl", "listen", "--addr", "127.0.0.1:0", "--ready-file", ready)
	cmd.Env, cmd.Dir = s.env, s.dir
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { stop(); _ = cmd.Wait() })
	return strings.TrimSpace(waitForFile(s.t, ready))
}

// The ledger's truth is what is printed: a callback settles the deposit while its push
// is open, and then the gateway says that it is busy.
func TestMoneyLedgersTruthIsPrinted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code, wantCode int
		http           int
		receipt        string
		answer         string
		status         string
	}{
		"paid, then busy":     {0, 9, 500, "UA2K7QX9ZP", `{"requestId":"1","errorCode":"500.003.02","errorMessage":"System is busy. Please try again in few minutes."}`, "COMPLETED"},
		"paid, then refused":  {0, 9, 400, "UA2K7QX9ZP", `{"requestId":"1","errorCode":"400.002.02","errorMessage":"Bad Request - Invalid Amount"}`, "COMPLETED"},
		"failed, then busy":   {1032, 9, 500, "", `{"requestId":"1","errorCode":"500.003.02","errorMessage":"System is busy. Please try again in few minutes."}`, "FAILED"},
		"paid, then accepted": {0, 0, 200, "UA2K7QX9ZP", "", "COMPLETED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(_ int, fields map[string]any, w http.ResponseWriter) {
				items := ""
				if c.receipt != "" {
					items = `,"CallbackMetadata":{"Item":[{"Name":"Amount","Value":100.00},{"Name":"MpesaReceiptNumber","Value":"` + c.receipt + `"},{"Name":"TransactionDate","Value":20261130123434},{"Name":"PhoneNumber","Value":254712345678}]}`
				}
				body := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m-1","CheckoutRequestID":"ws_CO_1","ResultCode":%d,"ResultDesc":"told"%s}}}`, c.code, items)
				resp, err := http.Post(fmt.Sprint(fields["CallBackURL"]), "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
				} else {
					_ = resp.Body.Close()
				}
				if c.answer == "" {
					accept(w, "ws_CO_1")
					return
				}
				w.WriteHeader(c.http)
				_, _ = io.WriteString(w, c.answer)
			})
			s := newShop(t, g.URL, "")
			s.env = append(s.env, "PAYCTL_CALLBACK_URL="+s.listen())
			got := s.create("--reference", "INV-1")
			var printed map[string]any
			if err := json.Unmarshal([]byte(got.stdout), &printed); err != nil {
				t.Fatalf("exit %d, %s%s", got.code, got.stdout, got.stderr)
			}
			stored := s.deposit("INV-1")
			if got.code != c.wantCode || printed["status"] != c.status || stored["status"] != c.status {
				t.Errorf("exit %d, printed %v, stored %v; want %d and %s\n%s", got.code, printed["status"], stored["status"], c.wantCode, c.status, got.stderr)
			}
			if conflict := stored["conflict"] != nil; conflict != (c.wantCode == 9) || conflict != (printed["conflict"] != nil) {
				t.Errorf("conflict printed %v, stored %v", printed["conflict"], stored["conflict"])
			}
		})
	}
}

// An acceptance is an acceptance whatever the HTTP status: doubt, the id kept, and
// never a second POST.
func TestMoneyAcceptanceWhateverTheStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusBadRequest, http.StatusBadGateway} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(_ int, _ map[string]any, w http.ResponseWriter) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, `{"requestId":"1","errorCode":"404.001.03","errorMessage":"Invalid Access Token","MerchantRequestID":"m-1","CheckoutRequestID":"ws_CO_1","ResponseCode":"0"}`)
			})
			s := newShop(t, g.URL, "http://127.0.0.1:1")
			got := s.create("--reference", "INV-1")
			d := s.deposit("INV-1")
			if got.code != 8 || d["status"] != "UNKNOWN" || d["provider_id"] != "ws_CO_1" || g.count() != 1 {
				t.Errorf("exit %d, %v %v, %d pushes: %s", got.code, d["status"], d["provider_id"], g.count(), got.stderr)
			}
		})
	}
}

// Ids are unique: the same answer to two pushes is a conflict on both.
func TestMoneyIDsAreUnique(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(_ int, _ map[string]any, w http.ResponseWriter) { accept(w, "ws_CO_1") })
	s := newShop(t, g.URL, "http://127.0.0.1:1")
	if got := s.create("--reference", "INV-1"); got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	if got := s.create("--reference", "INV-2"); got.code != 9 || !strings.Contains(got.stderr, "two deposits have the provider's id") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	for _, reference := range []string{"INV-1", "INV-2"} {
		if d := s.deposit(reference); d["conflict"] == nil {
			t.Errorf("%s has no conflict", reference)
		}
	}
}

// Two and twenty processes race on one reference, and on one key: one prompt.
func TestMoneyRace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		processes int
		more      []string
		// codes are what a process may come to.
		codes []int
	}{
		"two on a reference":    {2, nil, []int{0, 9}},
		"twenty on a reference": {20, nil, []int{0, 9}},
		"two on a key":          {2, []string{"--idempotency-key", "key-1"}, []int{0, 8}},
		"twenty on a key":       {20, []string{"--idempotency-key", "key-1"}, []int{0, 8}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(n int, _ map[string]any, w http.ResponseWriter) { accept(w, fmt.Sprint("ws_CO_", n)) })
			s := newShop(t, g.URL, "http://127.0.0.1:1")
			var mu sync.Mutex
			codes := map[int]int{}
			var group errgroup.Group
			for range c.processes {
				group.Go(func() error {
					got := s.create(append([]string{"--reference", "INV-1"}, c.more...)...)
					mu.Lock()
					defer mu.Unlock()
					codes[got.code]++
					if got.code != c.codes[0] && got.code != c.codes[1] {
						return fmt.Errorf("exit %d: %s", got.code, got.stderr)
					}
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				t.Error(err)
			}
			list := s.run("deposit", "list", "--limit", "0", "-o", "json", "--jq", "length")
			if g.count() != 1 || strings.TrimSpace(list.stdout) != "1" || codes[0] == 0 {
				t.Errorf("%d prompts, %s deposits, exit codes %v", g.count(), list.stdout, codes)
			}
		})
	}
}

// No id is thrown away: an answer that the ledger cannot take waits in a recovery file,
// is named whole, and the next command that may write takes it in.
func TestMoneyRecoveryFile(t *testing.T) {
	t.Parallel()
	const id = "ws_CO_30112026123434570712345678"
	ledger := filepath.Join(t.TempDir(), "ledger.db")
	locked := make(chan *sql.Tx, 1)
	g := newGateway(t, func(_ int, _ map[string]any, w http.ResponseWriter) {
		db, err := sql.Open("sqlite", ledger+"?_pragma=busy_timeout(10000)&_txlock=immediate")
		if err != nil {
			t.Error(err)
			return
		}
		tx, err := db.BeginTx(context.Background(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		locked <- tx
		accept(w, id)
	})
	s := newShop(t, g.URL, "http://127.0.0.1:1")
	s.env = append(s.env, "PAYCTL_DB="+ledger)
	got := s.create("--reference", "INV-1", "--timeout", "6s")
	select {
	case tx := <-locked:
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	default:
		t.Fatalf("the gateway was not asked, or the ledger not locked; exit %d: %s", got.code, got.stderr)
	}
	dir := ledger + ".recovery"
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, error %v; exit %d: %s", len(files), err, got.code, got.stderr)
	}
	info, err := files[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if got.code != 8 || !strings.Contains(got.stderr, id) || !strings.Contains(got.stderr, filepath.Join(dir, files[0].Name())) {
		t.Errorf("exit %d, the id and the file are not named: %s", got.code, got.stderr)
	}
	if d := s.deposit("INV-1"); d["status"] != "PENDING" || d["provider_id"] != id {
		t.Errorf("not taken in: %v %v", d["status"], d["provider_id"])
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the recovery directory is still there: %v", err)
	}
}

// One rate budget for an app: ten processes of two profiles with ledgers of their own
// ask one after another, and the gateway refuses none.
func TestMoneyOneBudgetPerApp(t *testing.T) {
	t.Parallel()
	const interval = 300 * time.Millisecond
	var mu sync.Mutex
	var at []time.Time
	g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !strings.Contains(r.URL.Path, "stkpushquery") {
			_, _ = io.WriteString(w, `{"access_token":"token","expires_in":"3599"}`)
			return
		}
		mu.Lock()
		at = append(at, time.Now())
		mu.Unlock()
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"requestId":"1","errorCode":"500.001.1001","errorMessage":"The transaction is being processed"}`)
	}))
	t.Cleanup(g.Close)
	s := newShop(t, g.URL, "http://127.0.0.1:1")
	if err := os.WriteFile(filepath.Join(s.dir, "payctl.yaml"), []byte("profiles:\n  a:\n    environment: local\n  b:\n    environment: local\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	for i := range 10 {
		profile := string(rune('a' + i%2))
		group.Go(func() error {
			one := *s
			one.env = append(slices.Clone(s.env), "PAYCTL_CONFIG="+filepath.Join(s.dir, "payctl.yaml"), "PAYCTL_PROFILE="+profile,
				"PAYCTL_DB="+filepath.Join(s.dir, profile+".db"), "PAYCTL_DARAJA_QUERIES_PER_MINUTE=200",
				"PAYCTL_DARAJA_CONSUMER_KEY=key-of-the-app", "PAYCTL_DARAJA_CONSUMER_SECRET=secret-of-the-app",
				"PAYCTL_DARAJA_SHORTCODE=174379", "PAYCTL_DARAJA_PASSKEY="+strings.Repeat("a", 64))
			if got := one.run("status", "get", fmt.Sprint("ws_CO_", i), "--provider", "daraja"); got.code != 8 {
				return fmt.Errorf("exit %d: %s", got.code, got.stderr)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if len(at) != 10 {
		t.Fatalf("%d questions", len(at))
	}
	// A loaded machine delays single questions; all together cannot have been faster.
	if took := at[len(at)-1].Sub(at[0]); took < 9*interval-interval {
		t.Errorf("ten questions took %s, want at least %s", took, 8*interval)
	}
}

// waitForFile waits until a file is there and returns its text.
func waitForFile(t *testing.T, path string) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
			return string(data)
		}
	}
	t.Fatalf("%s is not there", path)
	return ""
}

// A plan that is killed three times asks for each line once: what had left is never sent
// again, what had not is.
func TestMoneyPlanKilled(t *testing.T) {
	t.Parallel()
	lines := 150
	if n, err := strconv.Atoi(os.Getenv("PAYCTL_TORTURE_PLAN")); err == nil {
		lines = n
	}
	var s *shop
	var running atomic.Pointer[os.Process]
	at := map[int]bool{lines / 5: true, lines / 2: true, lines * 4 / 5: true}
	g := newGateway(t, func(n int, _ map[string]any, w http.ResponseWriter) {
		if p := running.Load(); at[n] && p != nil {
			_ = p.Kill()
		}
		accept(w, fmt.Sprint("ws_CO_", n))
	})
	s = newShop(t, g.URL, "http://127.0.0.1:1")
	var plan strings.Builder
	plan.WriteString("phone,amount,reference\n")
	for i := range lines {
		_, _ = fmt.Fprintf(&plan, "07%08d,%d,R%d\n", 10000000+i, 1+i%900, i)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "plan.csv"), []byte(plan.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	killed := 0
	var code int
	for range 10 {
		cmd := exec.CommandContext(t.Context(), "payctl", "deposit", "create", "--from-file", "plan.csv", "--concurrency", "8", "-o", "ndjson")
		cmd.Env, cmd.Dir = s.env, s.dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running.Store(cmd.Process)
		_ = cmd.Wait() // its state says more
		if code = cmd.ProcessState.ExitCode(); code >= 0 {
			break
		}
		killed++
	}
	asked := map[string]int{}
	g.mu.Lock()
	for _, p := range g.pushes {
		asked[fmt.Sprint(p["AccountReference"])]++
	}
	g.mu.Unlock()
	for reference, n := range asked {
		if n > 1 {
			t.Errorf("%s was asked for %d times", reference, n)
		}
	}
	// What was under way at a kill is UNKNOWN: it may have been asked for, and is not again.
	open := s.run("deposit", "list", "--limit", "0", "-o", "json", "--jq", `[length, ([.[] | select(.status == "UNKNOWN")] | length)] | tostring`)
	var counts []int
	if err := json.Unmarshal([]byte(strings.Trim(strings.TrimSpace(open.stdout), `"`)), &counts); err != nil || len(counts) != 2 {
		t.Fatalf("%v: %s%s", err, open.stdout, open.stderr)
	}
	if killed != 3 || code != 0 && code != 8 || counts[0] != lines || len(asked) > lines || len(asked)+counts[1] < lines || counts[1] > 3*8 {
		t.Errorf("killed %d times, exit %d, %d of %d lines asked for, %d recorded, %d UNKNOWN", killed, code, len(asked), lines, counts[0], counts[1])
	}
}
