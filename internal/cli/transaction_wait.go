package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// resultTimeout bounds asking and waiting: results come within seconds, and
// what expired in the queue never does.
const resultTimeout = 60 * time.Second

// inquiry is a question whose result comes by callback.
type inquiry struct {
	kind      string
	asked     asked
	depositID string
	noWait    bool
	// addr is where to receive the result if no listener runs, "" for the usual.
	addr string
	// record enters it into the ledger; nil stands for CreateQuery.
	record func(context.Context, store.Query) (store.Query, error)
	// send sends it once.
	send func(ctx context.Context, resultURL, timeoutURL string) (payment.Acceptance, error)
}

// resultURLs are where a query's result and time-out are to be posted.
func resultURLs(conf *config.Config, token string) (result, timeout string) {
	base := conf.CallbackURL + "/callbacks/daraja/"
	return base + "result/" + token, base + "timeout/" + token
}

// checkCallbackURL finds what is wrong with the callback URL before anything is
// recorded or sent.
func (a *app) checkCallbackURL(conf *config.Config) error {
	if conf.CallbackURL == "" {
		return usagef("set callback_url (PAYCTL_CALLBACK_URL) to the public base URL of \"payctl listen\"",
			"callback_url: is not set, and Daraja wants an address to send the result to")
	}
	problems, warnings := daraja.LintCallbackURL(conf.CallbackURL, conf.Environment)
	if len(problems) > 0 {
		return usagef("set callback_url to the public https base URL of \"payctl listen\"", "callback_url: %s", strings.Join(problems, "; "))
	}
	for _, w := range warnings {
		a.out.Note("warning: callback_url %s", w)
	}
	return nil
}

// inquire records a question, sends it once and waits for its result. It is in
// the ledger before anything leaves, so that it can be taken up again.
func (a *app) inquire(ctx context.Context, conf *config.Config, q inquiry) error {
	ledger, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	request, err := json.Marshal(q.asked)
	if err != nil {
		return err
	}
	record := q.record
	if record == nil {
		record = ledger.Queries.Create
	}
	query, err := record(ctx, store.Query{
		Kind: q.kind, Provider: payment.Daraja, Environment: conf.Environment, DepositID: q.depositID,
		Receipt: or(q.asked.Receipt, ""), OriginalConversationID: or(q.asked.OriginalConversationID, ""), Request: request,
	})
	if err != nil {
		return err
	}
	ctx, cancel := a.withTimeout(ctx, resultTimeout)
	defer cancel()
	box := &mailbox{app: a, conf: conf, ledger: ledger, addr: q.addr}
	if !q.noWait {
		if err := box.open(ctx); err != nil {
			return err
		}
		defer box.finish(ctx, query.ID)
	}
	query, lost, err := a.sendInquiry(ctx, ledger, query, q, conf)
	if found, ended := hasEnded(ctx, ledger, query); err != nil && ended {
		// The result was faster than the answer that was lost.
		query, err = found, nil
	}
	if err != nil {
		return err
	}
	if q.noWait {
		return a.ended(a.out.One(a.transactionView(query)), nil, queryName(query)+" was accepted")
	}
	err = a.await(ctx, ledger, query, box)
	if lost != nil && payment.KindOf(err) == payment.KindPending {
		return lost
	}
	return err
}

// sendInquiry sends a recorded query and records the answer. lost is the error
// of a request whose answer was lost although it may have been taken: its
// result may come all the same.
func (a *app) sendInquiry(ctx context.Context, ledger *store.Store, query store.Query, q inquiry, conf *config.Config) (_ store.Query, lost, err error) {
	progress := a.out.Progress("sending " + queryName(query))
	result, timeout := resultURLs(conf, query.Token)
	accepted, err := q.send(ctx, result, timeout)
	progress.Stop()
	// What came of it is recorded even if the operator has just stopped waiting.
	record := context.WithoutCancel(ctx)
	var e *payment.Error
	switch {
	case err == nil:
		query, err = ledger.Queries.Accept(record, query.ID, accepted)
		if err == nil && !q.noWait {
			a.out.Note("accepted; if this is stopped, go on with \"payctl transaction status --resume %s\"", query.ID)
		}
		return query, nil, err
	case errors.Is(err, payment.ErrOutcomeUnknown) && !q.noWait && ctx.Err() == nil:
		a.out.Warn("%s; it may have been taken and is not sent again; waiting for its result", firstLine(err.Error()))
		return query, withHint(err, "go on waiting with \"payctl transaction status --resume "+query.ID+"\""), nil
	case errors.Is(err, payment.ErrOutcomeUnknown):
	case errors.As(err, &e) && (q.kind == kindReversal || e.ProviderCode != "" || e.Kind == payment.KindUsage || e.Kind == payment.KindUnauthorized):
		// Whatever may have been carried out of a reversal is ErrOutcomeUnknown; the
		// result of any other query that was not taken clearly may come all the same.
		_, refuseErr := ledger.Queries.Refuse(record, query.ID, e.ProviderCode, e.Message)
		return query, nil, errors.Join(err, refuseErr)
	}
	return query, nil, err
}

