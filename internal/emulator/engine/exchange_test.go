package engine

import (
	"fmt"
	"testing"
)

// Nobody waits for who reads the log, until very much is unread; a virtual clock's steps are logged when they are over.
func TestLogFollows(t *testing.T) {
	t.Parallel()
	read, logged := make(chan struct{}), []string{}
	e := running(t, Config{Log: func(x Exchange) {
		<-read
		logged = append(logged, fmt.Sprint(x.Seq, x.Method))
	}}, answering(200))
	var want []string
	for i := range maxUnlogged {
		method := fmt.Sprint("M", i)
		e.Journal.Add(Exchange{Method: method})
		want = append(want, fmt.Sprint(i+1, method))
	}
	if n := len(e.Journal.List(func(*Exchange) bool { return true })); n != JournalSize {
		t.Errorf("%d exchanges are kept", n)
	}
	close(read)
	end(t, e)
	e.Journal.Add(Exchange{Method: "last"})
	if want = append(want, fmt.Sprint(maxUnlogged+1, "last")); fmt.Sprint(logged) != fmt.Sprint(want) {
		t.Errorf("%d are logged, the last %s; want all in order", len(logged), logged[len(logged)-1])
	}

	var steps []string
	e = running(t, Config{Mode: ClockVirtual, Log: func(x Exchange) { steps = append(steps, x.Method) }}, answering(200))
	defer end(t, e)
	if e.Journal.Add(Exchange{Method: "now"}); len(steps) != 1 {
		t.Errorf("%q is logged", steps)
	}
}

// Who is woken under the lock is woken once it is free, and once.
func TestWakeAfterUnlock(t *testing.T) {
	t.Parallel()
	var l stateLock
	woken := 0
	for range 2 {
		l.Lock()
		if woken == 0 {
			l.Wake(func() {
				woken++
				l.lockFirst() // it is free
				l.Unlock()
			})
		}
		l.Unlock()
	}
	if woken != 1 {
		t.Errorf("woken %d times", woken)
	}
}
