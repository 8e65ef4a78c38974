package wasaapay

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

const (
	// maxAttempts bounds how often one call is sent; each attempt of a POST
	// carries the same idempotency key.
	maxAttempts = 5
	// firstBackoff and maxBackoff bound the waits between attempts when the
	// provider asks for none.
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 8 * time.Second
	// maxHold bounds what a rate-limit header can ask for.
	maxHold = time.Hour
)

// retryableStatus lists the statuses worth another attempt (reference/wasaapay.md §5).
func retryableStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Schedule returns how often deposits may be asked about: 2 s, ×1.5 up to 10 s
// (reference/wasaapay.md §13), within the documented limit of all requests together
// (§3): 60 a minute in the sandbox, 120 in production. The hourly limit is left to
// the provider's 429, or short work would crawl.
func Schedule(env payment.Environment) payment.Schedule {
	s := payment.Schedule{
		Gaps:      []time.Duration{2 * time.Second, 3 * time.Second, 4500 * time.Millisecond, 6750 * time.Millisecond, 10 * time.Second},
		PerSlot:   time.Second,
		BudgetKey: "wasaapay/" + string(env),
		Settles:   true,
	}
	switch env {
	case payment.Local:
		s.PerSlot = 0
	case payment.Production:
		s.PerSlot = time.Second / 2
	case payment.Sandbox:
	}
	return s
}

// turn waits for this call's place in the shared rate limit. A caller that then
// sends nothing gives the place back.
func (c *Client) turn(ctx context.Context) (payment.Slot, error) {
	if c.cfg.Budget == nil || ctx.Err() != nil {
		return payment.Slot{}, ctx.Err()
	}
	place, err := c.reserve(ctx)
	if err != nil {
		return payment.Slot{}, err
	}
	if err := timing.Wait(ctx, place.Wait); err != nil {
		c.giveBack(ctx, place)
		return payment.Slot{}, err
	}
	return place, nil
}

func (c *Client) reserve(ctx context.Context) (payment.Slot, error) {
	most := time.Duration(math.MaxInt64)
	if deadline, ok := ctx.Deadline(); ok {
		most = time.Until(deadline)
	}
	limit := Schedule(c.cfg.Environment)
	return c.cfg.Budget.ReserveWithin(ctx, limit.BudgetKey, limit.PerSlot, most)
}

// giveBackTime bounds giving a slot back, which happens also after Ctrl-C.
const giveBackTime = 2 * time.Second

// giveBack returns a place of which nothing was used. A failure costs the next
// call a longer wait, nothing more.
func (c *Client) giveBack(ctx context.Context, place payment.Slot) {
	if place.At.IsZero() {
		return // no limit is shared
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTime)
	defer cancel()
	_ = c.cfg.Budget.Unreserve(ctx, place)
}

// hold tells every process when the provider asked to be left alone, and
// returns how long that is.
func (c *Client) hold(ctx context.Context, r *apiclient.Response) time.Duration {
	wait := askedWait(r, c.cfg.Now())
	if wait > 0 && c.cfg.Budget != nil {
		// Losing the note costs at most another 429.
		_ = c.cfg.Budget.Hold(ctx, Schedule(c.cfg.Environment).BudgetKey, c.cfg.Now().Add(wait))
	}
	return wait
}

// askedWait reads how long the provider wants to be left alone: Retry-After,
// else X-RateLimit-Reset when the answer is 429 or says that nothing remains.
func askedWait(r *apiclient.Response, now time.Time) time.Duration {
	limited := r.Status == http.StatusTooManyRequests
	if limited || r.Status == http.StatusServiceUnavailable {
		if wait, ok := apiclient.RetryAfter(r.Header, now); ok {
			return wait
		}
	}
	if limited || strings.TrimSpace(r.Header.Get("X-RateLimit-Remaining")) == "0" {
		return resetWait(r.Header.Get("X-RateLimit-Reset"), now)
	}
	return 0
}

// resetWait reads X-RateLimit-Reset: Unix seconds, or milliseconds when above
// 10^12, or seconds from now when below 10^6 (reference/wasaapay.md §3).
func resetWait(text string, now time.Time) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	var wait time.Duration
	switch {
	case n > 1e12:
		wait = time.UnixMilli(n).Sub(now)
	case n < 1e6:
		wait = time.Duration(n) * time.Second
	default:
		wait = time.Unix(n, 0).Sub(now)
	}
	return min(max(wait, 0), maxHold)
}

// backoff returns the wait after a number of failed attempts: doubling, and
// between half and all of it, so that many clients spread.
func backoff(failed int) time.Duration {
	d := min(firstBackoff<<min(failed-1, 10), maxBackoff)
	return d/2 + rand.N(d/2+1) //nolint:gosec // jitter needs no secrecy
}
