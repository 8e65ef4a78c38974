package replay

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Schedule returns the waits before a provider's own further attempts after an
// answer that is no 2xx. Daraja has none: it sends once (reference/daraja.md
// §4.3). WasaaPay's are stated (reference/wasaapay.md §11.1). Sevi says "up to
// 3 attempts" with exponential backoff and no times (reference/sevi.md §3);
// the two waits are payctl's choice.
func Schedule(id payment.ProviderID) []time.Duration {
	switch id {
	case payment.WasaaPay:
		return []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 12 * time.Hour}
	case payment.Sevi:
		return []time.Duration{30 * time.Second, time.Minute}
	case payment.Daraja:
	}
	return nil
}