// withHint puts another hint on an error of ours.
func withHint(err error, hint string) error {
	var e *payment.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Hint, out.Err = hint, err
	return &out
}

// await waits until the ledger has the result of a query, shows it, and
// returns what it means to a script.
func (a *app) await(ctx context.Context, ledger *store.Store, query store.Query, box *mailbox) error {
	progress := a.out.Progress("waiting for the result of " + query.ID)
	query, err := a.awaitResult(ctx, ledger, query, box)
	progress.Stop()
	if err != nil {
		return err
	}
	return a.showResult(context.WithoutCancel(ctx), ledger, query)
}

// lookAgain is how often a waiting command makes sure that somebody listens:
// the listener may have been stopped since.
const lookAgain = 2 * time.Second

func (a *app) awaitResult(ctx context.Context, ledger *store.Store, query store.Query, box *mailbox) (store.Query, error) {
	changes := ledger.Changes(ctx)
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return lastLook(ctx, ledger, query)
		case <-ticker.C:
			if err := box.open(ctx); err != nil {
				return query, err
			}
		case _, open := <-changes:
			if !open {
				return lastLook(ctx, ledger, query)
			}
			found, err := a.findQuery(ctx, ledger, query.ID)
			if err != nil {
				if ctx.Err() != nil {
					return lastLook(ctx, ledger, query)
				}
				return query, err
			}
			if isEnd(found.Status) {
				return found, nil
			}
		}
	}
}

func isEnd(s store.QueryStatus) bool { return s == store.QueryAnswered || s == store.QueryTimedOut }

// hasEnded reads a query once more, however the wait for it ended, and tells
// whether its result or time-out is there.
func hasEnded(ctx context.Context, ledger *store.Store, query store.Query) (store.Query, bool) {
	found, err := ledger.Queries.Find(context.WithoutCancel(ctx), query.ID)
	if err != nil || len(found) == 0 || !isEnd(found[0].Status) {
		return query, false
	}
	return found[0], true
}

// lastLook is the end of a wait: what came at the last moment counts.
func lastLook(ctx context.Context, ledger *store.Store, query store.Query) (store.Query, error) {
	if found, ended := hasEnded(ctx, ledger, query); ended {
		return found, nil
	}
	return query, stoppedWaiting(ctx, query)
}

// showResult prints a query that has come to its end.
func (a *app) showResult(ctx context.Context, ledger *store.Store, query store.Query) error {
	v, r, err := a.withResult(ctx, ledger, query)
	if err != nil {
		return err
	}
	printed := a.out.One(v)
	if query.DepositID != "" {
		if d, err := ledger.Deposits.Get(ctx, query.DepositID); err == nil {
			a.out.Note("it is about deposit %s, which is %s", d.ID, d.Status)
		}
	}
	return a.ended(printed, a.verdictOf(query, r), queryName(query)+" is "+string(query.Status))
}

// queryName names a query in messages.
func queryName(q store.Query) string { return strings.ReplaceAll(q.Kind, "_", " ") + " " + q.ID }

func resumeHint(q store.Query) string {
	return "go on waiting with \"payctl transaction status --resume " + q.ID + "\"; check that callback_url leads to \"payctl listen\" on this ledger"
}

// stoppedWaiting words the end of a wait: the operator's doing, or the time's.
func stoppedWaiting(ctx context.Context, q store.Query) error {
	e := &payment.Error{Kind: payment.KindInterrupted, Provider: payment.Daraja, Message: queryName(q) + ": stopped before the result came", Hint: resumeHint(q), Err: ctx.Err()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Kind, e.Message = payment.KindPending, queryName(q)+": no result came in time"
	}
	return e
}
