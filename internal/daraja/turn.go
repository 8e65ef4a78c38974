package daraja

import (
	"context"
	"math"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// leastTurn is what a request for money takes of its own line: nothing is documented to
// limit pushes and reversals, but what a refusal has taught holds for them too.
const leastTurn = time.Millisecond

// turn waits for the place of a question in the line that all of the app's questions
// share (reference/daraja.md §5, §11 row 17).
func (c *Client) turn(ctx context.Context, endpoint string) error {
	return c.turnIn(ctx, endpoint, c.queries(), c.cfg.PerQuery)
}

// turnOfMoney is turn for a request that moves money: it waits where the gateway has asked
// the app to slow down, not behind questions.
func (c *Client) turnOfMoney(ctx context.Context, endpoint string) error {
	return c.turnIn(ctx, endpoint, c.queries()+"/money", min(leastTurn, c.cfg.PerQuery))
}

func (c *Client) queries() string { return Schedule(c.cfg.Environment).BudgetKey }

func (c *Client) turnIn(ctx context.Context, endpoint, key string, per time.Duration) error {
	if c.cfg.Budget == nil {
		return nil
	}
	most := time.Duration(math.MaxInt64)
	if deadline, ok := ctx.Deadline(); ok {
		most = time.Until(deadline)
	}
	slot, err := c.cfg.Budget.ReserveWithin(ctx, key, per, most)
	if err != nil {
		return err
	}
	if slot.Wait > most {
		return &payment.Error{
			Kind: payment.KindUnavailable, Provider: payment.Daraja, Retryable: true,
			Message: endpoint + ": the app's rate budget is used up for another " + slot.Wait.Round(time.Second).String() + "; nothing was sent",
			Hint:    "try again then, or give it a longer --timeout",
		}
	}
	if err := timing.Wait(ctx, slot.Wait); err != nil {
		_ = c.cfg.Budget.Unreserve(context.WithoutCancel(ctx), slot)
		return interrupted(endpoint, err)
	}
	return nil
}

// hold lets all of the app's requests wait, in every process, where the gateway asked for
// that. Losing the note costs at most another refusal.
func (c *Client) hold(ctx context.Context, r reply) {
	if c.cfg.Budget == nil || c.cfg.PerQuery <= 0 {
		return
	}
	if wait := c.pauseFor(r); wait > 0 {
		until := c.cfg.Now().Add(wait)
		for _, key := range []string{c.queries(), c.queries() + "/money"} {
			_ = c.cfg.Budget.Hold(context.WithoutCancel(ctx), key, until)
		}
	}
}
