package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/filter"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/webhook"
)

type webhookReplay struct {
	*session
	send         sendFlags
	edit         editFlags
	spec         replay.Spec
	ids          []string
	since, until string
	provider     string
	status       string
	verdict      string
	last         int
	resume       string
	dryRun       bool
	// changed names the flags that were given.
	changed map[string]bool
}

// latestRun is --resume without a value.
const latestRun = "latest"

func newWebhookReplay(s *session) *cobra.Command {
	v := &webhookReplay{session: s, changed: map[string]bool{}}
	cmd := &cobra.Command{
		Use:   "replay [ID...]",
		Short: "Send stored deliveries again",
		Long: `Sends stored deliveries to your own endpoint: the exact bytes and headers that came,
oldest first, in order for each payment. Choose by ID, --last, --failed, or by range
and filter; whatever was not believed when it arrived is left out of ranges unless
--verdict asks for it. With several --to, status, body and latency are compared.
--dry-run lists what would be sent, and sends nothing.

As fast as possible, or at --rate a second, or at --speed times the original pace.
Every attempt is kept with its answer ("webhook show ID --attempts"). A run that was
interrupted says what it sent and goes on with --resume [RUN]: what was answered with
2xx, or as often as --retry allows, is not sent again, and retries that are due later
keep their times. One that was killed outright sends at most two again for each of
--concurrency: those whose answers were not written down yet.

--failed chooses what did not get through: dead letters of "listen --forward-to", and
deliveries whose last attempt at some target got no 2xx. Without --to each goes to the
targets that it failed at, and leaves the dead letters when it gets through. What got
there by another way since is not sent, and one such run is under way at a time. A
target that may not be sent to is left, and named; "webhook queue" moves or drops what
waits for it.

Targets must be on this machine unless --allow-remote is given. Exit 0 when every
target answered 2xx to everything, 7 when not or when some was left,
130 when a signal stopped it.

` + filterHelp[filter.Delivery](),
		Example: "  payctl webhook replay dlv_1 --to http://127.0.0.1:3000/hook\n" +
			"  payctl webhook replay --since 2h --event 'stk.*' --to http://127.0.0.1:3000/hook --rate 50\n" +
			"  payctl webhook replay --failed --dry-run\n  payctl webhook replay --resume",
		Args: func(cmd *cobra.Command, args []string) error {
			v.ids = args
			cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
				if f.Changed {
					v.changed[f.Name] = true
				}
			})
			return nil
		},
		RunE: s.run(v.Run),
	}
	v.bind(cmd.Flags())
	return cmd
}

func (v *webhookReplay) bind(f *pflag.FlagSet) {
	f.StringArrayVar(&v.spec.Targets, "to", nil, "your endpoint's `URL` (repeatable: answers are compared)")
	f.StringVar(&v.since, "since", "", "received at or after this `TIME` (RFC 3339, a date, or 2h for two hours ago)")
	f.StringVar(&v.until, "until", "", "received before this `TIME`")
	f.StringVar(&v.provider, "provider", "", "only this provider: `daraja|wasaapay|sevi`")
	f.StringVar(&v.spec.Event, "event", "", "only this event; `NAME` may end with *")
	f.StringVar(&v.status, "status", "", "only events that claim these statuses: `COMPLETED,FAILED,PENDING`")
	f.StringVar(&v.verdict, "verdict", "valid,unsigned", "only these, comma separated: `"+verdictNames+"`")
	bindFilter(f, &v.spec.Filter)
	f.IntVar(&v.last, "last", 0, "the newest `N` of them")
	f.BoolVar(&v.spec.Failed, "failed", false, "what did not get through: dead letters, and last attempts without a 2xx")
	f.Float64Var(&v.spec.Rate, "rate", 0, "at most `N` deliveries a second")
	f.Float64Var(&v.spec.Speed, "speed", 0, "keep the original pace, `X` times as fast (1 is as it was)")
	f.IntVar(&v.spec.Concurrency, "concurrency", 8, "`N` deliveries at once; those of one payment stay in order")
	f.StringVar(&v.spec.Retry, "retry", "", "try again after no 2xx: `provider` for its own schedule, or waits such as 1s,5s")
	v.edit.bind(f)
	f.BoolVar(&v.spec.Resign, "resign", false, "sign again with the profile's secret")
	f.BoolVar(&v.spec.AllowRemote, "allow-remote", false, "let targets be on other machines")
	f.StringVar(&v.resume, "resume", "", "go on with an interrupted `RUN` (the latest, if none is named)")
	f.Lookup("resume").NoOptDefVal = latestRun
	f.BoolVar(&v.dryRun, "dry-run", false, "list what would be sent, and send nothing")
	v.send.bind(f)
}

