package emulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// c2bURLs are the addresses registered for a shortcode.
type c2bURLs struct {
	Confirmation string `json:"confirmation"`
	Validation   string `json:"validation"`
	// Response is what M-PESA does when the validation does not answer: Completed or Cancelled.
	Response string `json:"response"`
	// Version 1 delivers a hashed number, 2 a masked one (reference/daraja.md §1).
	Version int `json:"version"`
}

// c2b is what customers pay without a push, and who is told of it.
type c2b struct {
	e    *engine
	net  *network
	door *door

	urls map[string]c2bURLs // by shortcode
}

func (b *c2b) reset() { b.urls = map[string]c2bURLs{} }

// c2bReply is the answer to register and simulate; the missing n is the gateway's (reference/daraja.md §10.1).
type c2bReply struct {
	OriginatorCoversationID string
	ResponseCode            string
	ResponseDescription     string
}

// c2bNotice is the body of validation and confirmation (reference/daraja.md §10.1).
type c2bNotice struct {
	TransactionType   string
	TransID           string
	TransTime         string
	TransAmount       string
	BusinessShortCode string
	BillRefNumber     string
	InvoiceNumber     string
	OrgAccountBalance string
	ThirdPartyTransID string
	MSISDN            string
	FirstName         string
	MiddleName        string
	LastName          string
}

// register keeps the URLs of a shortcode.
func (b *c2b) register(c *call) {
	f, ok := b.door.enter(c)
	if !ok {
		return
	}
	urls := c2bURLs{
		Confirmation: f.get("ConfirmationURL").plain(), Validation: f.get("ValidationURL").plain(),
		Response: f.get("ResponseType").plain(), Version: 2,
	}
	if strings.Contains(c.r.URL.Path, "/v1/") {
		urls.Version = 1
	}
	shortcode := f.get("ShortCode").plain()
	b.e.Lock()
	defer b.e.Unlock()
	strict := b.e.behaviours.get("strict-callback-url", c.api) != nil
	_, before := b.urls[shortcode]
	switch {
	case !digits(shortcode, 5, 7):
		fail(c, badField("ShortCode", "ShortCode must be 5 to 7 digits"))
	case urls.Response != "Completed" && urls.Response != "Cancelled":
		fail(c, badField("ResponseType", "ResponseType must be Completed or Cancelled, spelt so"))
	case lintURL(urls.Confirmation, strict) != "":
		fail(c, badField("ConfirmationURL", "ConfirmationURL "+lintURL(urls.Confirmation, strict)))
	case urls.Validation != "" && lintURL(urls.Validation, strict) != "":
		fail(c, badField("ValidationURL", "ValidationURL "+lintURL(urls.Validation, strict)))
	case before && b.e.behaviours.roll("c2b-register-once", c.api) != nil:
		fail(c, refusal{http.StatusInternalServerError, "500.003.1001", "Urls are already registered.", "behaviour c2b-register-once"})
	default:
		b.urls[shortcode] = urls
		b.e.touch()
		c.reply(http.StatusOK, c2bReply{requestID(b.e.ids), "0", "Success"})
	}
}

// simulate lets a customer pay a shortcode without a push.
func (b *c2b) simulate(c *call) {
	f, ok := b.door.enter(c)
	if !ok {
		return
	}
	shortcode, kind := f.get("ShortCode").plain(), f.get("CommandID").plain()
	amount, amountOK := parseShillings(f.get("Amount").plain())
	phone, phoneOK := parseMSISDN(f.get("Msisdn").plain())
	reference := f.get("BillRefNumber").plain()
	switch {
	case !digits(shortcode, 5, 7):
		fail(c, badField("ShortCode", "ShortCode must be 5 to 7 digits"))
	case kind != typePayBill && kind != typeBuyGoods:
		fail(c, badField("CommandID", "CommandID must be "+typePayBill+" or "+typeBuyGoods))
	case !amountOK:
		fail(c, badField("Amount", "Amount must be whole shillings from 1 to 250000"))
	case !phoneOK:
		fail(c, badField("Msisdn", "Msisdn must be 254, then 1 or 7, then eight digits"))
	case kind == typePayBill && (reference == "" || len(reference) > 20):
		fail(c, badField("BillRefNumber", "BillRefNumber must have 1 to 20 characters"))
	default:
		b.e.Lock()
		defer b.e.Unlock()
		now := b.e.now()
		t := &txn{
			Kind: "c2b", Reason: "Pay Bill", Amount: amount, Customer: phone, From: phone.full(), To: shortcode,
			Reference: reference, Originator: requestID(b.e.ids), Conversation: conversationID(b.e.ids, now), Initiated: now,
			Receipt: receiptID(b.e.ids, now),
		}
		if kind == typeBuyGoods {
			t.Reason = "Buy Goods"
		}
		c.subject = t.Originator
		b.e.later(b.net.resultDelay(apiC2BSimulate), func() { b.validate(t) })
		c.reply(http.StatusOK, c2bReply{t.Originator, "0", "Accept the service request successfully."})
	}
}

