package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
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
func (a *app) policy(p provider.Provider, env payment.Environment, via watch.Via) watch.Policy {
	policy := watch.PolicyOf(p.Schedule)
	policy.Via = via
	if a.deadline.limit > 0 {
		policy.Deadline, policy.Strict = a.deadline.limit, true
	}
	return policy
}

// watcher follows one provider's deposits.
func (a *app) watcher(p provider.Provider, env payment.Environment, via watch.Via, ledger *store.Store) *watch.Watcher {
	return watch.New(watch.Options{
		Ledger: ledger.Deposits, Depositor: p.Depositor, Streamer: p.Streamer, Budget: ledger.Budget,
		Policy: a.policy(p, env, via), Now: a.now,
	})
}

// follow shows what happens until all deposits are decided, and returns the
// outcome. With a single deposit one document is printed at the end, whatever became
// of the watch, instead of a line per change.
func (a *app) follow(ctx context.Context, jobs []watch.Job, single *payment.Deposit) error {
	count := 0
	for _, j := range jobs {
		count += len(j.IDs)
	}
	started := a.now()
	progress := a.out.Progress(waitingText(count, ""))
	t := told{app: a, count: count, progress: progress, shown: map[string]depositView{}}
	results, err := watch.Several(ctx, jobs, func(u watch.Update) {
		t.note(u)
		if single == nil && (u.Changed || u.Final) {
			t.line(u.Deposit)
		}
	})
	progress.Stop()
	if single != nil {
		if len(results) == 0 {
			results = watch.Results{{Deposit: *single}}
		}
		a.keepErr(a.out.One(a.depositView(results[0].Deposit)))
	}
	if err == nil && results.Err() == nil {
		a.out.Note("decided after %s", a.now().Sub(started).Round(100*time.Millisecond))
	}
	return a.ended(a.writeErr, orError(err, results.Err()), aboutResults(results))
}

// told tells of the deposits that are followed, and knows what it has told.
type told struct {
	app      *app
	count    int
	progress *ui.Progress
	// shown is each deposit's last block.
	shown map[string]depositView
}

// note says what came up. Which of several deposits is given up stays to be read: the
// error names one of them, and for people no block repeats it.
func (t told) note(u watch.Update) {
	switch {
	case u.Note == "":
	case u.Final && t.count > 1 && t.app.out.Format() == ui.FormatText:
		t.app.out.Note("%s: %s", nameOf(u.Deposit), u.Note)
	default:
		t.progress.Update(waitingText(t.count, u.Note))
	}
}

// nameOf is a deposit's id with the reference that people know it by.
func nameOf(d payment.Deposit) string {
	if d.Reference == "" {
		return d.ID
	}
	return d.ID + " (" + payment.MaskDigits(d.Reference) + ")"
}

// line prints a deposit's state. People do not read the same block twice: an end
// that changed nothing is the error's to tell.
func (t told) line(d payment.Deposit) {
	v := t.app.depositView(d)
	if t.app.out.Format() == ui.FormatText {
		last, seen := t.shown[d.ID]
		if seen && last.readsAs(v) {
			return
		}
		t.shown[d.ID] = v
	}
	t.app.keepErr(t.app.out.Line(v))
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