// Run replays.
func (v *webhookReplay) Run(ctx context.Context) error {
	if v.resume != "" {
		return v.goOn(ctx)
	}
	in, err := v.input()
	if err != nil {
		return err
	}
	if v.dryRun {
		return v.plan(ctx, in)
	}
	return v.do(ctx, func(ctx context.Context, r *replay.Replayer) (replay.Outcome, error) { return r.Start(ctx, in) })
}

// goOn takes an interrupted run up with what it was asked for.
func (v *webhookReplay) goOn(ctx context.Context) error {
	for _, name := range sortedKeys(v.changed) {
		switch {
		case name == "resume", name == "rate", name == "speed", name == "concurrency", isSendFlag(name):
		default:
			return usagef("leave --"+name+" out; only --rate, --speed and --concurrency may change, and how it is sent", "resume: a run goes on with what it was asked for")
		}
	}
	id := v.resume
	if id == latestRun {
		id = strings.Join(v.ids, " ")
	} else if len(v.ids) > 0 {
		return usagef("name one run", "resume: unexpected argument %q", v.ids[0])
	}
	var pace replay.Pace
	if v.changed["rate"] {
		pace.Rate = &v.spec.Rate
	}
	if v.changed["speed"] {
		pace.Speed = &v.spec.Speed
	}
	if v.changed["concurrency"] {
		pace.Concurrency = &v.spec.Concurrency
	}
	return v.do(ctx, func(ctx context.Context, r *replay.Replayer) (replay.Outcome, error) { return r.Resume(ctx, id, pace) })
}

// input checks the flags that choose.
func (v *webhookReplay) input() (replay.Input, error) {
	if v.spec.Failed && !v.changed["verdict"] {
		v.verdict = "" // whatever was sent on may be sent on again
	}
	chosen, err := deliveryFlags{
		provider: v.provider, event: v.spec.Event, verdict: v.verdict, status: v.status, since: v.since, until: v.until,
	}.filter(v.env)
	if err != nil {
		return replay.Input{}, err
	}
	spec := v.spec
	spec.Provider, spec.Statuses, spec.Verdicts, spec.Since, spec.Until = chosen.Provider, chosen.Statuses, chosen.Verdicts, chosen.Since, chosen.Until
	spec.Set, spec.SetJSON, spec.Unset = v.edit.set, v.edit.setJSON, v.edit.unset
	if spec.Until.IsZero() {
		// What arrives while the run goes on, or before it is resumed, is not part of it.
		spec.Until = v.now()
	}
	ranged := false
	for _, name := range []string{"since", "until", "provider", "event", "status", "filter", "verdict"} {
		ranged = ranged || v.changed[name]
	}
	switch {
	case len(v.ids) > 0 && ranged:
		return replay.Input{}, usagef("give ids, or flags that choose", "ID: cannot be mixed with --since, --last, --failed and the like")
	case len(v.ids) == 0 && !ranged && v.last == 0 && !spec.Failed:
		return replay.Input{}, usagef("give ids, --last N, --failed, or a range such as --since 2h", "which deliveries to send is not said")
	}
	return replay.Input{Spec: spec, IDs: v.ids, Last: v.last}, nil
}

// replayer is the use case with this command's means. The ledger is opened later.
func (v *webhookReplay) replayer(ctx context.Context) (*replay.Replayer, error) {
	options, err := v.send.options()
	if err != nil {
		return nil, err
	}
	options.Connections, options.Steady = replay.MaxConcurrency, true
	return &replay.Replayer{
		Sender: deliver.New(options), Now: v.now,
		Filter: filter.Deliveries,
		Edit:   func(spec replay.Spec) (replay.Edit, error) { return v.editor(ctx, spec) },
		OnLeft: func(l replay.Left) { v.out.Warn("left %d at %s: %s", l.Deliveries, l.Target, l.Reason) },
	}, nil
}

