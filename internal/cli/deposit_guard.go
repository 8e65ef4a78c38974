package cli

import (
	"context"
	"strings"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
)

// checkProduction guards real money from scripts: they need --yes and a cap in the
// profile that the amount does not pass. A person is asked by confirmProduction.
func (s *session) checkProduction(ctx context.Context, d payment.Deposit) error {
	if d.Environment != payment.Production {
		return nil
	}
	conf, err := s.config(ctx)
	if err != nil {
		return err
	}
	if s.global.yes {
		return deposit.WithinCap(conf.ProductionCap, d.Amount)
	}
	if !isTerminal(s.in.Stdin) {
		return usagef("add --yes, and set production_cap in the profile", "production: real money needs a confirmation, and stdin is not a terminal")
	}
	return nil
}

// confirmProduction has a person type the amount before real money moves.
func (s *session) confirmProduction(ctx context.Context, d payment.Deposit) error {
	if d.Environment == payment.Sandbox {
		s.out.Warn("a sandbox push to a real number can ring the phone and move real money")
	}
	if d.Environment != payment.Production || s.global.yes {
		return nil
	}
	conf, err := s.config(ctx)
	if err != nil {
		return err
	}
	s.out.Warn("this asks %s for %s %s of real money (profile %s).", d.Phone, d.Amount, d.Amount.Currency(), conf.Profile)
	return s.confirmAmount(ctx, d.Amount)
}

// confirmAmount has a person type the amount that is about to move. A person's
// thinking is not the command's time.
func (s *session) confirmAmount(ctx context.Context, amount payment.Amount) error {
	defer s.deadline.pause()()
	s.out.Prompt("Type the amount (%s) to go on:", amount)
	line, err := s.typed(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return payment.Usage("production: no confirmation was typed", "nothing was sent")
	}
	typed, err := payment.ParseAmount(strings.TrimSpace(line), amount.Currency())
	if err != nil || typed != amount {
		return payment.Usage("production: the typed amount is not "+amount.String(), "nothing was sent")
	}
	return nil
}
