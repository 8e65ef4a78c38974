package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/input"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/watch"
)

// planRun is a plan that is ready to be asked for.
type planRun struct {
	*depositCreate
	plan       []deposit.Planned
	total      payment.Amount
	references map[int]string
	transports []string
	providers  map[payment.ProviderID]provider.Provider
	ledger     *store.Store
}

// runPlan asks for every line of --from-file.
func (v *depositCreate) runPlan(ctx context.Context) error {
	r := &planRun{depositCreate: v, references: map[int]string{}, providers: map[payment.ProviderID]provider.Provider{}}
	if err := r.read(ctx); err != nil {
		return deposit.BeforeSending(err)
	}
	if v.dryRun {
		return r.show()
	}
	if err := r.confirm(ctx); err != nil {
		return err
	}
	var err error
	if r.ledger, err = v.openLedgerAs(ctx, v.config, store.Options{}); err != nil {
		return err
	}
	return r.ask(ctx)
}

// checkPlanFlags refuses flags that speak of one deposit.
func (v *depositCreate) checkPlanFlags() error {
	for _, f := range []struct{ name, value string }{
		{"phone", v.words.Phone}, {"amount", v.words.Amount}, {"reference", v.words.Reference}, {"idempotency-key", v.words.Key},
	} {
		if f.value != "" {
			return usagef("leave --"+f.name+" out: the plan has a column for it", "%s: cannot be mixed with --from-file", f.name)
		}
	}
	switch {
	case v.concurrency < 1 || v.concurrency > mostConcurrency:
		return usagef(fmt.Sprintf("use 1 to %d", mostConcurrency), "concurrency %d: is not a number of requests at once", v.concurrency)
	case v.fromFile == "":
		return usagef("name a file, or - for stdin", "from-file: is empty")
	}
	return nil
}

// mostConcurrency bounds the requests that are under way at once.
const mostConcurrency = 64

// read reads and checks the whole plan.
func (r *planRun) read(ctx context.Context) (err error) {
	if err := r.checkPlanFlags(); err != nil {
		return err
	}
	if r.via, r.transports, err = r.follow.parse(); err != nil {
		return err
	}
	if r.fields, err = parseFields(r.fieldPairs); err != nil {
		return err
	}
	data, err := r.file(ctx)
	if err != nil {
		return err
	}
	lines, err := deposit.ReadPlan(data)
	if err != nil {
		return err
	}
	r.plan, err = deposit.CheckPlan(lines, func(l deposit.Line) (payment.Deposit, error) { return r.line(ctx, l) })
	if err != nil {
		return err
	}
	for _, p := range r.plan {
		r.references[p.Line] = p.Intent.Reference
	}
	r.total = deposit.Total(r.plan)
	return nil
}

func (r *planRun) file(ctx context.Context) ([]byte, error) {
	if r.fromFile == "-" {
		return input.All(r.stdin(ctx), deposit.MostPlan, "stdin")
	}
	return input.Trusted("from-file", r.fromFile, deposit.MostPlan)
}

// line is the deposit of one line; the flags stand in for cells that are empty.
func (r *planRun) line(ctx context.Context, l deposit.Line) (payment.Deposit, error) {
	id, err := r.session.providers.Parse(cmp.Or(l.Provider, r.provider))
	if err != nil {
		return payment.Deposit{}, err
	}
	row := r.session.providers.Row(id)
	if !row.Deposits {
		return payment.Deposit{}, usagef("", "provider %s: cannot ask for money", id)
	}
	words, err := l.Request(r.words)
	if err != nil {
		return payment.Deposit{}, err
	}
	if err := r.checkFlags(row, words); err != nil {
		return payment.Deposit{}, err
	}
	p, open := r.providers[id]
	if !open {
		if p, err = r.session.provider(ctx, id, r.transports); err != nil {
			return payment.Deposit{}, err
		}
		if err := r.via.Check(p.Depositor, p.Streamer); err != nil {
			return payment.Deposit{}, err
		}
		r.providers[id] = p
	}
	return r.intent(ctx, p, words)
}

