package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// State says how far a tunnel can be relied on.
type State string

// The states.
const (
	// Starting has no address yet.
	Starting State = "starting"
	// Unchecked has an address that was not yet seen to lead here.
	Unchecked State = "unchecked"
	// Live was seen to lead here by its last check.
	Live State = "live"
	// Degraded failed its last two checks.
	Degraded State = "degraded"
	// Down has no program running; another start follows.
	Down State = "down"
)

// Event is a change of a tunnel.
type Event struct {
	State State
	// URL is the public base address, "" while there is none.
	URL string
	// PreviousURL is the address that URL took the place of, "" for none.
	PreviousURL string
	// CheckedAt is when the address was last seen to lead here; zero for never.
	CheckedAt time.Time
	// Problem and Next say what is wrong and what to try; "" where nothing is.
	Problem, Next string
}

// Options says what tunnel to run.
type Options struct {
	// Program makes the address.
	Program Program
	// Port is the port of 127.0.0.1 that the address is to lead to.
	Port int
	// Unusable returns what makes an address useless to the providers, "" for nothing.
	Unusable func(url string) string
	// Check returns nil when the address was seen to lead here. issued is when the
	// program gave the name, zero for a name that the operator gave.
	Check func(ctx context.Context, url string, issued time.Time) error
	// Report is told of each change, from the goroutine that runs the tunnel.
	Report func(Event)
	// Output is told of each line that the program writes; nil for nobody.
	Output func(line string)
	// Now is the clock.
	Now func() time.Time

	// Times may be shortened in tests; zero values are the defaults.
	Times Times
}

// Times bound a tunnel's steps.
type Times struct {
	// URL bounds the wait for an address (40 s).
	URL time.Duration
	// Ready bounds the wait for the program's connection to its edge (30 s).
	Ready time.Duration
	// Every is the interval of checks (60 s), Retry that of failing ones (5 s).
	Every, Retry time.Duration
	// Backoff is the first wait before another start (1 s); it doubles up to Limited.
	Backoff time.Duration
	// Limited is the wait after the service refused for the rate (60 s).
	Limited time.Duration
	// Stop is what a program gets to end by itself (5 s).
	Stop time.Duration
}

func (t Times) withDefaults() Times {
	def := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	def(&t.URL, 40*time.Second)
	def(&t.Ready, 30*time.Second)
	def(&t.Every, time.Minute)
	def(&t.Retry, 5*time.Second)
	def(&t.Backoff, time.Second)
	def(&t.Limited, time.Minute)
	def(&t.Stop, 5*time.Second)
	return t
}

// Tunnel is one tunnel. Make one with New.
type Tunnel struct {
	o    Options
	http *http.Client
	// last is the event that was reported last.
	last Event
	// previous is the address before the present one.
	previous string
	failures int
}

// New returns a tunnel that Run starts. A program that is not installed is KindUsage.
func New(o Options) (*Tunnel, error) {
	if err := o.Program.installed(); err != nil {
		return nil, err
	}
	o.Times = o.Times.withDefaults()
	// The program's own API is on this machine: no proxy lies between.
	return &Tunnel{o: o, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 3 * time.Second}}, nil
}

