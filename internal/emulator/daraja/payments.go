package daraja

import (
	"time"

	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// payment is one STK push from its acceptance on.
type payment struct {
	Merchant  string       `json:"merchant_request_id"`
	Checkout  string       `json:"checkout_request_id"`
	Shortcode string       `json:"shortcode"`
	PartyB    string       `json:"party_b"`
	Kind      string       `json:"kind"` // the TransactionType
	Phone     mpesa.MSISDN `json:"phone"`
	Amount    mpesa.Cents  `json:"amount"`
	Callback  string       `json:"callback"`
	Reference string       `json:"reference"`
	Desc      string       `json:"description"`
	Created   time.Time    `json:"created"`
	// Life is how long the prompt stays open.
	Life time.Duration `json:"life"`
	// Plan is the outcome to come; empty when the prompt waits for an answer.
	Plan string `json:"plan,omitempty"`
	// Result is the name of the outcome once settled.
	Result  string    `json:"result,omitempty"`
	Settled time.Time `json:"settled,omitzero"`
	Receipt string    `json:"receipt,omitempty"`
}

// Open reports whether nobody has decided the payment yet.
func (p *payment) Open() bool { return p.Result == "" }

// Key is the CheckoutRequestID.
func (p *payment) Key() string { return p.Checkout }

// Others are the further ids by which the payment is found.
func (p *payment) Others() [2]string { return [2]string{p.Merchant} }

// On is the phone that shows the prompt.
func (p *payment) On() mpesa.MSISDN { return p.Phone }

func (p *payment) expires() time.Time { return p.Created.Add(p.Life) }

// paymentBook finds payments by CheckoutRequestID and MerchantRequestID.
type paymentBook struct{ mpesa.PromptBook[*payment] }

func newPaymentBook() paymentBook { return paymentBook{mpesa.NewPromptBook[*payment]()} }
