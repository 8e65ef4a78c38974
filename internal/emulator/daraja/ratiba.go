package daraja

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// ratiba are the standing orders (reference/daraja.md §10.3). One is agreed to or not; no money moves by it here.
type ratiba struct {
	e    *engine.Engine
	door *door
}

// ratibaHeader stands in the answer and, in lower case, in the callback: the portal writes both.
type ratibaHeader struct {
	RefID       string `json:"responseRefID"`
	RequestID   string `json:"requestRefID,omitempty"`
	Code        string `json:"responseCode"`
	Description string `json:"responseDescription"`
}

type ratibaData struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// create takes a standing order and asks the customer for consent.
func (r *ratiba) create(c *engine.Call) {
	f, ok := r.door.enter(c)
	if !ok {
		return
	}
	rules := []rule{
		need(1, 100, "StandingOrderName"), dayIn("StartDate"), dayIn("EndDate"), shortcodeIn("BusinessShortCode"),
		// Marchant is the wire's spelling.
		oneOf("TransactionType", "Standing Order Customer Pay Bill", "Standing Order Customer Pay Marchant"),
		oneOf("ReceiverPartyIdentifierType", "4", "2"), amountIn(), customerIn("PartyA"), addressIn("CallBackURL"),
		need(1, 200, "AccountReference"), mayBe(200, "TransactionDesc"), oneOf("Frequency", "1", "2", "3", "4", "5", "6", "7", "8"),
	}
	for _, one := range rules {
		if fault := one.fault(f.Get(one.names[0]).Plain()); fault != "" {
			fail(c, badField(one.names[0], one.names[0]+" "+fault))
			return
		}
	}
	if f.Get("EndDate").Plain() < f.Get("StartDate").Plain() {
		fail(c, badField("EndDate", "EndDate is before StartDate"))
		return
	}
	phone, _ := mpesa.ParseMSISDN(f.Get("PartyA").Plain())
	amount, _ := mpesa.ParseShillings(f.Get("Amount").Plain())
	r.e.Lock()
	defer r.e.Unlock()
	id := mpesa.RequestID(r.e.IDs)
	c.Subject = id
	outcome := mpesa.OutcomeOf(phone, int64(amount/mpesa.Shilling))
	r.e.Later(mpesa.CalmDelay, func() { r.conclude(id, f.Get("CallBackURL").Plain(), phone, outcome) })
	const text = "Request accepted for processing"
	c.Reply(http.StatusOK, map[string]any{
		"ResponseHeader": ratibaHeader{RefID: id, Code: "200", Description: text},
		"ResponseBody":   map[string]string{"responseDescription": text, "responseCode": "200"},
	})
}

// conclude reports whether the customer agreed. The lock is held.
func (r *ratiba) conclude(id, url string, phone mpesa.MSISDN, o *mpesa.Outcome) {
	data := []ratibaData{{"responseCode", o.Code}, {"Status", "ERROR"}, {"Msisdn", phone.Starred()}}
	if o.Paid() {
		data = []ratibaData{{"TransactionID", mpesa.ReceiptID(r.e.IDs, r.e.Now())}, {"responseCode", "0"}, {"Status", "OKAY"}, {"Msisdn", phone.Starred()}}
	}
	r.e.Emit(&engine.Delivery{
		Provider: providerDaraja, Class: outRatiba, Subject: id, URL: url, Header: map[string][]string{"Content-Type": {engine.TypeJSON}},
		Body: engine.Encode(map[string]any{
			"responseHeader": ratibaHeader{RefID: mpesa.RequestID(r.e.IDs), RequestID: id, Code: o.Code, Description: o.Callback},
			"responseBody":   map[string]any{"responseData": data},
		}),
	}, 0)
}

// dayIn is a date as the portal's samples write it, yyyymmdd.
func dayIn(name string) rule {
	return rule{[]string{name}, func(text string) string {
		if _, err := time.Parse("20060102", text); err != nil {
			return "must be a date, yyyymmdd"
		}
		return ""
	}}
}

// orgInfo answers who a shortcode belongs to (reference/daraja.md §10.3, "Hakikisha" for shortcodes). The sample's code of
// success is 4000, against the portal's prose.
func (d *door) orgInfo(c *engine.Call) {
	f, ok := d.enter(c)
	if !ok {
		return
	}
	kind, code := f.Get("IdentifierType").Plain(), f.Get("Identifier").Plain()
	creds := engine.Credentials()
	known := map[string][]string{"4": {creds.Shortcode, creds.Store}, "2": {creds.Till}}
	switch {
	case known[kind] == nil:
		fail(c, badField("IdentifierType", "IdentifierType must be 4 for a shortcode or 2 for a till"))
	case !engine.Digits(code, 5, 9):
		fail(c, badField("Identifier", "Identifier must be a shortcode"))
	case !slices.Contains(known[kind], code):
		fail(c, badField("Identifier", "no organisation of the emulator has the number "+code))
	default:
		c.Reply(http.StatusOK, struct {
			ConversationID        string
			ResponseCode          string
			ResponseMessage       string
			OrganizationShortCode string
			OrganizationName      string
			ChargeProfileID       string
		}{mpesa.ConversationID(d.e.IDs, d.e.Now()), "4000", "Success", code, mpesa.ShopName, strconv.Itoa(1)})
	}
}

// notPlayed names an API of the portal that the emulator does not play.
func (d *door) notPlayed(name string) func(*engine.Call) {
	return func(c *engine.Call) {
		reason := "the emulator does not play " + name
		fail(c, refusal{http.StatusNotFound, "404.001.01", "Resource not found: " + reason, reason})
	}
}
