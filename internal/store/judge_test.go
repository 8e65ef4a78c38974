package store

import (
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestJudge holds the rules by themselves: what is known goes in, a judgement comes
// out, and no ledger is open.
func TestJudge(t *testing.T) {
	t.Parallel()
	asked := func(seq int64, change func(*payment.Deposit)) depositRow {
		d := push(t, "INV-1")
		d.ID, d.Status, d.CallbackToken, d.ProviderID = "dep_"+string(rune('0'+seq)), payment.StatusPending, "token"+string(rune('0'+seq)), "ws_"+string(rune('0'+seq))
		if change != nil {
			change(&d)
		}
		return depositRow{seq: seq, Deposit: d}
	}
	wasaa := func(d *payment.Deposit) { d.Provider, d.CallbackToken, d.ProviderID = payment.WasaaPay, "", "" }
	at := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	sent := func(d *payment.Deposit) { wasaa(d); d.Status, d.CreatedAt, d.SentAt = payment.StatusUnknown, at, at }
	signed := func(change func(*payment.Event)) Arrival {
		a := callback("dep_9", "REC0000009", 15000)
		a.Delivery.Provider, a.Delivery.Route, a.Inspection.Verdict = payment.WasaaPay, "/callbacks/wasaapay", payment.VerdictValid
		e := *a.Inspection.Event
		e.Provider, e.Reference, e.ShortCode = payment.WasaaPay, "INV-1", ""
		if change != nil {
			change(&e)
		}
		a.Inspection.Event = &e
		return a
	}
	paid := func(token, id, receipt string) Arrival { return withToken(callback(id, receipt, 15000), token) }
	question := queryRow{seq: 1, deposit: 1, Query: Query{ID: "qry_1", Provider: payment.Daraja, Token: "q", ConversationID: "AG_1", Status: QueryAccepted}}
	for name, c := range map[string]struct {
		deposits []depositRow
		queries  []queryRow
		arrival  Arrival
		deposit  int64
		query    int64
		verdict  payment.Verdict
		orphan   bool
		rivals   int
		claims   payment.Status
		move     payment.Move
		becomes  payment.Status
	}{
		"a push's own token":             {deposits: []depositRow{asked(1, nil)}, arrival: paid("token1", "ws_1", "R1"), deposit: 1, verdict: payment.VerdictUnsigned, claims: payment.StatusCompleted, move: payment.MoveApply, becomes: payment.StatusCompleted},
		"its id without its token":       {deposits: []depositRow{asked(1, nil)}, arrival: paid("", "ws_1", "R1"), deposit: 1, verdict: payment.VerdictUntrusted, claims: payment.StatusCompleted, becomes: payment.StatusPending},
		"a push nobody made":             {deposits: []depositRow{asked(1, nil)}, arrival: paid("", "ws_7", "R1"), verdict: payment.VerdictUntrusted},
		"another deposit's receipt":      {deposits: []depositRow{asked(1, nil), asked(2, func(d *payment.Deposit) { d.Receipt = "R1" })}, arrival: paid("token1", "ws_1", "R1"), deposit: 1, verdict: payment.VerdictUntrusted, claims: payment.StatusCompleted, rivals: 2, becomes: payment.StatusPending},
		"the one that waits for its id":  {deposits: []depositRow{asked(1, sent)}, arrival: signed(nil), deposit: 1, verdict: payment.VerdictValid, claims: payment.StatusCompleted, move: payment.MoveApply, becomes: payment.StatusCompleted},
		"two that wait":                  {deposits: []depositRow{asked(1, sent), asked(2, sent)}, arrival: signed(nil), verdict: payment.VerdictValid, orphan: true, rivals: 1},
		"one that waits for less money":  {deposits: []depositRow{asked(1, func(d *payment.Deposit) { sent(d); d.Amount = kes(100) })}, arrival: signed(nil), verdict: payment.VerdictValid, orphan: true, rivals: 1},
		"one that has not been sent":     {deposits: []depositRow{asked(1, func(d *payment.Deposit) { wasaa(d); d.Status = payment.StatusCreated })}, arrival: signed(nil), verdict: payment.VerdictValid, orphan: true},
		"an id that two have, one final": {deposits: []depositRow{asked(1, func(d *payment.Deposit) { wasaa(d); d.ProviderID = "dep_9" }), asked(2, func(d *payment.Deposit) { wasaa(d); d.ProviderID, d.Status = "dep_9", payment.StatusFailed })}, arrival: signed(nil), deposit: 1, verdict: payment.VerdictValid, claims: payment.StatusCompleted, move: payment.MoveApply, becomes: payment.StatusCompleted},
		"a result by its token":          {deposits: []depositRow{asked(1, nil)}, queries: []queryRow{question}, arrival: withToken(result("AG_1", payment.StatusCompleted, 15000, "R1"), "q"), deposit: 1, query: 1, verdict: payment.VerdictUnsigned, claims: payment.StatusCompleted, move: payment.MoveApply, becomes: payment.StatusCompleted},
		"a result without its token":     {deposits: []depositRow{asked(1, nil)}, queries: []queryRow{question}, arrival: result("AG_1", payment.StatusCompleted, 15000, "R1"), query: 1, verdict: payment.VerdictUntrusted},
		"what it says already": {deposits: []depositRow{asked(1, func(d *payment.Deposit) {
			d.Status, d.Receipt, d.DecidedBy = payment.StatusCompleted, "R1", payment.SourceCallback
		})}, arrival: paid("token1", "ws_1", "R1"), deposit: 1, verdict: payment.VerdictUnsigned, claims: payment.StatusCompleted, move: payment.MoveConfirm, becomes: payment.StatusCompleted},
		"another receipt of the same push": {deposits: []depositRow{asked(1, func(d *payment.Deposit) {
			d.Status, d.Receipt, d.DecidedBy = payment.StatusCompleted, "R1", payment.SourceCallback
		})}, arrival: paid("token1", "ws_1", "R2"), deposit: 1, verdict: payment.VerdictUnsigned, claims: payment.StatusCompleted, move: payment.MoveConflict, becomes: payment.StatusCompleted},
		"a result of no question": {arrival: result("AG_1", payment.StatusCompleted, 15000, "R1"), verdict: payment.VerdictUntrusted},
	} {
		k := newKnown()
		for _, d := range c.deposits {
			k.set(d)
		}
		for _, q := range c.queries {
			k.setQuery(q)
		}
		var j judged
		k.judge(&arrival{Arrival: c.arrival}, time.Time{}, &j)
		claims := payment.Status("")
		if j.claim != nil {
			claims = j.claim.Status
		}
		if j.deposit.seq != c.deposit || j.query.seq != c.query || j.verdict != c.verdict || j.orphan != c.orphan || len(j.rivals) != c.rivals || claims != c.claims || j.move != c.move || j.after.Status != c.becomes || j.after.seq != c.deposit {
			t.Errorf("%s: deposit %d, query %d, %s (%s), orphan %v, claims %q, %d rivals, move %v to %q", name, j.deposit.seq, j.query.seq, j.verdict, j.reason, j.orphan, claims, len(j.rivals), j.move, j.after.Status)
		}
	}
}
