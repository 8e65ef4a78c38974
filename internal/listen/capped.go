package listen

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// cappedListener bounds open connections. At the total it hangs up on the client
// that has kept it waiting for longest: one that has said nothing yet, is in the
// middle of a request, or is idle between two. Strangers who hold connections open
// thus never keep an honest callback out, which is read as soon as it is accepted.
// Where none waits for a client it stops accepting, so that clients wait in the
// kernel's queue. It also hangs up on a peer over its share.
type cappedListener struct {
	net.Listener
	slots  chan struct{}
	done   chan struct{}
	closed sync.Once
	exempt func(netip.Addr) bool
	most   int
	refuse func()
	// collector, if any, is told how many connections there are.
	collector *Collector
	// header and idle are how long a client is waited for.
	header, idle time.Duration

	mu    sync.Mutex
	peers map[netip.Addr]int
	// waiting holds the connections that wait for their clients, the longest first.
	waiting *list.List
}

func newCapped(ln net.Listener, l Limits, exempt func(netip.Addr) bool, refuse func()) *cappedListener {
	return &cappedListener{
		Listener: ln, slots: make(chan struct{}, l.Connections), done: make(chan struct{}), exempt: exempt,
		header: l.HeaderTime, idle: l.IdleTime, most: l.PeerConnections, refuse: refuse, peers: map[netip.Addr]int{}, waiting: list.New(),
	}
}

// note is told of every connection's state by the HTTP server.
func (l *cappedListener) note(conn net.Conn, state http.ConnState) {
	if state == http.StateIdle {
		if c := cappedOf(conn); c != nil {
			c.settled()
			l.await(c)
		}
	}
}

// await notes that a connection waits for its client from now on.
func (l *cappedListener) await(c *cappedConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.gone {
		return
	}
	if c.place != nil {
		l.waiting.Remove(c.place)
	}
	c.place, c.since = l.waiting.PushBack(c), time.Now()
}

// busy notes that a connection waits for this listener.
func (l *cappedListener) busy(c *cappedConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.place != nil {
		l.waiting.Remove(c.place)
		c.place = nil
	}
}

// grace is what a client has before it gives way to another one: a handshake over a
// long line, say.
const grace = 150 * time.Millisecond

// giveWay hangs up on the client that has been waited for for longest, once it has
// had its grace; else it returns when that will be over.
func (l *cappedListener) giveWay() (left time.Duration) {
	l.mu.Lock()
	var longest *cappedConn
	left = grace
	if front := l.waiting.Front(); front != nil {
		c, _ := front.Value.(*cappedConn)
		left = grace - time.Since(c.since)
		switch {
		case left > 0:
		case pending(c.Conn): // a request has come: it is this process that is late
			l.waiting.MoveToBack(front)
			c.since, left = time.Now(), grace
		default:
			longest, c.place = c, nil
			l.waiting.Remove(front)
		}
	}
	l.mu.Unlock()
	if longest != nil {
		_ = longest.Close()
	}
	return left
}

// slot waits for a place for one more connection; false when the listener is closed.
func (l *cappedListener) slot() bool {
	for {
		select {
		case l.slots <- struct{}{}:
			return true
		default:
		}
		left := l.giveWay()
		if left <= 0 {
			continue
		}
		timer := time.NewTimer(left)
		select {
		case l.slots <- struct{}{}:
			timer.Stop()
			return true
		case <-l.done:
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}

// crowded reports whether connections should not be kept for a next request.
func (l *cappedListener) crowded() bool { return len(l.slots) > cap(l.slots)*3/4 }

// lastGrace is what a client has for a next request once the listener stops: who sends
// one after the other hears in an answer that the connection ends.
const lastGrace = time.Second

// farewell ends the connections that are kept for a next request, each when nothing of
// one has come, and waits for those in the middle of one; false when the context ended
// first. Nothing must be accepted any more, and every answer announce the end.
func (l *cappedListener) farewell(ctx context.Context) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(l.slots) > 0 {
		for _, c := range l.silent() {
			c.hurry()
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// silent returns the connections whose clients were waited for for longer than lastGrace.
func (l *cappedListener) silent() []*cappedConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*cappedConn
	for e := l.waiting.Front(); e != nil; e = e.Next() {
		c, _ := e.Value.(*cappedConn)
		if time.Since(c.since) < lastGrace {
			break
		}
		out = append(out, c)
	}
	return out
}

// Accept waits for a free slot before it takes a connection.
func (l *cappedListener) Accept() (net.Conn, error) {
	for {
		if !l.slot() {
			return nil, net.ErrClosed
		}
		conn, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		var peer netip.Addr
		if at, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
			peer = at.Addr().Unmap().WithZone("")
		}
		if l.enter(peer) {
			c := &cappedConn{Conn: conn, listener: l, peer: peer, patience: patience{header: l.header, idle: l.idle, opened: time.Now()}}
			l.await(c)
			l.collector.connections(1)
			return c, nil
		}
		l.refuse()
		_ = conn.Close()
		<-l.slots
	}
}

// Close stops a waiting Accept too.
func (l *cappedListener) Close() error {
	l.closed.Do(func() { close(l.done) })
	return l.Listener.Close()
}

func (l *cappedListener) enter(peer netip.Addr) bool {
	if !peer.IsValid() || l.exempt(peer) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peers[peerKey(peer)] >= l.most {
		return false
	}
	l.peers[peerKey(peer)]++
	return true
}

// leave gives a connection's slot back.
func (l *cappedListener) leave(c *cappedConn) {
	<-l.slots
	l.collector.connections(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	c.gone = true
	if c.place != nil {
		l.waiting.Remove(c.place)
		c.place = nil
	}
	if !c.peer.IsValid() || l.exempt(c.peer) {
		return
	}
	if l.peers[peerKey(c.peer)]--; l.peers[peerKey(c.peer)] <= 0 {
		delete(l.peers, peerKey(c.peer))
	}
}

// cappedConn gives its slot back once.
type cappedConn struct {
	net.Conn
	listener *cappedListener
	peer     netip.Addr
	once     sync.Once
	// What follows is guarded by the listener's mutex; place is nil while the client
	// is not waited for.
	place *list.Element
	since time.Time
	gone  bool

	reading sync.Mutex
	// patience is guarded by reading.
	patience patience
}

// Close closes the connection and gives its slot back.
func (c *cappedConn) Close() error {
	defer c.once.Do(func() { c.listener.leave(c) })
	return c.Conn.Close()
}

// cappedOf returns the connection below TLS, nil for any other.
func cappedOf(conn net.Conn) *cappedConn {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn() // a goodbye could block
	}
	c, _ := conn.(*cappedConn)
	return c
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, cappedOf(conn))
}

// clientWait tells the listener whether a request's client is waited for.
func clientWait(ctx context.Context, waiting bool) {
	c, _ := ctx.Value(connKey{}).(*cappedConn)
	switch {
	case c == nil:
	case waiting:
		c.listener.await(c)
	default:
		c.listener.busy(c)
	}
}
