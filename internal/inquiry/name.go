package inquiry

import (
	"context"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// recent is how many of the latest queries are looked through for a name.
const recent = 50

// NameOf is what M-PESA calls a short code or till, as the results of earlier questions
// have it ("600000 - Shop Ltd"); "" if none has.
func NameOf(ctx context.Context, ledger *store.Store, of payment.Environment, code string) string {
	if ledger == nil {
		return ""
	}
	queries, _, err := ledger.Queries.List(ctx, store.QueryFilter{Status: store.QueryAnswered, Limit: recent})
	if err != nil {
		return ""
	}
	for _, q := range queries {
		if q.Environment != of {
			continue
		}
		r, err := Read(ctx, ledger, q)
		if err != nil || r.Answer == nil {
			continue
		}
		for _, party := range []string{r.Answer.CreditParty, r.Answer.DebitParty} {
			if name, found := strings.CutPrefix(party, code+" - "); found && strings.TrimSpace(name) != "" {
				return payment.Line(strings.TrimSpace(name), 60)
			}
		}
	}
	return ""
}
