// Package deposit asks a customer for money exactly once: the intent is in the
// ledger before the request leaves, and whatever then happens (an answer, a
// refusal, silence, a killed process) the ledger says so truthfully. Following
// the deposit to its end is watch's work.
package deposit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Ledger is what asking needs of the store: its deposits. A change that ends with a context's
// error has not happened.
type Ledger interface {
	Create(ctx context.Context, d payment.Deposit) (payment.Deposit, bool, error)
	ClaimSend(ctx context.Context, as payment.Deposit) (payment.Deposit, bool, error)
	ClaimRepeat(ctx context.Context, seen payment.Deposit) (payment.Deposit, bool, error)
	ReleaseSend(ctx context.Context, id string, why *payment.Failure) (payment.Deposit, error)
	NotSent(ctx context.Context, id string, why *payment.Failure) (payment.Deposit, error)
	Forget(ctx context.Context, id string) error
	Recorder
	Get(ctx context.Context, id string) (payment.Deposit, error)
}

// Asker asks for deposits.
type Asker struct {
	Ledger    Ledger
	Depositor payment.Depositor
	Now       func() time.Time
	// CallbackURL builds the full callback URL from a deposit's token; it may return "".
	CallbackURL func(token string) string
	// Fields are extra request fields.
	Fields map[string]string
	// Idempotent says that the provider honours the idempotency key: a request
	// whose outcome is unknown is then sent again when the intent is repeated,
	// which tells what became of it (reference/wasaapay.md §4). Daraja does not
	// (reference/daraja.md §3.2).
	Idempotent bool
	// RepeatUnknown repeats a request of unknown outcome that is older than RepeatWithin.
	RepeatUnknown bool
	// Again asks although the same was asked for within a day (cli.md, *Asking twice*).
	Again bool
	// Recovery keeps answers that the ledger cannot take.
	Recovery Recovery
	// Sending, if set, is told that a request leaves: until then nobody is asked.
	Sending func()
}

// Done is what Ask did about an intent. Beside an error it is what Ask tried.
type Done uint8

// What Ask does.
const (
	// Nothing was sent: the key was used before, or the intent was refused.
	Nothing Done = iota
	// Sent is the request of a new deposit.
	Sent
	// SentLate is the request of a deposit whose key was used before, and which
	// had certainly not been sent.
	SentLate
	// SentAgain is a request of unknown outcome, repeated under its key.
	SentAgain
)

const (
	// SendTimeout bounds the request for money; callers end Ask's context then.
	// Daraja answers within seconds; a gateway that does not within 60 s leaves
	// the outcome unknown.
	SendTimeout = 60 * time.Second
	// LeastSend is what must be left of a context's time for a request to leave: what
	// is cut off in the middle has an unknown outcome.
	LeastSend = 5 * time.Second
	// RepeatWithin is how long a provider is trusted to know a key: the lifetime
	// of one is not documented (reference/wasaapay.md §4), and a request under a
	// forgotten key asks the customer once more.
	RepeatWithin = 24 * time.Hour
)

// Ask records the intent, sends it once and records what came of it. The
// returned deposit is the ledger's truth, also beside an error. When the
// idempotency key was used before, nothing is sent, unless the first attempt
// certainly never left (it is then sent with the intent's ShortCode and
// Wallet), or its outcome is unknown and the provider is Idempotent.
//
// Errors: KindPending when the outcome is unknown, or when it is too early or
// too late to repeat such a request; KindDeclined when the provider refused for
// good; KindUnavailable or KindUnauthorized when nothing reached the customer
// (the deposit is CREATED, if it was recorded, and may be sent again with the same
// key); an UnrecordedError within a KindPending one when the ledger took no answer;
// KindConflict when the key belongs to another request, when the same was asked for
// before and Again is not set (nothing is recorded then), or when the request was
// refused and the deposit is settled all the same.
func (a *Asker) Ask(ctx context.Context, intent payment.Deposit) (payment.Deposit, Done, error) {
	if err := timeLeft(ctx); err != nil {
		return payment.Deposit{}, Nothing, err
	}
	intent.FieldsHash = hashFields(a.Fields)
	if a.Again {
		intent.Repeats = "meant"
	}
	d, existed, err := a.Ledger.Create(ctx, intent)
	if err != nil {
		return d, Nothing, BeforeSending(err)
	}
	if existed && a.Idempotent && d.Status == payment.StatusUnknown && d.ProviderID == "" {
		return a.again(ctx, d)
	}
	if d.Status != payment.StatusCreated {
		return d, Nothing, nil
	}
	if err := a.prepare(ctx); err != nil {
		d, err = a.notSent(ctx, d, err)
		return d, Nothing, err
	}
	d.ShortCode, d.Wallet = intent.ShortCode, intent.Wallet
	if a.Again {
		d.Repeats = cmp.Or(d.Repeats, intent.Repeats)
	}
	claimed, mine, err := a.Ledger.ClaimSend(ctx, d)
	switch {
	case payment.KindOf(err) == payment.KindConflict && !existed:
		return payment.Deposit{}, Nothing, errors.Join(err, a.Ledger.Forget(ctx, d.ID))
	case err != nil:
		d, err = a.unclaimed(ctx, d, err)
		return d, Nothing, err
	case !mine:
		return claimed, Nothing, nil
	}
	done := Sent
	if existed {
		done = SentLate
	}
	d, err = a.send(ctx, claimed)
	return d, done, err
}

