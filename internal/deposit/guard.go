package deposit

import (
	"context"
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// The cool-down rules of reference/daraja.md §11: M-PESA locks a subscriber for
// about a minute, and refuses the same amount from the same customer within two.
const (
	coolDownPhone  = time.Minute
	coolDownAmount = 2 * time.Minute
)

// Recent tells whom was asked lately.
type Recent interface {
	Index
	// RecentSends returns the deposits whose request left for a phone at or after a
	// time, newest first; the zero Amount stands for any.
	RecentSends(ctx context.Context, phone payment.Phone, amount payment.Amount, since time.Time) ([]payment.Deposit, error)
}

// CoolDown returns a warning when the same customer was asked moments ago, "" when
// not. It keeps nobody from asking; the emulator has no such rules.
func CoolDown(ctx context.Context, in Recent, intent payment.Deposit, now time.Time) (string, error) {
	if intent.Environment == payment.Local {
		return "", nil
	}
	recent, err := in.RecentSends(ctx, intent.Phone, payment.Amount{}, now.Add(-coolDownAmount))
	if err != nil {
		return "", err
	}
	for _, r := range recent {
		age := now.Sub(r.SentAt)
		switch {
		case r.IdempotencyKey == intent.IdempotencyKey:
		case r.Amount == intent.Amount && age < coolDownAmount:
			return fmt.Sprintf("%s was asked for the same amount %s ago (%s); M-PESA refuses that within 2 minutes (code 17), wait %s",
				intent.Phone, age.Round(time.Second), r.ID, (coolDownAmount - age).Round(time.Second)), nil
		case age < coolDownPhone:
			return fmt.Sprintf("%s was asked %s ago (%s); M-PESA locks a subscriber for about a minute, wait %s",
				intent.Phone, age.Round(time.Second), r.ID, (coolDownPhone - age).Round(time.Second)), nil
		}
	}
	return "", nil
}

// KeyOfAnother refuses an idempotency key that a deposit of another provider has:
// repeating a command under its key must ask nobody twice. KindConflict.
func KeyOfAnother(ctx context.Context, in Index, intent payment.Deposit) error {
	found, err := in.Find(ctx, intent.IdempotencyKey)
	if err != nil {
		return err
	}
	for _, d := range found {
		if d.IdempotencyKey == intent.IdempotencyKey && d.Environment == intent.Environment && d.Provider != intent.Provider {
			return &payment.Error{
				Kind: payment.KindConflict, Provider: intent.Provider,
				Message: "idempotency key: was used before for deposit " + d.ID + ", which has another provider (" + string(d.Provider) + ")",
				Hint:    "use a new key for another request",
			}
		}
	}
	return nil
}

// NeedsYes refuses a script that asks for real money without --yes: KindUsage. It names the
// cap, which --yes then holds the amount against.
func NeedsYes(limit, amount payment.Amount) error {
	const problem = "production: real money needs a confirmation, and stdin is not a terminal"
	switch {
	case !limit.HasValue():
		return payment.Usage(problem+"; the profile has no production_cap", "set production_cap in the profile, then add --yes")
	case amount.Minor() > limit.Minor():
		return payment.Usage(problem+"; the profile's production_cap is "+limit.String(), "ask for no more than that and add --yes, or ask at a terminal")
	}
	return payment.Usage(problem+"; the profile's production_cap is "+limit.String(), "add --yes")
}

// WithinCap refuses an amount of real money over the profile's cap, and a script
// whose profile has none: KindUsage.
func WithinCap(limit, amount payment.Amount) error {
	switch {
	case !limit.HasValue():
		return payment.Usage("production: --yes needs a cap in the profile", "set production_cap in the profile to the largest amount a script may ask for")
	case amount.Minor() > limit.Minor():
		return payment.Usage("amount "+amount.String()+": is over the profile's production_cap of "+limit.String(), "raise production_cap in the profile if this is meant")
	}
	return nil
}
