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
	// Known is the order in which customers came, those who were spared for an open prompt behind the others.
	Known []msisdn `json:"customer_order"`

	// busy tells whether a prompt is on a phone; forgot is told how many customers made room for others. Either may be nil.
	busy   func(msisdn) bool
	forgot func(n int)
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

// txn is one movement of money, complete when it exists. Once recorded it is replaced and never changed: the state file
// is written from it without the lock.
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

// Bounds of the customers, of whom each phone number makes one.
const (
	maxCustomers = 200_000
	// customerBatch is how many at most are forgotten, or looked at, at once: the log gets a line for the lot of them.
	customerBatch = 1000
)

func newLedger() *ledger {
	return &ledger{
		Customers: map[msisdn]*wallet{}, Orgs: map[string]*org{}, Txns: map[string]*txn{}, Origin: map[string]string{},
	}
}

// customer returns a wallet, opened on first sight. It is good for one movement of money: another customer's opening may
// make it a forgotten one's.
func (l *ledger) customer(m msisdn) *wallet {
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
func (l *ledger) makeRoom() {
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

// reverse notes that a transaction was reversed by another.
func (l *ledger) reverse(t *txn, by string) {
	reversed := *t
	reversed.ReversedBy = by
	l.Txns[t.Receipt] = &reversed
}

// find looks a transaction up by receipt, or by the OriginatorConversationID that its request got.
func (l *ledger) find(receipt, originator string) *txn {
	if t := l.Txns[receipt]; t != nil {
		return t
	}
	return l.Txns[l.Origin[originator]]
}
