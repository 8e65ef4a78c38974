package listen

import (
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
	// of the one whose client has kept the listener waiting for longest, or waits
	// to be accepted; from three quarters on, none is kept open after its answer.
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
