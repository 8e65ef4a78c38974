package inquiry

import (
	"context"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
)

// TransactionInput asks what became of one transaction.
type TransactionInput struct {
	// Receipt or ConversationID says which: the payment's receipt, or the
	// OriginatorConversationID that the original request got.
	Receipt, ConversationID string
	// Party is whose transaction it is, "" for the account's own of that type.
	Party             string
	Type              payment.IdentifierType
	Remarks, Occasion string
	// Deposit is the ledger's id of the deposit that it is about; "" finds it by the
	// receipt or the id.
	Deposit string
	// Check asks for comparing alone, about no deposit: see KindCheck.
	Check bool
	// NoWait returns the acceptance.
	NoWait bool
}

// Transaction asks Daraja what became of a transaction. The error says what a script may
// conclude of the transaction (see Verdict), and comes with the result where there is one.
func (i *Inquirer) Transaction(ctx context.Context, in TransactionInput) (Result, error) {
	if err := i.checkCallbackURL(); err != nil {
		return Result{}, err
	}
	q, err := i.transaction(in)
	if err != nil {
		return Result{}, err
	}
	deposit, kind := in.Deposit, KindTransaction
	switch {
	case in.Check:
		deposit, kind = "", KindCheck
	case deposit == "":
		if deposit, err = i.depositOf(ctx, q.Receipt, q.OriginalConversationID); err != nil {
			return Result{}, err
		}
	}
	return i.ask(ctx, question{
		kind: kind, depositID: deposit,
		asked: Asked{
			Receipt: payment.OrNull(q.Receipt), OriginalConversationID: payment.OrNull(q.OriginalConversationID), Party: payment.OrNull(q.Party),
			IdentifierType: payment.OrNull(string(q.IdentifierType)), Remarks: payment.OrNull(q.Remarks), Occasion: payment.OrNull(q.Occasion),
		},
		send: func(ctx context.Context, resultURL, timeoutURL string) (payment.Acceptance, error) {
			q.ResultURL, q.TimeoutURL = resultURL, timeoutURL
			return i.Client.QueryTransaction(ctx, q)
		},
	}, in.NoWait)
}

// transaction applies the rules of reference/daraja.md §6.1 before anything is recorded.
func (i *Inquirer) transaction(in TransactionInput) (payment.TransactionQuery, error) {
	q := payment.TransactionQuery{
		Receipt: in.Receipt, OriginalConversationID: in.ConversationID, Party: in.Party,
		IdentifierType: in.Type, Remarks: in.Remarks, Occasion: in.Occasion,
	}
	if q.Party == "" {
		switch q.IdentifierType {
		case payment.IdentifierShortCode:
			q.Party = i.Account.ShortCode
		case payment.IdentifierTill:
			q.Party = i.Account.Till
		case payment.IdentifierMSISDN:
		default:
			return q, payment.Usage("identifier-type "+payment.Quote(string(in.Type), 60)+": is not a type of party", "use msisdn, till or shortcode")
		}
	}
	if q.Party == "" {
		return q, payment.Usage("party: the profile has none of type "+string(q.IdentifierType),
			"give --party the number, or leave --identifier-type out for the profile's shortcode")
	}
	q.ResultURL, q.TimeoutURL = i.Account.resultURLs("token")
	return daraja.CheckTransaction(q, i.Account.Environment)
}

// depositOf finds the deposit that a query is about: the one that has this receipt, or
// whose push got this id, or that a payment of this receipt fits. The result may then
// confirm it.
func (i *Inquirer) depositOf(ctx context.Context, ids ...string) (string, error) {
	for _, id := range ids {
		found, err := i.Ledger.Deposits.Find(ctx, id)
		if err != nil {
			return "", err
		}
		for _, d := range found {
			known := d.Receipt == id || d.MerchantRequestID == id
			if id != "" && d.Provider == payment.Daraja && known {
				return d.ID, nil
			}
		}
	}
	for _, receipt := range ids {
		hinted, err := i.Ledger.Deposits.Hinted(ctx, receipt)
		if err != nil {
			return "", err
		}
		if len(hinted) == 1 && hinted[0].Environment == i.Account.Environment {
			return hinted[0].ID, nil
		}
	}
	return "", nil
}

// BalanceInput asks for the balances of the account's shortcode.
type BalanceInput struct {
	Remarks string
	NoWait  bool
}

// maxRemarks is the longest text of a remark, in characters (reference/daraja.md §6.1).
const maxRemarks = 100

// Balance asks for the shortcode's balances.
func (i *Inquirer) Balance(ctx context.Context, in BalanceInput) (Result, error) {
	if err := i.checkCallbackURL(); err != nil {
		return Result{}, err
	}
	if utf8.RuneCountInString(in.Remarks) > maxRemarks {
		return Result{}, payment.Usage("remarks: over 100 characters", "shorten them")
	}
	return i.ask(ctx, question{
		kind:  KindBalance,
		asked: Asked{Party: payment.OrNull(i.Account.ShortCode), IdentifierType: payment.OrNull(string(payment.IdentifierShortCode)), Remarks: payment.OrNull(in.Remarks)},
		send: func(ctx context.Context, resultURL, timeoutURL string) (payment.Acceptance, error) {
			return i.Client.AccountBalance(ctx, daraja.BalanceQuery{Remarks: in.Remarks, ResultURL: resultURL, TimeoutURL: timeoutURL})
		},
	}, in.NoWait)
}
