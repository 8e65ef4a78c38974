package inquiry

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// question is one of the three, ready to be recorded and sent.
type question struct {
	kind      string
	asked     Asked
	depositID string
	// record enters it into the ledger; nil stands for Queries.Create.
	record func(context.Context, store.Query) (store.Query, error)
	// send sends it once.
	send func(ctx context.Context, resultURL, timeoutURL string) (payment.Acceptance, error)
}

// resultURLs are where a query's result and time-out are to be posted.
func (a Account) resultURLs(token string) (result, timeout string) {
	base := a.CallbackURL + "/callbacks/daraja/"
	return base + "result/" + token, base + "timeout/" + token
}

// CheckCallbackURL returns what is wrong with the callback URL, as KindUsage, before
// anything is recorded or sent, and what is only doubtful.
func (a Account) CheckCallbackURL() (warnings []string, err error) {
	if a.CallbackURL == "" {
		return nil, payment.Usage("callback_url: is not set, and Daraja wants an address to send the result to",
			"set callback_url (PAYCTL_CALLBACK_URL) to the public base URL of \"payctl listen\"")
	}
	problems, warnings := daraja.LintCallbackURL(a.CallbackURL, a.Environment)
	if len(problems) > 0 {
		return nil, payment.Usage("callback_url: "+strings.Join(problems, "; "), "set callback_url to the public https base URL of \"payctl listen\"")
	}
	return warnings, nil
}

func (i *Inquirer) checkCallbackURL() error {
	warnings, err := i.Account.CheckCallbackURL()
	for _, w := range warnings {
		i.tell(Note, "warning: callback_url "+w)
	}
	return err
}

// ask records a question, sends it once and, unless noWait, waits for its result. It is
// in the ledger before anything leaves, so that it can be taken up again. A query that
// has no end yet is returned with an error only if it was lost or refused; its Result is
// empty where there is nothing to show.
func (i *Inquirer) ask(ctx context.Context, q question, noWait bool) (Result, error) {
	query, err := i.record(ctx, q)
	if err != nil {
		return Result{}, err
	}
	if !noWait {
		if err := i.Mailbox.open(ctx, i); err != nil {
			return Result{}, err
		}
		defer i.Mailbox.finish(ctx, i, query.ID)
	}
	query, lost, err := i.send(ctx, query, q, noWait)
	if found, ended := i.lastLook(ctx, query); err != nil && ended {
		// The result was faster than the answer that was lost.
		query, err = found, nil
	}
	if err != nil {
		return Result{}, err
	}
	if noWait {
		return Result{Query: query}, nil
	}
	result, err := i.await(ctx, query)
	if lost != nil && payment.KindOf(err) == payment.KindPending {
		return result, lost
	}
	return result, err
}

func (i *Inquirer) record(ctx context.Context, q question) (store.Query, error) {
	request, err := json.Marshal(q.asked)
	if err != nil {
		return store.Query{}, err
	}
	record := q.record
	if record == nil {
		record = i.Ledger.Queries.Create
	}
	return record(ctx, store.Query{
		Kind: q.kind, Provider: payment.Daraja, Environment: i.Account.Environment, DepositID: q.depositID,
		Receipt: payment.Or(q.asked.Receipt, ""), OriginalConversationID: payment.Or(q.asked.OriginalConversationID, ""), Request: request,
		Because: payment.Or(q.asked.Remarks, ""),
	})
}

