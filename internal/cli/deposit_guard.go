package cli

import (
	"context"
	"strings"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
)

// guard stands before real money.
type guard struct{ *session }

// checkProduction guards real money from scripts: they need --yes and a cap in the
// profile that the amount does not pass. A person is asked by confirmProduction.
func (g guard) checkProduction(ctx context.Context, d payment.Deposit) error {
	if d.Environment != payment.Production {
		return nil
	}
	conf, err := g.config(ctx)
	if err != nil {
		return err
	}
	if g.global.yes {
		return deposit.WithinCap(conf.ProductionCap, d.Amount)
	}
	if !isTerminal(g.in.Stdin) {
		return deposit.NeedsYes(conf.ProductionCap, d.Amount)
	}
	return nil
}

// confirmProduction has a person type the amount before real money moves.
func (g guard) confirmProduction(ctx context.Context, d payment.Deposit) error {
	if d.Environment == payment.Sandbox {
		g.out.Warn("a sandbox push to a real number can ring the phone and move real money")
	}
	if d.Environment != payment.Production || g.global.yes {
		return nil
	}
	conf, err := g.config(ctx)
	if err != nil {
		return err
	}
	g.out.Warn("this asks for real money (profile %s):", conf.Profile)
	for _, line := range [][2]string{
		{"customer", d.Phone.MSISDN()},
		{"amount", d.Amount.String() + " " + string(d.Amount.Currency())},
		{"reference", payment.Line(d.Reference, mostReference)},
		{"paid to", g.payee(ctx, d, conf)},
	} {
		if line[1] != "" {
			g.out.Warn("  %-9s  %s", line[0], line[1])
		}
	}
	return g.confirmAmount(ctx, d.Amount)
}

// mostReference bounds a reference in a question, in bytes.
const mostReference = 60

// payee is who gets the money: the till or short code, with the name that M-PESA has
// told of it, or the wallet.
func (g guard) payee(ctx context.Context, d payment.Deposit, conf *config.Config) string {
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
	if name := inquiry.NameOf(ctx, g.ledger, d.Environment, code); name != "" {
		return kind + code + " (" + name + ")"
	}
	return kind + code
}

// confirmAmount has a person type the amount that is about to move. A person's
// thinking is not the command's time.
func (g guard) confirmAmount(ctx context.Context, amount payment.Amount) error {
	defer g.deadline.pause()()
	g.out.Prompt("Type the amount to go on:")
	line, err := g.typed(ctx)
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
