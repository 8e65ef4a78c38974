package daraja

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
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
	e    *engine.Engine
	net  *mpesa.Network
	door *door

	urls map[string]c2bURLs // by shortcode
}

func (b *c2b) reset() { b.urls = map[string]c2bURLs{} }

// c2bReply is the answer to register and simulate; the missing n is the gateway's (reference/daraja.md §10.1).
type c2bReply struct {
	OriginatorCoversationID string
	ResponseCode            string `json:",omitempty"`
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
	MiddleName        *string `json:",omitempty"`
	LastName          *string `json:",omitempty"`
}

// register keeps the URLs of a shortcode.
func (b *c2b) register(c *engine.Call) {
	f, ok := b.door.enter(c)
	if !ok {
		return
	}
	urls := c2bURLs{
		Confirmation: f.Get("ConfirmationURL").Plain(), Validation: f.Get("ValidationURL").Plain(),
		Response: f.Get("ResponseType").Plain(), Version: 2,
	}
	if strings.Contains(c.Request.URL.Path, "/v1/") {
		urls.Version = 1
	}
	shortcode := f.Get("ShortCode").Plain()
	b.e.Lock()
	defer b.e.Unlock()
	strict := b.e.Behaviours.Get("strict-callback-url", c.API) != nil
	_, before := b.urls[shortcode]
	switch {
	case !engine.Digits(shortcode, 5, 7):
		fail(c, badField("ShortCode", "ShortCode must be 5 to 7 digits"))
	case urls.Response != "Completed" && urls.Response != "Cancelled":
		fail(c, badField("ResponseType", "ResponseType must be Completed or Cancelled, spelt so"))
	case engine.LintURL(urls.Confirmation, strict) != "":
		fail(c, badField("ConfirmationURL", "ConfirmationURL "+engine.LintURL(urls.Confirmation, strict)))
	case urls.Validation != "" && engine.LintURL(urls.Validation, strict) != "":
		fail(c, badField("ValidationURL", "ValidationURL "+engine.LintURL(urls.Validation, strict)))
	case before && b.e.Behaviours.Roll("c2b-register-once", c.API) != nil:
		fail(c, refusal{http.StatusInternalServerError, "500.003.1001", "Urls are already registered.", "behaviour c2b-register-once"})
	default:
		b.urls[shortcode] = urls
		b.e.Touch()
		code := b.e.Behaviours.Choice("c2b-register-code", c.API, "0")
		c.Reply(http.StatusOK, c2bReply{mpesa.RequestID(b.e.IDs), strings.TrimPrefix(code, "missing"), "Success"})
	}
}

// simulate lets a customer pay a shortcode without a push.
func (b *c2b) simulate(c *engine.Call) {
	f, ok := b.door.enter(c)
	if !ok {
		return
	}
	shortcode, kind := f.Get("ShortCode").Plain(), f.Get("CommandID").Plain()
	amount, amountOK := mpesa.ParseShillings(f.Get("Amount").Plain())
	phone, phoneOK := mpesa.ParseMSISDN(f.Get("Msisdn").Plain())
	reference := f.Get("BillRefNumber").Plain()
	switch {
	case !engine.Digits(shortcode, 5, 7):
		fail(c, badField("ShortCode", "ShortCode must be 5 to 7 digits"))
	case kind != typePayBill && kind != typeBuyGoods:
		fail(c, badField("CommandID", "CommandID must be "+typePayBill+" or "+typeBuyGoods))
	case !amountOK:
		fail(c, badField("Amount", "Amount must be whole shillings from 1 to 250000"))
	case !phoneOK:
		fail(c, badField("Msisdn", "Msisdn must be 254, then 1 or 7, then eight digits"))
	case kind == typePayBill && (reference == "" || utf8.RuneCountInString(reference) > 20):
		fail(c, badField("BillRefNumber", "BillRefNumber must have 1 to 20 characters"))
	default:
		b.e.Lock()
		defer b.e.Unlock()
		now := b.e.Now()
		t := &mpesa.Txn{
			Kind: mpesa.KindC2B, Reason: "Pay Bill", Amount: amount, Customer: phone, From: phone.Full(), To: shortcode,
			Reference: reference, Originator: mpesa.RequestID(b.e.IDs), Conversation: mpesa.ConversationID(b.e.IDs, now), Initiated: now,
			Receipt: mpesa.ReceiptID(b.e.IDs, now),
		}
		if kind == typeBuyGoods {
			t.Reason = "Buy Goods"
		}
		c.Subject = t.Originator
		b.e.Later(b.net.ResultDelay(apiC2BSimulate), func() { b.validate(t) })
		c.Reply(http.StatusOK, c2bReply{t.Originator, "0", "Accept the service request successfully."})
	}
}

