package daraja

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// settle ends a payment: the query knows it from now on, and money has moved if it was paid. The lock is held.
func (x *express) settle(p *payment, o *mpesa.Outcome) {
	reason := "Pay Bill Online"
	if p.Kind == typeBuyGoods {
		reason = "Buy Goods Online"
	}
	t := &mpesa.Txn{
		Kind: mpesa.KindSTK, Reason: reason, Amount: p.Amount, Customer: p.Phone, To: p.PartyB, Reference: p.Reference,
		Originator: p.Merchant, Initiated: p.Created, Completed: x.e.Now(),
	}
	p.Result, p.Settled = x.net.Collect(o, t).Name, t.Completed
	p.Receipt = t.Receipt
	x.payments.Settle(p)
	x.e.Touch()
}

// finish settles a payment and has its callback sent lag later. The lock is held.
func (x *express) finish(p *payment, o *mpesa.Outcome, lag time.Duration) {
	x.settle(p, o)
	cb := x.callback(p)
	if o.Silent {
		x.e.Lose(cb, lag, "not sent: the outcome is "+o.Name)
		return
	}
	x.e.Emit(cb, lag)
	if p.Receipt != "" && x.e.Behaviours.Roll("c2b-on-push", outConfirmation) != nil {
		x.c2b.confirm(x.net.Ledger.Txns[p.Receipt], lag)
	}
}

// item is one entry of CallbackMetadata; a nil value is left out (reference/daraja.md §4.1).
type item struct {
	Name  string          `json:"Name"`
	Value json.RawMessage `json:"Value,omitempty"`
}

type stkCallback struct {
	MerchantRequestID string          `json:"MerchantRequestID"`
	CheckoutRequestID string          `json:"CheckoutRequestID"`
	ResultCode        json.RawMessage `json:"ResultCode"`
	ResultDesc        string          `json:"ResultDesc"`
	CallbackMetadata  *metadata       `json:"CallbackMetadata,omitempty"`
}

type metadata struct {
	Item any `json:"Item"`
}

// callback is the one notice of a settled payment (reference/daraja.md §4). The lock is held.
func (x *express) callback(p *payment) *engine.Delivery {
	o := mpesa.OutcomeNamed(p.Result)
	on := x.e.Behaviours
	body := stkCallback{
		MerchantRequestID: p.Merchant, CheckoutRequestID: p.Checkout,
		ResultCode: resultCode(o.Code, on.Roll("callback-string-code", mpesa.OutSTK) != nil), ResultDesc: o.Callback,
	}
	if on.Roll("callback-desc-prefix", mpesa.OutSTK) != nil {
		body.ResultDesc = "[STK_CB - ]" + body.ResultDesc
	}
	if o.Paid() {
		body.CallbackMetadata = &metadata{x.items(p)}
	}
	return &engine.Delivery{
		Provider: providerDaraja, Class: mpesa.OutSTK, Subject: p.Checkout, URL: p.Callback,
		Header: map[string][]string{"Content-Type": {engine.TypeJSON}, "Businessshortcode": {p.Shortcode}},
		Body: engine.Encode(map[string]any{"Body": struct {
			Callback stkCallback `json:"stkCallback"`
		}{body}}),
	}
}

// resultCode is a number where the code is one, unless text asks for a string (reference/daraja.md §4.1).
func resultCode(code string, text bool) json.RawMessage {
	if text || !engine.Digits(code, 1, 9) {
		return quoted(code)
	}
	return json.RawMessage(code)
}

func quoted(text string) json.RawMessage { return engine.Encode(text) }

// items is the metadata of a paid push, with the behaviours that change it.
func (x *express) items(p *payment) any {
	on := x.e.Behaviours
	receipt := item{"MpesaReceiptNumber", quoted(p.Receipt)}
	if on.Roll("callback-bare-item", mpesa.OutSTK) != nil {
		return receipt
	}
	date := json.RawMessage(mpesa.Stamp(p.Settled))
	if on.Roll("callback-date-string", mpesa.OutSTK) != nil {
		date = quoted(string(date))
	}
	list := []item{{"Amount", json.RawMessage(p.Amount.Decimal())}, receipt}
	switch on.Choice("callback-balance", mpesa.OutSTK, "no-value") {
	case "no-value":
		list = append(list, item{Name: "Balance"})
	case "number":
		list = append(list, item{"Balance", json.RawMessage(x.net.Ledger.Org(p.PartyB).Utility.Decimal())})
	case "string":
		list = append(list, item{"Balance", quoted("{Amount={CurrencyCode=KES, MinimumAmount=" +
			strconv.FormatInt(int64(x.net.Ledger.Org(p.PartyB).Utility), 10) + ", BasicAmount=" + x.net.Ledger.Org(p.PartyB).Utility.Decimal() + "}}")})
	}
	list = append(list, item{"TransactionDate", date})
	if phone := x.phoneItem(p.Phone); phone.Value != nil {
		list = append(list, phone)
	}
	if on.Roll("callback-reordered", mpesa.OutSTK) != nil {
		shift := int(engine.Mix(uint64(p.Phone)+uint64(p.Amount))%uint64(len(list)-1)) + 1
		list = append(append([]item{}, list[shift:]...), list[:shift]...)
	}
	return list
}

func (x *express) phoneItem(phone mpesa.MSISDN) item {
	const name = "PhoneNumber"
	switch x.e.Behaviours.Choice("callback-masked-phone", mpesa.OutSTK, "") {
	case "masked":
		return item{name, quoted(phone.Starred())}
	case "hashed":
		return item{name, quoted(phone.Hashed())}
	case "missing":
		return item{Name: name}
	}
	if x.e.Behaviours.Roll("callback-phone-string", mpesa.OutSTK) != nil {
		return item{name, quoted(phone.Full())}
	}
	return item{name, json.RawMessage(phone.Full())}
}
