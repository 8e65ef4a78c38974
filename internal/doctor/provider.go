package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
)

// providerChecks are the checks of one provider; without credentials they are skipped
// in one.
func (d *doctor) providerChecks(h provider.Health) []check {
	name := string(h.ID)
	if !h.Configured() {
		return []check{{name, time.Second, func(context.Context) Finding {
			return skipped("no credential of " + name + " is set")
		}}}
	}
	out := []check{{name + "_credentials", 70 * time.Second, func(ctx context.Context) Finding { return d.credentials(ctx, h) }}}
	for i, address := range h.Addresses {
		reach := check{name + "_reach", 30 * time.Second, func(ctx context.Context) Finding { return d.reach(ctx, address) }}
		if i > 0 {
			reach.name = name + "_socket"
		}
		out = append(out, reach)
	}
	if len(h.Addresses) > 0 {
		out = append(out, check{name + "_query", 40 * time.Second, func(ctx context.Context) Finding { return d.query(ctx, h) }})
	}
	return out
}

// credentials looks at what is set and at its shape.
func (d *doctor) credentials(ctx context.Context, h provider.Health) Finding {
	if err := d.Config.Missing(h.Needs...); err != nil {
		return failed(err, "payctl config init")
	}
	remarks, err := h.Remarks(ctx, d.Now())
	if err != nil {
		return failed(err, "payctl config show")
	}
	var wrong, odd, fixes []string
	for _, r := range remarks {
		into := &odd
		if r.Wrong {
			into = &wrong
		}
		*into = append(*into, r.Key+" "+r.Problem)
		fixes = append(fixes, r.Key+": "+r.Fix)
	}
	switch {
	case len(wrong) > 0:
		return fail(payment.KindUsage, strings.Join(append(wrong, odd...), "; "), strings.Join(fixes, "; "))
	case len(odd) > 0:
		return warn(strings.Join(odd, "; "), strings.Join(fixes, "; "))
	}
	return ok("all that asking for money needs is set, and looks as it should")
}

// Bounds of the clock: Daraja's password carries the time, and a token's age is
// counted by it.
const (
	clockWarn = time.Minute
	clockFail = 5 * time.Minute
)

// reach goes to an address once and reads the clock there. Whatever it answers, it is
// reached.
func (d *doctor) reach(ctx context.Context, address string) Finding {
	u, err := url.Parse(address)
	if err != nil {
		return fail(payment.KindUsage, "the address cannot be read", "payctl config show")
	}
	u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	u.Path, u.RawQuery = "/", ""
	var way []string
	trace := &httptrace.ClientTrace{
		DNSDone: func(i httptrace.DNSDoneInfo) {
			if i.Err == nil && len(i.Addrs) > 0 {
				way = append(way, "resolved to "+i.Addrs[0].String())
			}
		},
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return fail(payment.KindUsage, "the address cannot be read", "payctl config show")
	}
	if proxy, err := http.ProxyFromEnvironment(req); err == nil && proxy != nil {
		way = append(way, "through the proxy "+proxy.Host)
	}
	began := d.Now()
	res, err := d.HTTP.Do(req)
	if err != nil {
		return d.unreached(u, way, err)
	}
	defer func() { _ = res.Body.Close() }()
	detail := fmt.Sprintf("%s answered in %d ms", u.Host, d.Now().Sub(began).Milliseconds())
	if len(way) > 0 {
		detail += " (" + strings.Join(way, ", ") + ")"
	}
	if res.TLS != nil && len(res.TLS.PeerCertificates) > 0 {
		left := res.TLS.PeerCertificates[0].NotAfter.Sub(d.Now())
		detail += fmt.Sprintf("; its certificate holds for %d days", int(left.Hours()/24))
	}
	return d.clock(res.Header.Get("Date"), began, detail)
}

// clock holds this machine's clock against a Date header, which has whole seconds.
func (d *doctor) clock(header string, began time.Time, detail string) Finding {
	there, err := http.ParseTime(header)
	if err != nil {
		return ok(detail + "; it did not say the time")
	}
	off := began.Sub(there)
	if off < 0 {
		off = -off
	}
	if off <= clockWarn {
		return ok(detail + "; the clocks agree")
	}
	detail += fmt.Sprintf("; this machine's clock is %s off", off.Round(time.Second))
	fix := "set the clock: sudo timedatectl set-ntp true"
	if off > clockFail {
		return fail(payment.KindUsage, detail, fix)
	}
	return warn(detail, fix)
}

// unreached says where on the way an address was lost.
func (d *doctor) unreached(u *url.URL, way []string, err error) Finding {
	problem, fix := cause(err, u.Host)
	if d.Config.Environment == payment.Local {
		fix = "payctl emulator"
	}
	if len(way) > 0 {
		problem += " (" + strings.Join(way, ", ") + ")"
	}
	return fail(payment.KindUnavailable, problem, fix)
}

// nobody is an id that no provider ever gave.
const nobody = "ws_CO_000000000000000000000000000000"

// query asks for a payment that does not exist: it proves the credentials and moves
// nothing. The question takes its turn in the budget that all commands share.
func (d *doctor) query(ctx context.Context, h provider.Health) Finding {
	p, err := d.Open(ctx, h.ID)
	if err != nil {
		return failed(err, "payctl config show")
	}
	began := d.Now()
	answer, err := p.Depositor.Ask(ctx, payment.Deposit{Provider: h.ID, Environment: d.Config.Environment, ProviderID: nobody, ShortCode: p.ShortCode})
	took := d.Now().Sub(began).Milliseconds()
	switch kind := payment.KindOf(err); {
	case err == nil, kind == payment.KindNotFound:
		detail := fmt.Sprintf("the credentials are accepted: asked about a payment that nobody made, answered in %d ms", took)
		if answer.Message != "" {
			detail += " (" + payment.Line(answer.Message, 80) + ")"
		}
		return ok(detail)
	case kind == payment.KindUnauthorized:
		return failed(err, "compare the credentials with the provider's portal: payctl config show")
	case errors.Is(err, context.DeadlineExceeded):
		return fail(payment.KindUnavailable, "no answer in time", "try again later")
	}
	f := failed(err, "try again later")
	if d.Config.Environment == payment.Local {
		f.Fix = "payctl emulator"
	}
	return f
}

// Credentials looks at the shape of a provider's credentials and, when that is good,
// asks one harmless question with them.
func Credentials(ctx context.Context, in Input, h provider.Health) Finding {
	d := &doctor{Input: in}
	if f := d.credentials(ctx, h); f.Verdict == Fail || len(h.Addresses) == 0 {
		return f
	}
	return d.query(ctx, h)
}
