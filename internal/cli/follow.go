package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
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
		Policy: s.policy(p, via), Now: s.now,
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

// followJobs shows what happens until all deposits are decided, and returns the
// outcome. With a single deposit one document is printed at the end, whatever became
// of the watch, instead of a line per change.
func (s *session) followJobs(ctx context.Context, jobs []watch.Job, single *payment.Deposit) error {
	count := 0
	for _, j := range jobs {
		count += len(j.IDs) + len(j.Elsewhere)
	}
	started := s.now()
	progress := s.out.Progress(waitingText(count, ""))
	t := told{session: s, count: count, progress: progress, shown: map[string]view.Deposit{}}
	results, err := watch.Several(ctx, jobs, func(u watch.Update) {
		t.note(u)
		if single == nil && u.Deposit.ID != "" && (u.Changed || u.Final) {
			t.line(u)
		}
	})
	progress.Stop()
	if single != nil {
		if len(results) == 0 {
			results = watch.Results{{Deposit: *single}}
		}
		s.keepErr(s.out.One(view.NewDeposit(results[0].Deposit, results[0].Doubts, nil, s.global.showPhone)))
	}
	if err == nil && results.Err() == nil {
		s.out.Note("decided after %s", s.now().Sub(started).Round(100*time.Millisecond))
	}
	return s.ended(s.writeErr, orError(err, results.Err()), aboutResults(results))
}

// told tells of the deposits that are followed, and knows what it has told.
type told struct {
	*session
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
		t.progress.Update(waitingText(t.count, u.Note))
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
	v := view.NewDeposit(u.Deposit, u.Doubts, nil, t.global.showPhone)
	if t.out.Format() == ui.FormatText {
		last, seen := t.shown[u.Deposit.ID]
		if seen && last.ReadsAs(v) {
			return
		}
		t.shown[u.Deposit.ID] = v
	}
	t.keepErr(t.out.Line(v))
}

func waitingText(n int, note string) string {
	text := "waiting for the customer"
	if n > 1 {
		text = fmt.Sprintf("waiting for %d customers", n)
	}
	if note != "" {
		text += ": " + note
	}
	return text
}
