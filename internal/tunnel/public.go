package tunnel

import (
	"context"
	"net"
	"sync"
	"time"
)

// Public keeps a public address before a listener: it runs the program, hands the address
// over to other commands, and tells of changes.
type Public struct {
	Program Program
	// StateDir and Profile name where the address is published; Ledger is the listener's.
	StateDir, Profile, Ledger string
	Now                       func() time.Time
	// Unusable returns what is wrong with an address, "" if nothing is.
	Unusable func(url string) string
	// Serve answers what comes through the tunnel until ctx ends.
	Serve func(ctx context.Context, ln net.Listener, probe *Probe) error
	// Left returns the deposits that were sent since some time with an address that is
	// gone, and what follows them.
	Left func(ctx context.Context, since time.Time) (ids []string, follow []func())
	// Show tells of a change; it is not called before Announce.
	Show func(e Event, left []string)
	// Warn is told of errors, Output of the program's lines.
	Warn   func(error)
	Output func(line string)

	// first is closed when there is something to say: an address, or why there is none.
	first     chan struct{}
	firstOnce sync.Once

	mu        sync.Mutex
	last      Event
	since     time.Time
	announced bool
	published *Publication
	// socket and work are the goroutines of the socket and of everything else.
	socket, work sync.WaitGroup
	endProgram   context.CancelFunc
}

// Last is how the tunnel stands.
func (p *Public) Last() Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// Run opens the tunnel's socket and keeps the tunnel up until ctx ends and Stop is called.
// It returns when there is an address, or a reason why there is none yet.
func (p *Public) Run(ctx context.Context) (err error) {
	p.first, p.since = make(chan struct{}), p.Now()
	if p.published, err = Publish(p.StateDir, p.Profile); err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// The program outlives the socket: the last answers go through it.
	program, endProgram := context.WithCancel(context.WithoutCancel(ctx))
	p.endProgram = endProgram
	probe := &Probe{Now: p.Now}
	t, err := New(Options{
		Program: p.Program, Port: ln.Addr().(*net.TCPAddr).Port, Now: p.Now, //nolint:forcetypeassert // a TCP listener has no other
		Unusable: p.Unusable, Check: probe.Check, Report: func(e Event) { p.changed(program, e) }, Output: p.Output,
	})
	if err != nil {
		_ = ln.Close()
		return err
	}
	p.socket.Go(func() { p.Warn(p.Serve(ctx, ln, probe)) })
	failed := make(chan error, 1)
	p.work.Go(func() { failed <- t.Run(program) })
	select {
	case <-p.first:
	case <-ctx.Done():
	case err = <-failed:
	}
	return err
}

// Stop waits for the socket, whose context has ended, then ends the program and takes the
// address back.
func (p *Public) Stop() error {
	p.socket.Wait()
	if p.endProgram != nil {
		p.endProgram()
	}
	p.work.Wait()
	if p.published == nil {
		return nil
	}
	return p.published.Close()
}

// Announce shows the tunnel from now on: the ready line comes first.
func (p *Public) Announce() {
	p.mu.Lock()
	p.announced = true
	p.mu.Unlock()
	p.show(p.Last(), nil)
}

// changed tells of a change, hands the address over and looks after deposits that were
// sent with one that is gone.
func (p *Public) changed(ctx context.Context, e Event) {
	p.mu.Lock()
	moved := e.URL != "" && e.URL != p.last.URL && e.PreviousURL != ""
	since := p.since
	if e.URL != "" && e.URL != p.last.URL {
		p.since = p.Now()
	}
	p.last = e
	published := Handover{URL: e.URL, Ledger: p.Ledger, State: e.State, Since: p.since, CheckedAt: e.CheckedAt}
	p.mu.Unlock()
	p.Warn(p.published.Set(published))
	var left []string
	if moved {
		var follow []func()
		left, follow = p.Left(ctx, since)
		for _, f := range follow {
			p.work.Go(f)
		}
	}
	p.show(e, left)
	if e.State != Starting && (e.State == Live || e.Problem != "") {
		p.firstOnce.Do(func() { close(p.first) })
	}
}

// show shows a change, once the ready line is out.
func (p *Public) show(e Event, left []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.announced {
		p.Show(e, left)
	}
}
