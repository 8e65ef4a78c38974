package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// answer attaches a result or a time-out to its query. A result is final; a
// time-out is not, since a result may still come. A message that announces more
// of them answers nothing: its delivery names the query, and that is all.
func (t queryTx) answer(ctx context.Context, q queryRow, e *payment.Event, delivery int64) error {
	status := QueryAnswered
	if isTimeout(e) {
		status = QueryTimedOut
	}
	if q.Status == QueryAnswered || q.Status == status || e.More {
		return nil
	}
	conversation, originator := q.ConversationID, q.OriginatorConversationID
	if conversation == "" {
		conversation = e.ConversationID
	}
	if originator == "" {
		originator = e.OriginatorConversationID
	}
	before := q
	q.Status, q.ConversationID, q.OriginatorConversationID = status, conversation, originator
	q.delivery, q.AnsweredAt = delivery, t.now
	if err := t.save(ctx, before, q); err != nil || e.Reversed == "" {
		return err
	}
	return t.reversal(ctx, q, payment.Reversal{Status: e.Reversed, Receipt: e.Receipt, At: fromMicros(micros(t.now))})
}

// kindReversal is the kind of query that gives a deposit's money back.
const kindReversal = "reversal"

// reversal records on the deposit of a query what became of giving its money back.
func (t queryTx) reversal(ctx context.Context, q queryRow, r payment.Reversal) error {
	if q.deposit == 0 || q.Kind != kindReversal {
		return nil
	}
	d, err := t.db.depositBy(ctx, t.tx, "seq = ?", q.deposit)
	if err != nil || d.Reversal.Status == payment.StatusCompleted {
		return err
	}
	after := d
	after.Reversal, after.UpdatedAt = r, r.At
	return t.deposits.save(ctx, d, after)
}

// findQuery finds the query of a result, whose key is 0 if there is none: by the token
// in the path, by ConversationID, then by OriginatorConversationID, which some captures
// take from the original transaction (reference/daraja.md §6.3 quirk 10).
func (k *known) findQuery(provider payment.ProviderID, e *payment.Event, token string) queryRow {
	for _, by := range []struct {
		seqs keys64
		pass func(queryRow) bool
	}{
		{k.queryToken[token], func(q queryRow) bool { return q.Token == token }},
		{k.conversation[e.ConversationID], func(q queryRow) bool { return q.ConversationID == e.ConversationID }},
		{k.originator[e.OriginatorConversationID], func(q queryRow) bool { return q.OriginatorConversationID == e.OriginatorConversationID }},
	} {
		found := k.queryOf(by.seqs, func(q queryRow) bool { return q.Provider == provider && by.pass(q) })
		if found.seq != 0 {
			return found
		}
	}
	return queryRow{}
}

// trustResult says why a result is not to be believed to answer a query, or "".
// Like a push's callback (see payment.Trust) it comes to the exact URL that the
// query gave: whoever knows only its ids does not know the token.
func trustResult(q queryRow, e *payment.Event, token string) string {
	switch {
	case token == "" && q.Token != "":
		return "the path token is missing, and this query was sent with one"
	case token != "" && q.Token != "" && token != q.Token:
		return "the path token is another query's"
	case q.ConversationID != "" && e.ConversationID != "" && q.ConversationID != e.ConversationID &&
		(q.OriginatorConversationID == "" || q.OriginatorConversationID != e.OriginatorConversationID):
		return "the ConversationID is not this query's"
	}
	return ""
}

func (k *known) judgeResult(p *arrival, e *payment.Event, at time.Time, j *judged) {
	if j.query = k.findQuery(p.Delivery.Provider, e, p.Delivery.Token); j.query.seq == 0 {
		if j.counts() {
			j.distrust("no query of this ledger has its ConversationID")
		}
		return
	}
	j.distrust(trustResult(j.query, e, p.Delivery.Token))
	if d := k.deposits[j.query.deposit]; j.counts() && d != nil {
		j.deposit = *d
		k.judgeTransaction(e, j, at)
	}
}

// judgeTransaction lets a transaction's result settle the deposit that was asked
// about, if it says that the money came. A failure moves nothing by itself, but
// contradicts a deposit that is COMPLETED. Money that does not fit the deposit is
// a dispute; where the result does not tell how much, it moves nothing.
func (k *known) judgeTransaction(e *payment.Event, j *judged, at time.Time) {
	d := j.deposit
	claim := payment.Claim{Status: e.Status, By: payment.SourceTransaction, Receipt: e.Receipt, Failure: e.Failure, At: at}
	dispute := func(reason string) {
		j.reason = reason
		j.claim = &payment.Claim{Dispute: reason, By: payment.SourceTransaction, At: at}
	}
	switch {
	case isTimeout(e) || !e.Status.Final():
		return
	case e.Status == payment.StatusFailed:
		if d.Status == payment.StatusCompleted {
			j.claim = &claim
		}
		return
	}
	switch {
	case !e.Amount.HasValue():
		j.reason = "the transaction's result tells no amount; the deposit stays as it is"
		j.rivals = append(j.rivals, rival{depositRow: d, text: j.reason})
		return
	case d.Amount.Minor() != 0 && e.Amount.Minor() != d.Amount.Minor():
		dispute(fmt.Sprintf("the transaction's amount %s is not the %s asked for", e.Amount, d.Amount))
		return
	case d.Receipt != "" && e.Receipt != "" && d.Receipt != e.Receipt:
		dispute("the transaction's receipt " + payment.Line(e.Receipt, maxReceipt) + " is not the deposit's " + d.Receipt)
		return
	}
	held := &judged{verdict: j.verdict}
	k.checkReceipt(d, e, held, at)
	if !held.counts() {
		dispute(held.reason)
		j.rivals = slices.DeleteFunc(held.rivals, func(r rival) bool { return r.seq == d.seq })
		return
	}
	j.claim = &claim
}

// maxReceipt is how much of a receipt from outside is repeated, in bytes.
const maxReceipt = 40
