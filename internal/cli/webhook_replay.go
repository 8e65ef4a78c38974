package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
)

type webhookReplayOptions struct {
	spec         replaySpec
	ids          []string
	since, until string
	provider     string
	status       string
	verdict      string
	last         int
	resume       string
	// changed names the flags that were given.
	changed map[string]bool
}

// latestRun is --resume without a value.
const latestRun = "latest"

func newWebhookReplay(a *app) *cobra.Command {
	var o webhookReplayOptions
	cmd := &cobra.Command{
		Use:   "replay [ID...]",
		Short: "Send stored deliveries again",
		Long: `Sends stored deliveries to your own endpoint: the exact bytes and headers that came,
oldest first, in order for each payment. Choose by ID, --last, --failed, or by range
and filter; whatever was not believed when it arrived is left out of ranges unless
--verdict asks for it. With several --to, status, body and latency are compared.

As fast as possible, or at --rate a second, or at --speed times the original pace.
Every attempt is kept with its answer ("webhook show ID --attempts"). A run that was
interrupted goes on with --resume [RUN]: what was answered with 2xx, or as often as
--retry allows, is not sent again, and retries that are due later keep their times.

--failed chooses what did not get through: dead letters of "listen --forward-to", and
deliveries whose last attempt at some target got no 2xx. Without --to each goes to the
targets that it failed at, and leaves the dead letters when it gets through. What got
there by another way since is not sent, and one such run is under way at a time.

Targets must be on this machine unless --allow-remote is given. Exit 0 when every
target answered 2xx to everything, 7 when not, 130 when a signal stopped it.

` + filterHelp[deliveryFields](),
		Example: "  payctl webhook replay dlv_1 --to http://127.0.0.1:3000/hook\n" +
			"  payctl webhook replay --since 2h --event 'stk.*' --to http://127.0.0.1:3000/hook --rate 50\n" +
			"  payctl webhook replay --failed\n  payctl webhook replay --resume",
		Args: func(_ *cobra.Command, args []string) error { o.ids = args; return nil },
	}
	o.bind(cmd.Flags())
	run := a.run(func(ctx context.Context) error { return a.webhookReplay(ctx, o) })
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.changed = map[string]bool{}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { o.changed[f.Name] = f.Changed })
		return run(cmd, args)
	}
	return cmd
}

func (o *webhookReplayOptions) bind(f *pflag.FlagSet) {
	f.StringArrayVar(&o.spec.Targets, "to", nil, "your endpoint's `URL` (repeatable: answers are compared)")
	f.StringVar(&o.since, "since", "", "received at or after this `TIME` (RFC 3339, a date, or 2h for two hours ago)")
	f.StringVar(&o.until, "until", "", "received before this `TIME`")
	f.StringVar(&o.provider, "provider", "", "only this provider: `daraja|wasaapay|sevi`")
	f.StringVar(&o.spec.Event, "event", "", "only this event; `NAME` may end with *")
	f.StringVar(&o.status, "status", "", "only events that claim these statuses: `COMPLETED,FAILED,PENDING`")
	f.StringVar(&o.verdict, "verdict", "valid,unsigned", "only these, comma separated: `valid,unsigned,mismatch,malformed,untrusted`")
	bindFilter(f, &o.spec.Filter)
	f.IntVar(&o.last, "last", 0, "the newest `N` of them")
	f.BoolVar(&o.spec.Failed, "failed", false, "what did not get through: dead letters, and last attempts without a 2xx")
	f.Float64Var(&o.spec.Rate, "rate", 0, "at most `N` deliveries a second")
	f.Float64Var(&o.spec.Speed, "speed", 0, "keep the original pace, `X` times as fast (1 is as it was)")
	f.IntVar(&o.spec.Concurrency, "concurrency", 8, "`N` deliveries at once; those of one payment stay in order")
	f.StringVar(&o.spec.Retry, "retry", "", "try again after no 2xx: `provider` for its own schedule, or waits such as 1s,5s")
	f.StringArrayVar(&o.spec.Set, "set", nil, "change a value: `PATH=VALUE` (repeatable)")
	f.BoolVar(&o.spec.Resign, "resign", false, "sign again with the profile's secret")
	f.BoolVar(&o.spec.AllowRemote, "allow-remote", false, "let targets be on other machines")
	f.StringVar(&o.resume, "resume", "", "go on with an interrupted `RUN` (the latest, if none is named)")
	f.Lookup("resume").NoOptDefVal = latestRun
}