// validate asks the validation URL, where there is one, and completes the payment if it is accepted. The lock is held.
func (b *c2b) validate(t *txn) {
	urls, known := b.urls[t.To]
	asks := known && urls.Validation != "" && b.e.behaviours.choice("c2b-validation", outValidation, "on") == "on"
	if !asks {
		b.complete(t, "")
		return
	}
	answered, epoch := false, b.e.epoch()
	b.e.emit(&delivery{
		provider: providerDaraja, class: outValidation, subject: t.Originator, url: urls.Validation,
		header: map[string][]string{"Content-Type": {typeJSON}}, body: encode(b.notice(t, urls.Version, "", "")),
		patience: checkPatience,
		then: func(status int, answer []byte) {
			b.e.Lock()
			defer b.e.Unlock()
			if answered || b.e.epoch() != epoch {
				return
			}
			answered = true
			if third, ok := accepted(status, answer, urls.Response); ok {
				b.complete(t, third)
			}
		},
	}, 0)
}

// accepted reads the answer of a validation: ResultCode 0 accepts; no answer leaves it to the registered response type.
func accepted(status int, answer []byte, otherwise string) (third string, ok bool) {
	var reply struct {
		ResultCode        json.RawMessage
		ThirdPartyTransID string
	}
	if status != http.StatusOK || json.Unmarshal(answer, &reply) != nil || reply.ResultCode == nil {
		return "", otherwise == "Completed"
	}
	code := strings.Trim(string(reply.ResultCode), `"`)
	return reply.ThirdPartyTransID, code != "" && strings.Trim(code, "0") == ""
}

// complete moves the money of a C2B payment and confirms it. A payment that the customer cannot make just ends: there
// is no notice of it. The lock is held.
func (b *c2b) complete(t *txn, third string) {
	now := b.e.now()
	if against := b.net.ledger.mayPay(t.Customer, t.Amount, now); against != "" {
		b.e.lose(&delivery{provider: providerDaraja, class: outConfirmation, subject: t.Originator, url: b.urls[t.To].Confirmation}, 0,
			"not sent: the customer cannot pay ("+against+")")
		return
	}
	t.Completed = now
	b.net.ledger.pay(t, t.To)
	b.e.touch()
	b.confirmWith(t, third, 0)
}

// confirm tells the registered confirmation URL of a payment. The lock is held.
func (b *c2b) confirm(t *txn, delay time.Duration) { b.confirmWith(t, "", delay) }

func (b *c2b) confirmWith(t *txn, third string, delay time.Duration) {
	urls, known := b.urls[t.To]
	if !known {
		return
	}
	balance := b.net.ledger.org(t.To).Utility.decimal()
	b.e.emit(&delivery{
		provider: providerDaraja, class: outConfirmation, subject: t.Receipt, url: urls.Confirmation,
		header: map[string][]string{"Content-Type": {typeJSON}}, body: encode(b.notice(t, urls.Version, balance, third)),
	}, delay)
}

// notice is the body of both; the balance is empty on validation.
func (b *c2b) notice(t *txn, version int, balance, third string) c2bNotice {
	first, last := t.Customer.name()
	shown := t.Customer.masked()
	if version == 1 {
		shown = t.Customer.hashed()
	}
	kind := "Pay Bill"
	if strings.HasPrefix(t.Reason, "Buy") {
		kind = "Buy Goods"
	}
	at := t.Completed
	if at.IsZero() {
		at = t.Initiated
	}
	return c2bNotice{
		TransactionType: kind, TransID: t.Receipt, TransTime: stamp(at), TransAmount: t.Amount.decimal(),
		BusinessShortCode: t.To, BillRefNumber: t.Reference, OrgAccountBalance: balance, ThirdPartyTransID: third,
		MSISDN: shown, FirstName: first, LastName: last,
	}
}
