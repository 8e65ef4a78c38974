package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/presence"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/stats"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/watch"
)

// followOptions are the flags of whatever follows a deposit to its end.
type followOptions struct {
	via        string
	transports string
}

func (o *followOptions) bind(f *pflag.FlagSet) {
	f.StringVar(&o.via, "via", "auto", "how to follow: `auto|stream|poll|callback`")
	f.StringVar(&o.transports, "transports", "", "stream transports in the order tried: `websocket,polling`")
}

// parse checks the flags before anything is sent.
func (o followOptions) parse() (watch.Via, []string, error) {
	via, err := watch.ParseVia(o.via)
	if err != nil {
		return "", nil, err
	}
	var transports []string
	for _, name := range strings.FieldsFunc(o.transports, func(r rune) bool { return r == ',' || r == ' ' }) {
		if name != "websocket" && name != "polling" {
			return "", nil, usagef("use websocket, polling or both", "transports %q: is not a transport", name)
		}
		if slices.Contains(transports, name) {
			return "", nil, usagef("name each transport once", "transports: %s is listed twice", name)
		}
		transports = append(transports, name)
	}
	return via, transports, nil
}

// policy is the provider's schedule with the operator's wishes.
func (s *session) policy(p provider.Provider, via watch.Via) watch.Policy {
	policy := watch.PolicyOf(p.Schedule)
	policy.Via = via
	if s.deadline.limit > 0 {
		// When nothing is left, the ledger is still read once: a callback may have
		// decided meanwhile.
		policy.Deadline, policy.Strict = s.deadline.left(s.deadline.limit), true
	}
	return policy
}

func (s *session) watchOptions(p provider.Provider, via watch.Via, ledger *store.Store) watch.Options {
	return watch.Options{
		Ledger: ledger.Deposits, Depositor: p.Depositor, Streamer: p.Streamer, Budget: p.Budget,
		Policy: s.policy(p, via), Now: s.now, Heard: ledger.Deposits.Heard,
	}
}

// watcher follows one provider's deposits within what is left of --timeout.
func (s *session) watcher(p provider.Provider, via watch.Via, ledger *store.Store) *watch.Watcher {
	return watch.New(s.watchOptions(p, via, ledger))
}

// once asks one question within the shared budget.
type once struct {
	*session
	options watch.Options
}

// asks opens what asks once about a deposit.
func (s *session) asks(ctx context.Context, ledger *store.Store, d payment.Deposit) (deposit.Asks, error) {
	p, err := s.provider(ctx, d.Provider, nil)
	if err != nil {
		return nil, err
	}
	return once{s, s.watchOptions(p, watch.ViaPoll, ledger)}, nil
}

// Ask implements deposit.Asks.
func (o once) Ask(ctx context.Context, d payment.Deposit) (payment.Answer, error) {
	progress := o.out.Progress("asking " + string(d.Provider))
	defer progress.Stop()
	ctx, cancel := o.deadline.bound(ctx, 0)
	defer cancel()
	return watch.Once(ctx, o.options, d, progress.Update)
}

// following is what is followed.
type following struct {
	*session
	jobs []watch.Job
	// deposits are as they stand before.
	deposits []payment.Deposit
	// opened are their providers.
	opened []provider.Provider
	via    watch.Via
	// single has one document printed at the end, whatever became of the watch, instead
	// of a line per change.
	single bool
}

// add has a provider's deposits followed.
func (f *following) add(p provider.Provider, w *watch.Watcher, deposits ...payment.Deposit) {
	job := watch.Job{Watcher: w}
	for _, d := range deposits {
		if d.ID == "" {
			job.Elsewhere = append(job.Elsewhere, d)
		} else {
			job.IDs = append(job.IDs, d.ID)
		}
	}
	f.jobs, f.opened, f.deposits = append(f.jobs, job), append(f.opened, p), append(f.deposits, deposits...)
}

// isOpen reports whether anything is left to wait for.
func (f *following) isOpen() bool {
	return slices.ContainsFunc(f.deposits, func(d payment.Deposit) bool { return !d.Status.Final() })
}

// follow shows what happens until all deposits are decided, and returns the outcome.
func (f *following) follow(ctx context.Context) error {
	started := f.now()
	defer f.sayNoListener(ctx)()
	pace := f.pace(ctx, started)
	t := told{session: f.session, waiting: waitingText(f.deposits), count: len(f.deposits), shown: map[string]view.Deposit{}}
	if usual := pace.Usual(); usual != "" {
		f.out.Note("%s", usual)
	}
	t.progress = f.out.Live(t.waiting, func() string { return pace.Text(f.now()) })
	results, err := watch.Several(ctx, f.jobs, func(u watch.Update) {
		t.note(u)
		if !f.single && u.Deposit.ID != "" && (u.Changed || u.Final) {
			t.line(u)
		}
	})
	t.progress.Stop()
	outcome := cmp.Or(err, results.Err())
	if f.single {
		if len(results) == 0 {
			results = watch.Results{{Deposit: f.deposits[0]}}
		}
		f.keepErr(f.out.One(f.beside(results[0].Deposit, results[0].Doubts, nil, outcome)))
	}
	if outcome == nil {
		f.out.Note("decided after %s", f.now().Sub(started).Round(100*time.Millisecond))
	}
	return f.ended(f.writeErr, outcome, aboutResults(results))
}

