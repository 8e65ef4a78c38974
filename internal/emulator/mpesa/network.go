// Package mpesa is M-PESA behind the emulator's providers: customers and organisations and the money between them, the
// phones and the prompts they show, how payers answer, and the rules they meet (reference/daraja.md §4.2). Both providers
// ask the same customers. Wire formats are left to the providers.
package mpesa

import (
	"fmt"
	"maps"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/timing"
)

// Network is M-PESA behind all providers: the money, the phones that show a prompt, and the rules that customers meet.
// The engine's lock guards it.
type Network struct {
	e      *engine.Engine
	Ledger *Ledger
	paid   map[paidKey]time.Time // when a customer last paid an amount, for the two-minute rule
	swept  time.Time             // when paid was last rid of what is over
	books  []promptFinder
}

// paidKey is what the two-minute rule compares.
type paidKey struct {
	phone  MSISDN
	amount Cents
}

// promptFinder is a provider's book of prompts, as the network asks it.
type promptFinder interface {
	Shows(phone MSISDN) bool
	Knows(id string) bool
}

// NewNetwork makes an M-PESA with nobody on it.
func NewNetwork(e *engine.Engine) *Network {
	n := &Network{e: e}
	n.Reset()
	return n
}

// Join makes a provider's prompts known to the network.
func (n *Network) Join(book promptFinder) { n.books = append(n.books, book) }

// Reset forgets all money. Who has joined stays.
func (n *Network) Reset() {
	n.Ledger = NewLedger()
	n.Ledger.busy, n.Ledger.forgot = n.Busy, n.tellForgotten
	n.paid, n.swept = map[paidKey]time.Time{}, time.Time{}
}

// Busy reports whether a phone shows a prompt, of whatever provider.
func (n *Network) Busy(phone MSISDN) bool {
	for _, book := range n.books {
		if book.Shows(phone) {
			return true
		}
	}
	return false
}

// CheckoutID is the shape of reference/daraja.md §3.3: Nairobi time, the fraction of a second, the national number.
// Prompts of one phone within a millisecond get the next free fraction.
func (n *Network) CheckoutID(phone MSISDN, now time.Time) string {
	t := now.In(timing.EAT())
	for {
		buf := t.AppendFormat(append(make([]byte, 0, 40), "ws_CO_"...), "02012006150405")
		buf = appendUint(buf, uint64(t.Nanosecond()/int(time.Millisecond)))
		buf = appendUint(buf, uint64(phone%1_000_000_000))
		if id := string(buf); !n.taken(id) {
			return id
		}
		t = t.Add(time.Millisecond)
	}
}

func (n *Network) taken(id string) bool {
	for _, book := range n.books {
		if book.Knows(id) {
			return true
		}
	}
	return false
}

const (
	// ruleWindow is the two minutes of result 17 (reference/daraja.md §4.2).
	ruleWindow = 2 * time.Minute
	// CalmDelay is the time from an answer to what follows it where no behaviour says otherwise.
	CalmDelay = 150 * time.Millisecond
)

// Collect lets a customer pay a prompt at t.Completed. What stands against that becomes the outcome; money has moved, and the
// transaction has a receipt, if the outcome that is returned is a paid one.
func (n *Network) Collect(o *Outcome, t *Txn) *Outcome {
	now := t.Completed
	if o.Paid() {
		if against := n.objection(t.Customer, t.Amount, now); against != "" {
			o = OutcomeNamed(against)
		}
	}
	if !o.Paid() {
		return o
	}
	t.Receipt = ReceiptID(n.e.IDs, now)
	n.remember(t.Customer, t.Amount, now)
	t.Conversation = ConversationID(n.e.IDs, now)
	t.From = t.Customer.Full()
	n.Ledger.Pay(t, t.To)
	return o
}

// objection is what stands against a customer who would pay, "" for nothing.
func (n *Network) objection(phone MSISDN, amount Cents, now time.Time) string {
	last, before := n.paid[paidKey{phone, amount}]
	if before && now.Sub(last) < ruleWindow && n.e.Behaviours.Choice("two-minute-rule", APIPush, "on") == "on" {
		return outcomeRuleLimited
	}
	return n.Ledger.MayPay(phone, amount, now)
}

// remember notes a payment for the two-minute rule.
func (n *Network) remember(phone MSISDN, amount Cents, now time.Time) {
	if now.Sub(n.swept) >= ruleWindow {
		maps.DeleteFunc(n.paid, func(_ paidKey, at time.Time) bool { return now.Sub(at) >= ruleWindow })
		n.swept = now
	}
	n.paid[paidKey{phone, amount}] = now
}

// Recall notes a payment of a saved state for the two-minute rule.
func (n *Network) Recall(phone MSISDN, amount Cents, at time.Time) {
	if n.e.Now().Sub(at) < ruleWindow {
		n.paid[paidKey{phone, amount}] = at
	}
}

// Timing is how long the payer takes, and how much later the callback comes than the query knows.
func (n *Network) Timing(o *Outcome) (settle, lag time.Duration) {
	delay := n.e.CallbackDelay
	if set := n.e.Behaviours.Roll("callback-delay", OutSTK); set != nil {
		delay = set.Duration
	}
	if delay == 0 && n.e.Behaviours.Choice("latency", OutSTK, "fast") == "measured" {
		switch o.Code {
		case "0":
			return 15 * time.Second, 2 * time.Second
		case "1037":
			return 14 * time.Second, 12 * time.Second // reference/daraja.md §3.7
		default:
			return 8 * time.Second, time.Second
		}
	}
	if delay == 0 {
		delay = CalmDelay
	}
	lag = min(delay/3, 2*time.Second)
	return delay - lag, lag
}

// ResultDelay is the time from an acceptance to its result (reference/daraja.md §6).
func (n *Network) ResultDelay(api string) time.Duration {
	if set := n.e.Behaviours.Roll("result-delay", api); set != nil {
		return set.Duration
	}
	if n.e.Behaviours.Choice("latency", api, "fast") == "measured" {
		return 4 * time.Second
	}
	if n.e.CallbackDelay > 0 {
		return n.e.CallbackDelay
	}
	return CalmDelay
}

// tellForgotten says in the log that customers made room, whose money and daily limit begin anew if they come back. The
// lock is held, and writing a log may block.
func (n *Network) tellForgotten(count int) {
	x := engine.Exchange{
		Time: n.e.Now().UTC(), Direction: engine.DirectionIn, Provider: "daraja", API: apiCustomers, Method: "FORGET", URL: "/_emulator/state",
		Reason: fmt.Sprintf("%d customers made room for others, of whom %d are kept: the oldest without an open payment; "+
			"one that comes back begins with the opening balance", count, maxCustomers),
	}
	n.e.Clock.After(0, func() { n.e.Journal.Add(x) })
}

// What the log and behaviours call the classes that more than one provider has.
const (
	APIPush      = "push"
	OutSTK       = "stk"
	apiCustomers = "customers" // what the emulator says of its own bound
)
