package emulator

import (
	"maps"
	"time"
)

// payment is one STK push from its acceptance on.
type payment struct {
	Merchant  string    `json:"merchant_request_id"`
	Checkout  string    `json:"checkout_request_id"`
	Shortcode string    `json:"shortcode"`
	PartyB    string    `json:"party_b"`
	Kind      string    `json:"kind"` // the TransactionType
	Phone     msisdn    `json:"phone"`
	Amount    cents     `json:"amount"`
	Callback  string    `json:"callback"`
	Reference string    `json:"reference"`
	Desc      string    `json:"description"`
	Created   time.Time `json:"created"`
	// Life is how long the prompt stays open.
	Life time.Duration `json:"life"`
	// Plan is the outcome to come; empty when the prompt waits for an answer.
	Plan string `json:"plan,omitempty"`
	// Result is the name of the outcome once settled.
	Result  string    `json:"result,omitempty"`
	Settled time.Time `json:"settled,omitzero"`
	Receipt string    `json:"receipt,omitempty"`
}

func (p *payment) open() bool { return p.Result == "" }

func (p *payment) key() string { return p.Checkout }

func (p *payment) others() [2]string { return [2]string{p.Merchant} }

func (p *payment) on() msisdn { return p.Phone }

func (p *payment) expires() time.Time { return p.Created.Add(p.Life) }

// paidKey is what the two-minute rule compares.
type paidKey struct {
	phone  msisdn
	amount cents
}

// paymentBook finds payments by CheckoutRequestID and MerchantRequestID.
type paymentBook struct {
	promptBook[*payment]
	paid  map[paidKey]time.Time
	swept time.Time // when paid was last rid of what is over
}

func newPaymentBook() paymentBook {
	return paymentBook{promptBook: newPromptBook[*payment](), paid: map[paidKey]time.Time{}}
}

// rememberPaid notes a payment for the two-minute rule.
func (b *paymentBook) rememberPaid(p *payment, now time.Time) {
	if now.Sub(b.swept) >= ruleWindow {
		maps.DeleteFunc(b.paid, func(_ paidKey, at time.Time) bool { return now.Sub(at) >= ruleWindow })
		b.swept = now
	}
	b.paid[paidKey{p.Phone, p.Amount}] = now
}

// checkoutID is the shape of reference/daraja.md §3.3: Nairobi time, the fraction of a second, the national number.
// Pushes of one phone within a millisecond get the next free fraction.
func (b *paymentBook) checkoutID(phone msisdn, now time.Time) string {
	t := now.In(nairobi())
	for {
		buf := t.AppendFormat(append(make([]byte, 0, 40), "ws_CO_"...), "02012006150405")
		buf = appendUint(buf, uint64(t.Nanosecond()/int(time.Millisecond)))
		buf = appendUint(buf, uint64(phone%1_000_000_000))
		if id := string(buf); b.all[id] == nil {
			return id
		}
		t = t.Add(time.Millisecond)
	}
}
