package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
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
	// rivals are the deposits that it speaks against.
	rivals []rival
}

// counts tells whether the delivery's event has effect.
func (j judged) counts() bool {
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
func (t *tx) contradictRivals(ctx context.Context, j judged, delivery int64) error {
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

// judge finds what the arrival is about and whether it is to be believed.
func (p *arrival) judge(ctx context.Context, t *tx) (judged, error) {
	j := judged{verdict: p.Inspection.Verdict, reason: p.Inspection.Reason}
	e := p.event()
	if e == nil {
		return j, nil
	}
	j.distrust(p.Distrust)
	var err error
	switch {
	case isResult(e):
		err = p.judgeResult(ctx, t, e, &j)
	case isCustomerPayment(e) && !strings.HasPrefix(p.Delivery.Route, c2bRoutes):
		j.distrust("a customer's payment came by another route than C2B's")
	case isCustomerPayment(e), p.Delivery.Provider == payment.Sevi:
	default:
		err = p.judgeDeposit(ctx, t, e, &j)
	}
	return j, err
}

// reasonNoPush is why a callback is not believed whose push this ledger does not know.
const reasonNoPush = "no push of this ledger has its CheckoutRequestID"

func (p *arrival) judgeDeposit(ctx context.Context, t *tx, e *payment.Event, j *judged) error {
	d, byReference, err := t.findFor(ctx, p.Delivery.Provider, e, p.token(), p.at(t))
	if errors.Is(err, sql.ErrNoRows) {
		switch {
		case !j.counts():
		case p.Delivery.Provider == payment.Daraja:
			// A push's token is in the ledger before the push leaves: no answer that
			// is still to come can vouch for a callback that does not know it.
			j.distrust(reasonNoPush)
		default:
			// Its signature proves it: the deposit was made elsewhere, or the answer
			// that names it is still on its way.
			j.orphan = e.ProviderID != ""
			j.rivals, err = t.sameReference(ctx, p.Delivery.Provider, e, p.at(t))
			return err
		}
		return nil
	}
	if err != nil {
		return err
	}
	j.deposit, j.claim = d, claimOf(e, p.at(t), byReference)
	if !j.counts() {
		return nil
	}
	doubt := payment.Trust(d.Deposit, *e, p.token())
	agrees := d.Status.Final() && e.Status == d.Status && (d.Receipt == "" || e.Receipt == d.Receipt)
	if doubt == payment.Unproved && agrees {
		doubt = "" // the provider has said so on being asked; this tells it in full
	}
	j.distrust(doubt)
	if !j.counts() {
		return nil
	}
	if e.Status != payment.StatusPending && !e.Status.Final() && len(e.Notes) > 0 {
		j.reason = strings.Join(e.Notes, "; ")
		j.rivals = append(j.rivals, rival{depositRow: d, text: j.reason})
	}
	return t.checkReceipt(ctx, d, e, j, p.at(t))
}

// checkReceipt distrusts a receipt that another deposit holds, and records that on both.
func (t *tx) checkReceipt(ctx context.Context, d depositRow, e *payment.Event, j *judged, at time.Time) error {
	if e.Receipt == "" || e.Receipt == d.Receipt {
		return nil
	}
	other, held, err := t.otherHolder(ctx, d, e.Receipt, e.ProviderID)
	if err != nil || !held {
		return err
	}
	j.distrust("the receipt is already that of deposit " + other.ID)
	c := payment.Conflict{
		Since: at, Between: [2]string{d.ID, other.ID},
		Reason: "two deposits have the receipt " + e.Receipt + ": " + d.ID + " and " + other.ID,
	}
	j.rivals = append(j.rivals, rival{depositRow: d, conflict: c}, rival{depositRow: other, conflict: c})
	return nil
}

// sameReference returns the deposit that a signed event of another id speaks against,
// because it has the same reference: one that has its id is contradicted; one without
// is told, since a reference alone is no proof.
func (t *tx) sameReference(ctx context.Context, provider payment.ProviderID, e *payment.Event, at time.Time) ([]rival, error) {
	if e.Reference == "" || e.Status == "" || e.ProviderID == "" {
		return nil, nil
	}
	found, err := t.rareDeposits(ctx, `reference = ? AND provider = ? AND status <> ? AND (? = '' OR environment = ?)
		ORDER BY seq DESC LIMIT 1`, e.Reference, string(provider), string(payment.StatusCreated), string(e.Environment), string(e.Environment))
	if err != nil || len(found) == 0 || at.Sub(found[0].CreatedAt) >= payment.RepeatWindow {
		return nil, err
	}
	d, says := found[0], string(e.Status)
	if e.Receipt != "" {
		says += " with receipt " + e.Receipt
	}
	if d.ProviderID == "" {
		return []rival{{depositRow: d, text: "a callback of the same reference, with the id " + e.ProviderID + ", says " + says +
			"; its amount, customer or time is another's, and a reference alone is no proof"}}, nil
	}
	return []rival{{depositRow: d, conflict: payment.Conflict{
		Since: at, Between: [2]string{d.ProviderID, e.ProviderID},
		Reason: "two deposits of this reference at the provider: " + d.ProviderID + ", and " + e.ProviderID + " by the callback, which says " + says,
	}}}, nil
}

// token is the secret path segment as far as it speaks of a deposit or a query:
// in Daraja's paths. The others' deliveries prove themselves, and a token in
// their path is the whole installation's.
func (p *arrival) token() string {
	if p.Delivery.Provider != payment.Daraja {
		return ""
	}
	return p.Delivery.Token
}

// findFor finds the deposit of an event: by the token in the path, by the
// provider's id, or, for WasaaPay, by our reference, where nothing else can be meant
// (bindable) and the event says how a deposit stands (a withdrawal's does not).
// Deposits of another environment than the one whose secret proved the event are not
// looked at. sql.ErrNoRows when there is none.
func (t *tx) findFor(ctx context.Context, provider payment.ProviderID, e *payment.Event, token string, at time.Time) (_ depositRow, byReference bool, err error) {
	if token != "" {
		found, err := t.byToken(ctx, token)
		if err != nil {
			return depositRow{}, false, err
		}
		if len(found) > 0 && found[0].Provider == provider {
			return found[0], false, nil
		}
	}
	if e.ProviderID != "" {
		found, err := t.byProviderID(ctx, provider, e.ProviderID)
		if err != nil {
			return depositRow{}, false, err
		}
		found = slices.DeleteFunc(found, func(d depositRow) bool { return !e.MayConcern(d.Deposit) })
		for _, d := range found {
			if !d.Status.Final() {
				return d, false, nil
			}
		}
		if len(found) > 0 {
			return found[0], false, nil
		}
	}
	if provider == payment.WasaaPay && e.Reference != "" && e.Status != "" {
		found, err := t.rareDeposits(ctx, `reference = ? AND provider = ? AND provider_id = '' AND status = ?
			AND (? = '' OR environment = ?) ORDER BY seq DESC LIMIT 2`,
			e.Reference, string(provider), string(payment.StatusUnknown), string(e.Environment), string(e.Environment))
		if err != nil {
			return depositRow{}, false, err
		}
		if len(found) == 1 && bindable(found[0].Deposit, e, at) {
			return found[0], true, nil
		}
	}
	return depositRow{}, false, sql.ErrNoRows
}

// bindWithin is how long after sending an event may come that is bound by reference:
// a prompt lives two minutes, and deliveries are tried again for a while.
const bindWithin = 15 * time.Minute

// bindable reports whether an event of the same reference can be about no other
// deposit: it was paid the same, by the same customer as far as it says, at the time.
func bindable(d payment.Deposit, e *payment.Event, at time.Time) bool {
	if !e.OccurredAt.IsZero() && d.Environment != payment.Local { // whose clock may be virtual
		at = e.OccurredAt
	}
	since := at.Sub(d.SentAt)
	return e.Amount == d.Amount && d.Phone.MayBe(e.Phone) && since > -time.Minute && since < bindWithin
}
