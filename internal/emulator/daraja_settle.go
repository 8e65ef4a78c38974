package emulator

import (
	"encoding/json"
	"strconv"
	"time"
)

// ruleWindow is the two minutes of result 17 (reference/daraja.md §4.2).
const ruleWindow = 2 * time.Minute

// settle ends a payment: the query knows it from now on, and money has moved if it was paid. The lock is held.
func (d *daraja) settle(p *payment, o *Outcome) {
	now := d.e.now()
	if o.paid() {
		if against := d.objection(p, now); against != "" {
			o = outcomeNamed(against)
		}
	}
	p.Result, p.Settled = o.Name, now
	d.payments.settle(p)
	d.e.dirty = true
	if !o.paid() {
		return
	}
	p.Receipt = d.e.ids.receipt(now)
	d.payments.rememberPaid(p, now)
	reason := "Pay Bill Online"
	if p.Kind == typeBuyGoods {
		reason = "Buy Goods Online"
	}
	d.ledger.pay(&txn{
		Receipt: p.Receipt, Kind: outSTK, Reason: reason, Amount: p.Amount, Customer: p.Phone,
		From: p.Phone.full(), To: p.PartyB, Reference: p.Reference, Originator: p.Merchant,
		Conversation: d.e.ids.conversation(now), Initiated: p.Created, Completed: now,
	}, p.PartyB)
}

// objection is what stands against a payer who would pay, "" for nothing.
func (d *daraja) objection(p *payment, now time.Time) string {
	last, before := d.payments.paid[paidKey{p.Phone, p.Amount}]
	if before && now.Sub(last) < ruleWindow && d.e.behaviours.choice("two-minute-rule", apiPush, "on") == "on" {
		return outcomeRuleLimited
	}
	return d.ledger.mayPay(p.Phone, p.Amount, now)
}

// finish settles a payment and has its callback sent lag later. The lock is held.
func (d *daraja) finish(p *payment, o *Outcome, lag time.Duration) {
	d.settle(p, o)
	cb := d.callback(p)
	if o.silent {
		d.e.lose(cb, lag, "not sent: the outcome is "+o.Name)
		return
	}
	d.e.emit(cb, lag)
	if p.Receipt != "" && d.e.behaviours.roll("c2b-on-push", outConfirmation) != nil {
		d.confirm(d.ledger.Txns[p.Receipt], lag)
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
func (d *daraja) callback(p *payment) *delivery {
	o := outcomeNamed(p.Result)
	on := d.e.behaviours
	body := stkCallback{
		MerchantRequestID: p.Merchant, CheckoutRequestID: p.Checkout,
		ResultCode: resultCode(o.Code, on.roll("callback-string-code", outSTK) != nil), ResultDesc: o.callback,
	}
	if on.roll("callback-desc-prefix", outSTK) != nil {
		body.ResultDesc = "[STK_CB - ]" + body.ResultDesc
	}
	if o.paid() {
		body.CallbackMetadata = &metadata{d.items(p)}
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
func (d *daraja) items(p *payment) any {
	on := d.e.behaviours
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
		list = append(list, item{"Balance", json.RawMessage(d.ledger.org(p.PartyB).Utility.decimal())})
	case "string":
		list = append(list, item{"Balance", quoted("{Amount={CurrencyCode=KES, MinimumAmount=" +
			strconv.FormatInt(int64(d.ledger.org(p.PartyB).Utility), 10) + ", BasicAmount=" + d.ledger.org(p.PartyB).Utility.decimal() + "}}")})
	}
	list = append(list, item{"TransactionDate", date})
	if phone := d.phoneItem(p.Phone); phone.Value != nil {
		list = append(list, phone)
	}
	if on.roll("callback-reordered", outSTK) != nil {
		shift := int(mix(uint64(p.Phone)+uint64(p.Amount))%uint64(len(list)-1)) + 1
		list = append(append([]item{}, list[shift:]...), list[:shift]...)
	}
	return list
}

func (d *daraja) phoneItem(phone msisdn) item {
	const name = "PhoneNumber"
	switch d.e.behaviours.choice("callback-masked-phone", outSTK, "") {
	case "masked":
		return item{name, quoted(phone.starred())}
	case "hashed":
		return item{name, quoted(phone.hashed())}
	case "missing":
		return item{Name: name}
	}
	if d.e.behaviours.roll("callback-phone-string", outSTK) != nil {
		return item{name, quoted(phone.full())}
	}
	return item{name, json.RawMessage(phone.full())}
}