// replaySpec is what a run was asked for; the ledger keeps it for --resume, so
// it holds points in time and ids, nothing that would mean another thing later.
type replaySpec struct {
	// IDs are the deliveries, when they were chosen one by one.
	IDs []string `json:"ids,omitempty"`
	// FailedAt are the targets that each delivery goes to, under --failed
	// without --to.
	FailedAt map[string][]string `json:"failed_at,omitempty"`
	Targets  []string            `json:"targets,omitempty"`
	Provider payment.ProviderID  `json:"provider,omitempty"`
	Event    string              `json:"event,omitempty"`
	Statuses []payment.Status    `json:"statuses,omitempty"`
	Verdicts []payment.Verdict   `json:"verdicts,omitempty"`
	Since    time.Time           `json:"since,omitzero"`
	Until    time.Time           `json:"until,omitzero"`
	Filter   string              `json:"filter,omitempty"`
	Failed   bool                `json:"failed,omitempty"`
	// Rate is in deliveries a second, Speed a multiple of the original pace.
	Rate        float64  `json:"rate,omitempty"`
	Speed       float64  `json:"speed,omitempty"`
	Concurrency int      `json:"concurrency"`
	Retry       string   `json:"retry,omitempty"`
	Set         []string `json:"set,omitempty"`
	Resign      bool     `json:"resign,omitempty"`
	AllowRemote bool     `json:"allow_remote,omitempty"`
}

func (s replaySpec) filter() store.DeliveryFilter {
	return store.DeliveryFilter{
		Provider: s.Provider, Event: s.Event, Statuses: s.Statuses, Verdicts: s.Verdicts, Since: s.Since, Until: s.Until,
	}
}

