package listen

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// TestLedgerFails holds the answer of each provider when the ledger cannot
// take a delivery: Daraja sends once, so it is spilled; the others try again.
func TestLedgerFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request string
		hang    bool
		noSpill bool
		want    int
		spilled int
	}{
		"daraja":                       {post(stkPath, stkBody), false, false, 200, 1},
		"daraja, junk":                 {post(stkPath, "junk"), false, false, 200, 1},
		"daraja, the ledger hangs":     {post(stkPath, stkBody), true, false, 200, 1},
		"daraja, nowhere to spill to":  {post(stkPath, stkBody), false, true, 503, 0},
		"wasaapay":                     {post("/callbacks/wasaapay", stkBody, "Authorization: sig"), false, false, 503, 0},
		"wasaapay, the ledger hangs":   {post("/callbacks/wasaapay", stkBody, "Authorization: sig"), true, false, 503, 0},
		"wasaapay, forged":             {post("/callbacks/wasaapay", stkBody), false, false, 503, 0},
		"sevi":                         {post("/callbacks/sevi", stkBody, "Authorization: tok"), false, false, 503, 0},
		"confirmation, sent once also": {post("/callbacks/daraja/c2b/confirmation", stkBody), false, false, 200, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{SpillDir: t.TempDir(), Limits: Limits{RecordTime: 100 * time.Millisecond}}
			if c.noSpill {
				o.SpillDir = ""
			}
			r := start(t, o)
			r.ledger.set(errLedger, c.hang)
			if diff := cmp.Diff([]int{c.want}, r.raw(c.request)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if files, _ := r.spill.waiting(); files != c.spilled || len(r.ledger.stored()) != 0 {
				t.Errorf("%d spilled, %d stored", files, len(r.ledger.stored()))
			}
			if got := r.raw("GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); got[0] != 503 {
				t.Errorf("ready while the ledger is down: %v", got)
			}
			r.ledger.set(nil, false)
			eventually(t, "the spilled delivery is taken in", func() bool {
				files, _ := r.spill.waiting()
				return files == 0 && len(r.ledger.stored()) == c.spilled
			})
		})
	}
}

// TestOutageIsToldOnce holds what the log says of a time in which the ledger takes nothing:
// that it begins, and what was kept and refused meanwhile when it is over.
func TestOutageIsToldOnce(t *testing.T) {
	t.Parallel()
	out := &syncBuffer{}
	r := start(t, Options{SpillDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(out, nil))})
	r.ledger.set(errLedger, false)
	for range 3 {
		r.raw(post(stkPath, stkBody))
	}
	r.raw(post("/callbacks/wasaapay", stkBody, "Authorization: sig"))
	r.ledger.set(nil, false)
	eventually(t, "the end is told", func() bool { return strings.Contains(out.String(), "count=3") })
	text := out.String()
	if n := strings.Count(text, "could not take a delivery"); n != 1 {
		t.Errorf("the outage is told %d times:\n%s", n, text)
	}
	if !strings.Contains(text, "takes deliveries again") || !strings.Contains(text, "spilled=3 refused=1") {
		t.Errorf("its end is not told:\n%s", text)
	}
}

