package daraja

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Schedule returns how often pushes may be asked about: reference/daraja.md §5 gives
// the gaps (first at 10 to 15 s, then 15, 20, 30 s) and the sandbox's limit of one query
// in 12 s. The production limit is unpublished; one a second is a guess that
// Retry-After and backing off correct. The emulator is asked every second.
func Schedule(env payment.Environment) payment.Schedule {
	s := payment.Schedule{
		Gaps:        []time.Duration{12 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second},
		PerSlot:     12 * time.Second,
		BudgetKey:   "daraja/query/" + string(env),
		ReceiptWait: 3 * time.Second,
	}
	switch env {
	case payment.Local:
		s.Gaps, s.PerSlot, s.ReceiptWait = []time.Duration{time.Second}, 0, time.Second
	case payment.Production:
		s.PerSlot = time.Second
	case payment.Sandbox:
	}
	return s
}
