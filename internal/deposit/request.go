package deposit

import (
	"cmp"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Request is a deposit as somebody asks for it, in their own words.
type Request struct {
	Phone, Amount          string
	Reference, Description string
	Wallet, Key            string
	// KeyGiven says that a key was given, be it an empty one.
	KeyGiven bool
}

// Check finds what is wrong with the words alone, before any setting is read. Errors are
// KindUsage.
func (r Request) Check() error {
	switch {
	case r.Phone == "":
		return payment.Usage("phone: --phone is missing", "give the customer's number, such as --phone 0712345678")
	case r.Amount == "":
		return payment.Usage("amount: --amount is missing", "give the amount in KES, such as --amount 100")
	case r.KeyGiven && r.Key == "":
		// Most likely a variable that is not set: a new key each time would make
		// repeating the command ask again.
		return payment.Usage("idempotency-key: --idempotency-key is empty", "leave the flag out for a new key, or check where its value comes from")
	}
	for _, text := range []struct{ flag, value string }{{"idempotency-key", r.Key}, {"reference", r.Reference}} {
		if strings.TrimRight(text.value, " \t\r\n") != text.value {
			return payment.Usagef("take the blank away: it would make another "+text.flag+" of it", "%s: ends with a blank or a line break", text.flag)
		}
	}
	_, _, err := r.parse()
	return err
}

func (r Request) parse() (phone payment.Phone, amount payment.Amount, err error) {
	if phone, err = payment.ParsePhone(r.Phone); err == nil {
		amount, err = payment.ParseAmount(r.Amount, payment.KES)
	}
	return phone, amount, err
}

// Account is where the money of a request goes.
type Account struct {
	Provider          payment.ProviderID
	Environment       payment.Environment
	ShortCode, Wallet string
}

// Intent is the deposit that is recorded before it is asked for. Without a key it gets a
// new one.
func (r Request) Intent(to Account, now time.Time) (payment.Deposit, error) {
	phone, amount, err := r.parse()
	if err != nil {
		return payment.Deposit{}, err
	}
	d := payment.Deposit{
		Provider: to.Provider, Environment: to.Environment, Status: payment.StatusCreated,
		Reference: r.Reference, Description: r.Description, IdempotencyKey: r.Key,
		Amount: amount, Phone: phone, ShortCode: to.ShortCode, Wallet: cmp.Or(r.Wallet, to.Wallet),
		CallbackToken: payment.NewToken(), CreatedAt: now, UpdatedAt: now,
	}
	if d.IdempotencyKey == "" {
		d.IdempotencyKey = payment.NewIdempotencyKey()
	}
	return d, nil
}

// Request is the line's, with the words of another where it has none; they name no
// customer, amount, reference or key.
func (l Line) Request(otherwise Request) (Request, error) {
	if l.Reference == "" {
		return Request{}, payment.Usage("reference: is missing", "")
	}
	return Request{
		Phone: l.Phone, Amount: l.Amount, Reference: l.Reference, Key: l.Key,
		Description: cmp.Or(l.Description, otherwise.Description), Wallet: cmp.Or(l.Wallet, otherwise.Wallet),
	}, nil
}

// Total is what a plan asks for in all.
func Total(plan []Planned) payment.Amount {
	minor := int64(0)
	for _, p := range plan {
		minor += p.Intent.Amount.Minor()
	}
	return payment.AmountOf(minor, payment.KES)
}
