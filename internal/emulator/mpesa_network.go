package emulator

import (
	"fmt"
	"maps"
	"time"
)

// network is M-PESA behind all providers: the money, the phones that show a prompt, and the rules that customers meet.
// The engine's lock guards it.
type network struct {
	e      *engine
	ledger *ledger
	paid   map[paidKey]time.Time // when a customer last paid an amount, for the two-minute rule
	swept  time.Time             // when paid was last rid of what is over
	books  []promptFinder
}

// paidKey is what the two-minute rule compares.
type paidKey struct {
	phone  msisdn
	amount cents
}

// promptFinder is a provider's book of prompts, as the network asks it.
type promptFinder interface {
	shows(phone msisdn) bool
	knows(id string) bool
}

func newNetwork(e *engine) *network {
	n := &network{e: e}
	n.reset()
	return n
}

// join makes a provider's prompts known to the network.
func (n *network) join(book promptFinder) { n.books = append(n.books, book) }

// reset forgets all money. Who has joined stays.
func (n *network) reset() {
	n.ledger = newLedger()
	n.ledger.busy, n.ledger.forgot = n.busy, n.tellForgotten
	n.paid, n.swept = map[paidKey]time.Time{}, time.Time{}
}

// busy reports whether a phone shows a prompt, of whatever provider.
func (n *network) busy(phone msisdn) bool {
	for _, book := range n.books {
		if book.shows(phone) {
			return true
		}
	}
	return false
}

// checkoutID is the shape of reference/daraja.md §3.3: Nairobi time, the fraction of a second, the national number.
// Prompts of one phone within a millisecond get the next free fraction.
func (n *network) checkoutID(phone msisdn, now time.Time) string {
	t := now.In(nairobi())
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

func (n *network) taken(id string) bool {
	for _, book := range n.books {
		if book.knows(id) {
			return true
		}
	}
	return false
}

const (
	// ruleWindow is the two minutes of result 17 (reference/daraja.md §4.2).
	ruleWindow = 2 * time.Minute
	// calmDelay is the time from an answer to what follows it where no behaviour says otherwise.
	calmDelay = 150 * time.Millisecond
)

// collect lets a customer pay a prompt at t.Completed. What stands against that becomes the outcome; money has moved, and the
// transaction has a receipt, if the outcome that is returned is a paid one.
func (n *network) collect(o *Outcome, t *txn) *Outcome {
	now := t.Completed
	if o.paid() {
		if against := n.objection(t.Customer, t.Amount, now); against != "" {
			o = outcomeNamed(against)
		}
	}
	if !o.paid() {
		return o
	}
	t.Receipt = receiptID(n.e.ids, now)
	n.remember(t.Customer, t.Amount, now)
	t.Conversation = conversationID(n.e.ids, now)
	t.From = t.Customer.full()
	n.ledger.pay(t, t.To)
	return o
}

// objection is what stands against a customer who would pay, "" for nothing.
func (n *network) objection(phone msisdn, amount cents, now time.Time) string {
	last, before := n.paid[paidKey{phone, amount}]
	if before && now.Sub(last) < ruleWindow && n.e.behaviours.choice("two-minute-rule", apiPush, "on") == "on" {
		return outcomeRuleLimited
	}
	return n.ledger.mayPay(phone, amount, now)
}

// remember notes a payment for the two-minute rule.
func (n *network) remember(phone msisdn, amount cents, now time.Time) {
	if now.Sub(n.swept) >= ruleWindow {
		maps.DeleteFunc(n.paid, func(_ paidKey, at time.Time) bool { return now.Sub(at) >= ruleWindow })
		n.swept = now
	}
	n.paid[paidKey{phone, amount}] = now
}

// recall notes a payment of a saved state for the two-minute rule.
func (n *network) recall(phone msisdn, amount cents, at time.Time) {
	if n.e.now().Sub(at) < ruleWindow {
		n.paid[paidKey{phone, amount}] = at
	}
}

// timing is how long the payer takes, and how much later the callback comes than the query knows.
func (n *network) timing(o *Outcome) (settle, lag time.Duration) {
	delay := n.e.callbackDelay
	if set := n.e.behaviours.roll("callback-delay", outSTK); set != nil {
		delay = set.duration
	}
	if delay == 0 && n.e.behaviours.choice("latency", outSTK, "fast") == "measured" {
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
		delay = calmDelay
	}
	lag = min(delay/3, 2*time.Second)
	return delay - lag, lag
}

// resultDelay is the time from an acceptance to its result (reference/daraja.md §6).
func (n *network) resultDelay(api string) time.Duration {
	if set := n.e.behaviours.roll("result-delay", api); set != nil {
		return set.duration
	}
	if n.e.behaviours.choice("latency", api, "fast") == "measured" {
		return 4 * time.Second
	}
	if n.e.callbackDelay > 0 {
		return n.e.callbackDelay
	}
	return calmDelay
}

// tellForgotten says in the log that customers made room, whose money and daily limit begin anew if they come back. The
// lock is held, and writing a log may block.
func (n *network) tellForgotten(count int) {
	x := Exchange{
		Time: n.e.now().UTC(), Direction: DirectionIn, Provider: "daraja", API: apiCustomers, Method: "FORGET", URL: controlPath + "state",
		Reason: fmt.Sprintf("%d customers made room for others, of whom %d are kept: the oldest without an open payment; "+
			"one that comes back begins with the opening balance", count, maxCustomers),
	}
	n.e.clock.after(0, func() { n.e.journal.add(x) })
}

// What the log and behaviours call the classes that more than one provider has.
const (
	apiPush      = "push"
	outSTK       = "stk"
	apiCustomers = "customers" // what the emulator says of its own bound
)
