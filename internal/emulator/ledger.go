package emulator

import (
	"time"
)

// Balances that accounts start with.
const (
	openingWallet  = 250_000 * shilling
	openingWorking = 1_000_000 * shilling
	openingUtility = 1_000_000 * shilling
)

// ledger is the money behind the emulator: customers, organisations and the transactions between them. Money enters
// only with the opening balances, so that the sum of all balances changes with accounts and never with transactions.
type ledger struct {
	Customers map[msisdn]*wallet `json:"customers"`
	Orgs      map[string]*org    `json:"organisations"`
	Txns      map[string]*txn    `json:"transactions"` // by receipt
	Origin    map[string]string  `json:"origins"`      // OriginatorConversationID → receipt
	Order     []string           `json:"order"`        // receipts, oldest first
}

// wallet is a customer's account.
type wallet struct {
	Balance cents  `json:"balance"`
	Day     string `json:"day"` // in Nairobi, of Spent
	Spent   cents  `json:"spent"`
}

// org is an organisation's accounts: payments from customers reach Utility, payouts leave from it.
type org struct {
	Working cents `json:"working"`
	Utility cents `json:"utility"`
	Charges cents `json:"charges"`
}

// txn is one movement of money, complete when it exists.
type txn struct {
	Receipt      string    `json:"receipt"`
	Kind         string    `json:"kind"` // stk, c2b, b2c, b2b, reversal
	Reason       string    `json:"reason"`
	Amount       cents     `json:"amount"`
	Customer     msisdn    `json:"customer,omitempty"`
	From         string    `json:"from"` // shortcode or MSISDN
	To           string    `json:"to"`
	Reference    string    `json:"reference"`
	Originator   string    `json:"originator"`
	Conversation string    `json:"conversation"`
	Initiated    time.Time `json:"initiated"`
	Completed    time.Time `json:"completed"`
	ReversedBy   string    `json:"reversed_by,omitempty"`
}

// maxTxns bounds the history; the oldest fall out.
const maxTxns = 200_000

func newLedger() *ledger {
	return &ledger{
		Customers: map[msisdn]*wallet{}, Orgs: map[string]*org{}, Txns: map[string]*txn{}, Origin: map[string]string{},
	}
}

// customer returns a wallet, opened on first sight.
func (l *ledger) customer(m msisdn) *wallet {
	w := l.Customers[m]
	if w == nil {
		w = &wallet{Balance: openingWallet}
		l.Customers[m] = w
	}
	return w
}

// org returns an organisation's accounts, opened on first sight.
func (l *ledger) org(shortcode string) *org {
	o := l.Orgs[shortcode]
	if o == nil {
		o = &org{Working: openingWorking, Utility: openingUtility}
		l.Orgs[shortcode] = o
	}
	return o
}

// today is the amount that a customer has spent today.
func (w *wallet) today(now time.Time) cents {
	if w.Day != now.In(nairobi()).Format("2006-01-02") {
		return 0
	}
	return w.Spent
}

// mayPay tells which outcome stands against a payment, "" for none.
func (l *ledger) mayPay(m msisdn, amount cents, now time.Time) string {
	w := l.customer(m)
	switch {
	case w.Balance < amount:
		return outcomeInsufficient
	case w.today(now)+amount > maxDaily:
		return outcomeDailyLimit
	default:
		return ""
	}
}

// pay moves money from a customer to an organisation.
func (l *ledger) pay(t *txn, to string) {
	w := l.customer(t.Customer)
	w.Spent = w.today(t.Completed) + t.Amount
	w.Day = t.Completed.In(nairobi()).Format("2006-01-02")
	w.Balance -= t.Amount
	l.org(to).Utility += t.Amount
	l.record(t)
}

// record keeps a transaction whose money has moved.
func (l *ledger) record(t *txn) {
	l.Txns[t.Receipt] = t
	l.Origin[t.Originator] = t.Receipt
	l.Order = append(l.Order, t.Receipt)
	if len(l.Order) > maxTxns {
		oldest := l.Txns[l.Order[0]]
		delete(l.Txns, l.Order[0])
		delete(l.Origin, oldest.Originator)
		l.Order = l.Order[1:]
	}
}

// find looks a transaction up by receipt, or by the OriginatorConversationID that its request got.
func (l *ledger) find(receipt, originator string) *txn {
	if t := l.Txns[receipt]; t != nil {
		return t
	}
	return l.Txns[l.Origin[originator]]
}