// Run keeps the tunnel up until ctx ends, then stops the program and returns nil. It
// returns an error only when another start would fail in the same way: KindUsage.
func (t *Tunnel) Run(ctx context.Context) error {
	defer t.http.CloseIdleConnections()
	backoff := t.o.Times.Backoff
	for attempt := 0; ; attempt++ {
		began := t.o.Now()
		err := t.once(ctx, attempt)
		if ctx.Err() != nil {
			return nil
		}
		var failed *failure
		if !errors.As(err, &failed) {
			return err
		}
		if failed.useless {
			return payment.Usage("tunnel: "+failed.problem, failed.next)
		}
		t.down(failed)
		wait := backoff
		switch {
		case failed.limited:
			wait = max(wait, t.o.Times.Limited)
		case t.o.Now().Sub(began) > t.o.Times.Limited:
			wait, backoff = t.o.Times.Backoff, t.o.Times.Backoff
		}
		backoff = min(2*backoff, t.o.Times.Limited)
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// down reports the end of a program. Its address stays known as the previous one.
func (t *Tunnel) down(why *failure) {
	if t.last.URL != "" {
		t.previous = t.last.URL
	}
	t.report(Event{State: Down, PreviousURL: t.previous, Problem: why.problem, Next: why.next})
}

func (t *Tunnel) report(e Event) {
	if e == t.last {
		return
	}
	t.last = e
	t.o.Report(e)
}

// mostNames bounds how many names a start may refuse: each costs the service a tunnel.
const mostNames = 3

// once runs the program until it ends, its name changes beyond use, or ctx ends.
func (t *Tunnel) once(ctx context.Context, attempt int) error {
	for range mostNames {
		p, err := t.start(ctx, attempt)
		if err != nil {
			return err
		}
		err = t.follow(ctx, p)
		p.stop(t.o.Times.Stop)
		if !errors.Is(err, errAnotherName) {
			return err
		}
	}
	return &failure{problem: fmt.Sprintf("%s gave %d names in a row that the providers refuse", t.o.Program.Name, mostNames), next: "try again, or use a name of your own with --tunnel-url"}
}

// errAnotherName says that the program's name is of no use and another may be.
var errAnotherName = errors.New("tunnel: the name is of no use")

// follow waits for the address and keeps checking it.
func (t *Tunnel) follow(ctx context.Context, p *process) error {
	t.report(Event{State: Starting, PreviousURL: t.previous})
	url, err := t.address(ctx, p)
	if err != nil {
		return err
	}
	for {
		next, err := t.serve(ctx, p, url)
		if err != nil {
			return err
		}
		url = next
	}
}

// serve checks one address until the program ends or names another.
func (t *Tunnel) serve(ctx context.Context, p *process, url string) (next string, err error) {
	if reason := t.o.Unusable(url); reason != "" {
		if t.o.Program.URL == "" {
			return "", errAnotherName
		}
		return "", &failure{useless: true, problem: "the address " + url + " " + reason, next: "choose another name for --tunnel-url"}
	}
	issued := t.o.Now()
	if t.o.Program.URL != "" {
		issued = time.Time{}
	}
	if before := t.last.URL; before != "" && before != url {
		t.previous = before
	}
	previous := ""
	if t.previous != url {
		previous = t.previous
	}
	t.failures = 0
	t.report(Event{State: Unchecked, URL: url, PreviousURL: previous})
	if err := t.connected(ctx, p); err != nil {
		return "", err
	}
	for {
		wait := t.check(ctx, url, previous, issued)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "", ctx.Err()
		case <-p.ended:
			timer.Stop()
			return "", t.ended(p)
		case named := <-p.urls:
			timer.Stop()
			if named != url {
				return named, nil
			}
		case <-timer.C:
		}
	}
}

// check looks from outside once and says when to look again.
func (t *Tunnel) check(ctx context.Context, url, previous string, issued time.Time) time.Duration {
	bounded, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := t.o.Check(bounded, url, issued)
	if ctx.Err() != nil {
		return t.o.Times.Retry
	}
	if err == nil {
		t.failures = 0
		t.report(Event{State: Live, URL: url, PreviousURL: previous, CheckedAt: t.o.Now()})
		return t.o.Times.Every
	}
	t.failures++
	state := t.last.State
	if t.failures > 1 && state != Unchecked {
		state = Degraded
	}
	t.report(Event{State: state, URL: url, PreviousURL: previous, CheckedAt: t.last.CheckedAt, Problem: err.Error(), Next: hintOf(err)})
	return t.o.Times.Retry
}

// hintOf is the advice that an error carries.
func hintOf(err error) string {
	if e, ok := errors.AsType[*payment.Error](err); ok {
		return e.Hint
	}
	return ""
}

// pause waits, and reports whether the time passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
