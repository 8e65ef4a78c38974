package daraja

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// initiatorCalls are the calls that carry a SecurityCredential.
func initiatorCalls(t *testing.T, c *Client) map[string]func(context.Context) error {
	t.Helper()
	const url = "http://127.0.0.1:4020/callbacks/daraja/result/K7f2C1"
	return map[string]func(context.Context) error{
		"transaction status": func(ctx context.Context) error {
			_, err := c.QueryTransaction(ctx, payment.TransactionQuery{Receipt: "UA2K7QX9ZP", ResultURL: url, TimeoutURL: url, Remarks: "check"})
			return err
		},
		"balance": func(ctx context.Context) error {
			_, err := c.AccountBalance(ctx, BalanceQuery{ResultURL: url, TimeoutURL: url})
			return err
		},
		"reversal": func(ctx context.Context) error {
			_, err := c.Reversal(ctx, ReversalRequest{Receipt: "UA2K7QX9ZP", Amount: payment.AmountOf(15000, payment.KES), Remarks: "wrong order", ResultURL: url, TimeoutURL: url})
			return err
		},
	}
}

// TestInitiatorIsFetchedByTheCallsThatCarryIt: a push and a query of its status
// go out although the initiator's password and certificate cannot be had (§3.1).
func TestInitiatorIsFetchedByTheCallsThatCarryIt(t *testing.T) {
	t.Parallel()
	broken := &payment.Error{Kind: payment.KindUnauthorized, Message: "daraja.initiator_password: is broken"}
	unread := &payment.Error{Kind: payment.KindUsage, Message: "daraja.certificate: is unread"}
	gw := newGateway(t,
		answer{status: 200, body: `{"MerchantRequestID":"1-2-1","CheckoutRequestID":"` + checkoutID + `","ResponseCode":"0","ResponseDescription":"ok","CustomerMessage":"ok"}`},
		answer{status: 200, body: `{"ResponseCode":"0","ResponseDescription":"ok","MerchantRequestID":"1-2-1","CheckoutRequestID":"` + checkoutID + `","ResultCode":"0","ResultDesc":"ok"}`},
	)
	cfg := gw.config()
	cfg.InitiatorPassword, cfg.Certificate = nil, nil
	cfg.FetchInitiatorPassword = func(context.Context) (*secret.Secret, error) { return nil, broken }
	cfg.ReadCertificate = func() ([]byte, error) { return nil, unread }
	c := mustNew(t, cfg)
	if _, err := c.Create(t.Context(), testRequest(t)); err != nil {
		t.Errorf("push: %v", err)
	}
	if _, err := c.Ask(t.Context(), testDeposit(t)); err != nil {
		t.Errorf("query: %v", err)
	}
	for name, call := range initiatorCalls(t, c) {
		if err := call(t.Context()); !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want %v", name, err, broken)
		}
	}
	cfg.FetchInitiatorPassword = func(context.Context) (*secret.Secret, error) { return secret.New("Invented#1"), nil }
	for name, call := range initiatorCalls(t, mustNew(t, cfg)) {
		if err := call(t.Context()); !errors.Is(err, unread) {
			t.Errorf("%s: got %v, want %v", name, err, unread)
		}
	}
	if got := len(gw.seen()); got != 2 {
		t.Errorf("%d calls went out, want the push and the query", got)
	}
}

// TestInitiatorIsSealed: what was fetched is what goes out.
func TestInitiatorIsSealed(t *testing.T) {
	t.Parallel()
	accepted := answer{status: 200, body: `{"ConversationID":"AG_1","OriginatorConversationID":"o-1","ResponseCode":"0","ResponseDescription":"ok"}`}
	gw := newGateway(t, accepted, accepted, accepted)
	cfg := gw.config()
	password, certificate := cfg.InitiatorPassword, cfg.Certificate
	cfg.InitiatorPassword, cfg.Certificate = nil, nil
	cfg.FetchInitiatorPassword = func(context.Context) (*secret.Secret, error) { return password, nil }
	cfg.ReadCertificate = func() ([]byte, error) { return certificate, nil }
	for name, call := range initiatorCalls(t, mustNew(t, cfg)) {
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, call := range gw.seen() {
		if sealed, _ := call.Body["SecurityCredential"].(string); len(sealed) != 344 {
			t.Errorf("%s: a credential of %d characters", call.Path, len(sealed))
		}
	}
}

// TestMissingInitiatorIsNamedAtOnce: what nothing can fetch is named before
// anything is fetched, and an interrupted fetch has sent nothing.
func TestMissingInitiatorIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	gw := newGateway(t)
	cfg := gw.config()
	cfg.InitiatorPassword, cfg.Certificate = nil, nil
	want := []string{"PAYCTL_DARAJA_INITIATOR_PASSWORD", "PAYCTL_DARAJA_CERTIFICATE"}
	if diff := cmp.Diff(want, MissingInitiator(cfg)); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	cfg.FetchInitiatorPassword = func(ctx context.Context) (*secret.Secret, error) { return nil, ctx.Err() }
	if diff := cmp.Diff(want[1:], MissingInitiator(cfg)); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	cfg.ReadCertificate = func() ([]byte, error) { return nil, nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range initiatorCalls(t, mustNew(t, cfg)) {
		err := call(ctx)
		var e *payment.Error
		if !errors.As(err, &e) || e.Kind != payment.KindInterrupted || errors.Is(err, payment.ErrOutcomeUnknown) {
			t.Errorf("%s: got %v, want an interruption of known outcome", name, err)
		}
	}
}
