package provider

import (
	"context"
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// Provider is what one provider can do; a nil field is something it cannot.
type Provider struct {
	ID        payment.ProviderID
	Depositor payment.Depositor
	Streamer  payment.Streamer
	Querier   payment.TransactionQuerier
	Receiver  payment.Receiver

	// ShortCode and Wallet go into new deposits.
	ShortCode string
	Wallet    string
	// Schedule is how often deposits may be asked about, with the settings' limit.
	Schedule payment.Schedule
	// Budget is the app's rate budget, which questions take their turns from.
	Budget payment.Budget
	// Idempotent says that a repeated request for money with the same idempotency
	// key is answered like the first and asks nobody twice.
	Idempotent bool
	// Check looks at a deposit before it is recorded and may complete it.
	Check func(*payment.Deposit) (warnings []string, err error)
	// CheckFields looks at extra request fields before a deposit is recorded; nil
	// where a provider takes none.
	CheckFields func(map[string]string) error
	// CallbackURL is where the provider shall report a deposit, from its token.
	CallbackURL func(token string) string
	// Daraja is the adapter itself, for the verbs that only it has; else nil.
	Daraja *daraja.Client
}

// Deps is what adapters need of the process.
type Deps struct {
	HTTP   *http.Client
	Log    func(apiclient.Exchange)
	Now    func() time.Time
	Budget payment.Budget
	// Certificate is used where the profile names none: the emulator's own.
	Certificate []byte
	// Transports are the stream's, in the order tried; none is the default.
	Transports []string
	// Packets is told each packet of a stream, without secrets; it may be nil.
	Packets func(sent bool, packet string)
}

// reveal fetches secrets; one that is not set stays nil.
func reveal(ctx context.Context, refs ...*config.SecretRef) ([]*secret.Secret, error) {
	out := make([]*secret.Secret, len(refs))
	for i, ref := range refs {
		s, err := ref.Get(ctx)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}
