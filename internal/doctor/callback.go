package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/presence"
)

// who asks a base URL whether the listener of this ledger answers there.
func (d *doctor) who(ctx context.Context, base string) (presence.Who, error) {
	var prove func(string) string
	if d.ledger != nil {
		prove = d.ledger.Prove
	}
	return presence.Ask(ctx, d.HTTP, base, prove)
}

// listener asks the usual address on this machine.
func (d *doctor) listener(ctx context.Context) Finding {
	who, _ := d.who(ctx, "http://"+d.LocalListener)
	switch who {
	case presence.ThisListener:
		return ok("payctl listen runs at " + d.LocalListener + " on this ledger")
	case presence.NotReady:
		return fail(payment.KindInternal, "payctl listen runs at "+d.LocalListener+", but cannot commit to the ledger", "look at its log; payctl ledger check")
	case presence.OtherListener:
		return warn("a payctl listen at "+d.LocalListener+" writes to another ledger", "start one on this ledger: payctl listen --profile "+d.Config.Profile)
	case presence.SomethingElse:
		return warn("something else answers at "+d.LocalListener, "start the listener elsewhere: payctl listen --addr 127.0.0.1:4021")
	case presence.Nobody:
	}
	return warn("no listener runs at "+d.LocalListener+": callbacks, and the receipts in them, go elsewhere or are lost", "payctl listen --profile "+d.Config.Profile)
}

// callbackWords holds the callback URL against what the providers refuse.
func (d *doctor) callbackWords(context.Context) Finding {
	url := d.Config.CallbackURL
	if url == "" {
		return d.noCallback()
	}
	var errs, warnings []string
	for _, h := range d.Providers.Health(d.Config) {
		if h.LintCallback == nil || !h.Configured() {
			continue
		}
		e, w := h.LintCallback(url)
		errs, warnings = append(errs, e...), append(warnings, w...)
	}
	switch {
	case len(errs) > 0:
		return fail(payment.KindUsage, url+" "+strings.Join(errs, "; "), "set callback_url to the public https base URL of payctl listen")
	case len(warnings) > 0:
		return warn(url+" "+strings.Join(warnings, "; "), "choose a name without such words")
	}
	return ok(url)
}

// noCallback is a failure only where somebody has to be told an address with each push.
func (d *doctor) noCallback() Finding {
	for _, h := range d.Providers.Health(d.Config) {
		if h.LintCallback != nil && h.Configured() {
			return fail(payment.KindUsage, "callback_url is not set, and "+string(h.ID)+" wants an address with each push",
				"set callback_url to the public base URL of payctl listen, or run payctl listen --tunnel cloudflared")
		}
	}
	return skipped("callback_url is not set, and no provider here needs it")
}

// callbackReach goes to the callback URL from outside in.
func (d *doctor) callbackReach(ctx context.Context) Finding {
	url := d.Config.CallbackURL
	if url == "" {
		return skipped("callback_url is not set")
	}
	if d.Config.ThroughTunnel() {
		return skipped(url + " is the tunnel's: its listener checks it each minute")
	}
	began := d.Now()
	who, err := d.who(ctx, url)
	took := d.Now().Sub(began).Milliseconds()
	switch who {
	case presence.ThisListener:
		return d.callbackRoute(ctx, url, fmt.Sprintf("%s leads to the listener of this ledger, %d ms", url, took))
	case presence.NotReady:
		return fail(payment.KindInternal, url+" leads to the listener of this ledger, which cannot commit", "look at its log; payctl ledger check")
	case presence.OtherListener:
		return warn(url+" leads to a payctl listen with another ledger", "start it with this profile's ledger, or correct callback_url")
	case presence.SomethingElse:
		return fail(payment.KindConflict, url+" is answered by something else than payctl listen", "have the proxy or tunnel there pass /callbacks/, /healthz and /readyz on to payctl listen")
	case presence.Nobody:
	}
	if err == nil {
		err = errors.New("no answer")
	}
	problem, fix := cause(err, hostOf(url))
	if d.Config.Environment == payment.Local {
		return warn(url+": "+problem, "payctl listen")
	}
	return fail(payment.KindUnavailable, url+": "+problem, fix)
}

// callbackRoute posts nothing of meaning to a route: a GET must be told that it is one
// for posts.
func (d *doctor) callbackRoute(ctx context.Context, url, detail string) Finding {
	for _, h := range d.Providers.Health(d.Config) {
		if h.LintCallback == nil {
			continue
		}
		p, err := d.Open(ctx, h.ID)
		if err != nil || p.CallbackURL == nil {
			continue
		}
		at := p.CallbackURL(rand.Text())
		isRoute, status, err := presence.AskRoute(ctx, d.HTTP, at)
		switch {
		case err != nil:
			problem, fix := cause(err, hostOf(url))
			return fail(payment.KindUnavailable, "the callback route: "+problem, fix)
		case !isRoute:
			return fail(payment.KindConflict, fmt.Sprintf("%s, but its route for callbacks answers %d", detail, status), "correct the path of callback_url: it is the base, without /callbacks")
		}
	}
	return ok(detail + "; its routes are there")
}

func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
