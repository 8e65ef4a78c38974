package cli

import (
	"context"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// The cool-down rules of reference/daraja.md §11: M-PESA locks a subscriber for
// about a minute, and refuses the same amount from the same customer within two.
const (
	coolDownPhone  = daraja.PhoneCooldown
	coolDownAmount = daraja.SameAmountCooldown
)

// coolDown warns when the same customer was asked moments ago.
func (a *app) coolDown(ctx context.Context, ledger *store.Store, s send) error {
	d := s.intent
	if s.force || d.Environment == payment.Local {
		return nil
	}
	recent, err := ledger.Deposits.RecentSends(ctx, d.Phone, payment.Amount{}, a.now().Add(-coolDownAmount))
	if err != nil {
		return err
	}
	for _, r := range recent {
		age := a.now().Sub(r.SentAt)
		switch {
		case r.IdempotencyKey == d.IdempotencyKey:
		case r.Amount == d.Amount && age < coolDownAmount:
			a.out.Warn("%s was asked for the same amount %s ago (%s); M-PESA refuses that within 2 minutes (code 17), wait %s",
				d.Phone, age.Round(time.Second), r.ID, (coolDownAmount - age).Round(time.Second))
			return nil
		case age < coolDownPhone:
			a.out.Warn("%s was asked %s ago (%s); M-PESA locks a subscriber for about a minute, wait %s",
				d.Phone, age.Round(time.Second), r.ID, (coolDownPhone - age).Round(time.Second))
			return nil
		}
	}
	return nil
}

// checkProduction guards real money from scripts: they need --yes and a cap in the
// profile that the amount does not pass. A person is asked by confirmProduction.
func (a *app) checkProduction(ctx context.Context, d payment.Deposit) error {
	if d.Environment != payment.Production {
		return nil
	}
	conf, err := a.config(ctx)
	if err != nil {
		return err
	}
	if a.global.yes {
		return a.productionCap(conf.ProductionCap, d)
	}
	if interactive, _ := terminal(a.in.Stdin); !interactive {
		return usagef("add --yes, and set production_cap in the profile", "production: real money needs a confirmation, and stdin is not a terminal")
	}
	return nil
}

// confirmProduction has a person type the amount before real money moves.
func (a *app) confirmProduction(ctx context.Context, d payment.Deposit) error {
	if d.Environment == payment.Sandbox {
		a.out.Warn("a sandbox push to a real number can ring the phone and move real money")
	}
	if d.Environment != payment.Production || a.global.yes {
		return nil
	}
	conf, err := a.config(ctx)
	if err != nil {
		return err
	}
	a.out.Warn("this asks %s for %s %s of real money (profile %s).", d.Phone, d.Amount, d.Amount.Currency(), conf.Profile)
	return a.confirmAmount(ctx, d.Amount)
}

// confirmAmount has a person type the amount that is about to move. A person's
// thinking is not the command's time.
func (a *app) confirmAmount(ctx context.Context, amount payment.Amount) error {
	defer a.deadline.pause()()
	a.out.Prompt("Type the amount (%s) to go on:", amount)
	line, err := a.typed(ctx)
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

func (a *app) productionCap(limit payment.Amount, d payment.Deposit) error {
	switch {
	case !limit.HasValue():
		return usagef("set production_cap in the profile to the largest amount a script may ask for", "production: --yes needs a cap in the profile")
	case d.Amount.Minor() > limit.Minor():
		return usagef("raise production_cap in the profile if this is meant", "amount %s: is over the profile's production_cap of %s", d.Amount, limit)
	}
	return nil
}
