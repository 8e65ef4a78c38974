package mpesa

import (
	"time"

	"github.com/payctl/payctl/internal/timing"
)

// ShopName is the name of every organisation in the emulator.
const ShopName = "PAYCTL SHOP"

// Kinds of a Txn.
const (
	KindSTK      = "stk"
	KindC2B      = "c2b"
	KindB2C      = "b2c"
	KindB2B      = "b2b"
	KindReversal = "reversal"
)

// Balances that accounts start with.
const (
	openingWallet  = 250_000 * Shilling
	openingWorking = 1_000_000 * Shilling
	// OpeningUtility is what an organisation's utility account begins with.
	OpeningUtility = 1_000_000 * Shilling
)

// Ledger is the money behind the emulator: customers, organisations and the transactions between them. Money enters
// only with the opening balances, so that the sum of all balances changes with accounts and never with transactions.
type Ledger struct {
	Customers map[MSISDN]*wallet `json:"customers"`
	Orgs      map[string]*org    `json:"organisations"`
	Txns      map[string]*Txn    `json:"transactions"` // by receipt
	Origin    map[string]string  `json:"origins"`      // OriginatorConversationID → receipt
	Order     []string           `json:"order"`        // receipts, oldest first
	// Known is the order in which customers came, those who were spared for an open prompt behind the others.
	Known []MSISDN `json:"customer_order"`

	// busy reports whether a prompt is on a phone; forgot is told how many customers made room for others. Either may be nil.
	busy   func(MSISDN) bool
	forgot func(n int)
}

// wallet is a customer's account.
type wallet struct {
	Balance Cents  `json:"balance"`
	Day     string `json:"day"` // in Nairobi, of Spent
	Spent   Cents  `json:"spent"`
}

// org is an organisation's accounts: payments from customers reach Utility, payouts leave from it.
type org struct {
	Working Cents `json:"working"`
	Utility Cents `json:"utility"`
	Charges Cents `json:"charges"`
}

// Txn is one movement of money, complete when it exists. Once recorded it is replaced and never changed: the state file
// is written from it without the lock.
type Txn struct {
	Receipt      string    `json:"receipt"`
	Kind         string    `json:"kind"` // KindSTK and so on
	Reason       string    `json:"reason"`
	Amount       Cents     `json:"amount"`
	Customer     MSISDN    `json:"customer,omitempty"`
	From         string    `json:"from"` // shortcode or MSISDN
	To           string    `json:"to"`
	Reference    string    `json:"reference"`
	Originator   string    `json:"originator"`
	Conversation string    `json:"conversation"`
	Initiated    time.Time `json:"initiated"`
	Completed    time.Time `json:"completed"`
	ReversedBy   string    `json:"reversed_by,omitempty"`
}

// MaxTxns bounds the history; the oldest fall out.
const MaxTxns = 200_000

// Bounds of the customers, of whom each phone number makes one.
const (
	maxCustomers = 200_000
	// customerBatch is how many at most are forgotten, or looked at, at once: the log gets a line for the lot of them.
	customerBatch = 1000
)

// NewLedger makes a ledger that knows nobody yet.
func NewLedger() *Ledger {
	return &Ledger{
		Customers: map[MSISDN]*wallet{}, Orgs: map[string]*org{}, Txns: map[string]*Txn{}, Origin: map[string]string{},
	}
}

// Customer returns a wallet, opened on first sight. It is good for one movement of money: another customer's opening may
// make it a forgotten one's.
func (l *Ledger) Customer(m MSISDN) *wallet {
	w := l.Customers[m]
	if w == nil {
		if len(l.Customers) >= maxCustomers {
			l.makeRoom()
		}
		w = &wallet{Balance: openingWallet}
		l.Customers[m] = w
		l.Known = append(l.Known, m)
	}
	return w
}

// makeRoom forgets the customers known longest, sparing those whose phone shows a prompt.
func (l *Ledger) makeRoom() {
	before := len(l.Customers)
	for _, m := range l.Known[:min(customerBatch, len(l.Known))] {
		l.Known = l.Known[1:]
		if l.busy != nil && l.busy(m) {
			l.Known = append(l.Known, m)
			continue
		}
		delete(l.Customers, m)
	}
	if n := before - len(l.Customers); n > 0 && l.forgot != nil {
		l.forgot(n)
	}
}

// Org returns an organisation's accounts, opened on first sight.
func (l *Ledger) Org(shortcode string) *org {
	o := l.Orgs[shortcode]
	if o == nil {
		o = &org{Working: openingWorking, Utility: OpeningUtility}
		l.Orgs[shortcode] = o
	}
	return o
}

// today is the amount that a customer has spent today.
func (w *wallet) today(now time.Time) Cents {
	if w.Day != now.In(timing.EAT()).Format("2006-01-02") {
		return 0
	}
	return w.Spent
}

// MayPay returns which outcome stands against a payment, "" for none.
func (l *Ledger) MayPay(m MSISDN, amount Cents, now time.Time) string {
	w := l.Customer(m)
	switch {
	case w.Balance < amount:
		return outcomeInsufficient
	case w.today(now)+amount > maxDaily:
		return outcomeDailyLimit
	default:
		return ""
	}
}

// Pay moves money from a customer to an organisation.
func (l *Ledger) Pay(t *Txn, to string) {
	w := l.Customer(t.Customer)
	w.Spent = w.today(t.Completed) + t.Amount
	w.Day = t.Completed.In(timing.EAT()).Format("2006-01-02")
	w.Balance -= t.Amount
	l.Org(to).Utility += t.Amount
	l.Record(t)
}

// Record keeps a transaction whose money has moved.
func (l *Ledger) Record(t *Txn) {
	l.Txns[t.Receipt] = t
	l.Origin[t.Originator] = t.Receipt
	l.Order = append(l.Order, t.Receipt)
	if len(l.Order) > MaxTxns {
		oldest := l.Txns[l.Order[0]]
		delete(l.Txns, l.Order[0])
		delete(l.Origin, oldest.Originator)
		l.Order = l.Order[1:]
	}
}

// Reverse notes that a transaction was reversed by another.
func (l *Ledger) Reverse(t *Txn, by string) {
	reversed := *t
	reversed.ReversedBy = by
	l.Txns[t.Receipt] = &reversed
}

// Find looks a transaction up by receipt, or by the OriginatorConversationID that its request got.
func (l *Ledger) Find(receipt, originator string) *Txn {
	if t := l.Txns[receipt]; t != nil {
		return t
	}
	return l.Txns[l.Origin[originator]]
}

// List is every transaction that is remembered, oldest first. A recorded one does not change.
func (l *Ledger) List() []*Txn {
	list := make([]*Txn, 0, len(l.Order))
	for _, receipt := range l.Order {
		list = append(list, l.Txns[receipt])
	}
	return list
}
