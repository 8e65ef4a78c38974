package postgrestest

import (
	"encoding/binary"
	"net"
	"sync"
)

// Fault is what befalls a round trip.
type Fault int

// The faults. Those that cut end the connection; those that freeze keep it, and nothing
// passes any more, not even that the client has left.
const (
	// CutBefore cuts before the request, CutHalf after half of it, CutLate before its last
	// statement is whole, CutAfter after the server's answer, which is lost.
	CutBefore Fault = iota + 1
	CutHalf
	CutLate
	CutAfter
	// FreezeBefore and the others are the same without an end.
	FreezeBefore
	FreezeHalf
	FreezeLate
	FreezeAfter
)

// lastBytes is how long the end of a request is: that of a statement, and Sync.
const lastBytes = 16

// plan is the fault that is still to come.
type plan struct {
	trips int
	fault Fault
	met   chan struct{}
}

// Break has a round trip meet a fault: the nth from now on, of whatever connection. The
// channel is closed once it has.
func (p *Proxy) Break(n int, f Fault) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan = plan{trips: n, fault: f, met: make(chan struct{})}
	return p.plan.met
}

// next returns the fault of a trip that begins, 0 for none.
func (p *Proxy) next() (f Fault, met chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plan.trips == 0 {
		return 0, nil
	}
	if p.plan.trips--; p.plan.trips > 0 {
		return 0, nil
	}
	return p.plan.fault, p.plan.met
}

// exchange is one client's connection.
type exchange struct {
	proxy  *Proxy
	client net.Conn

	// trip holds a request until its Sync; asked follows its messages.
	trip  []byte
	asked messages
	// started says that the client has said whom it wants; ready that the server has
	// answered a first time, which was no trip.
	started, ready bool
	answered       messages

	mu sync.Mutex
	// mute says that no answer passes, cut that the next one ends the connection, frozen
	// that nothing passes.
	mute, cut, frozen bool
	met               chan struct{}
}

// ask takes what the client sends and returns what passes of it: whole requests.
func (e *exchange) ask(data []byte) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.frozen {
		return nil
	}
	var out []byte
	for len(data) > 0 {
		n, kind := e.asked.next(data, !e.started)
		e.trip, data = append(e.trip, data[:n]...), data[n:]
		if kind == 0 {
			return out
		}
		switch {
		case !e.started:
			e.started = true
		case kind == 'S':
			e.breakTrip()
		case kind != 'p' && kind != 'X' && kind != 'Q' && kind != 'H':
			continue
		}
		out, e.trip = append(out, e.trip...), nil
		if e.frozen {
			return out
		}
	}
	return out
}

// breakTrip does to the request what its fault says.
func (e *exchange) breakTrip() {
	f, met := e.proxy.next()
	switch f {
	case 0:
		return
	case CutBefore, FreezeBefore:
		e.trip = nil
	case CutHalf, FreezeHalf:
		e.trip = e.trip[:len(e.trip)/2]
	case CutLate, FreezeLate:
		e.trip = e.trip[:len(e.trip)-lastBytes]
	case CutAfter, FreezeAfter:
		e.mute, e.cut, e.met = true, f == CutAfter, met
		return
	}
	if f >= FreezeBefore {
		e.frozen, e.mute = true, true
	} else {
		_ = e.client.Close()
	}
	close(met)
}

// answer takes what the server sends and returns what passes of it.
func (e *exchange) answer(data []byte) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	for rest := data; len(rest) > 0; {
		n, kind := e.answered.next(rest, false)
		rest = rest[n:]
		if kind != 'Z' {
			continue
		}
		if e.ready {
			e.proxy.trips.Add(1)
		}
		e.ready = true
		if e.met == nil {
			continue
		}
		if e.cut {
			_ = e.client.Close()
		}
		e.frozen = !e.cut
		close(e.met)
		e.met = nil
	}
	if e.mute {
		return nil
	}
	return data
}

// left returns once the server may know that the client has: on a connection that is
// frozen, only when the proxy ends.
func (e *exchange) left() {
	e.mu.Lock()
	frozen := e.frozen
	e.mu.Unlock()
	if frozen {
		<-e.proxy.over
	}
}

// messages follows the messages of one direction.
type messages struct {
	head []byte
	skip int
}

// next returns how much of data belongs to the message that is being read, and the kind
// of that once it is whole, else 0. The first of a client's has no kind: it counts as 1.
func (m *messages) next(data []byte, first bool) (n int, kind byte) {
	head := 5
	if first {
		head = 4
	}
	if len(m.head) < head {
		n = min(head-len(m.head), len(data))
		m.head = append(m.head, data[:n]...)
		if len(m.head) < head {
			return n, 0
		}
		m.skip = int(binary.BigEndian.Uint32(m.head[head-4:])) - 4
		data = data[n:]
	}
	body := min(m.skip, len(data))
	n, m.skip = n+body, m.skip-body
	if m.skip > 0 {
		return n, 0
	}
	kind = 1
	if !first {
		kind = m.head[0]
	}
	m.head = m.head[:0]
	return n, kind
}
