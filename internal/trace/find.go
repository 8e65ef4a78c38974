package trace

import (
	"context"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// loose finds what is known by an identifier that no deposit has, and whatever else has the
// receipt that it leads to.
func (g *gatherer) loose(ctx context.Context) error {
	id := strings.TrimSpace(g.in.ID)
	queries, err := g.ledger.Queries.Find(ctx, id)
	if err != nil {
		return err
	}
	if err := g.queries(ctx, queries); err != nil {
		return err
	}
	if isDelivery(id) {
		v, err := g.ledger.Deliveries.Get(ctx, id)
		if err != nil {
			return err
		}
		if err := g.delivery(ctx, v); err != nil {
			return err
		}
	}
	receipt := g.leadsTo()
	if receipt == "" || receipt == g.t.Receipt {
		return nil
	}
	g.t.Receipt = receipt
	return g.ofReceipt(ctx, receipt)
}

// leadsTo is the receipt of what was found, "" if there is none.
func (g *gatherer) leadsTo() string {
	for _, q := range g.t.Queries {
		if q.Receipt != "" {
			return q.Receipt
		}
	}
	for _, v := range g.t.Deliveries {
		if v.Event != nil && v.Event.Receipt != "" {
			return v.Event.Receipt
		}
	}
	return ""
}

func isDelivery(id string) bool { return strings.HasPrefix(strings.ToLower(id), "dlv_") }

// About returns the id of the deposit that a delivery, or a query by any of its ids, is
// about; "" if there is none.
func About(ctx context.Context, l Ledger, id string) (string, error) {
	id = strings.TrimSpace(id)
	if isDelivery(id) {
		v, err := l.Deliveries.Get(ctx, id)
		if payment.KindOf(err) == payment.KindNotFound {
			return "", nil
		}
		return v.DepositID, err
	}
	queries, err := l.Queries.Find(ctx, id)
	for _, q := range queries {
		if q.DepositID != "" {
			return q.DepositID, nil
		}
	}
	return "", err
}