// editor changes bodies and signs them again, where that was asked for.
func (v *webhookReplay) editor(ctx context.Context, spec replay.Spec) (replay.Edit, error) {
	edit := webhook.Edit{Set: spec.Set, SetJSON: spec.SetJSON, Unset: spec.Unset}
	if edit.IsEmpty() && !spec.Resign {
		return nil, nil //nolint:nilnil // no edit sends the stored bytes
	}
	if !spec.Resign {
		v.out.Warn("changed without --resign: what WasaaPay signed will no longer verify")
	}
	var bench webhook.Bench
	if spec.Resign {
		var err error
		if bench, err = v.keys().Bench(ctx); err != nil {
			return nil, err
		}
	}
	return func(d store.StoredDelivery) (store.StoredDelivery, error) {
		var err error
		if d.Body, err = edit.Apply(d.Body); err != nil || !spec.Resign {
			return d, err
		}
		d.Delivery, err = bench.Resign(d.Delivery)
		return d, err
	}, nil
}

// plan lists what would be sent.
func (v *webhookReplay) plan(ctx context.Context, in replay.Input) error {
	r, err := v.replayer(ctx)
	if err != nil {
		return err
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	r.Ledger = replay.LedgerOf(ledger)
	spec, left, err := r.Choose(ctx, in)
	if err != nil {
		return err
	}
	total := int64(0)
	err = r.Plan(ctx, spec, func(d store.StoredDelivery, targets []string) error {
		total++
		return v.out.Line(view.NewPlannedDelivery(d, targets))
	})
	if err != nil {
		return err
	}
	return v.out.Line(view.NewPlanSummary(total, left))
}

// do runs the use case, follows it and reports.
func (v *webhookReplay) do(ctx context.Context, run func(context.Context, *replay.Replayer) (replay.Outcome, error)) error {
	if v.getenv("GOGC") == "" && v.getenv("GOMEMLIMIT") == "" {
		defer replay.EaseCollector()()
	}
	r, err := v.replayer(ctx)
	if err != nil {
		return err
	}
	ledger, err := v.openLedger(ctx)
	if err != nil {
		return err
	}
	r.Ledger = replay.LedgerOf(ledger)
	follow := &replayFollower{session: v.session, ledger: ledger}
	r.OnStart = func(_ string, spec replay.Spec) { follow.start(ctx, spec) }
	r.OnResult = follow.add
	ctx, cancel := v.deadline.bound(ctx, 0)
	defer cancel()
	out, err := run(ctx, r)
	follow.progress.Stop()
	interrupted := err != nil && ctx.Err() != nil && out.RunID != ""
	if err != nil && !interrupted {
		return err
	}
	v.keepErr(v.out.Line(view.NewReplaySummary(out, &follow.report, v.now().Sub(follow.started), interrupted)))
	if interrupted {
		v.out.Note("%d sent; go on with: payctl webhook replay --resume %s", out.Sent, out.RunID)
		return v.ended(v.writeErr, err, itoa(int(out.Sent))+" were sent")
	}
	about := itoa(int(out.Failed)) + " of " + itoa(int(out.Sent+out.Skipped)) + " deliveries got no 2xx"
	switch {
	case out.Failed > 0:
		err = &payment.Error{Kind: payment.KindUnavailable, Message: about, Hint: "payctl webhook replay --failed sends them again", Retryable: true}
	case len(out.Left) > 0:
		err = &payment.Error{Kind: payment.KindUnavailable, Message: "left what goes to " + out.Left[0].Target + ": " + out.Left[0].Reason, Hint: "payctl webhook queue move, or drop, takes care of what waits for it"}
	}
	return v.ended(v.writeErr, err, about)
}

// replayFollower shows a run as it goes on; it is told of one result at a time.
type replayFollower struct {
	*session
	ledger   *store.Store
	report   replay.Report
	progress *ui.Progress
	expected int64
	started  time.Time
	shown    time.Time
}

func (f *replayFollower) start(ctx context.Context, spec replay.Spec) {
	f.started = f.now()
	if !isTerminal(f.in.Stderr) {
		return
	}
	if stats, err := f.ledger.Stats(ctx, spec.Since); err == nil {
		f.expected = spec.Expected(stats.Deliveries)
	}
	f.progress = f.out.Progress("replaying")
}

func (f *replayFollower) add(result replay.Result) {
	f.report.Add(result)
	f.keepErr(f.out.Line(view.NewReplayed(result, f.global.showPhone)))
	if now := f.now(); f.progress != nil && now.Sub(f.shown) >= 100*time.Millisecond {
		f.shown = now
		f.progress.Update(view.ReplayProgress(f.report.Sent, f.report.Failed, f.expected, now.Sub(f.started)))
	}
}
