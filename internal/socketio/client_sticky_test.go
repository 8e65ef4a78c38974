package socketio

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Two servers behind a balancer that holds a session to one of them by a cookie: without it every second poll is a 400,
// and the client never gets in.
func TestPollingKeepsTheBalancersCookie(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	turn := 0
	servers := map[string]http.Handler{"a": mounted(NewServer(fastServer(nil))), "b": mounted(NewServer(fastServer(nil)))}
	srv := loopback(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("route")
		if err != nil {
			mu.Lock()
			turn++
			cookie = &http.Cookie{Name: "route", Value: []string{"a", "b"}[turn%2], Path: "/"}
			mu.Unlock()
			http.SetCookie(w, cookie)
		}
		servers[cookie.Value].ServeHTTP(w, r)
	}))
	for mode, transports := range modes() {
		f := follow(t, fastClient(srv.URL, transports...))
		select {
		case e := <-f.events:
			if e.Kind != EventConnected {
				t.Errorf("%s: %v %v", mode, e.Kind, e.Err)
			}
		case err := <-f.result:
			t.Errorf("%s: ended with %v", mode, err)
		}
		if err := f.end(); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

// What is traced are the packets of both directions, and never the key.
func TestTraceShowsPacketsWithoutTheKey(t *testing.T) {
	t.Parallel()
	srv := loopback(t, mounted(NewServer(fastServer(func(c *Conn) {
		c.On("subscribe", func(Message) { _ = c.Emit("key", "your key is "+testKey) })
	}))))
	for mode, transports := range modes() {
		var mu sync.Mutex
		var lines []string
		opts := fastClient(srv.URL, transports...)
		opts.Trace = func(sent bool, packet string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, map[bool]string{true: "> ", false: "< "}[sent]+packet)
		}
		f := follow(t, opts)
		f.next(EventConnected)
		if err := f.Emit(t.Context(), "subscribe", map[string]string{"id": "dep_1"}); err != nil {
			t.Fatal(err)
		}
		f.next(EventMessage)
		if err := f.end(); err != nil {
			t.Error(err)
		}
		mu.Lock()
		all := strings.Join(lines, "\n")
		mu.Unlock()
		for _, want := range []string{"> 40{…}", "< 40{", `> 42["subscribe",{"id":"dep_1"}]`, `< 42["key","your key is ***"]`} {
			if !strings.Contains(all, want) {
				t.Errorf("%s: %q is not in\n%s", mode, want, all)
			}
		}
		if strings.Contains(all, testKey) {
			t.Errorf("%s: the key is in\n%s", mode, all)
		}
	}
}
