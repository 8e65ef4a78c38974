package postgrestest

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy stands between a program and the server: it counts round trips, delays what
// passes, can cut all connections, and breaks a trip as Break says.
type Proxy struct {
	// URL is that of a ledger by way of the proxy.
	URL string

	ln    net.Listener
	to    string
	delay atomic.Int64
	trips atomic.Int64
	down  atomic.Bool
	wg    sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]bool
	plan  plan
	over  chan struct{}
}

// NewProxy starts a proxy before the server of a ledger.
func NewProxy(ctx context.Context, place string) (*Proxy, error) {
	u, err := url.Parse(place)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{ln: ln, to: u.Host, conns: map[net.Conn]bool{}, over: make(chan struct{})}
	u.Host = ln.Addr().String()
	p.URL = u.String()
	p.wg.Go(func() { p.accept(ctx) })
	return p, nil
}

// SetDelay delays what passes by half a round trip's time in each direction.
func (p *Proxy) SetDelay(rtt time.Duration) { p.delay.Store(int64(rtt / 2)) }

// Trips returns how many round trips were made, those of connecting left out.
func (p *Proxy) Trips() int64 { return p.trips.Load() }

// SetDown cuts all connections and refuses new ones, or takes them again.
func (p *Proxy) SetDown(down bool) {
	p.down.Store(down)
	if !down {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Close ends the proxy.
func (p *Proxy) Close() {
	_ = p.ln.Close()
	close(p.over)
	p.SetDown(true)
	p.wg.Wait()
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		if p.down.Load() {
			_ = client.Close()
			continue
		}
		var d net.Dialer
		server, err := d.DialContext(ctx, "tcp", p.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		var both sync.WaitGroup
		e := &exchange{proxy: p, client: client}
		both.Go(func() { p.pass(server, client, e.ask); e.left(); _ = server.Close() })
		both.Go(func() { p.pass(client, server, e.answer); _ = client.Close() })
		p.wg.Go(func() {
			both.Wait()
			p.mu.Lock()
			delete(p.conns, client)
			delete(p.conns, server)
			p.mu.Unlock()
		})
	}
}

// pass copies one direction, what look makes of each piece, as late as the delay says.
func (p *Proxy) pass(to, from net.Conn, look func([]byte) []byte) {
	type piece struct {
		at   time.Time
		data []byte
	}
	pieces := make(chan piece, 1024)
	var wg sync.WaitGroup
	wg.Go(func() {
		for one := range pieces {
			if left := time.Until(one.at); left > 0 {
				timer := time.NewTimer(left)
				<-timer.C
			}
			if _, err := to.Write(one.data); err != nil {
				_ = from.Close()
			}
		}
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if data := look(append([]byte(nil), buf[:n]...)); len(data) > 0 {
				pieces <- piece{time.Now().Add(time.Duration(p.delay.Load())), data}
			}
		}
		if err != nil {
			break
		}
	}
	close(pieces)
	wg.Wait()
	_ = from.Close()
}
