package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
)

func newStatus(s *session) *cobra.Command {
	return group(s, "status", "Follow deposits or ask how they stand",
		`Follows deposits to their end, or asks the provider once. Any identifier is
accepted: local id, CheckoutRequestID, MerchantRequestID, WasaaPay deposit id,
receipt, reference. An id that the ledger does not know is asked of the provider when
--provider says whose it is; only what a source knows is entered.`,
		command{"watch", newStatusWatch}, command{"get", newStatusGet})
}

// findOrElsewhere finds a deposit, or returns one that the ledger does not know (its ID
// is "") where the flag says whose id it is.
func (s *session) findOrElsewhere(ctx context.Context, ledger *store.Store, id, whose string) (deposit.Found, error) {
	found, err := s.findHere(ctx, ledger, id)
	if err == nil || whose == "" || payment.KindOf(err) != payment.KindNotFound {
		return found, err
	}
	name, err := s.providers.Parse(whose)
	if err != nil {
		return found, err
	}
	if !s.providers.Row(name).Deposits {
		return found, usagef("providers that have some: "+provider.Names(s.providers.Depositors()), "provider %s: has no deposits to ask for", name)
	}
	conf, err := s.config(ctx)
	if err != nil {
		return found, err
	}
	return deposit.Found{Deposit: deposit.Elsewhere(name, conf.Environment, id)}, nil
}
