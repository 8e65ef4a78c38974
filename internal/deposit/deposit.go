// Package deposit asks a customer for money exactly once: the intent is in the
// ledger before the request leaves, and whatever then happens (an answer, a
// refusal, silence, a killed process) the ledger says so truthfully. Following
// the deposit to its end is watch's work.
package deposit

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Ledger is what asking needs of the store.
type Ledger interface {
	CreateDeposit(ctx context.Context, d payment.Deposit) (payment.Deposit, bool, error)
	ClaimSend(ctx context.Context, id string) (payment.Deposit, bool, error)
	ReleaseSend(ctx context.Context, id string) error
	ApplyClaim(ctx context.Context, id string, c payment.Claim) (payment.Deposit, payment.Move, error)
	Deposit(ctx context.Context, id string) (payment.Deposit, error)
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
}

// afterSend bounds the ledger's work once a request has left: it must be
// finished even when the operator has pressed Ctrl-C.
const afterSend = 10 * time.Second

// Ask records the intent, sends it once and records what came of it. The
// returned deposit is the ledger's truth, also beside an error. existed is
// true when the idempotency key had been used before: nothing was sent then,
// unless the first attempt certainly never left, or its outcome is unknown and
// the provider is Idempotent.
//
// Errors: KindPending when the outcome is unknown, KindDeclined when the
// provider refused for good, KindUnavailable or KindUnauthorized when nothing
// reached the customer (the deposit is CREATED and may be sent again with the
// same key), KindConflict when the key belongs to another request.
func (a *Asker) Ask(ctx context.Context, intent payment.Deposit) (d payment.Deposit, existed bool, err error) {
	d, existed, err = a.Ledger.CreateDeposit(ctx, intent)
	if err != nil {
		return d, existed, err
	}
	if existed && a.Idempotent && d.Status == payment.StatusUnknown && d.ProviderID == "" {
		d, err = a.again(ctx, d)
		return d, existed, err
	}
	if d.Status != payment.StatusCreated {
		return d, existed, nil
	}
	claimed, mine, err := a.Ledger.ClaimSend(ctx, d.ID)
	if err != nil {
		return d, existed, err
	}
	if !mine {
		return claimed, true, nil
	}
	d, err = a.send(ctx, claimed)
	return d, existed, err
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
func (a *Asker) again(ctx context.Context, d payment.Deposit) (payment.Deposit, error) {
	answer, err := a.Depositor.Create(ctx, a.request(d))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterSend)
	defer cancel()
	if err != nil || answer.ProviderID == "" {
		if err == nil {
			err = &payment.Error{Kind: payment.KindPending, Message: "the provider refused the request when it was sent again"}
		}
		return a.unknown(ctx, d, err)
	}
	return a.answered(ctx, d, answer)
}

func (a *Asker) send(ctx context.Context, d payment.Deposit) (payment.Deposit, error) {
	answer, sendErr := a.Depositor.Create(ctx, a.request(d))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterSend)
	defer cancel()
	switch {
	case errors.Is(sendErr, payment.ErrOutcomeUnknown):
		return a.unknown(ctx, d, sendErr)
	case sendErr != nil:
		err := a.Ledger.ReleaseSend(ctx, d.ID)
		d.Status, d.SentAt, d.ExpiresAt = payment.StatusCreated, time.Time{}, time.Time{}
		return d, errors.Join(sendErr, err)
	}
	return a.answered(ctx, d, answer)
}

// answered records what the provider said.
func (a *Asker) answered(ctx context.Context, d payment.Deposit, answer payment.Answer) (payment.Deposit, error) {
	d, _, err := a.Ledger.ApplyClaim(ctx, d.ID, payment.Claim{
		Status: answer.Status, By: payment.SourceAnswer, Receipt: answer.Receipt, Failure: answer.Failure,
		ProviderID: answer.ProviderID, MerchantRequestID: answer.MerchantRequestID, At: a.Now(),
	})
	if err != nil {
		return d, fmt.Errorf("the request was sent, but recording the answer failed: %w", err)
	}
	return d, nil
}

// unknown is a request that may have reached the customer. A callback may
// already have settled it, so the ledger is read again.
func (a *Asker) unknown(ctx context.Context, d payment.Deposit, cause error) (payment.Deposit, error) {
	if now, err := a.Ledger.Deposit(ctx, d.ID); err == nil {
		d = now
	}
	if d.Status.Final() {
		return d, nil
	}
	message := "the request was sent, but no usable answer came: the customer may or may not be asked"
	var e *payment.Error
	if errors.As(cause, &e) {
		message = e.Message + "; the customer may or may not have been asked"
	}
	hint := "do not send it again: follow it with \"payctl status watch " + d.ID + "\"; a callback can still settle it"
	if a.Idempotent {
		hint = "repeat the command with --idempotency-key " + d.IdempotencyKey + ": the customer is not asked twice under one key"
	}
	return d, &payment.Error{Kind: payment.KindPending, Message: message, Provider: d.Provider, Err: cause, Hint: hint}
}

// NewToken returns a path segment that cannot be guessed: 130 bits, lower-case
// letters and digits, since tunnel hosts and proxies have been seen to change
// case (reference/daraja.md §3.6).
func NewToken() string {
	var b [17]byte
	_, _ = rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))[:26]
}

// NewIdempotencyKey returns a random UUID, version 4: the safe format of
// reference/wasaapay.md §4.
func NewIdempotencyKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