// validate asks the validation URL, where there is one, and completes the payment if it is accepted. The lock is held.
func (b *c2b) validate(t *mpesa.Txn) {
	urls, known := b.urls[t.To]
	asks := known && urls.Validation != "" && b.e.Behaviours.Choice("c2b-validation", outValidation, "on") == "on"
	if !asks {
		b.complete(t, "")
		return
	}
	answered, epoch := false, b.e.Epoch()
	b.e.Emit(&engine.Delivery{
		Provider: providerDaraja, Class: outValidation, Subject: t.Originator, URL: urls.Validation,
		Header: map[string][]string{"Content-Type": {engine.TypeJSON}}, Body: engine.Encode(b.notice(t, urls.Version, "", "")),
		Patience: engine.CheckPatience,
		Then: func(status int, answer []byte) {
			b.e.Lock()
			defer b.e.Unlock()
			if answered || b.e.Epoch() != epoch {
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
func (b *c2b) complete(t *mpesa.Txn, third string) {
	now := b.e.Now()
	if against := b.net.Ledger.MayPay(t.Customer, t.Amount, now); against != "" {
		b.e.Lose(&engine.Delivery{Provider: providerDaraja, Class: outConfirmation, Subject: t.Originator, URL: b.urls[t.To].Confirmation}, 0,
			"not sent: the customer cannot pay ("+against+")")
		return
	}
	t.Completed = now
	b.net.Ledger.Pay(t, t.To)
	b.e.Touch()
	b.confirmWith(t, third, 0)
}

// confirm tells the registered confirmation URL of a payment. The lock is held.
func (b *c2b) confirm(t *mpesa.Txn, delay time.Duration) { b.confirmWith(t, "", delay) }

func (b *c2b) confirmWith(t *mpesa.Txn, third string, delay time.Duration) {
	urls, known := b.urls[t.To]
	if !known {
		return
	}
	balance := b.net.Ledger.Org(t.To).Utility.Decimal()
	b.e.Emit(&engine.Delivery{
		Provider: providerDaraja, Class: outConfirmation, Subject: t.Receipt, URL: urls.Confirmation,
		Header: map[string][]string{"Content-Type": {engine.TypeJSON}}, Body: engine.Encode(b.notice(t, urls.Version, balance, third)),
	}, delay)
}

// notice is the body of both; the balance is empty on validation.
func (b *c2b) notice(t *mpesa.Txn, version int, balance, third string) c2bNotice {
	first, last := t.Customer.Name()
	on := b.e.Behaviours
	form := "masked"
	if version == 1 {
		form = "hashed"
	}
	var shown string
	switch on.Choice("c2b-msisdn", apiC2BSimulate, form) {
	case "hashed":
		shown = t.Customer.Hashed()
	case "full":
		shown = t.Customer.Full()
	default:
		shown = t.Customer.Masked()
	}
	kind := "Pay Bill"
	if strings.HasPrefix(t.Reason, "Buy") {
		kind = "Buy Goods"
	}
	at := t.Completed
	if at.IsZero() {
		at = t.Initiated
	}
	body := c2bNotice{
		TransactionType: kind, TransID: t.Receipt, TransTime: mpesa.Stamp(at), TransAmount: t.Amount.Decimal(),
		BusinessShortCode: t.To, BillRefNumber: t.Reference, OrgAccountBalance: balance, ThirdPartyTransID: third,
		MSISDN: shown, FirstName: first,
	}
	if on.Roll("c2b-production-shape", apiC2BSimulate) == nil {
		body.MiddleName, body.LastName = new(string), &last
	}
	return body
}
