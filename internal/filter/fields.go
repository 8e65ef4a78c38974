package filter

import (
	"math"
	"time"

	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
)

// Delivery are what --Filter sees of a delivery.
type Delivery struct {
	ID       string `expr:"id"`
	Provider string `expr:"provider"`
	Event    string `expr:"event"`
	Verdict  string `expr:"verdict"`
	Status   string `expr:"status"`
	// Amount is in whole units with their fraction. A float holds any number of
	// cents that a provider can send exactly enough: the quotient is the float
	// nearest to the decimal, which is also what the same decimal in an
	// expression is read as. It is NaN where there is none, so that no
	// comparison holds.
	Amount     float64   `expr:"amount"`
	Currency   string    `expr:"currency"`
	Reference  string    `expr:"reference"`
	Receipt    string    `expr:"receipt"`
	ProviderID string    `expr:"provider_id"`
	DepositID  string    `expr:"deposit_id"`
	Duplicate  bool      `expr:"duplicate"`
	Time       time.Time `expr:"time"`
	ReceivedAt time.Time `expr:"received_at"`
}

// Deposit are what --Filter sees of a deposit.
type Deposit struct {
	ID          string    `expr:"id"`
	DepositID   string    `expr:"deposit_id"`
	Provider    string    `expr:"provider"`
	Environment string    `expr:"environment"`
	Status      string    `expr:"status"`
	Amount      float64   `expr:"amount"`
	Currency    string    `expr:"currency"`
	Reference   string    `expr:"reference"`
	Receipt     string    `expr:"receipt"`
	ProviderID  string    `expr:"provider_id"`
	FailureCode string    `expr:"failure_code"`
	DecidedBy   string    `expr:"decided_by"`
	Time        time.Time `expr:"time"`
	CreatedAt   time.Time `expr:"created_at"`
	UpdatedAt   time.Time `expr:"updated_at"`
}

// of compiles an expression over what item's fields are; nil, which keeps all, for "".
func of[T, F any](text string, fields func(T) F) (func(T) (bool, error), error) {
	f, err := parse[F](text)
	if f == nil {
		return nil, err
	}
	return func(item T) (bool, error) { return f.keeps(fields(item)) }, nil
}

// Deliveries compiles an expression over stored deliveries; nil keeps all.
func Deliveries(text string) (func(store.StoredDelivery) (bool, error), error) {
	return of(text, ofDelivery)
}

// Received compiles an expression over deliveries as a listener tells of them; nil keeps
// all.
func Received(text string) (func(listen.DeliveryView) (bool, error), error) {
	return of(text, ofReceived)
}

// Deposits compiles an expression over deposits; nil keeps all.
func Deposits(text string) (func(payment.Deposit) (bool, error), error) { return of(text, ofDeposit) }

func amount(a payment.Amount) float64 {
	if !a.HasValue() {
		return math.NaN()
	}
	return float64(a.Minor()) / 100
}

func ofDelivery(d store.StoredDelivery) Delivery {
	f := Delivery{
		ID: d.ID, Provider: string(d.Provider), Verdict: string(d.Verdict), DepositID: d.DepositID, Duplicate: d.DuplicateOf != "",
		Amount: math.NaN(), Time: d.ReceivedAt, ReceivedAt: d.ReceivedAt,
	}
	if e := d.Event; e != nil {
		f.Event, f.Status, f.Amount, f.Currency = e.Name, string(e.Status), amount(e.Amount), string(e.Amount.Currency())
		f.Reference, f.Receipt, f.ProviderID = e.Reference, e.Receipt, e.ProviderID
	}
	return f
}

func ofReceived(v listen.DeliveryView) Delivery {
	return Delivery{
		ID: v.ID, Provider: string(v.Provider), Event: v.Event, Verdict: string(v.Verdict), Status: string(v.Status),
		Amount: amount(v.Amount), Currency: string(v.Amount.Currency()), Reference: v.Reference, Receipt: v.Receipt,
		ProviderID: v.ProviderID, DepositID: v.DepositID, Duplicate: v.Duplicate, Time: v.ReceivedAt, ReceivedAt: v.ReceivedAt,
	}
}

func ofDeposit(d payment.Deposit) Deposit {
	f := Deposit{
		ID: d.ID, DepositID: d.ID, Provider: string(d.Provider), Environment: string(d.Environment), Status: string(d.Status),
		Amount: amount(d.Amount), Currency: string(d.Amount.Currency()), Reference: d.Reference, Receipt: d.Receipt,
		ProviderID: d.ProviderID, DecidedBy: view.DecidedBy(d.DecidedBy), Time: d.CreatedAt, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
	if d.Failure != nil {
		f.FailureCode = d.Failure.Code
	}
	return f
}
