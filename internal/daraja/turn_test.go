package daraja

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

const (
	queryLine = "daraja/query/local"
	moneyLine = queryLine + "/money"
)

// lines is a budget that writes down whose turns were taken and held.
type lines struct {
	turns, holds []string
	wait         time.Duration
}

func (l *lines) ReserveWithin(_ context.Context, key string, _, _ time.Duration) (payment.Slot, error) {
	l.turns = append(l.turns, key)
	return payment.Slot{Key: key, Wait: l.wait}, nil
}

func (*lines) Unreserve(context.Context, payment.Slot) error { return nil }

func (l *lines) Hold(_ context.Context, key string, _ time.Time) error {
	l.holds = append(l.holds, key)
	return nil
}

// requests are all of an app's requests that take turns.
func requests(t *testing.T, c *Client) map[string]func(context.Context) error {
	t.Helper()
	urls := func(kind string) string { return "http://127.0.0.1:4020/callbacks/daraja/" + kind + "/token" }
	return map[string]func(context.Context) error{
		"push": c.Prepare,
		"transaction status": func(ctx context.Context) error {
			_, err := c.QueryTransaction(ctx, payment.TransactionQuery{Receipt: "UA2K7QX9ZP", Remarks: "ask", ResultURL: urls("result"), TimeoutURL: urls("timeout")})
			return err
		},
		"balance": func(ctx context.Context) error {
			_, err := c.AccountBalance(ctx, BalanceQuery{ResultURL: urls("result"), TimeoutURL: urls("timeout")})
			return err
		},
		"reversal": func(ctx context.Context) error {
			_, err := c.Reversal(ctx, ReversalRequest{
				Receipt: "UA2K7QX9ZP", Amount: payment.AmountOf(15000, payment.KES), Remarks: "wrong", ResultURL: urls("result"), TimeoutURL: urls("timeout"),
			})
			return err
		},
		"pull": func(ctx context.Context) error {
			_, err := c.PullAll(ctx, noon().Add(-time.Hour), noon(), func(PullRow) error { return nil })
			return err
		},
	}
}

// Questions of every sort share one line of the app's; what moves money has its own, which
// only refusals slow down. A refusal for the rate holds both.
func TestTurns(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"push": moneyLine, "reversal": moneyLine, "transaction status": queryLine, "balance": queryLine, "pull": queryLine,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault := answer{status: http.StatusTooManyRequests, body: `{"fault":{"faultstring":"Spike arrest violation. Allowed rate : 5","detail":{"errorcode":"policies.ratelimit.SpikeArrestViolation"}}}`}
			script := []answer{fault}
			if name == "push" {
				script = nil // preparing sends no push yet
			}
			g := newGateway(t, script...)
			budget := &lines{}
			cfg := g.config()
			cfg.Budget, cfg.PerQuery = budget, time.Second
			err := requests(t, mustNew(t, cfg))[name](t.Context())
			if !slices.Equal(budget.turns, []string{line}) {
				t.Errorf("turns of %q, want %q; error %v", budget.turns, line, err)
			}
			if name == "push" {
				return
			}
			if !slices.Equal(budget.holds, []string{queryLine, moneyLine}) {
				t.Errorf("holds %q; error %v", budget.holds, err)
			}
		})
	}
}

// A turn that is further off than the time that is left is refused before anything is
// sent; without a limit nothing is held.
func TestTurnTooFarOff(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	cfg := g.config()
	cfg.Budget, cfg.PerQuery = &lines{wait: time.Hour}, time.Second
	c := mustNew(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, send := range requests(t, c) {
		err := send(ctx)
		var e *payment.Error
		if !errors.As(err, &e) || e.Kind != payment.KindUnavailable || !e.Retryable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
