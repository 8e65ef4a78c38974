package deposit_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// A prompted question decides; one that comes too early is asked again, one that another
// has answered is not asked, and a refused key is told once.
func TestPrompter(t *testing.T) {
	t.Parallel()
	busy := &payment.Error{Kind: payment.KindUnavailable, Message: "busy"}
	refused := &payment.Error{Kind: payment.KindUnauthorized, Message: "refused"}
	for name, c := range map[string]struct {
		answers []payment.Status
		errs    []error
		settled bool
		asked   int
		warned  int
		status  payment.Status
	}{
		"at once":             {[]payment.Status{payment.StatusCompleted}, nil, false, 1, 0, payment.StatusCompleted},
		"too early":           {[]payment.Status{payment.StatusPending, payment.StatusUnknown, payment.StatusFailed}, nil, false, 3, 0, payment.StatusFailed},
		"no answer first":     {[]payment.Status{"", payment.StatusCompleted}, []error{busy}, false, 2, 0, payment.StatusCompleted},
		"somebody else asked": {nil, nil, true, 0, 0, payment.StatusCompleted},
		"the key is refused":  {[]payment.Status{"", payment.StatusCompleted}, []error{refused}, false, 1, 1, payment.StatusPending},
		"never decided":       {[]payment.Status{"PENDING", "PENDING", "PENDING", "PENDING", "PENDING"}, nil, false, 4, 0, payment.StatusPending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ledger.db")
			synctest.Test(t, func(t *testing.T) {
				s, err := store.Open(t.Context(), store.Options{Path: path})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				d, _, err := s.Deposits.Adopt(t.Context(), deposit.Elsewhere(payment.Daraja, payment.Sandbox, "ws_CO_1"), payment.Claim{Status: payment.StatusPending, By: payment.SourceQuery})
				if err != nil {
					t.Fatal(err)
				}
				if c.settled {
					if _, _, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourcePoll}); err != nil {
						t.Fatal(err)
					}
				}
				asked, warned := 0, 0
				p := deposit.NewPrompter(s.Deposits, func(context.Context, payment.Deposit) (payment.Answer, error) {
					asked++
					if asked > len(c.answers) {
						return payment.Answer{}, errors.New("asked too often")
					}
					var err error
					if asked <= len(c.errs) {
						err = c.errs[asked-1]
					}
					return payment.Answer{Status: c.answers[asked-1]}, err
				}, time.Now, func(payment.Deposit, string) { warned++ })
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { p.Run(ctx); close(done) }()
				p.Prompt(d.ID)
				time.Sleep(time.Hour)
				stop()
				<-done
				got, err := s.Deposits.Get(t.Context(), d.ID)
				if err != nil || got.Status != c.status || asked != c.asked || warned != c.warned {
					t.Errorf("status %s, asked %d, warned %d, error %v; want %s, %d, %d", got.Status, asked, warned, err, c.status, c.asked, c.warned)
				}
			})
		})
	}
}
