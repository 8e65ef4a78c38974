package store

import (
	"context"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// judged is what the ledger makes of an arrival before it is written.
type judged struct {
	verdict payment.Verdict
	reason  string
	deposit depositRow
	query   queryRow
	// orphan says that it proves itself, but nothing was found that it is about;
	// that may come yet.
	orphan bool
	// claim is what it says of its deposit, nil if it says nothing that counts.
	claim *payment.Claim
	// after is the deposit once the claim was applied, move what that did, against what the
	// claim contradicts, "" for nothing.
	after   depositRow
	move    payment.Move
	against string
	// rivals are the deposits that it speaks against, fits those that it may be about, as
	// hint says.
	rivals []rival
	fits   []depositRow
	hint   payment.Hint
}

// counts tells whether the delivery's event has effect.
func (j *judged) counts() bool {
	return j.verdict == payment.VerdictValid || j.verdict == payment.VerdictUnsigned
}

func (j *judged) distrust(reason string) {
	if reason != "" {
		j.verdict, j.reason = payment.VerdictUntrusted, reason
	}
}

// rival is a deposit that an arrival speaks against without being about it alone.
type rival struct {
	depositRow
	// conflict is recorded on it; a zero one is a doubt, and text says which.
	conflict payment.Conflict
	text     string
}

// contradictRivals records what a delivery says against other deposits, and against its
// own where it is not believed.
func (t depositTx) contradictRivals(ctx context.Context, j *judged, delivery int64) error {
	for _, r := range j.rivals {
		if r.conflict.IsZero() {
			n := note{
				deposit: r.seq, at: t.now, source: payment.SourceCallback, status: r.Status, move: payment.MoveNone,
				delivery: delivery, note: r.text,
			}
			if err := t.note(ctx, n); err != nil {
				return err
			}
			continue
		}
		if _, err := t.contradict(ctx, r.depositRow, r.conflict, delivery); err != nil {
			return err
		}
	}
	return nil
}

// claimOf is what a callback's event says of its deposit. An event without a
// status moves nothing, but may bring the provider's ids.
func claimOf(e *payment.Event, at time.Time, byReference bool) *payment.Claim {
	c := &payment.Claim{
		Status: e.Status, By: payment.SourceCallback, Receipt: e.Receipt, ProviderID: e.ProviderID,
		MerchantRequestID: e.MerchantRequestID, Failure: e.Failure, Amount: e.Amount, Reference: e.Reference,
		ByReference: byReference, At: at, OccurredAt: e.OccurredAt.UTC().Truncate(time.Microsecond),
	}
	if e.Phone != "" {
		c.Phone, _ = payment.ParsePhone(e.Phone) // a masked one is none
	}
	return c
}

// judge finds what an arrival is about, whether it is to be believed and what it does, from
// what is known: it reads nothing and writes nothing. now is when it came, if it does not
// say so. j is empty before.
func (k *known) judge(p *arrival, now time.Time, j *judged) {
	j.verdict, j.reason = p.Inspection.Verdict, p.Inspection.Reason
	k.believe(p, now, j)
	j.after = j.deposit
	if j.claim == nil || !j.counts() {
		return
	}
	j.after.Deposit, j.move = j.deposit.Apply(*j.claim)
	if j.query.seq == 0 {
		j.after.hears(p.Inspection.Event, p.at(now))
	}
	if j.move == payment.MoveConflict || j.move == payment.MoveOverrule {
		j.against = j.deposit.Against(*j.claim).Reason
	}
}

// believe is judge without what the arrival does.
func (k *known) believe(p *arrival, now time.Time, j *judged) {
	e := p.event()
	if e == nil {
		return
	}
	j.distrust(p.Distrust)
	switch payment.TopicOf(e.Name) {
	case payment.TopicQuery:
		k.judgeResult(p, e, p.at(now), j)
	case payment.TopicCustomer:
		if !strings.HasPrefix(p.Delivery.Route, c2bRoutes) {
			j.distrust("a customer's payment came by another route than C2B's")
		}
		k.samePayment(p.Delivery.Provider, e, j)
	case payment.TopicWallet:
	case payment.TopicDeposit:
		k.judgeDeposit(p, e, p.at(now), j)
	}
}

// samePayment ties what a customer paid to the deposit that was settled by the same
// receipt and amount: one payment told twice (reference/daraja.md §10.1).
func (k *known) samePayment(provider payment.ProviderID, e *payment.Event, j *judged) {
	found := k.depositsOf(k.receipt[e.Receipt], func(d *depositRow) bool {
		return d.Provider == provider && d.Status == payment.StatusCompleted && d.Receipt == e.Receipt && d.Amount == e.Amount
	})
	if j.counts() && e.Receipt != "" && len(found) == 1 {
		j.deposit = *found[0]
	}
}

// reasonNoPush is why a callback is not believed whose push this ledger does not know.
const reasonNoPush = "no push of this ledger has its CheckoutRequestID"

func (k *known) judgeDeposit(p *arrival, e *payment.Event, at time.Time, j *judged) {
	found, byReference := k.findFor(p.Delivery.Provider, e, p.token(), at)
	if found == nil {
		switch {
		case !j.counts():
		case p.Inspection.Verdict == payment.VerdictUnsigned:
			// A push's token is in the ledger before the push leaves: no answer that
			// is still to come can vouch for a callback that does not know it.
			j.distrust(reasonNoPush)
		default:
			// Its signature proves it: the deposit was made elsewhere, or the answer
			// that names it is still on its way.
			j.orphan = e.ProviderID != ""
			j.rivals = k.sameReference(p.Delivery.Provider, e, at)
		}
		return
	}
	d := *found
	j.deposit, j.claim = d, claimOf(e, at, byReference)
	if !j.counts() {
		return
	}
	doubt := payment.Trust(d.Deposit, *e, p.token())
	agrees := d.Status.Final() && e.Status == d.Status && (d.Receipt == "" || e.Receipt == d.Receipt)
	if doubt == payment.Unproved && agrees {
		doubt = "" // the provider has said so on being asked; this tells it in full
	}
	j.distrust(doubt)
	if !j.counts() {
		return
	}
	if e.Status != payment.StatusPending && !e.Status.Final() && len(e.Notes) > 0 {
		j.reason = strings.Join(e.Notes, "; ")
		j.rivals = append(j.rivals, rival{depositRow: d, text: j.reason})
	}
	k.checkReceipt(d, e, j, at)
}

// checkReceipt distrusts a receipt that another deposit holds, and records that on both.
func (k *known) checkReceipt(d depositRow, e *payment.Event, j *judged, at time.Time) {
	if e.Receipt == "" || e.Receipt == d.Receipt {
		return
	}
	other := k.otherHolder(d, e.Receipt, e.ProviderID)
	if other == nil {
		return
	}
	j.distrust("the receipt is already that of deposit " + other.ID)
	c := payment.Conflict{
		Since: at, Between: [2]string{d.ID, other.ID},
		Reason: "two deposits have the receipt " + e.Receipt + ": " + d.ID + " and " + other.ID,
	}
	j.rivals = append(j.rivals, rival{depositRow: d, conflict: c}, rival{depositRow: *other, conflict: c})
}

// otherHolder returns another deposit of the provider that has a receipt, as its own
// or as an alias, nil for none. The emulator, started again with the same seed, gives
// the same ids and receipts again; that is no fraud.
func (k *known) otherHolder(d depositRow, receipt, providerID string) *depositRow {
	return k.depositOf(k.receipt[receipt], func(o *depositRow) bool {
		again := o.Environment == payment.Local && d.Environment == payment.Local && providerID != "" && o.ProviderID == providerID
		return o.seq != d.seq && o.Provider == d.Provider && !again
	})
}

// sameReference returns the deposit that a signed event of another id speaks against,
// because it has the same reference: one that has its id is contradicted; one without
// is told, since a reference alone is no proof.
func (k *known) sameReference(provider payment.ProviderID, e *payment.Event, at time.Time) []rival {
	if e.Reference == "" || e.Status == "" || e.ProviderID == "" {
		return nil
	}
	found := k.depositsOf(k.reference[e.Reference], func(d *depositRow) bool {
		return d.Reference == e.Reference && d.Provider == provider && d.Status != payment.StatusCreated &&
			(e.Environment == "" || d.Environment == e.Environment)
	})
	if len(found) == 0 || at.Sub(found[0].CreatedAt) >= payment.RepeatWindow {
		return nil
	}
	d, says := *found[0], string(e.Status)
	if e.Receipt != "" {
		says += " with receipt " + e.Receipt
	}
	if d.ProviderID == "" {
		return []rival{{depositRow: d, text: "a callback of the same reference, with the id " + e.ProviderID + ", says " + says +
			"; its amount, customer or time is another's, and a reference alone is no proof"}}
	}
	return []rival{{depositRow: d, conflict: payment.Conflict{
		Since: at, Between: [2]string{d.ProviderID, e.ProviderID},
		Reason: "two deposits of this reference at the provider: " + d.ProviderID + ", and " + e.ProviderID + " by the callback, which says " + says,
	}}}
}
