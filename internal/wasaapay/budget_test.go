package wasaapay

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
)

// ledgerBudget is a rate budget that takes unused slots back, as the ledger's does.
type ledgerBudget struct {
	next time.Time
	held int
}

func (b *ledgerBudget) ReserveWithin(_ context.Context, key string, per, most time.Duration) (payment.Slot, error) {
	at := time.Now()
	if b.next.After(at) {
		at = b.next
	}
	slot := payment.Slot{Key: key, Per: per, Wait: time.Until(at)}
	if slot.Wait > most {
		return slot, nil
	}
	slot.At, b.next = at, at.Add(per)
	return slot, nil
}

func (b *ledgerBudget) Unreserve(ctx context.Context, slot payment.Slot) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !slot.At.IsZero() && b.next.Equal(slot.At.Add(slot.Per)) {
		b.next = slot.At
	}
	return nil
}

func (b *ledgerBudget) Hold(_ context.Context, _ string, until time.Time) error {
	b.held++
	if until.After(b.next) {
		b.next = until
	}
	return nil
}

// unbooked sends a request that waits for its turn.
func unbooked(ctx context.Context, c *Client) error {
	t := c.try(ctx, apiclient.Request{Method: http.MethodGet, URL: c.base + "/deposits/dep_1", Header: c.header(), Endpoint: "get deposit"}, false)
	switch {
	case errors.Is(t.stopped, context.Canceled):
		return t.interrupted()
	case t.response == nil:
		return readError(t.err)
	}
	return nil
}

// TestAskTakesTheCallersTurn checks that a question costs one slot, the caller's.
func TestAskTakesTheCallersTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &ledgerBudget{}
		client, _ := newClient(t, []playAnswer{{status: 200, body: created}}, func(cfg *Config) { cfg.Budget = b })
		if _, err := client.Ask(t.Context(), payment.Deposit{ProviderID: "dep_1"}); err != nil || !b.next.IsZero() {
			t.Errorf("a slot was taken until %s, %v", b.next, err)
		}
	})
}

// TestUnusedSlotIsGivenBack checks that a call which sent nothing, because it was
// interrupted while it waited for its turn or found no connection, costs the
// others none of the shared rate limit.
func TestUnusedSlotIsGivenBack(t *testing.T) {
	t.Parallel()
	const ahead = 10 * time.Second
	for name, c := range map[string]struct {
		answers []playAnswer
		// ahead is how far off the next free slot is, stop when the call is stopped.
		ahead, stop time.Duration
		deadline    bool
		// taken is how much later the next free slot is afterwards.
		taken time.Duration
		kind  payment.Kind
	}{
		"interrupted while waiting":              {nil, ahead, ahead / 2, false, 0, payment.KindInterrupted},
		"a deadline before the turn":             {nil, ahead, ahead / 2, true, 0, payment.KindUnavailable},
		"interrupted before anything":            {nil, ahead, 0, false, 0, payment.KindInterrupted},
		"no connection":                          {[]playAnswer{{refused: true}}, ahead, ahead + time.Millisecond, false, 0, payment.KindInterrupted},
		"interrupted while the provider worked":  {[]playAnswer{{late: true}}, ahead, ahead + time.Millisecond, false, time.Second, payment.KindInterrupted},
		"interrupted between attempts":           {[]playAnswer{{status: 503}}, ahead, ahead + time.Millisecond, false, time.Second, payment.KindInterrupted},
		"interrupted while waiting to try again": {[]playAnswer{{status: 503}}, ahead, ahead + 600*time.Millisecond, false, time.Second, payment.KindInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first := time.Now().Add(c.ahead)
				b := &ledgerBudget{next: first}
				client, _ := newClient(t, c.answers, func(cfg *Config) { cfg.Budget = b })
				ctx, cancel := context.WithCancel(t.Context())
				if c.deadline {
					ctx, cancel = context.WithTimeout(t.Context(), c.stop)
				} else if c.stop > 0 {
					time.AfterFunc(c.stop, cancel)
				} else {
					cancel()
				}
				defer cancel()
				err := unbooked(ctx, client)
				if payment.KindOf(err) != c.kind || errors.Is(err, payment.ErrOutcomeUnknown) {
					t.Errorf("error %v (%s), want %s", err, payment.KindOf(err), c.kind)
				}
				if taken := b.next.Sub(first); taken != c.taken {
					t.Errorf("the next slot is %s later than before, want %s", taken, c.taken)
				}
			})
		})
	}
}

// TestSlotsKeepTheirDistance checks that calls which find no connection and those
// which do share one row of slots.
func TestSlotsKeepTheirDistance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &ledgerBudget{}
		client, s := newClient(t, []playAnswer{{refused: true}, {status: 200, body: created}, {status: 200, body: created}}, func(cfg *Config) { cfg.Budget = b })
		for range 2 {
			if err := unbooked(t.Context(), client); err != nil {
				t.Fatal(err)
			}
		}
		if apart := s.got[2].At.Sub(s.got[1].At); apart != time.Second {
			t.Errorf("two requests were sent %s apart, want 1s", apart)
		}
	})
}
