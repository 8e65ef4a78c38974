package emulator

import "time"

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

// paymentBook finds payments by CheckoutRequestID and MerchantRequestID.
type paymentBook struct{ promptBook[*payment] }

func newPaymentBook() paymentBook { return paymentBook{newPromptBook[*payment]()} }
