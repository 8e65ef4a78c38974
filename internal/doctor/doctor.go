// Package doctor finds what is wrong with a set-up and says how to mend it: settings and
// their files, the clock, the way to the providers, their credentials, the ledger, the
// listener, and the callback URL from the outside in. No check can move money. It prints
// nothing; each finding is handed over as it is made.
package doctor

import (
	"context"
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
)

// Verdict is what a check found.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warn    Verdict = "warn"
	Fail    Verdict = "fail"
	Skipped Verdict = "skipped"
)

// Finding is the result of one check.
type Finding struct {
	Check   string
	Verdict Verdict
	// Detail says what was seen and what it means.
	Detail string
	// Fix is the command or the step that mends it, "" where nothing need be done.
	Fix string
	// Mended says that something was changed to mend it.
	Mended bool
	// Kind is what a failure means to a script.
	Kind payment.Kind
	// Duration is how long the check took.
	Duration time.Duration
}

// Input is what is looked at.
type Input struct {
	Config    *config.Config
	Providers provider.Table
	// Open opens a provider with its credentials.
	Open func(ctx context.Context, id payment.ProviderID) (provider.Provider, error)
	// Ledger opens the ledger to read it; fs.ErrNotExist where there is none yet.
	Ledger func(ctx context.Context) (*store.Store, error)
	// LocalListener is where "payctl listen" listens unless told otherwise.
	LocalListener string
	HTTP          *http.Client
	Now           func() time.Time
	// Fix has what is safe mended: modes and directories.
	Fix bool
	// Report is told of each finding as it is made; nil for nobody.
	Report func(Finding)
}

// check is one row of the examination.
type check struct {
	name string
	// limit bounds it.
	limit time.Duration
	run   func(ctx context.Context) Finding
}

// Run makes every check, each whatever the others found, and returns the findings in
// order. What ctx ends is Skipped.
func Run(ctx context.Context, in Input) []Finding {
	d := &doctor{Input: in}
	var out []Finding
	for _, c := range d.checks() {
		f := d.one(ctx, c)
		if in.Report != nil {
			in.Report(f)
		}
		out = append(out, f)
	}
	return out
}

type doctor struct {
	Input
	ledger *store.Store
}

func (d *doctor) one(ctx context.Context, c check) Finding {
	began := time.Now()
	f := skipped("stopped before it")
	if ctx.Err() == nil {
		bounded, cancel := context.WithTimeout(ctx, c.limit)
		f = c.run(bounded)
		cancel()
	}
	f.Check, f.Duration = c.name, time.Since(began)
	return f
}

// checks lists the examination, what others rest on first.
func (d *doctor) checks() []check {
	out := []check{
		{"settings", time.Second, d.settings},
		{"files", 5 * time.Second, d.files},
	}
	for _, h := range d.Providers.Health(d.Config) {
		out = append(out, d.providerChecks(h)...)
	}
	return append(out,
		check{"ledger", 20 * time.Second, d.ledgerState},
		check{"disk", 5 * time.Second, d.disk},
		check{"forwards", 5 * time.Second, d.forwards},
		check{"listener", 5 * time.Second, d.listener},
		check{"tunnel", 10 * time.Second, d.tunnel},
		check{"callback_url", 5 * time.Second, d.callbackWords},
		check{"callback_reach", 20 * time.Second, d.callbackReach},
	)
}

// Worst returns the kind of the failure that a script must hear of, and whether there
// is any failure. Wrong settings come before refused credentials, these before an
// unreachable provider, since each explains the next.
func Worst(findings []Finding) (payment.Kind, bool) {
	order := []payment.Kind{payment.KindUsage, payment.KindUnauthorized, payment.KindConflict, payment.KindInternal, payment.KindUnavailable}
	for _, kind := range order {
		for _, f := range findings {
			if f.Verdict == Fail && f.Kind == kind {
				return kind, true
			}
		}
	}
	for _, f := range findings {
		if f.Verdict == Fail {
			return f.Kind, true
		}
	}
	return payment.KindInternal, false
}

func ok(detail string) Finding { return Finding{Verdict: OK, Detail: detail} }

func skipped(why string) Finding { return Finding{Verdict: Skipped, Detail: why} }

func warn(detail, fix string) Finding { return Finding{Verdict: Warn, Detail: detail, Fix: fix} }

func fail(kind payment.Kind, detail, fix string) Finding {
	return Finding{Verdict: Fail, Kind: kind, Detail: detail, Fix: fix}
}

// failed is an error as a finding.
func failed(err error, fix string) Finding {
	f := fail(payment.KindOf(err), err.Error(), fix)
	if hint := hintOf(err); hint != "" {
		f.Fix = hint
	}
	return f
}
