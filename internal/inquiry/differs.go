package inquiry

import (
	"context"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// otherReceipt reports how the result of a transaction status query is about another
// receipt than the one asked about, "" where it is not or does not tell.
func otherReceipt(q store.Query, r daraja.TransactionResult) string {
	if !asksStatus(q.Kind) || r.ResultCode != "0" || q.Receipt == "" || r.Receipt == "" || strings.EqualFold(q.Receipt, r.Receipt) {
		return ""
	}
	return "the result is about receipt " + payment.Line(r.Receipt, maxText) + ", not about the one that was asked for"
}

// otherAccount reports how the result is about none of the account's numbers, "" where it
// is about one or does not tell: a party may be missing or masked, and a till's payment
// names the till (reference/daraja.md §6.3 quirks 8 and 11).
func (i *Inquirer) otherAccount(q store.Query, r daraja.TransactionResult) string {
	asked := AskedOf(q)
	if !asksStatus(q.Kind) || r.ResultCode != "0" || payment.Or(asked.IdentifierType, "") != string(payment.IdentifierShortCode) {
		return ""
	}
	var others []string
	parties := strings.Split(r.DebitParty+"; "+r.CreditParty, "; ")
	for _, party := range parties {
		number, _, _ := strings.Cut(strings.TrimSpace(party), " ")
		switch {
		case number == "" || strings.Trim(number, "0123456789") != "" || len(parties) < 2:
			return ""
		case slices.Contains([]string{payment.Or(asked.Party, ""), i.Account.ShortCode, i.Account.Till}, number):
			return ""
		case len(number) <= maxShortCode:
			others = append(others, number)
		}
	}
	if len(others) == 0 {
		return ""
	}
	return "the result is about shortcode " + strings.Join(others, " and ") + ", not about " + payment.Or(asked.Party, "")
}

// maxShortCode is the longest shortcode, in digits; longer numbers are phones.
const maxShortCode = 9

// dispute reports what a result says against its deposit beyond what was judged when it
// was recorded (the end, the amount, the receipt); "" for nothing.
func (i *Inquirer) dispute(ctx context.Context, r Result, d payment.Deposit) (string, error) {
	switch {
	case !d.Conflict.IsZero():
		return "", nil // the operator has to look already
	case r.Differs != "" || r.Answer == nil || !asksStatus(r.Query.Kind) || r.Answer.ResultCode != "0":
		return r.Differs, nil
	case r.Answer.TransactionStatus != Reversed || d.Status != payment.StatusCompleted:
		return "", nil
	}
	own, err := i.Ledger.Queries.About(ctx, KindReversal, d.Receipt)
	if err != nil {
		return "", err
	}
	for _, q := range own {
		failed := q.Status == store.QueryRefused
		if q.Status == store.QueryAnswered {
			if failed, err = reversalFailed(ctx, i.Ledger, q); err != nil {
				return "", err
			}
		}
		if !failed {
			return "", nil // news, and no contradiction: payctl itself asked for it
		}
	}
	return "M-PESA says that the payment was reversed, and no reversal of payctl's did that", nil
}
