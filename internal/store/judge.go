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

// claimOf is what a callback's event says of its deposit. An event without a
// status moves nothing, but may bring the provider's ids.
func claimOf(e *payment.Event, at time.Time) *payment.Claim {
	return &payment.Claim{
		Status: e.Status, By: payment.SourceCallback, Receipt: e.Receipt, ProviderID: e.ProviderID,
		MerchantRequestID: e.MerchantRequestID, Failure: e.Failure, At: at,
	}
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

func (p *arrival) judgeDeposit(ctx context.Context, t *tx, e *payment.Event, j *judged) error {
	d, err := t.findFor(ctx, p.Delivery.Provider, e, p.token())
	if errors.Is(err, sql.ErrNoRows) {
		switch {
		case !j.counts():
		case p.Delivery.Provider == payment.Daraja:
			// A push's token is in the ledger before the push leaves: no answer that
			// is still to come can vouch for a callback that does not know it.
			j.distrust("no push of this ledger has its CheckoutRequestID")
		default:
			// Its signature proves it: the deposit was made elsewhere, or the answer
			// that names it is still on its way.
			j.orphan = e.ProviderID != ""
		}
		return nil
	}
	if err != nil {
		return err
	}
	j.deposit, j.claim = d, claimOf(e, p.at(t))
	if !j.counts() {
		return nil
	}
	j.distrust(payment.Trust(d.Deposit, *e, p.token()))
	if j.counts() {
		return t.checkReceipt(ctx, d, e, j)
	}
	return nil
}

// checkReceipt distrusts a receipt that another deposit holds. The emulator,
// started again with the same seed, gives the same ids and receipts again; that
// is no fraud.
func (t *tx) checkReceipt(ctx context.Context, d depositRow, e *payment.Event, j *judged) error {
	if e.Receipt == "" || e.Receipt == d.Receipt {
		return nil
	}
	others, err := t.holders(ctx, e.Receipt)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.seq == d.seq || o.Provider != d.Provider {
			continue
		}
		again := o.Environment == payment.Local && d.Environment == payment.Local &&
			e.ProviderID != "" && o.ProviderID == e.ProviderID
		if !again {
			j.distrust("the receipt is already that of deposit " + o.ID)
			return nil
		}
	}
	return nil
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
// provider's id, or, for WasaaPay, by our reference where one sent deposit
// waits for its id under it, and the event says how a deposit stands (a
// withdrawal's does not). Deposits of another environment than the one whose
// secret proved the event are not looked at. sql.ErrNoRows when there is none.
func (t *tx) findFor(ctx context.Context, provider payment.ProviderID, e *payment.Event, token string) (depositRow, error) {
	if token != "" {
		found, err := t.byToken(ctx, token)
		if err != nil {
			return depositRow{}, err
		}
		if len(found) > 0 && found[0].Provider == provider {
			return found[0], nil
		}
	}
	if e.ProviderID != "" {
		found, err := t.byProviderID(ctx, provider, e.ProviderID)
		if err != nil {
			return depositRow{}, err
		}
		found = slices.DeleteFunc(found, func(d depositRow) bool { return !e.MayConcern(d.Deposit) })
		for _, d := range found {
			if !d.Status.Final() {
				return d, nil
			}
		}
		if len(found) > 0 {
			return found[0], nil
		}
	}
	if provider == payment.WasaaPay && e.Reference != "" && e.Status != "" {
		found, err := t.db.depositsBy(ctx, t, `reference = ? AND provider = ? AND provider_id = '' AND status = ?
			AND (? = '' OR environment = ?) ORDER BY seq DESC LIMIT 2`,
			e.Reference, string(provider), string(payment.StatusUnknown), string(e.Environment), string(e.Environment))
		if err != nil {
			return depositRow{}, err
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return depositRow{}, sql.ErrNoRows
}
