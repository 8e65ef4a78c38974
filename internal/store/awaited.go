package store

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// sendingTakes is how long after its intent a request has left, but for one that waited.
const sendingTakes = time.Minute

// sqlAwaited goes by the list's index. The length of the provider's id keeps the planner off
// the index by those ids, which is as long as the ledger.
const sqlAwaited = `SELECT 0, count(*), CAST(0 AS BIGINT) FROM shelves AS s JOIN deposits AS d ON d.shelf = s.id
	WHERE s.environment = ? AND s.status IN ('COMPLETED', 'FAILED') AND d.created_at >= ? AND d.created_at < ? AND d.called_back = 0
		AND d.adopted = 0 AND length(d.provider_id) > 0 AND d.decided_by <> ? AND d.sent_at >= ?`

// Awaited counts the final deposits asked for between two times, by whole hours, whose own
// callback has not come and is not lost yet as of now: a poll decided them, say. Settled
// counts them as lost.
func (h *Rollups) Awaited(ctx context.Context, env payment.Environment, from, to, now time.Time) (int64, error) {
	soonest := max(micros(startOfHour(hourOf(micros(from)))), micros(now.Add(-2*payment.PromptLifetime-sendingTakes)))
	latest := micros(startOfHour(hourOf(micros(to)) + 1))
	if soonest >= latest {
		return 0, nil
	}
	var n int64
	err := h.numbers(ctx, sqlAwaited,
		func(_ int64, c count) { n = c.n },
		string(env), soonest, latest, string(payment.SourceAnswer), micros(now.Add(-2*payment.PromptLifetime)))
	return n, err
}