// send sends a recorded query and records the answer. lost is the error of a request
// whose answer was lost although it may have been taken: its result may come all the same.
func (i *Inquirer) send(ctx context.Context, query store.Query, q question, noWait bool) (_ store.Query, lost, err error) {
	i.tell(Step, "sending "+Name(query))
	result, timeout := i.Account.resultURLs(query.Token)
	accepted, err := q.send(ctx, result, timeout)
	// What came of it is recorded even if the operator has just stopped waiting.
	record := context.WithoutCancel(ctx)
	var e *payment.Error
	if errors.Is(err, payment.ErrOutcomeUnknown) && accepted.ConversationID != "" {
		// Whatever else it says, the answer names the request: its result finds it.
		named, acceptErr := i.Ledger.Queries.Accept(record, query.ID, accepted)
		if acceptErr != nil {
			return query, nil, errors.Join(err, acceptErr)
		}
		query = named
	}
	switch {
	case err == nil:
		query, err = i.Ledger.Queries.Accept(record, query.ID, accepted)
		if err == nil && !noWait {
			i.tell(Note, "accepted; if this is stopped, go on with \"payctl transaction status --resume "+query.ID+"\"")
		}
		return query, nil, err
	case errors.Is(err, payment.ErrOutcomeUnknown) && !noWait && ctx.Err() == nil:
		i.tell(Warning, err.Error()+"; it may have been taken and is not sent again; waiting for its result")
		return query, withHint(err, "go on waiting with \"payctl transaction status --resume "+query.ID+"\""), nil
	case errors.Is(err, payment.ErrOutcomeUnknown):
	case errors.As(err, &e) && (q.kind == KindReversal || e.ProviderCode != "" || e.Kind == payment.KindUsage || e.Kind == payment.KindUnauthorized):
		// Whatever may have been carried out of a reversal is ErrOutcomeUnknown; the
		// result of any other query that was not taken clearly may come all the same.
		_, refuseErr := i.Ledger.Queries.Refuse(record, query.ID, e.ProviderCode, e.Message)
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

// Resume goes on waiting for a query that was sent before; nothing is sent. With noWait
// it only reads.
func (i *Inquirer) Resume(ctx context.Context, id string, noWait bool) (Result, error) {
	q, _, err := Find(ctx, i.Ledger, id)
	if err != nil {
		return Result{}, err
	}
	if q.Environment != i.Account.Environment {
		return Result{}, payment.Usage("query "+q.ID+": is of environment "+string(q.Environment)+", the profile "+i.Account.Profile+" is of "+string(i.Account.Environment),
			"choose the profile with --profile")
	}
	switch {
	case isEnd(q.Status) || q.Status == store.QueryRefused:
		return i.ended(ctx, q)
	case noWait:
		return Result{Query: q}, nil
	}
	if err := i.Mailbox.open(ctx, i); err != nil {
		return Result{}, err
	}
	defer i.Mailbox.finish(ctx, i, q.ID)
	return i.await(ctx, q)
}

// await waits until the ledger has the result of a query and says what it means.
func (i *Inquirer) await(ctx context.Context, query store.Query) (Result, error) {
	i.tell(Step, "waiting for the result of "+query.ID)
	query, err := i.awaitEnd(ctx, query)
	if err != nil {
		return Result{}, err
	}
	return i.ended(context.WithoutCancel(ctx), query)
}

// lookAgain is how often a waiting command makes sure that somebody listens: the
// listener may have been stopped since.
const lookAgain = 2 * time.Second

func (i *Inquirer) awaitEnd(ctx context.Context, query store.Query) (store.Query, error) {
	changes := i.Ledger.Queries.Changes(ctx)
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return i.timeOver(ctx, query)
		case <-ticker.C:
			if err := i.Mailbox.open(ctx, i); err != nil {
				return query, err
			}
		case _, open := <-changes:
			if !open {
				return i.timeOver(ctx, query)
			}
			found, _, err := Find(ctx, i.Ledger, query.ID)
			switch {
			case err != nil && ctx.Err() != nil:
				return i.timeOver(ctx, query)
			case err != nil:
				return query, err
			case isEnd(found.Status):
				return found, nil
			}
		}
	}
}

func isEnd(s store.QueryStatus) bool { return s == store.QueryAnswered || s == store.QueryTimedOut }

// lastLook reads a query once more, however the wait for it ended, and reports whether
// its result or time-out is there.
func (i *Inquirer) lastLook(ctx context.Context, query store.Query) (store.Query, bool) {
	found, err := i.Ledger.Queries.Find(context.WithoutCancel(ctx), query.ID)
	if err != nil || len(found) == 0 || !isEnd(found[0].Status) {
		return query, false
	}
	return found[0], true
}

// timeOver is the end of a wait: what came at the last moment counts.
func (i *Inquirer) timeOver(ctx context.Context, query store.Query) (store.Query, error) {
	if found, ended := i.lastLook(ctx, query); ended {
		return found, nil
	}
	e := &payment.Error{Kind: payment.KindInterrupted, Provider: payment.Daraja, Message: Name(query) + ": stopped before the result came", Hint: resumeHint(query), Err: ctx.Err()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Kind, e.Message = payment.KindPending, Name(query)+": no result came in time"
	}
	return query, e
}

func resumeHint(q store.Query) string {
	return "go on waiting with \"payctl transaction status --resume " + q.ID + "\"; check that callback_url leads to \"payctl listen\" on this ledger"
}
