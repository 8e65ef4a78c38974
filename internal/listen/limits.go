package listen

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Limits bound what strangers can make the listener hold. Zero fields take the
// defaults, which are far above what any provider sends.
type Limits struct {
	// Body is the largest body in bytes: 1 MiB.
	Body int64
	// BodyMemory is the most memory for bodies being read, in bytes: 32 MiB.
	BodyMemory int64
	// Header is the largest request head in bytes: 16 KiB.
	Header int
	// Connections is how many may be open at once: 2048. One more takes the place
	// of the one that has been idle for longest, or waits to be accepted; from
	// three quarters on, none is kept open after its answer.
	Connections int
	// PeerConnections is how many one peer may hold: 256; loopback and trusted proxies are exempt.
	PeerConnections int
	// InFlight is how many deliveries may wait for the ledger at once: 1024.
	// More wait for Admission, then get a 503.
	InFlight int
	// PeerRate is how many requests a second one peer may send: 500, with twice
	// that in a burst; loopback and trusted proxies are exempt.
	PeerRate int
	// HeaderTime, RequestTime and IdleTime end slow and silent connections: 5 s
	// for the head, 15 s for the whole request, 75 s between requests.
	HeaderTime  time.Duration
	RequestTime time.Duration
	IdleTime    time.Duration
	// Admission is how long a delivery waits for a place in flight: 2 s.
	Admission time.Duration
	// RecordTime is how long a delivery may wait for the ledger: 4 s, since Daraja
	// is said to give up after about 5 s (reference/daraja.md §4.3). A commit that
	// has begun by then may take half of it more.
	RecordTime time.Duration
	// Drain is how long open requests have after a stop: 8 s.
	Drain time.Duration
	// SpillFiles and SpillBytes bound the spill directory: 10,000 and 256 MiB.
	SpillFiles int
	SpillBytes int64
	// SpillReserve is the room kept for spilling on a full disk, in bytes: 2 MiB,
	// some hundred callbacks.
	SpillReserve int64
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Body: or(l.Body, 1<<20), BodyMemory: or(l.BodyMemory, 32<<20), Header: or(l.Header, 16<<10),
		Connections: or(l.Connections, 2048), PeerConnections: or(l.PeerConnections, 256),
		InFlight: or(l.InFlight, 1024), PeerRate: or(l.PeerRate, 500),
		HeaderTime: or(l.HeaderTime, 5*time.Second), RequestTime: or(l.RequestTime, 15*time.Second),
		IdleTime: or(l.IdleTime, 75*time.Second), Admission: or(l.Admission, 2*time.Second),
		RecordTime: or(l.RecordTime, 4*time.Second), Drain: or(l.Drain, 8*time.Second),
		SpillFiles: or(l.SpillFiles, 10_000), SpillBytes: or(l.SpillBytes, 256<<20), SpillReserve: or(l.SpillReserve, 2<<20),
	}
}

func or[T int | int64 | time.Duration](v, standard T) T {
	if v <= 0 {
		return standard
	}
	return v
}

// peerKey groups addresses that one party holds: a whole /64 under IPv6.
func peerKey(a netip.Addr) netip.Addr {
	if a.Is6() && !a.Is4In6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// maxPeers bounds the table of peers. A flood from more addresses than that is
// held by the caps on connections and deliveries in flight.
const maxPeers = 8192

// flood limits each peer's requests with a token bucket.
type flood struct {
	perSecond float64
	burst     float64

	mu    sync.Mutex
	peers map[netip.Addr]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newFlood(perSecond int) *flood {
	return &flood{perSecond: float64(perSecond), burst: 2 * float64(perSecond), peers: map[netip.Addr]bucket{}}
}

// allow takes one request from a peer's bucket.
func (f *flood) allow(peer netip.Addr, now time.Time) bool {
	key := peerKey(peer)
	f.mu.Lock()
	defer f.mu.Unlock()
	b, known := f.peers[key]
	if !known {
		if len(f.peers) >= maxPeers {
			f.forget(now)
		}
		b = bucket{left: f.burst, at: now}
	}
	b.left = min(f.burst, b.left+f.perSecond*max(0, now.Sub(b.at).Seconds()))
	b.at = now
	ok := b.left >= 1
	if ok {
		b.left--
	}
	f.peers[key] = b
	return ok
}

// forget drops the peers whose buckets are full again, and when that is not
// enough, some others.
func (f *flood) forget(now time.Time) {
	for peer, b := range f.peers {
		if b.left+f.perSecond*now.Sub(b.at).Seconds() >= f.burst {
			delete(f.peers, peer)
		}
	}
	for peer := range f.peers {
		if len(f.peers) < maxPeers*3/4 {
			return
		}
		delete(f.peers, peer)
	}
}

// cappedListener bounds open connections: at the total it hangs up on who is
// idle, or else stops accepting, so that clients wait in the kernel's queue; and
// it hangs up on a peer over its share.
type cappedListener struct {
	net.Listener
	slots  chan struct{}
	done   chan struct{}
	closed sync.Once
	exempt func(netip.Addr) bool
	most   int
	refuse func()

	mu    sync.Mutex
	peers map[netip.Addr]int
	// idle holds since when connections have been between two requests.
	idle map[net.Conn]time.Time
}

func newCapped(ln net.Listener, total, perPeer int, exempt func(netip.Addr) bool, refuse func()) *cappedListener {
	return &cappedListener{
		Listener: ln, slots: make(chan struct{}, total), done: make(chan struct{}), exempt: exempt,
		most: perPeer, refuse: refuse, peers: map[netip.Addr]int{},
		idle: map[net.Conn]time.Time{},
	}
}

// note is told of every connection's state by the HTTP server.
func (l *cappedListener) note(conn net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if state == http.StateIdle {
		l.idle[conn] = time.Now()
	} else {
		delete(l.idle, conn)
	}
}

// dropIdle hangs up on the connection that has been idle for longest, if any.
func (l *cappedListener) dropIdle() {
	l.mu.Lock()
	var longest net.Conn
	for conn, since := range l.idle {
		if longest == nil || since.Before(l.idle[longest]) {
			longest = conn
		}
	}
	delete(l.idle, longest)
	l.mu.Unlock()
	if secured, ok := longest.(*tls.Conn); ok {
		longest = secured.NetConn() // a goodbye could block
	}
	if longest != nil {
		_ = longest.Close()
	}
}

// crowded tells that connections should not be kept for a next request.
func (l *cappedListener) crowded() bool { return len(l.slots) > cap(l.slots)*3/4 }

// Accept waits for a free slot before it takes a connection.
func (l *cappedListener) Accept() (net.Conn, error) {
	for {
		if len(l.slots) == cap(l.slots) {
			l.dropIdle()
		}
		select {
		case l.slots <- struct{}{}:
		case <-l.done:
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
			return &cappedConn{Conn: conn, leave: func() { l.leave(peer) }}, nil
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

func (l *cappedListener) leave(peer netip.Addr) {
	<-l.slots
	if !peer.IsValid() || l.exempt(peer) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peers[peerKey(peer)]--; l.peers[peerKey(peer)] <= 0 {
		delete(l.peers, peerKey(peer))
	}
}

// cappedConn gives its slot back once.
type cappedConn struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close closes the connection and gives its slot back.
func (c *cappedConn) Close() error {
	defer c.once.Do(c.leave)
	return c.Conn.Close()
}