// TestSpillClaims holds that listeners that share a spill directory take each
// file in once, and that a claim does not outlive its owner for long.
func TestSpillClaims(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	spills := make([]*spill, 3)
	for i := range spills {
		sp, err := newSpill(dir, Limits{SpillReserve: 4096}.withDefaults(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		sp.claimed = 30 * time.Minute
		spills[i] = sp
	}
	const files = 30
	for i := range files {
		d := payment.Delivery{Provider: payment.Daraja, Route: stkPath, Body: fmt.Append(nil, i), ReceivedAt: time.Unix(int64(i), 0)}
		if err := spills[0].put(d); err != nil {
			t.Fatal(err)
		}
	}
	// Its owner died long ago; another's is at work.
	names := spills[0].list()
	dead, err := spills[1].claim(filepath.Join(dir, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	alive, err := spills[1].claim(filepath.Join(dir, names[1]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(dead, time.Now(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	spills[2].recoverClaims()
	var mu sync.Mutex
	got := map[string]int{}
	var listeners sync.WaitGroup
	for _, sp := range spills {
		listeners.Go(func() {
			_, bad, err := sp.takeIn(t.Context(), func(_ context.Context, d payment.Delivery) error {
				time.Sleep(time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				got[string(d.Body)]++
				return nil
			})
			if err != nil || len(bad) != 0 {
				t.Errorf("bad %q, %v", bad, err)
			}
		})
	}
	listeners.Wait()
	want := map[string]int{}
	for i := range files {
		want[fmt.Sprint(i)] = 1
	}
	delete(want, "1")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("taken in (-want +got):\n%s", diff)
	}
	if left := spills[0].named(suffixTaking); len(left) != 1 || filepath.Join(dir, left[0]) != alive {
		t.Errorf("claims left: %q", left)
	}
}

// TestSpillKeepsEverything holds that the next start takes in what this one
// spilled, byte for byte, and once.
func TestSpillKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := time.Date(2026, 3, 2, 8, 15, 0, 123456789, time.UTC)
	o := Options{SpillDir: dir, Now: func() time.Time { return at }}
	first := start(t, o)
	first.ledger.set(errLedger, false)
	body := "{\"id\":\"a\",\"x\":\"\xff\x00\"}"
	if got := first.raw(post(stkPath+"/tok-1", body, "X-A: 1", "X-A: 2")); got[0] != 200 {
		t.Fatalf("answer %v", got)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range first.spill.list() {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	second := start(t, o)
	eventually(t, "taken in", func() bool { return len(second.ledger.stored()) == 1 })
	got := second.ledger.stored()[0].Delivery
	want := payment.Delivery{
		Provider: payment.Daraja, Route: stkPath, Token: "tok-1", Method: "POST", Body: []byte(body), Peer: "127.0.0.1", ReceivedAt: at,
		Header: http.Header{"Content-Length": {fmt.Sprint(len(body))}, "X-A": {"1", "2"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	eventually(t, "removed", func() bool { return len(second.spill.list()) == 0 })
}

// TestSpillFaults holds what becomes of files that a failing disk left behind,
// of a directory that is full, and of a disk that is.
func TestSpillFaults(t *testing.T) {
	t.Parallel()
	d := payment.Delivery{Provider: payment.Daraja, Route: stkPath, Body: []byte(stkBody), ReceivedAt: time.Unix(0, 0)}
	open := func(t *testing.T, l Limits) *spill {
		t.Helper()
		sp, err := newSpill(t.TempDir(), l.withDefaults(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return sp
	}
	t.Run("unreadable files are set aside", func(t *testing.T) {
		t.Parallel()
		sp := open(t, Limits{})
		for _, text := range []string{"", "{", `{"version":2}`, `{"version":1,"sha256":"00","body":"YQ=="}`} {
			if err := sp.write(fmt.Sprintf("bad%d", len(text)), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := sp.put(d); err != nil {
			t.Fatal(err)
		}

		var taken int
		n, bad, err := sp.takeIn(t.Context(), func(_ context.Context, got payment.Delivery) error {
			taken++
			if diff := cmp.Diff(d.Body, got.Body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			return nil
		})

		if n != 1 || taken != 1 || len(bad) != 4 || err != nil {
			t.Errorf("taken %d, bad %q, err %v", n, bad, err)
		}
		aside, err := filepath.Glob(filepath.Join(sp.dir, "*"+suffixBad))
		if files, _ := sp.waiting(); len(aside) != 4 || err != nil || files != 0 {
			t.Errorf("set aside %q, %v; %d waiting", aside, err, files)
		}
	})
	t.Run("what a killed writer left is taken in if it is whole", func(t *testing.T) {
		t.Parallel()
		sp := open(t, Limits{})
		if err := sp.put(d); err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(filepath.Join(sp.dir, sp.list()[0]))
		if err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		for name, text := range map[string][]byte{"whole": whole, "cut": whole[:len(whole)/2], "young": whole} {
			path := filepath.Join(sp.dir, name+suffixPartial)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if name == "young" {
				continue // its writer may be at it
			}
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}

		n, bad, err := sp.takeIn(t.Context(), func(_ context.Context, got payment.Delivery) error {
			if diff := cmp.Diff(d.Body, got.Body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			return nil
		})

		if n != 2 || err != nil || !slices.Equal(bad, []string{"cut"}) {
			t.Errorf("taken %d, bad %q, err %v", n, bad, err)
		}
		left := append(sp.named(suffixPartial), sp.named(suffixBad)...)
		if diff := cmp.Diff([]string{"young" + suffixPartial, "cut" + suffixBad}, left); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		if files, bytes := sp.waiting(); files != 0 || bytes != 0 {
			t.Errorf("%d files of %d bytes are said to wait", files, bytes)
		}
	})
	t.Run("a ledger that fails again keeps the file", func(t *testing.T) {
		t.Parallel()
		sp := open(t, Limits{})
		if err := sp.put(d); err != nil {
			t.Fatal(err)
		}
		_, _, err := sp.takeIn(t.Context(), func(context.Context, payment.Delivery) error { return errLedger })
		if files, _ := sp.waiting(); err == nil || files != 1 || len(sp.list()) != 1 {
			t.Errorf("err %v, %d waiting", err, files)
		}
	})
	t.Run("a full directory refuses", func(t *testing.T) {
		t.Parallel()
		sp := open(t, Limits{SpillFiles: 2})
		got := []bool{sp.put(d) == nil, sp.put(d) == nil, sp.put(d) == nil}
		if diff := cmp.Diff([]bool{true, true, false}, got); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
	})
	t.Run("a full disk gives up the reserve", func(t *testing.T) {
		t.Parallel()
		sp := open(t, Limits{})
		reserve := filepath.Join(sp.dir, reserveName)
		if info, err := os.Stat(reserve); err != nil || info.Size() != 2<<20 {
			t.Fatalf("reserve: %v %v", info, err)
		}
		sp.write = func(name string, text []byte) error {
			if _, err := os.Stat(reserve); err == nil {
				return &os.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
			}
			return sp.writeFile(name, text)
		}
		if err := sp.put(d); err != nil {
			t.Fatal(err)
		}
		sp.write = func(string, []byte) error { return syscall.ENOSPC }
		if err := sp.put(d); err == nil {
			t.Error("a full disk without reserve kept a delivery")
		}
	})
	t.Run("a directory that cannot be made is an error", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := newSpill(filepath.Join(file, "spill"), Limits{}.withDefaults(), time.Now); payment.KindOf(err) != payment.KindInternal || err == nil {
			t.Errorf("err %v", err)
		}
	})
}

// TestSlowClients holds that nobody keeps a connection by doing nothing.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	// Long enough for a head, or a whole request, on a loaded machine; the drops
	// take much longer.
	const short, drop = 3 * time.Second, 150 * time.Millisecond
	limits := Limits{HeaderTime: short, RequestTime: 2 * short, IdleTime: short}
	for name, c := range map[string]struct {
		parts []string
		want  []int
	}{
		"says nothing":         {nil, nil},
		"head in drops":        {strings.Split("POST "+stkPath+" HTTP/1.1\r\nHost: x\r\nX-A: aaaaaaaaaaaa", ""), nil},
		"body in drops":        {append([]string{"POST " + stkPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"}, strings.Split(strings.Repeat("a", 100), "")...), []int{408}},
		"chunks in drops":      {append([]string{"POST " + stkPath + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"}, strings.Split(strings.Repeat("1\r\na\r\n", 40), "\n")...), []int{408}},
		"idle after a request": {[]string{post(stkPath, stkBody)}, []int{200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, Options{Limits: limits})
			conn := r.dial()
			defer func() { _ = conn.Close() }()
			began := time.Now()
			stop := make(chan struct{})
			done := make(chan struct{})
			go func() {
				defer close(done)
				for _, p := range c.parts {
					if _, err := io.WriteString(conn, p); err != nil {
						return
					}
					select {
					case <-time.After(drop):
					case <-stop:
						return
					}
				}
			}()
			got := answers(conn)
			close(stop)
			<-done
			var final []int
			for _, status := range got {
				if status != 400 { // what a broken-off head may be answered with
					final = append(final, status)
				}
			}
			if diff := cmp.Diff(c.want, final); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			if took := time.Since(began); took > time.Minute {
				t.Errorf("hung up after %s", took)
			}
		})
	}
}

// TestBackPressure holds that a listener that is full says so, and recovers.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	t.Run("in flight", func(t *testing.T) {
		t.Parallel()
		r := start(t, Options{SpillDir: t.TempDir(), Limits: Limits{InFlight: 1, Admission: 50 * time.Millisecond}})
		r.ledger.set(nil, true)
		first := make(chan []int, 1)
		go func() { first <- r.raw(post(stkPath, stkBody)) }()
		eventually(t, "the first is in flight", func() bool { return len(r.inFlight) == 1 })
		conn := r.dial()
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, post("/callbacks/sevi", stkBody, "Authorization: tok")); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if diff := cmp.Diff([]any{503, "5"}, []any{res.StatusCode, res.Header.Get("Retry-After")}); diff != "" {
			t.Errorf("status, Retry-After (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]int{200}, r.raw(post(stkPath, stkBody))); diff != "" {
			t.Errorf("a provider that sends once is spilled (-want +got):\n%s", diff)
		}
		if files, _ := r.spill.waiting(); files != 1 {
			t.Errorf("%d spilled", files)
		}
		r.ledger.set(nil, false)
		<-first
		if diff := cmp.Diff([]int{200}, r.raw(post(stkPath, stkBody))); diff != "" {
			t.Errorf("afterwards (-want +got):\n%s", diff)
		}
	})
	t.Run("body memory", func(t *testing.T) {
		t.Parallel()
		r := start(t, Options{Limits: Limits{BodyMemory: 64 << 10}})
		got := [][]int{r.raw(post(stkPath, strings.Repeat("a", 32<<10))), r.raw(post(stkPath, strings.Repeat("a", 256<<10))), r.raw(post(stkPath, stkBody))}
		if diff := cmp.Diff([][]int{{200}, {503}, {200}}, got); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	})
	t.Run("connections", func(t *testing.T) {
		t.Parallel()
		r := start(t, Options{Limits: Limits{Connections: 2}})
		one, two := r.dial(), r.dial()
		defer func() { _ = two.Close() }()
		if _, err := io.WriteString(one, "POST "+stkPath); err != nil {
			t.Fatal(err)
		}
		third := make(chan []int, 1)
		go func() { third <- r.raw(post(stkPath, stkBody)) }()
		select {
		case got := <-third:
			t.Fatalf("a third connection was served: %v", got)
		case <-time.After(100 * time.Millisecond):
		}
		_ = one.Close()
		if diff := cmp.Diff([]int{200}, <-third); diff != "" {
			t.Errorf("after one hung up (-want +got):\n%s", diff)
		}
	})
}
