package deposit

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// AdoptLedger enters deposits that were asked for elsewhere.
type AdoptLedger interface {
	// Adopt enters a deposit by its provider's id with what a source says of it, and
	// applies the claim. One that is there already only gets the claim.
	Adopt(ctx context.Context, d payment.Deposit, c payment.Claim) (payment.Deposit, payment.Move, error)
}

// Asks is the question that adopting needs of a provider.
type Asks interface {
	Ask(ctx context.Context, d payment.Deposit) (payment.Answer, error)
}

// Elsewhere returns an unrecorded deposit that is known by its provider's id alone.
func Elsewhere(provider payment.ProviderID, env payment.Environment, id string) payment.Deposit {
	return payment.Deposit{
		Provider: provider, Environment: env, ProviderID: id, Adopted: true,
		Status: payment.StatusPending, Amount: payment.AmountOf(0, payment.KES),
	}
}

// Adopt asks the provider once about an id that the ledger does not know, and enters
// the deposit if the answer has a state. An answer without one leaves nothing
// behind: KindNotFound when the provider does not know the id, KindUnavailable when
// it does not say.
func Adopt(ctx context.Context, to AdoptLedger, from Asks, d payment.Deposit, now func() time.Time) (payment.Deposit, payment.Answer, error) {
	answer, err := from.Ask(ctx, d)
	if err != nil {
		return d, answer, err
	}
	if answer.NotKnown {
		return d, answer, payment.NotFound("deposit "+payment.MaskDigits(d.ProviderID)+": "+string(d.Provider)+" does not know it, nor does the ledger",
			"check the id, --provider and --profile")
	}
	if answer.Status != payment.StatusPending && !answer.Status.Final() {
		message := "deposit " + payment.MaskDigits(d.ProviderID) + ": " + string(d.Provider) + " does not say how it stands"
		if answer.Message != "" {
			message += " (" + payment.Line(answer.Message, 200) + ")"
		}
		return d, answer, &payment.Error{
			Kind: payment.KindUnavailable, Provider: d.Provider, ProviderCode: answer.Code, Retryable: true,
			Message: message, Hint: "nothing was entered; try again",
		}
	}
	d, _, err = to.Adopt(ctx, d, ClaimOf(answer, payment.SourceQuery, now()))
	return d, answer, err
}

// ClaimOf is what an answer says of its deposit.
func ClaimOf(a payment.Answer, by payment.Source, at time.Time) payment.Claim {
	return payment.Claim{
		Status: a.Status, By: by, Receipt: a.Receipt, Failure: a.Failure,
		ProviderID: a.ProviderID, MerchantRequestID: a.MerchantRequestID,
		Amount: a.Amount, Phone: a.Phone, Reference: a.Reference, At: at,
	}
}