// prepare gets what a request needs before the deposit is taken for sent, and looks
// whether enough time is left for it.
func (a *Asker) prepare(ctx context.Context) error {
	if p, ok := a.Depositor.(payment.Preparer); ok {
		if err := p.Prepare(ctx); err != nil {
			return BeforeSending(err)
		}
	}
	return timeLeft(ctx)
}

// timeLeft refuses to send what would most likely be cut off: KindUnavailable.
func timeLeft(ctx context.Context) error {
	end, bound := ctx.Deadline()
	if !bound || time.Until(end) >= LeastSend {
		return nil
	}
	if time.Until(end) <= 0 {
		return BeforeSending(context.DeadlineExceeded)
	}
	return &payment.Error{
		Kind: payment.KindUnavailable, Retryable: true, Err: context.DeadlineExceeded,
		Message: "timeout: less than " + LeastSend.String() + " are left, too little to ask for money; nothing was sent",
		Hint:    "try again with a longer --timeout",
	}
}

// hashFields tells one set of fields from another; they may hold anything, so
// the ledger keeps no more than that.
func hashFields(fields map[string]string) string {
	if len(fields) == 0 {
		return ""
	}
	text, _ := json.Marshal(fields) // sorted by name, and strings always encode
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (a *Asker) request(d payment.Deposit) payment.DepositRequest {
	request := payment.DepositRequest{Deposit: d, Fields: a.Fields}
	if a.CallbackURL != nil {
		request.CallbackURL = a.CallbackURL(d.CallbackToken)
	}
	return request
}

// again repeats a request of unknown outcome under its key. Only an answer that
// names the deposit says anything: a refusal now does not prove that the first
// attempt did nothing, and neither does trouble on the way.
func (a *Asker) again(ctx context.Context, d payment.Deposit) (payment.Deposit, Done, error) {
	if err := a.repeatable(d); err != nil {
		return d, Nothing, err
	}
	if err := a.prepare(ctx); err != nil {
		return d, Nothing, err
	}
	claimed, mine, err := a.Ledger.ClaimRepeat(ctx, d)
	switch {
	case err != nil:
		return d, Nothing, err
	case !mine:
		return claimed, Nothing, nil
	}
	d = claimed
	answer, err := a.create(ctx, d)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterSend)
	defer cancel()
	if err != nil || answer.ProviderID == "" {
		if err == nil {
			err = &payment.Error{Kind: payment.KindPending, Message: "the provider refused the request when it was sent again"}
		}
		d, err = a.unknown(ctx, d, answer, err)
		return d, SentAgain, err
	}
	d, err = a.answered(ctx, d, answer)
	return d, SentAgain, err
}

// repeatable refuses to repeat a request while the last attempt may be under
// way, since what two at once do under one key is not documented, and when the
// key may be forgotten.
func (a *Asker) repeatable(d payment.Deposit) error {
	last := d.SentAt
	if d.UpdatedAt.After(last) {
		last = d.UpdatedAt
	}
	e := &payment.Error{Kind: payment.KindPending, Provider: d.Provider}
	first, age := a.Now().Sub(d.SentAt), a.Now().Sub(last)
	switch {
	case age < SendTimeout:
		e.Message = "deposit " + d.ID + ": an attempt may still be under way"
		e.Hint = "wait " + max(time.Second, (SendTimeout-age).Round(time.Second)).String() + ", then repeat the command with the same key"
	case first > RepeatWithin && !a.RepeatUnknown:
		e.Message = "deposit " + d.ID + ": it was sent " + first.Round(time.Minute).String() + " ago, too old to repeat safely"
		e.Hint = "check the provider's dashboard; --repeat-unknown repeats it all the same"
	default:
		return nil
	}
	return e
}

