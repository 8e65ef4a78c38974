package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// appBudget is a budget whose keys are one app's: the limits are per app, whatever
// profile or ledger its requests come from.
type appBudget struct {
	payment.Budget
	app string
}

// perApp returns the budget of the app that a key belongs to; nil for no budget.
func perApp(b payment.Budget, baseURL string, key *secret.Secret) payment.Budget {
	if b == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(baseURL + "\x00" + key.Reveal()))
	return appBudget{b, hex.EncodeToString(sum[:8])}
}

// ReserveWithin implements payment.Budget.
func (b appBudget) ReserveWithin(ctx context.Context, key string, per, most time.Duration) (payment.Slot, error) {
	return b.Budget.ReserveWithin(ctx, key+"/"+b.app, per, most)
}

// Hold implements payment.Budget. Unreserve needs no more than the slot's own key.
func (b appBudget) Hold(ctx context.Context, key string, until time.Time) error {
	return b.Budget.Hold(ctx, key+"/"+b.app, until)
}
