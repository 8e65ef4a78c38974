package provider

import (
	"bytes"

	"github.com/payctl/payctl/internal/payment"
)

// Trial is one thing that a bad day brings to an endpoint, about one payment.
type Trial struct {
	Name string
	// Payment names the payment that several trials are about; "" is one of its own.
	Payment string
	Shots   []Shot
	// Copies says that the one shot is sent many times at once.
	Copies bool
	// Credits is how often the payment may have been credited when it is over.
	Credits int
	// Refuse says that the endpoint must not take it: 4xx is the right answer, else 2xx.
	Refuse bool
}

// Shot is a sample as it is sent: Set and Unset edit it before it is signed, Spoil after.
type Shot struct {
	Event      string
	Set, Unset []string
	Spoil      func(body []byte, f payment.Facts) []byte
}

// darajaTrials: whatever comes is acknowledged, since Daraja sends nothing twice; what
// it must not do is credit (reference/daraja.md §4.1, §4.3, §8).
func darajaTrials() []Trial {
	paid, failed := Shot{Event: "stk.completed"}, Shot{Event: "stk.failed"}
	return []Trial{
		{Name: "a payment, once", Credits: 1, Shots: []Shot{paid}},
		{Name: "copies at once", Payment: "copied", Credits: 1, Copies: true, Shots: []Shot{paid}},
		{Name: "the same again, late", Payment: "copied", Credits: 1, Shots: []Shot{paid}},
		{Name: "paid, then a failure of the same push", Credits: 1, Shots: []Shot{paid, failed}},
		{Name: "a masked phone number", Credits: 1, Shots: []Shot{{Event: paid.Event, Set: []string{`Body.stkCallback.CallbackMetadata.Item.4.Value="2547 ***** 222"`}}}},
		{Name: "a cancelled payment", Shots: []Shot{failed}},
		// A text that a careless parser of numbers turns into 0.
		{Name: "a result code that is no number", Shots: []Shot{{Event: paid.Event, Set: []string{`Body.stkCallback.ResultCode="SFC_IC0003"`}}}},
		{Name: "a success without a result code", Shots: []Shot{{Event: paid.Event, Unset: []string{"Body.stkCallback.ResultCode"}}}},
	}
}

// wasaapayTrials: what does not verify is refused; retries make up for 5xx
// (reference/wasaapay.md §11).
func wasaapayTrials() []Trial {
	paid := Shot{Event: "deposit.completed"}
	forged, changed := paid, paid
	forged.Spoil = func(body []byte, _ payment.Facts) []byte {
		return bytes.Replace(body, []byte(`"signature":"sha256=`), []byte(`"signature":"sha256=00`), 1)
	}
	changed.Spoil = func(body []byte, f payment.Facts) []byte {
		return bytes.Replace(body, []byte(f.Amount.String()), []byte("99999.00"), 1)
	}
	return []Trial{
		{Name: "a payment, once", Credits: 1, Shots: []Shot{paid}},
		{Name: "copies at once", Credits: 1, Copies: true, Shots: []Shot{paid}},
		{Name: "completed, then a late initiated", Credits: 1, Shots: []Shot{paid, {Event: "deposit.initiated"}}},
		{Name: "a wrong signature", Refuse: true, Shots: []Shot{forged}},
		{Name: "an amount changed after signing", Refuse: true, Shots: []Shot{changed}},
	}
}