func (a *Asker) create(ctx context.Context, d payment.Deposit) (payment.Answer, error) {
	if a.Sending != nil {
		a.Sending()
	}
	return a.Depositor.Create(ctx, a.request(d))
}

func (a *Asker) send(ctx context.Context, d payment.Deposit) (payment.Deposit, error) {
	answer, sendErr := a.create(ctx, d)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterSend)
	defer cancel()
	switch {
	case errors.Is(sendErr, payment.ErrOutcomeUnknown):
		return a.unknown(ctx, d, answer, sendErr)
	case sendErr != nil:
		return a.refused(ctx, d, BeforeSending(sendErr))
	}
	return a.answered(ctx, d, answer)
}

// refused is a request that certainly did not reach the customer, as far as the
// provider's answer goes. The deposit is read again: what has settled it meanwhile
// says otherwise.
func (a *Asker) refused(ctx context.Context, d payment.Deposit, cause error) (payment.Deposit, error) {
	why := reasonOf(cause)
	now := d
	err := persist(ctx, func() (err error) {
		now, err = a.Ledger.ReleaseSend(ctx, d.ID, why)
		return err
	})
	if err != nil {
		cause = errors.Join(cause, err)
		if now = a.reread(ctx, d); !now.Status.Final() {
			return now, cause
		}
	}
	switch {
	case now.Status.Final():
		return now, &payment.Error{
			Kind: payment.KindConflict, Provider: d.Provider, Err: cause,
			Message: "deposit " + d.ID + ": contradicting results: " + cmp.Or(now.Conflict.Reason, "the request was refused ("+why.Reason+"), and it is "+string(now.Status)),
			Hint:    `see all that was said with "payctl deposit get ` + d.ID + `"`,
		}
	case now.Status != payment.StatusCreated:
		return now, &payment.Error{
			Kind: payment.KindPending, Provider: d.Provider, Err: cause,
			Message: why.Reason + "; yet something was heard of the deposit, so the customer may have been asked",
			Hint:    `follow it with "payctl status watch ` + d.ID + `"`,
		}
	}
	return now, cause
}

// notSent keeps why a request was refused before it could be sent, so that the ledger says
// it of a deposit that is CREATED. What may be tried again as it is was not refused.
func (a *Asker) notSent(ctx context.Context, d payment.Deposit, cause error) (payment.Deposit, error) {
	switch payment.KindOf(cause) {
	case payment.KindUnavailable, payment.KindInterrupted, payment.KindPending, payment.KindInternal:
		return d, cause
	default:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterSend)
	defer cancel()
	now, err := a.Ledger.NotSent(ctx, d.ID, reasonOf(cause))
	if err != nil {
		return d, cause // the reason is told all the same
	}
	return now, cause
}

// reasonOf is a refusal as the ledger keeps it.
func reasonOf(cause error) *payment.Failure {
	why := &payment.Failure{Reason: payment.Line(cause.Error(), mostReason)}
	if e, ok := errors.AsType[*payment.Error](cause); ok {
		why.Code, why.Advice = e.ProviderCode, e.Hint
	}
	return why
}

// mostReason bounds the reason of a refusal, in bytes.
const mostReason = 300

// unknown is a request that may have reached the customer. What ids the answer
// has are kept: with them the deposit can be asked for, and callbacks find it.
// One may already have settled it, so the ledger is read again.
func (a *Asker) unknown(ctx context.Context, d payment.Deposit, answer payment.Answer, cause error) (payment.Deposit, error) {
	now, err := a.named(ctx, d, answer)
	if err != nil {
		now = a.reread(ctx, d)
	}
	d = now
	if d.Status.Final() {
		return d, nil
	}
	message := "the request was sent, but no usable answer came: the customer may or may not be asked"
	var e *payment.Error
	if errors.As(cause, &e) {
		message = e.Message + "; the customer may or may not have been asked"
	}
	if err != nil {
		message, cause = message+"; the ledger could not be brought up to date", errors.Join(cause, err)
	}
	hint := "do not send it again: follow it with \"payctl status watch " + d.ID + "\"; a callback can still settle it"
	if a.Idempotent && d.ProviderID == "" {
		hint = "in a minute, repeat the command with --idempotency-key " + d.IdempotencyKey + ": the customer is not asked twice under one key"
		if e != nil && e.Hint != "" {
			hint = e.Hint // the provider's answer may say why repeating is no use
		}
	}
	return d, &payment.Error{Kind: payment.KindPending, Message: message, Provider: d.Provider, Err: cause, Hint: hint}
}
