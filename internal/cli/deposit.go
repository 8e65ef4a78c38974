package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
)

func newDeposit(s *session) *cobra.Command {
	return group(s, "deposit", "Ask for money and read what was asked",
		`A deposit is money asked from a customer: a Daraja STK push or a WasaaPay M-Pesa
deposit. Each is recorded in the ledger before its request is sent, so a killed
process or a lost answer leaves an UNKNOWN deposit, never a forgotten one.`,
		command{"create", newDepositCreate}, command{"get", newDepositGet}, command{"list", newDepositList},
		command{"resolve", newDepositResolve})
}

// find finds the deposit that an identifier means, in the profile's environment before
// any other.
func (s *session) find(ctx context.Context, ledger *store.Store, id string) (deposit.Found, error) {
	conf, err := s.config(ctx)
	if err != nil {
		return deposit.Found{}, err
	}
	found, err := deposit.Find(ctx, ledger.Deposits, conf.Environment, id)
	if err == nil && len(found.Others) > 0 {
		s.out.Note("%d more deposits carry %q; this one may be paid, or is the newest", len(found.Others), payment.MaskDigits(id))
	}
	return found, err
}

// findDeposit is find for verbs that need no more than the deposit.
func (s *session) findDeposit(ctx context.Context, ledger *store.Store, id string) (payment.Deposit, error) {
	found, err := s.find(ctx, ledger, id)
	return found.Deposit, err
}

// findHere is find for verbs that ask the provider: a deposit of another environment
// than the profile's is KindUsage.
func (s *session) findHere(ctx context.Context, ledger *store.Store, id string) (deposit.Found, error) {
	found, err := s.find(ctx, ledger, id)
	if err != nil {
		return found, err
	}
	if conf, err := s.config(ctx); err != nil || found.Environment != conf.Environment {
		if err != nil {
			return found, err
		}
		return found, usagef("choose the profile with --profile", "deposit %s: is of environment %s, the profile %s is of %s",
			found.ID, found.Environment, conf.Profile, conf.Environment)
	}
	return found, nil
}

// viewDeposits returns the views of deposits with their doubts.
func (s *session) viewDeposits(ctx context.Context, ledger *store.Store, deposits []payment.Deposit) ([]view.Deposit, error) {
	views := make([]view.Deposit, len(deposits))
	for from := 0; from < len(deposits); from += doubtsAtOnce {
		part := deposits[from:min(from+doubtsAtOnce, len(deposits))]
		ids := make([]string, len(part))
		for i, d := range part {
			ids[i] = d.ID
		}
		doubts, err := ledger.Deposits.Doubts(ctx, ids...)
		if err != nil {
			return nil, err
		}
		for i, d := range part {
			views[from+i] = view.NewDeposit(d, doubts[d.ID], nil, s.global.showPhone)
		}
	}
	return views, nil
}

// doubtsAtOnce is how many deposits' doubts are read with one query.
const doubtsAtOnce = 500

// showDeposit is printDeposit for a command that has done something: it returns what that
// came to, which counts also where it cannot be printed.
func (s *session) showDeposit(ctx context.Context, ledger *store.Store, d payment.Deposit, others []string, outcome error) error {
	return s.ended(s.printDeposit(ctx, ledger, d, others, outcome), outcome, aboutDeposit(d))
}

// printDeposit prints a deposit as the ledger has it; the error is that of printing.
func (s *session) printDeposit(ctx context.Context, ledger *store.Store, d payment.Deposit, others []string, outcome error) error {
	ctx = context.WithoutCancel(ctx)
	doubts := map[string][]payment.Doubt{}
	if d.ID != "" {
		found, err := ledger.Deposits.Doubts(ctx, d.ID)
		if err != nil {
			s.out.Warn("deposit %s: its doubts cannot be read: %s", d.ID, payment.FirstLine(err.Error()))
		} else {
			doubts = found
		}
	}
	return s.out.One(s.beside(d, doubts[d.ID], others, outcome))
}
