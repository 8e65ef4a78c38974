package listen

import (
	"bufio"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestDrain holds that a stop finishes what is open, takes nothing new, and
// leaves in time.
func TestDrain(t *testing.T) {
	t.Parallel()
	r := start(t, Options{SpillDir: t.TempDir(), Limits: Limits{RecordTime: 2 * time.Second, Drain: time.Minute}})
	idle := r.dial()
	defer func() { _ = idle.Close() }()
	if _, err := io.WriteString(idle, post(stkPath, stkBody)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the idle connection has been served", func() bool { return len(r.ledger.stored()) == 1 })
	r.ledger.set(nil, true)
	open := make(chan []int, 1)
	go func() { open <- r.raw(post(stkPath, stkBody)) }()
	eventually(t, "in flight", func() bool { return len(r.inFlight) == 1 })
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if took := time.Since(began); took > 50*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if diff := cmp.Diff([]int{200}, <-open); diff != "" {
		t.Errorf("the open request (-want +got):\n%s", diff)
	}
	if files, _ := r.spill.waiting(); files != 1 {
		t.Errorf("%d spilled", files)
	}
	if diff := cmp.Diff([]int{200}, answers(idle)); diff != "" {
		t.Errorf("the idle connection (-want +got):\n%s", diff)
	}
}

// TestDrainCutsOff holds that a client who never finishes does not hold up a stop.
func TestDrainCutsOff(t *testing.T) {
	t.Parallel()
	r := start(t, Options{Limits: Limits{Drain: 100 * time.Millisecond}})
	conn := r.dial()
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST "+stkPath+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"); err != nil {
		t.Fatal(err)
	}
	if got := r.raw(post(stkPath, stkBody)); got[0] != 200 {
		t.Fatal(got)
	}
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

// TestStopAnnounces holds that a kept connection ends with an answer that says so: a
// request that comes on it while the listener stops is taken.
func TestStopAnnounces(t *testing.T) {
	t.Parallel()
	r := start(t, Options{})
	conn := r.dial()
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	ask := func() *http.Response {
		t.Helper()
		if _, err := io.WriteString(conn, post(stkPath, stkBody)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp
	}
	if resp := ask(); resp.StatusCode != http.StatusOK || resp.Close {
		t.Fatalf("%d, close %t", resp.StatusCode, resp.Close)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	eventually(t, "it stops", r.draining.Load)
	if resp := ask(); resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("%d, close %t", resp.StatusCode, resp.Close)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if n := len(r.ledger.stored()); n != 2 {
		t.Errorf("%d deliveries", n)
	}
}

// TestStopReadsWhatCame holds that the end of an idle connection takes no request with it
// that lies in the socket, and that one in which nothing lies ends.
func TestStopReadsWhatCame(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not tell what lies in a socket")
	}
	for _, come := range []string{"", "PO"} {
		client, served := pair(t, Limits{HeaderTime: time.Minute, IdleTime: time.Minute})
		served.settled()
		if _, err := io.WriteString(client, come); err != nil {
			t.Fatal(err)
		}
		if come != "" {
			arrived(t, served)
		}
		served.hurry()
		all := make([]byte, 64)
		n, err := served.Read(all)
		if got := string(all[:n]); got != come || (err == nil) != (come != "") {
			t.Errorf("read %q, %v; %q had come", got, err, come)
		}
		served.hurry() // in the middle of a request: it has its time
		if come == "" {
			continue
		}
		if _, err := io.WriteString(client, "ST / HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
		if n, err := served.Read(all); err != nil || n == 0 {
			t.Errorf("the rest of the head: %d, %v", n, err)
		}
	}
}