// beside is a deposit's view beside an error. People read its reason and what to do in the
// error, and not twice.
func (s *session) beside(d payment.Deposit, doubts []payment.Doubt, others []string, outcome error) view.Deposit {
	v := view.NewDeposit(d, doubts, others, s.global.showPhone)
	return v.Beside(outcome != nil)
}

// sayNoListener says at once when callbacks cannot reach the ledger, and what is lost by
// that. What it returns waits until it has been said.
func (f *following) sayNoListener(ctx context.Context) (wait func()) {
	if !f.isOpen() {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, listenerPatience)
	var asking sync.WaitGroup
	asking.Go(func() {
		for _, p := range f.opened {
			if problem := f.noListener(ctx, p); problem != "" {
				f.out.Warn("%s: %s; start \"payctl listen\", or see \"payctl doctor\"", problem, lost(p, f.via))
				return
			}
		}
	})
	return func() { cancel(); asking.Wait() }
}

// listenerPatience bounds the questions to a listener, which nobody waits for.
const listenerPatience = 5 * time.Second

// noListener is what keeps callbacks from the ledger, "" where nothing is known to.
func (f *following) noListener(ctx context.Context, p provider.Provider) string {
	conf, err := f.config(ctx)
	if err != nil || f.ledger == nil {
		return ""
	}
	r := presence.Reach{
		HTTP: f.client, Prove: f.ledger.Prove, CallbackURL: conf.CallbackURL, Local: cmp.Or(conf.Listen.Addr, inquiry.UsualAddr),
	}
	if p.CallbackURL != nil {
		r.Route = p.CallbackURL(payment.NewToken())
	}
	return r.Problem(ctx)
}

// lost is what is lost without callbacks.
func lost(p provider.Provider, via watch.Via) string {
	switch {
	case via == watch.ViaCallback:
		return "nothing else is asked, so the outcome will not be known"
	case p.Schedule.ReceiptWait > 0:
		return "the outcome is found by asking, but the receipt, which only the callback carries, is lost"
	}
	return "the outcome is found by asking, and no webhook is kept as evidence"
}

// history is how far back the usual pace is looked for, and leastHistory how many
// decided deposits make it one.
const (
	history      = 30 * 24 * time.Hour
	leastHistory = 10
)

// pace is what to tell of the waiting.
func (f *following) pace(ctx context.Context, started time.Time) view.Pace {
	p := view.Pace{Since: started}
	for _, d := range f.deposits {
		if !d.Status.Final() && !d.ExpiresAt.IsZero() && (p.Expires.IsZero() || d.ExpiresAt.Before(p.Expires)) {
			p.Expires = d.ExpiresAt
		}
	}
	if p.Expires.IsZero() || f.ledger == nil || f.out.Quiet() {
		return p
	}
	r, err := stats.Run(ctx, f.ledger.Rollups, stats.Input{
		Environment: f.deposits[0].Environment, Since: started.Add(-history), Until: started, Now: started,
		Meaning: func(payment.ProviderID, string) string { return "" },
	})
	if err == nil && r.HasSettle && r.Completed+r.Failed >= leastHistory {
		p.Half = r.P50
	}
	return p
}

// told tells of the deposits that are followed, and knows what it has told.
type told struct {
	*session
	// waiting says whom it waits for.
	waiting  string
	count    int
	progress *ui.Progress
	// shown is each deposit's last block.
	shown map[string]view.Deposit
}

// note says what came up. Each doubt stays to be read, and so does which of several
// deposits is given up: the error names one of them, and for people no block repeats it.
func (t told) note(u watch.Update) {
	for _, doubt := range u.Doubts[len(u.Doubts)-u.Fresh:] {
		t.out.Warn("%s: %s", nameOf(u.Deposit), t.phoneText(payment.Line(doubt.Told(), mostDoubt)))
	}
	switch {
	case u.Note == "" || u.Fresh > 0:
	case u.Final && t.count > 1 && t.out.Format() == ui.FormatText:
		t.out.Note("%s: %s", nameOf(u.Deposit), u.Note)
	default:
		t.progress.Update(t.waiting + ": " + u.Note)
	}
}

// mostDoubt bounds a doubt's reason on a line, in bytes.
const mostDoubt = 300

// nameOf is a deposit's id with the reference that people know it by.
func nameOf(d payment.Deposit) string {
	if d.Reference == "" {
		return d.ID
	}
	return d.ID + " (" + payment.MaskDigits(d.Reference) + ")"
}

// line prints a deposit's state. People do not read the same block twice: an end
// that changed nothing is the error's to tell.
func (t told) line(u watch.Update) {
	v := t.beside(u.Deposit, u.Doubts, nil, watch.Outcome(u.Deposit))
	if t.out.Format() == ui.FormatText {
		last, seen := t.shown[u.Deposit.ID]
		if seen && last.ReadsAs(v) {
			return
		}
		t.shown[u.Deposit.ID] = v
	}
	t.keepErr(t.out.Line(v))
}

// waitingText says whom is waited for: nobody who was not asked.
func waitingText(deposits []payment.Deposit) string {
	open, asked := 0, 0
	for _, d := range deposits {
		if !d.Status.Final() {
			open++
		}
		if !d.Status.Final() && (d.Status != payment.StatusCreated || d.ID == "") {
			asked++
		}
	}
	switch {
	case open == 0:
		return "looking once more at what is decided"
	case asked == 0:
		return "waiting, although nobody was asked yet"
	case asked == 1:
		return "waiting for the customer"
	}
	return fmt.Sprintf("waiting for %d customers", asked)
}
