package emulator

import (
	"encoding/json"
	"strconv"
	"time"
)

// settle ends a payment: the query knows it from now on, and money has moved if it was paid. The lock is held.
func (x *express) settle(p *payment, o *Outcome) {
	reason := "Pay Bill Online"
	if p.Kind == typeBuyGoods {
		reason = "Buy Goods Online"
	}
	t := &txn{
		Kind: outSTK, Reason: reason, Amount: p.Amount, Customer: p.Phone, To: p.PartyB, Reference: p.Reference,
		Originator: p.Merchant, Initiated: p.Created, Completed: x.e.now(),
	}
	p.Result, p.Settled = x.net.collect(o, t).Name, t.Completed
	p.Receipt = t.Receipt
	x.payments.settle(p)
	x.e.touch()
}

// finish settles a payment and has its callback sent lag later. The lock is held.
func (x *express) finish(p *payment, o *Outcome, lag time.Duration) {
	x.settle(p, o)
	cb := x.callback(p)
	if o.silent {
		x.e.lose(cb, lag, "not sent: the outcome is "+o.Name)
		return
	}
	x.e.emit(cb, lag)
	if p.Receipt != "" && x.e.behaviours.roll("c2b-on-push", outConfirmation) != nil {
		x.c2b.confirm(x.net.ledger.Txns[p.Receipt], lag)
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
func (x *express) callback(p *payment) *delivery {
	o := outcomeNamed(p.Result)
	on := x.e.behaviours
	body := stkCallback{
		MerchantRequestID: p.Merchant, CheckoutRequestID: p.Checkout,
		ResultCode: resultCode(o.Code, on.roll("callback-string-code", outSTK) != nil), ResultDesc: o.callback,
	}
	if on.roll("callback-desc-prefix", outSTK) != nil {
		body.ResultDesc = "[STK_CB - ]" + body.ResultDesc
	}
	if o.paid() {
		body.CallbackMetadata = &metadata{x.items(p)}
	}
	return &delivery{
		provider: providerDaraja, class: outSTK, subject: p.Checkout, url: p.Callback,
		header: map[string][]string{"Content-Type": {typeJSON}, "Businessshortcode": {p.Shortcode}},
		body: encode(map[string]any{"Body": struct {
			Callback stkCallback `json:"stkCallback"`
		}{body}}),
	}
}

// resultCode is a number where the code is one, unless text asks for a string (reference/daraja.md §4.1).
func resultCode(code string, text bool) json.RawMessage {
	if text || !digits(code, 1, 9) {
		return quoted(code)
	}
	return json.RawMessage(code)
}

func quoted(text string) json.RawMessage { return encode(text) }

// items is the metadata of a paid push, with the behaviours that change it.
func (x *express) items(p *payment) any {
	on := x.e.behaviours
	receipt := item{"MpesaReceiptNumber", quoted(p.Receipt)}
	if on.roll("callback-bare-item", outSTK) != nil {
		return receipt
	}
	date := json.RawMessage(stamp(p.Settled))
	if on.roll("callback-date-string", outSTK) != nil {
		date = quoted(string(date))
	}
	list := []item{{"Amount", json.RawMessage(p.Amount.decimal())}, receipt}
	switch on.choice("callback-balance", outSTK, "no-value") {
	case "no-value":
		list = append(list, item{Name: "Balance"})
	case "number":
		list = append(list, item{"Balance", json.RawMessage(x.net.ledger.org(p.PartyB).Utility.decimal())})
	case "string":
		list = append(list, item{"Balance", quoted("{Amount={CurrencyCode=KES, MinimumAmount=" +
			strconv.FormatInt(int64(x.net.ledger.org(p.PartyB).Utility), 10) + ", BasicAmount=" + x.net.ledger.org(p.PartyB).Utility.decimal() + "}}")})
	}
	list = append(list, item{"TransactionDate", date})
	if phone := x.phoneItem(p.Phone); phone.Value != nil {
		list = append(list, phone)
	}
	if on.roll("callback-reordered", outSTK) != nil {
		shift := int(mix(uint64(p.Phone)+uint64(p.Amount))%uint64(len(list)-1)) + 1
		list = append(append([]item{}, list[shift:]...), list[:shift]...)
	}
	return list
}

func (x *express) phoneItem(phone msisdn) item {
	const name = "PhoneNumber"
	switch x.e.behaviours.choice("callback-masked-phone", outSTK, "") {
	case "masked":
		return item{name, quoted(phone.starred())}
	case "hashed":
		return item{name, quoted(phone.hashed())}
	case "missing":
		return item{Name: name}
	}
	if x.e.behaviours.roll("callback-phone-string", outSTK) != nil {
		return item{name, quoted(phone.full())}
	}
	return item{name, json.RawMessage(phone.full())}
}
