package engine

import (
	"runtime"
	"sync"
)

// stateLock is a lock for which requests queue at a gate, and what is due on the clock does not: however many requests
// there are, it waits for two of them at most.
type stateLock struct {
	gate, state sync.Mutex
	wake        []func() // for Unlock; the lock guards it
}

// Lock is for requests.
func (l *stateLock) Lock() {
	l.gate.Lock()
	l.state.Lock()
	l.gate.Unlock()
}

// lockFirst is for what is due.
func (l *stateLock) lockFirst() { l.state.Lock() }

// Unlock ends both, and wakes whom Wake named. The last of them has the next turn, since this goroutine goes behind all
// that are ready to run.
func (l *stateLock) Unlock() {
	wake := l.wake
	l.wake = nil
	l.state.Unlock()
	for _, one := range wake {
		one()
	}
	if len(wake) > 0 {
		runtime.Gosched()
	}
}

// Wake has a function called that wakes a goroutine, as soon as the lock is free. The lock is held.
func (l *stateLock) Wake(one func()) { l.wake = append(l.wake, one) }
