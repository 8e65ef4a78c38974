package inquiry

import (
	"context"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// ReversalInput asks for a received payment to be given back.
type ReversalInput struct {
	Receipt           string
	Amount            payment.Amount
	Remarks, Occasion string
	// Force sends it although a reversal of the receipt was asked for before.
	Force  bool
	NoWait bool
}

// CheckReversal returns the request as it would be sent, and an error where it is not to
// be: KindUsage for what Daraja would refuse, KindConflict where an earlier reversal of
// the receipt may have been carried out. Nothing is recorded.
func (i *Inquirer) CheckReversal(ctx context.Context, in ReversalInput) (daraja.ReversalRequest, error) {
	r := daraja.ReversalRequest{Receipt: in.Receipt, Amount: in.Amount, Remarks: in.Remarks, Occasion: in.Occasion}
	if err := i.checkCallbackURL(); err != nil {
		return r, err
	}
	r.ResultURL, r.TimeoutURL = i.Account.resultURLs("token")
	r, err := daraja.CheckReversal(r, i.Account.Environment)
	if err != nil || in.Force {
		return r, err
	}
	_, err = failedReversals(ctx, i.Ledger, r.Receipt)
	return r, err
}

// Reverse asks for a payment to be given back. It moves money: the request is recorded
// first and sent once. It takes what CheckReversal returned.
func (i *Inquirer) Reverse(ctx context.Context, r daraja.ReversalRequest, in ReversalInput) (Result, error) {
	deposit, err := i.depositOf(ctx, r.Receipt)
	if err != nil {
		return Result{}, err
	}
	return i.ask(ctx, question{
		kind: KindReversal, depositID: deposit,
		asked: Asked{
			Receipt: payment.OrNull(r.Receipt), Party: payment.OrNull(i.Account.ShortCode), Amount: payment.OrNull(r.Amount.String()),
			Remarks: payment.OrNull(r.Remarks), Occasion: payment.OrNull(r.Occasion),
		},
		record: func(ctx context.Context, q store.Query) (store.Query, error) {
			return recordReversal(ctx, i.Ledger, q, in.Force)
		},
		send: func(ctx context.Context, resultURL, timeoutURL string) (payment.Acceptance, error) {
			r.ResultURL, r.TimeoutURL = resultURL, timeoutURL
			return i.Client.Reversal(ctx, r)
		},
	}, in.NoWait)
}

// failedReversals returns the earlier reversals of a receipt that gave nothing back. It
// is KindConflict while another one may have been carried out.
func failedReversals(ctx context.Context, ledger *store.Store, receipt string) ([]string, error) {
	earlier, err := ledger.Queries.About(ctx, KindReversal, receipt)
	if err != nil {
		return nil, err
	}
	var failed []string
	for _, q := range earlier {
		if q.Status == store.QueryRefused {
			continue
		}
		if q.Status == store.QueryAnswered {
			nothing, err := reversalFailed(ctx, ledger, q)
			if err != nil {
				return nil, err
			}
			if nothing {
				failed = append(failed, q.ID)
				continue
			}
		}
		return nil, reversedBefore(q)
	}
	return failed, nil
}

// recordReversal looks again and records in one: between the first look and this a person
// may have typed the amount, and another process have done the same.
func recordReversal(ctx context.Context, ledger *store.Store, q store.Query, force bool) (store.Query, error) {
	if force {
		return ledger.Queries.Create(ctx, q)
	}
	failed, err := failedReversals(ctx, ledger, q.Receipt)
	if err != nil {
		return store.Query{}, err
	}
	created, sole, err := ledger.Queries.CreateSole(ctx, q, failed)
	if err == nil && !sole {
		err = reversedBefore(created)
	}
	return created, err
}

func reversedBefore(q store.Query) error {
	return &payment.Error{
		Kind: payment.KindConflict, Provider: payment.Daraja, Message: "reversal of " + q.Receipt + ": was asked for before as " + q.ID + " (" + string(q.Status) + ")",
		Hint: "see \"payctl transaction get " + q.ID + "\"; --force sends it again all the same",
	}
}

// reversalFailed reports whether the result of an earlier reversal says that nothing was
// given back. Already reversed (R000001) is no such word.
func reversalFailed(ctx context.Context, ledger *store.Store, q store.Query) (bool, error) {
	r, err := Read(ctx, ledger, q)
	if err != nil || r.Answer == nil {
		return false, err
	}
	found, known := daraja.Explain(string(daraja.APIReversal), r.Answer.ResultCode, "")
	return known && r.Answer.ResultCode != "R000001" && found.Final && found.Class != daraja.ClassDone, nil
}