// show is --dry-run: every line as it would be asked for, and the total.
func (r *planRun) show() error {
	sum := view.NewPlanSum(len(r.plan), r.total)
	for _, p := range r.plan {
		row := deposit.Row{Line: p.Line, Deposit: p.Intent}
		sum.Add(row, false)
		r.keepErr(r.out.Line(view.NewPlanRow(row, p.Intent.Reference, 0, r.global.showPhone)))
	}
	r.out.Note("dry run: nothing was recorded or sent")
	r.keepErr(r.out.Line(sum))
	return r.writeErr
}

// confirm guards real money: a script's lines are held to the cap one by one, a person
// types the total.
func (r *planRun) confirm(ctx context.Context) error {
	for _, p := range r.plan {
		if err := (guard{r.session}).checkProduction(ctx, p.Intent); err != nil {
			return err
		}
	}
	if r.plan[0].Intent.Environment == payment.Production && !r.global.yes {
		r.out.Warn("this asks %d customers for %s %s of real money.", len(r.plan), r.total, r.total.Currency())
		return guard{r.session}.confirmAmount(ctx, r.total)
	}
	return nil
}

// ask runs the plan and prints one verdict a line.
func (r *planRun) ask(ctx context.Context) error {
	bounded, cancel := r.deadline.bound(ctx, 0)
	defer cancel()
	sum := view.NewPlanSum(len(r.plan), r.total)
	progress := r.out.Progress(fmt.Sprintf("working on %d lines", len(r.plan)))
	done, worst := 0, 0
	var first error
	bulk := deposit.Bulk{Ask: r.askOne, Concurrency: r.concurrency}
	bulk.Run(bounded, r.plan, func(row deposit.Row) {
		done++
		refused := payment.KindOf(row.Err) == payment.KindConflict && row.Deposit.ID == ""
		sum.Add(row, refused && row.Err != nil)
		code := 0
		if row.Err != nil {
			code = exitCode(payment.KindOf(row.Err))
		}
		if code > worst {
			worst, first = code, row.Err
		}
		r.keepErr(r.out.Line(view.NewPlanRow(row, r.references[row.Line], code, r.global.showPhone)))
		progress.Update(fmt.Sprintf("%d of %d lines are done", done, len(r.plan)))
	})
	progress.Stop()
	r.keepErr(r.out.Line(sum))
	return r.ended(r.writeErr, r.planOutcome(ctx, bounded, done, first), fmt.Sprintf("%d of %d lines were asked for", done, len(r.plan)))
}

// planOutcome is what the whole plan came to: the worst of its lines, or that it was
// stopped.
func (r *planRun) planOutcome(ctx, bounded context.Context, done int, worst error) error {
	const hint = "run the same plan again: it goes on, and asks nobody twice"
	switch {
	case done < len(r.plan) && ctx.Err() != nil:
		return &payment.Error{Kind: payment.KindInterrupted, Message: fmt.Sprintf("stopped after %d of %d lines", done, len(r.plan)), Hint: hint, Err: ctx.Err()}
	case done < len(r.plan) && bounded.Err() != nil:
		return &payment.Error{Kind: payment.KindPending, Message: fmt.Sprintf("the time was over after %d of %d lines", done, len(r.plan)), Hint: hint, Err: bounded.Err()}
	case worst == nil:
		return nil
	}
	e := errorView(worst)
	return &payment.Error{
		Kind: payment.KindOf(worst), Message: "not every line came to a good end; the worst: " + e.Message, Hint: hint, Err: worst,
	}
}

// askOne asks for one line. A request that has begun is finished whatever happens.
func (r *planRun) askOne(ctx context.Context, intent payment.Deposit) (payment.Deposit, error) {
	if ctx.Err() != nil {
		return payment.Deposit{}, ctx.Err()
	}
	p := r.providers[intent.Provider]
	if err := deposit.KeyOfAnother(ctx, r.ledger.Deposits, intent); err != nil {
		return payment.Deposit{}, err
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	d, _, err := r.asker(p, r.ledger).Ask(sending, intent)
	cancel()
	if d.ID == "" || err != nil && !deposit.IsOpen(d, err) {
		return d, err
	}
	if !r.wait {
		if err == nil {
			err = asked(d)
		}
		return d, err
	}
	if !d.Status.Final() {
		results, watchErr := r.watcher(p, r.via, r.ledger).Watch(ctx, []string{d.ID}, nil)
		if len(results) > 0 {
			d = results[0].Deposit
		}
		if watchErr != nil {
			return d, watchErr
		}
	}
	return d, watch.Outcome(d)
}
