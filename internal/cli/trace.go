package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/trace"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// traceVerb is "payctl trace".
type traceVerb struct {
	*session
	id, bundle string
	statements []string
}

func newTrace(s *session) *cobra.Command {
	v := &traceVerb{session: s}
	cmd := &cobra.Command{
		Use:   "trace ID",
		Short: "Show everything known about a payment in order of time",
		Long: `Puts what the ledger knows about one payment on one timeline: the intent, the request
and its answer, callbacks, duplicates and deliveries that were not believed, what was
forwarded and what the app answered, queries and their results. Gaps are named. ID is
any identifier: payctl's, the provider's, a receipt, a reference, an idempotency key, a
conversation, a query, a delivery. Nobody is asked.

--bundle writes it as a zip for the provider's support desk: timeline, bodies with
numbers masked, headers without credentials, hashes, what the codes mean, and the text
of the request to send.`,
		Example: "  payctl trace INV-1\n  payctl trace UK4A0SYN01 -o json\n  payctl trace INV-1 --bundle inv-1.zip",
		Args:    oneArg("ID", &v.id),
		RunE:    s.quick(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.bundle, "bundle", "", "also write the redacted evidence to this zip `FILE`")
	f.StringArrayVar(&v.statements, "statement", nil, "also show what this statement `FILE` has of the receipt (repeatable)")
	return report(cmd)
}

// Run gathers the timeline and shows it.
func (v *traceVerb) Run(ctx context.Context) error {
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	in := trace.Input{ID: v.id, Providers: v.providers.IDs(), Now: v.now()}
	var shown func(bool) ui.View
	switch found, err := v.subject(ctx, ledger); {
	case err == nil:
		doubts, err := ledger.Deposits.Doubts(ctx, found.ID)
		if err != nil {
			return err
		}
		in.Deposit = &found.Deposit
		shown = func(show bool) ui.View { return view.NewDeposit(found.Deposit, doubts[found.ID], found.Others, show) }
	case payment.KindOf(err) != payment.KindNotFound:
		return err
	default:
		shown = func(bool) ui.View { return nil }
	}
	if in.Statement, err = v.statementRows(ctx, in.Deposit); err != nil {
		return err
	}
	t, err := trace.Run(ctx, traceLedger(ledger), in)
	if err != nil {
		return err
	}
	out := view.NewTrace(t, shown(v.global.showPhone), v.zone())
	if v.bundle != "" {
		if err := v.writeBundle(t, shown(false)); err != nil {
			return err
		}
	}
	if v.out.Format() == ui.FormatCSV {
		return ui.List(v.out, view.TraceColumns(), out.Events)
	}
	return v.out.One(out)
}

// subject finds the deposit that any identifier leads to.
func (v *traceVerb) subject(ctx context.Context, ledger *store.Store) (deposit.Found, error) {
	found, err := v.find(ctx, ledger, v.id)
	if payment.KindOf(err) != payment.KindNotFound {
		return found, err
	}
	id, other := trace.About(ctx, traceLedger(ledger), v.id)
	if id == "" || other != nil {
		return found, cmp.Or(other, err)
	}
	return v.find(ctx, ledger, id)
}

// traceLedger is what a timeline is read from.
func traceLedger(l *store.Store) trace.Ledger {
	return trace.Ledger{Deposits: l.Deposits, Deliveries: l.Deliveries, Queries: l.Queries, Actions: l.Actions}
}

// statementRows are what the given files have of the payment.
func (v *traceVerb) statementRows(ctx context.Context, d *payment.Deposit) ([]trace.Event, error) {
	receipt := v.id
	if d != nil {
		receipt = d.Receipt
	}
	if len(v.statements) == 0 || receipt == "" {
		return nil, nil
	}
	files := make([]reconcile.Source, len(v.statements))
	for i, name := range v.statements {
		files[i] = reconcile.FileSource(name)
	}
	var out []trace.Event
	err := reconcile.Find(ctx, files, receipt, v.now(), func(file string, r statement.Row) {
		if r.Problem != "" {
			return
		}
		out = append(out, trace.Event{
			At: r.At, Kind: trace.Statement, Source: payment.Line(file, 200), Ref: fmt.Sprintf("line %d", r.Line),
			Summary: payment.Line(fmt.Sprintf("%s %s KES, %s, %s", r.Leg, statement.Decimal(r.Amount), strings.ToLower(r.Status), r.Details), 300),
		})
	})
	return out, err
}

// writeBundle writes the zip.
func (v *traceVerb) writeBundle(t *trace.Trace, deposit ui.View) error {
	data, err := view.TraceBundle(t, deposit, v.providers.Explain, v.zone(), v.now())
	if err != nil {
		return err
	}
	if err := atomicfile.Write(v.bundle, data); err != nil {
		return usagef("check the directory and its permissions", "bundle: %s", err.Error())
	}
	v.out.Note("wrote %s; look through it, then send it with the text in REQUEST.txt", payment.Line(v.bundle, 200))
	return nil
}