func (a *app) webhookReplay(ctx context.Context, o webhookReplayOptions) error {
	if o.resume != "" {
		return a.resumeReplay(ctx, o)
	}
	spec, err := a.replaySpec(o)
	if err != nil {
		return err
	}
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	unlock, err := lockFailed(ledger.Path(), spec)
	if err != nil {
		return err
	}
	defer unlock()
	if spec, err = a.choose(ctx, ledger, spec, o); err != nil {
		return err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	run, err := ledger.Runs.Start(ctx, text)
	if err != nil {
		return err
	}
	return a.runReplay(ctx, ledger, run, spec)
}

// resumeReplay takes an interrupted run up with what it was asked for.
func (a *app) resumeReplay(ctx context.Context, o webhookReplayOptions) error {
	for _, name := range sortedKeys(o.changed) {
		switch {
		case !o.changed[name], name == "resume", name == "rate", name == "speed", name == "concurrency":
		default:
			return usagef("leave --"+name+" out; only --rate, --speed and --concurrency may change", "resume: a run goes on with what it was asked for")
		}
	}
	id := o.resume
	if id == latestRun {
		id = strings.Join(o.ids, " ")
	} else if len(o.ids) > 0 {
		return usagef("name one run", "resume: unexpected argument %q", o.ids[0])
	}
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	run, err := ledger.Runs.Find(ctx, id)
	if err != nil {
		return err
	}
	if !run.FinishedAt.IsZero() {
		return usagef("send what failed again with --failed", "resume %s: the run came to its end on %s", run.ID, rfc3339(run.FinishedAt))
	}
	var spec replaySpec
	if err := json.Unmarshal(run.Spec, &spec); err != nil {
		return &payment.Error{Kind: payment.KindInternal, Message: "resume " + run.ID + ": what it was asked for cannot be read", Err: err}
	}
	for name, change := range map[string]func(){
		"rate": func() { spec.Rate = o.spec.Rate }, "speed": func() { spec.Speed = o.spec.Speed },
		"concurrency": func() { spec.Concurrency = o.spec.Concurrency },
	} {
		if o.changed[name] {
			change()
		}
	}
	if err := spec.checkPace(); err != nil {
		return err
	}
	unlock, err := lockFailed(ledger.Path(), spec)
	if err != nil {
		return err
	}
	defer unlock()
	return a.runReplay(ctx, ledger, run, spec)
}

// runReplay sends what a run has left and reports.
func (a *app) runReplay(ctx context.Context, ledger *store.Store, run store.Run, spec replaySpec) error {
	ctx, cancel := a.deadline.bound(ctx, 0)
	defer cancel()
	unlock, err := lockRun(ledger.Path(), run.ID)
	if err != nil {
		return err
	}
	defer unlock()
	shelf, err := newReplayShelf(ctx, ledger, run, spec)
	if err != nil {
		return err
	}
	options, err := a.replayOptions(ctx, spec)
	if err != nil {
		return err
	}
	report := a.newReplayReport(ctx, ledger, run.ID, spec)
	options.Ledger, options.RunID, options.OnResult = shelf, run.ID, report.add
	if spec.Failed {
		options.Wanted = shelf.stillFailed
	}
	totals, err := replay.Run(ctx, options)
	report.progress.Stop()
	if err != nil {
		switch {
		case payment.KindOf(err) == payment.KindUsage:
			// The same would come of it again: this run is not one to go on with.
			return errors.Join(err, ledger.Runs.Finish(context.WithoutCancel(ctx), run.ID))
		case ctx.Err() != nil:
			a.out.Note("%d sent; go on with: payctl webhook replay --resume %s", totals.Sent, run.ID)
		}
		return err
	}
	if err := ledger.Runs.Finish(ctx, run.ID); err != nil {
		return err
	}
	a.keepErr(a.out.Line(report.summary(totals)))
	about := itoa(int(totals.Failed)) + " of " + itoa(int(totals.Sent+totals.Skipped)) + " deliveries got no 2xx"
	if totals.Failed > 0 {
		return a.ended(a.writeErr, &payment.Error{
			Kind: payment.KindUnavailable, Message: about, Hint: "payctl webhook replay --failed sends them again", Retryable: true,
		}, about)
	}
	return a.ended(a.writeErr, nil, about)
}

// replayOptions turns a spec into what package replay needs.
func (a *app) replayOptions(ctx context.Context, spec replaySpec) (replay.Options, error) {
	wanted, err := parseFilter[deliveryFields](spec.Filter)
	if err != nil {
		return replay.Options{}, err
	}
	retry, err := parseRetry(spec.Retry)
	if err != nil {
		return replay.Options{}, err
	}
	options := replay.Options{
		Filter: spec.filter(), Targets: spec.Targets, Rate: spec.Rate, Speed: spec.Speed, Concurrency: spec.Concurrency,
		Retry: retry, Client: a.replayClient(spec.Concurrency), Now: a.now,
	}
	if wanted != nil && len(spec.IDs) == 0 {
		options.Keep = func(d store.StoredDelivery) (bool, error) { return keepsDelivery(wanted, d) }
	}
	if len(spec.FailedAt) > 0 {
		options.TargetsOf = func(d store.StoredDelivery) []string { return spec.FailedAt[d.ID] }
	}
	options.Edit, err = a.replayEdit(ctx, spec)
	return options, err
}

// replayClient keeps as many connections open as deliveries are under way.
func (a *app) replayClient(concurrency int) *http.Client {
	shared, ok := a.httpClient().Transport.(*http.Transport)
	if !ok {
		return a.httpClient()
	}
	transport := shared.Clone()
	transport.MaxIdleConnsPerHost, transport.MaxIdleConns = concurrency, 0
	transport.DisableCompression = true
	return &http.Client{Transport: transport}
}
