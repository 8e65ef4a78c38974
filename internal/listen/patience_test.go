package listen

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pair is a connection over loopback: the client's end, and the listener's as it reads.
func pair(t *testing.T, l Limits) (client net.Conn, served *cappedConn) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Connections, l.PeerConnections = 1, 1
	capped := newCapped(ln, l, (&Server{}).exempt, func() {})
	t.Cleanup(func() { _ = capped.Close() })
	var d net.Dialer
	if client, err = d.DialContext(t.Context(), "tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	conn, err := capped.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	served, _ = conn.(*cappedConn)
	return client, served
}

// arrived waits until the client's bytes lie in the listener's socket.
func arrived(t *testing.T, served *cappedConn) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !pending(served.Conn); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("nothing arrives")
		}
	}
}

// TestReadsWhatCameInTime: a process that had to wait for a processor past a deadline
// still reads what lay in the socket by then; an abort ends a read all the same.
func TestReadsWhatCameInTime(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not tell what lies in a socket")
	}
	client, served := pair(t, Limits{HeaderTime: time.Millisecond, IdleTime: time.Millisecond})
	if err := served.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if _, err := served.Read(one); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("nothing came, and it read: %v", err)
	}
	if _, err := io.WriteString(client, "ab"); err != nil {
		t.Fatal(err)
	}
	arrived(t, served)
	if n, err := served.Read(one); n != 1 || err != nil || one[0] != 'a' {
		t.Errorf("read %d, %v", n, err)
	}
	if err := served.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if n, err := served.Read(one); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an abort read %d, %v", n, err)
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	opened := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	p := patience{header: 5 * time.Second, idle: 75 * time.Second, opened: opened}
	for _, c := range []struct {
		name string
		p    patience
		t    time.Time
		want time.Duration
	}{
		{"silent: the idle limit", p, opened.Add(5 * time.Second), 75 * time.Second},
		{"a longer limit stays", p, opened.Add(90 * time.Second), 90 * time.Second},
		{"no limit", p, time.Time{}, -1},
		{"an abort", p, time.Unix(1, 0), -1},
		{"after a late first byte", patience{header: p.header, idle: p.idle, opened: opened, heard: true, late: time.Minute}, opened.Add(15 * time.Second), 75 * time.Second},
		{"a kept connection", patience{header: p.header, idle: p.idle, opened: opened, heard: true}, opened.Add(15 * time.Second), 15 * time.Second},
	} {
		want := opened.Add(c.want)
		if c.want < 0 {
			want = c.t
		}
		if got := c.p.until(c.t, opened); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
}

// TestLateFirstRequest: a client that has said nothing for longer than a head may take is
// answered; one that stops in the middle of a head is not waited for.
func TestLateFirstRequest(t *testing.T) {
	t.Parallel()
	r := start(t, Options{Limits: Limits{HeaderTime: 300 * time.Millisecond, RequestTime: 300 * time.Millisecond, IdleTime: time.Minute}})
	conn := r.dial()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	<-timer.C
	reader := bufio.NewReader(conn)
	for range 2 { // and again on the kept connection
		if _, err := io.WriteString(conn, post(stkPath, stkBody)); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(reader, nil)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	slow := r.dial()
	if _, err := io.WriteString(slow, strings.TrimSuffix(post(stkPath, stkBody), stkBody)[:40]); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, slow); err != nil && !errors.Is(err, context.DeadlineExceeded) && errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("half a head is waited for: %v", err)
	}
}

// TestGivesWayToNobodyWithARequest: where one more wants in, a connection whose request
// has come stays, and the one that says nothing goes.
func TestGivesWayToNobodyWithARequest(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not tell what lies in a socket")
	}
	client, served := pair(t, Limits{})
	if _, err := io.WriteString(client, "P"); err != nil {
		t.Fatal(err)
	}
	arrived(t, served)
	served.listener.mu.Lock()
	served.since = time.Now().Add(-time.Minute)
	served.listener.mu.Unlock()
	if left := served.listener.giveWay(); left <= 0 {
		t.Error("it was hung up on")
	}
	if _, err := served.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	served.listener.mu.Lock()
	served.since = time.Now().Add(-time.Minute)
	served.listener.mu.Unlock()
	if left := served.listener.giveWay(); left > 0 {
		t.Error("a silent one stays")
	}
}
