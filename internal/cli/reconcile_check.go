package cli

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/watch"
)

// checker asks the provider; it implements reconcile.Provider.
type checker struct {
	asking
	client  *daraja.Client
	options watch.Options
	// asks what became of transactions; nil until the first question.
	inquirer *inquiry.Inquirer
}

// checks opens the provider for questions.
func (v *reconcileVerb) checks(ctx context.Context, id payment.ProviderID, ledger *store.Store) (reconcile.Provider, error) {
	p, err := v.session.provider(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	if p.Daraja == nil {
		return nil, usagef("leave it out", "provider-check: %s lists no payments", id)
	}
	options := v.watchOptions(p, watch.ViaAuto, ledger)
	options.Heard = nil // comparing leaves the deposits as they are
	return &checker{asking: asking{session: v.session}, client: p.Daraja, options: options}, nil
}

// Reaches implements reconcile.Provider.
func (*checker) Reaches() time.Duration { return daraja.PullWindow }

// Listed implements reconcile.Provider.
func (c *checker) Listed(ctx context.Context, from, to time.Time) (out []reconcile.Listed, says string, err error) {
	end, err := c.client.PullAll(ctx, from, to, func(row daraja.PullRow) error {
		out = append(out, reconcile.Listed{Receipt: row.Receipt, Amount: row.Amount.Minor(), At: row.At, Phone: row.Phone, Reference: row.Reference})
		return nil
	})
	return out, end.Message, err
}

// Stands implements reconcile.Provider.
func (c *checker) Stands(ctx context.Context, depositID string) (payment.Status, error) {
	d, err := c.ledger.Deposits.Get(ctx, depositID)
	if err != nil || d.ProviderID == "" {
		return payment.StatusUnknown, err
	}
	answer, err := watch.Once(ctx, c.options, d, func(string) {})
	return answer.Status, err
}

// Confirms implements reconcile.Provider.
func (c *checker) Confirms(ctx context.Context, receipt string) (reconcile.Confirmed, error) {
	if c.inquirer == nil {
		client, conf, err := c.initiatorClient(ctx)
		if err != nil {
			return reconcile.Confirmed{}, err
		}
		if c.inquirer, err = c.asking.inquirer(ctx, conf, client); err != nil {
			return reconcile.Confirmed{}, err
		}
		c.inquirer.Tell = func(n inquiry.Notice) {
			if n.Level != inquiry.Note { // how to go on with one of many is no help here
				c.tell(n)
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, inquiry.Timeout)
	defer cancel()
	r, err := c.inquirer.Transaction(ctx, inquiry.TransactionInput{Receipt: receipt, Type: payment.IdentifierShortCode, Check: true})
	c.progress.Stop()
	if r.Answer == nil || r.Answer.ResultCode != "0" || r.Answer.TransactionStatus == "" || r.Differs != "" {
		return reconcile.Confirmed{}, err
	}
	// Whatever a command would conclude of it: here it is only told.
	return reconcile.Confirmed{Word: r.Answer.TransactionStatus, Amount: r.Answer.Amount.Minor(), HasAmount: r.Answer.Amount.HasValue()}, nil
}
