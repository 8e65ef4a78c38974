package web

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// stream is an open stream of a real server.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
	stop  context.CancelFunc
	code  int
}

func (v *viewer) served() string {
	v.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = testAddr
		v.ServeHTTP(w, r)
	}))
	v.t.Cleanup(func() { v.Close(context.Background()); server.Close() })
	return server.URL
}

func (v *viewer) listen(url, last string) *stream {
	v.t.Helper()
	ctx, stop := context.WithCancel(v.t.Context())
	v.t.Cleanup(stop)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+v.Bearer())
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = res.Body.Close() })
	return &stream{v.t, bufio.NewScanner(res.Body), stop, res.StatusCode}
}

// next returns the next message of a kind: its id and data.
func (s *stream) next(kind string) (id, data string) {
	s.t.Helper()
	at := ""
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			at = value
		case "data":
			if at == kind {
				return id, value
			}
		}
	}
	s.t.Fatalf("the stream ended before %s: %v", kind, s.lines.Err())
	return "", ""
}

// TestStream: a commit is told by its id alone, and soon; who comes back learns whether
// something was missed.
func TestStream(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	url := v.served()
	s := v.listen(url, "")
	first, _ := s.next("hello")
	s.next("change") // what may have come before the watch began
	id := v.arrive(`{"secret": "body"}`, nil, payment.VerdictMalformed, nil)
	began := time.Now()
	last, data := s.next("change")
	for !strings.Contains(data, id) {
		last, data = s.next("change")
	}
	if strings.Contains(data, "body") || last == first {
		t.Errorf("%s tells %s", last, data)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	s.stop()
	if again, _ := v.listen(url, first).next("change"); again == first {
		t.Errorf("who missed something is not told: %s", again)
	}
}

// TestStreamsAreBounded: so many, and no more; one that is closed makes room.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	url := v.served()
	var open []*stream
	for range mostStreams {
		s := v.listen(url, "")
		s.next("hello")
		open = append(open, s)
	}
	if s := v.listen(url, ""); s.code != http.StatusServiceUnavailable {
		t.Errorf("one too many is answered %d", s.code)
	}
	open[0].stop()
	for began := time.Now(); ; {
		s := v.listen(url, "")
		if s.code == http.StatusOK {
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("a closed stream makes no room")
		}
	}
}

// TestSlowReaderLosesCountedMessages: what a reader has no room for is counted, not kept.
func TestSlowReaderLosesCountedMessages(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	sub, _, err := v.hub.join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.hub.leave(sub)
	for range 10 * streamRoom {
		v.hub.tell("strip", news{})
	}
	for range streamRoom {
		<-sub.room
	}
	v.hub.tell("strip", news{})
	for m := range sub.room {
		if m.news.Dropped >= 9*streamRoom {
			return
		}
		if m.kind == "strip" && m.news.Dropped == 0 {
			continue
		}
	}
}
