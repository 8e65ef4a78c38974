//go:build unix

package main

import (
	"syscall"
	"testing"
	"time"
)

// TestSharedOutage stops the server under load, as at a crash and with -9: Daraja's
// callbacks are acknowledged all the same, the others' senders are asked to come again,
// and afterwards the ledger has all that was acknowledged. PAYCTL_TORTURE: for 20 s.
func TestSharedOutage(t *testing.T) {
	t.Parallel()
	server, place := ownServer(t)
	app := newForwardTarget(t, 0)
	a := newMachine(t, place).serve("--forward-to", app.URL, "--forward-untrusted", "--send-timeout", "1s")
	b := newMachine(t, place).serve("--forward-to", app.URL, "--forward-untrusted", "--send-timeout", "1s")
	p := newPostings(t, place, 500, a, b)
	p.begin(6, 2)
	for _, stop := range []func() error{
		func() error { return server.Stop(t.Context(), "immediate") }, server.Kill,
	} {
		p.pause(lasting(500*time.Millisecond, 3*time.Second))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		before, _ := p.counts("daraja")
		// A machine that has worked with the ledger starts without it, one that has not does not.
		a.die()
		a.start()
		if got := newMachine(t, place).run("listen", "--addr", "127.0.0.1:0"); got.code != 7 {
			t.Errorf("a listener on a machine that does not know the ledger: exit %d: %s", got.code, got.stderr)
		}
		p.pause(lasting(2500*time.Millisecond, 20*time.Second))
		after, _ := p.counts("daraja")
		if after == before {
			t.Error("nothing of Daraja's was acknowledged while the server was away")
		}
		if len(a.spilled())+len(b.spilled()) == 0 {
			t.Error("nothing was spilled while the server was away")
		}
		t.Logf("server away: %d of Daraja's acknowledged meanwhile, %d files spilled", after-before, len(a.spilled())+len(b.spilled()))
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p.pause(lasting(time.Second, 3*time.Second))
	p.end()
	quiet(t, place, a, b)
	h := p.hold(place)
	p.settled(place)
	p.forwarded(place, app, h)
	for _, provider := range []string{"wasaapay", "sevi"} {
		if _, refused := p.counts(provider); refused == 0 {
			t.Errorf("%s was never asked to come again", provider)
		}
	}
	if p.slowest > 5*time.Second {
		t.Errorf("Daraja waited %s: longer than it does", p.slowest)
	}
}

// TestSharedKilled kills two listeners and a forwarder with -9 in turn, under load, and
// stops the forwarder for longer than its leases: nothing is lost, and nothing reaches the
// app twice unless the first answer was unseen.
func TestSharedKilled(t *testing.T) {
	t.Parallel()
	place := sharedLedger(t)
	app := newForwardTarget(t, 5*time.Millisecond)
	args := []string{"--forward-to", app.URL, "--forward-untrusted", "--send-timeout", "1s"}
	a, b := newMachine(t, place).serve(args...), newMachine(t, place).serve(args...)
	forwarder := newMachine(t, place).serve(args...)
	p := newPostings(t, place, 500, a, b)
	p.begin(6, 2)
	kills := 6
	if atLength() {
		kills = 60
	}
	for i := range kills {
		victim := []*serving{a, b, forwarder}[i%3]
		p.pause(400 * time.Millisecond)
		victim.die()
		p.pause(100 * time.Millisecond)
		victim.start()
	}
	// Longer than three times the time-out, which is how long a lease is.
	forwarder.signal(syscall.SIGSTOP)
	p.pause(3500 * time.Millisecond)
	forwarder.signal(syscall.SIGCONT)
	p.pause(500 * time.Millisecond)
	p.end()
	quiet(t, place, a, b)
	t.Logf("%d kills -9", kills)
	h := p.hold(place)
	p.settled(place)
	p.forwarded(place, app, h)
}
