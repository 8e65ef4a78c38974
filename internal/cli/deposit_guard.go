package cli

import (
	"context"
	"strings"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/inquiry"
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
		return deposit.NeedsYes(conf.ProductionCap, d.Amount)
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
	s.out.Warn("this asks for real money (profile %s):", conf.Profile)
	for _, line := range [][2]string{
		{"customer", d.Phone.MSISDN()},
		{"amount", d.Amount.String() + " " + string(d.Amount.Currency())},
		{"reference", payment.Line(d.Reference, mostReference)},
		{"paid to", s.payee(ctx, d, conf)},
	} {
		if line[1] != "" {
			s.out.Warn("  %-9s  %s", line[0], line[1])
		}
	}
	return s.confirmAmount(ctx, d.Amount)
}

// mostReference bounds a reference in a question, in bytes.
const mostReference = 60

// payee is who gets the money: the till or short code, with the name that M-PESA has
// told of it, or the wallet.
func (s *session) payee(ctx context.Context, d payment.Deposit, conf *config.Config) string {
	code, kind := d.ShortCode, "short code "
	if conf.Daraja.Till != "" && d.Wallet == "" {
		code, kind = conf.Daraja.Till, "till "
	}
	switch {
	case d.Wallet != "":
		return "wallet " + payment.Line(d.Wallet, mostReference)
	case code == "":
		return ""
	}
	if name := inquiry.NameOf(ctx, s.ledger, d.Environment, code); name != "" {
		return kind + code + " (" + name + ")"
	}
	return kind + code
}

// confirmAmount has a person type the amount that is about to move. A person's
// thinking is not the command's time.
func (s *session) confirmAmount(ctx context.Context, amount payment.Amount) error {
	defer s.deadline.pause()()
	s.out.Prompt("Type the amount to go on:")
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
