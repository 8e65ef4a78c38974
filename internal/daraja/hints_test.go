package daraja

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// A request that moves no money may be sent again: the hint must not warn of
// what only a push or a reversal can do.
func TestHintsOfHarmlessRequests(t *testing.T) {
	t.Parallel()
	internal := answer{status: 500, body: syncError("500.003.1001", "Internal Server Error")}
	page := answer{status: 503, body: edgePage}
	foreign := answer{status: 500, body: syncError("500.999.9999", "Something new")}
	calls := map[string]func(*Client) error{
		"transaction status": func(c *Client) error {
			_, err := c.QueryTransaction(t.Context(), payment.TransactionQuery{Receipt: "UA2K7QX9ZP", ResultURL: resultURL, TimeoutURL: timeoutURL})
			return err
		},
		"stk query": func(c *Client) error { _, err := c.Ask(t.Context(), testDeposit(t)); return err },
		"balance": func(c *Client) error {
			_, err := c.AccountBalance(t.Context(), BalanceQuery{ResultURL: resultURL, TimeoutURL: timeoutURL})
			return err
		},
		"pull list": func(c *Client) error {
			_, err := c.PullAll(t.Context(), noon().Add(-time.Hour), noon(), func(PullRow) error { return nil })
			return err
		},
		"qr": func(c *Client) error {
			_, err := c.DynamicQR(t.Context(), QRRequest{MerchantName: "Invented Shop", Reference: "INV-1", Amount: payment.AmountOf(15000, payment.KES)})
			return err
		},
		"pull register": func(c *Client) error {
			_, err := c.PullRegister(t.Context(), mustPhone(t, "0711000222"), "http://127.0.0.1:4020/p")
			return err
		},
		"c2b register": func(c *Client) error {
			_, err := c.C2BRegister(t.Context(), C2BRegistration{ResponseType: ResponseCancelled, ConfirmationURL: "http://127.0.0.1:4020/c", ValidationURL: "http://127.0.0.1:4020/v"})
			return err
		},
	}
	for name, call := range calls {
		for _, a := range []answer{internal, page, foreign} {
			err := call(newGateway(t, a).client())
			var e *payment.Error
			if !errors.As(err, &e) || e.Kind != payment.KindUnavailable || !e.Retryable || errors.Is(err, payment.ErrOutcomeUnknown) {
				t.Errorf("%s, HTTP %d: %+v", name, a.status, err)
				continue
			}
			if !strings.Contains(e.Hint, "try again shortly") || strings.Contains(e.Hint, "customer") {
				t.Errorf("%s, HTTP %d: hint %q", name, a.status, e.Hint)
			}
		}
	}
	q := ReversalRequest{Receipt: "UA2K7QX9ZP", Amount: payment.AmountOf(15000, payment.KES), ResultURL: resultURL, TimeoutURL: timeoutURL}
	_, err := newGateway(t, internal).client().Reversal(t.Context(), q)
	var e *payment.Error
	if !errors.As(err, &e) || e.Retryable || e.Hint != hintReversal {
		t.Errorf("a reversal is not harmless: %+v", err)
	}
}

// A hint is a command that can be copied, or it names none.
func TestHintNamesTheCode(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"403.999.01":               "see payctl explain daraja 403.999.01",
		"steps.oauth.v2.NewThing":  "see payctl explain daraja steps.oauth.v2.NewThing",
		"":                         hintNoCode,
		"1; rm -rf x":              hintNoCode,
		"$(id)":                    hintNoCode,
		"--help":                   hintNoCode,
		strings.Repeat("9", 1<<10): hintNoCode,
		"254711000222":             hintNoCode,
	} {
		g := newGateway(t)
		g.oauth = func(int) answer { return answer{status: http.StatusForbidden, body: syncError(code, "Something new")} }
		_, err := g.client().Create(t.Context(), testRequest(t))
		var e *payment.Error
		if !errors.As(err, &e) || e.Kind != payment.KindUnauthorized || e.Hint != want {
			t.Errorf("%q: got %+v, want the hint %q", code, err, want)
		}
	}
}
