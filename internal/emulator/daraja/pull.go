package daraja

import (
	"net/http"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
	"github.com/payctl/payctl/internal/timing"
)

// pulls is the Pull API: what a shortcode asks for when callbacks did not come.
type pulls struct {
	e    *engine.Engine
	net  *mpesa.Network
	door *door

	registered map[string]pullRegistration // by shortcode
}

func (p *pulls) reset() { p.registered = map[string]pullRegistration{} }

// pullRegistration is what a shortcode registered for pulling.
type pullRegistration struct {
	Nominated string `json:"nominated"`
	Callback  string `json:"callback"`
}

// pullWindow is how far back a query sees (reference/daraja.md §10.3).
const pullWindow = 48 * time.Hour

// pullPage is how many rows one query returns; the next ones are asked for by offset.
const pullPage = 100

// pullReply is the answer of both pull calls; Response is left out of a registration.
type pullReply struct {
	ResponseRefID   string  `json:"ResponseRefID"`
	ResponseStatus  string  `json:"ResponseStatus"`
	ResponseMessage string  `json:"ResponseMessage"`
	Response        [][]any `json:"Response,omitempty"`
}

type pullRow struct {
	TransactionID    string `json:"transactionId"`
	TrxDate          string `json:"trxDate"`
	MSISDN           uint64 `json:"msisdn"`
	Sender           string `json:"sender"`
	TransactionType  string `json:"transactiontype"`
	BillReference    string `json:"billreference"`
	Amount           string `json:"amount"`
	OrganizationName string `json:"organizationname"`
}

func (p *pulls) register(c *engine.Call) {
	f, ok := p.door.enter(c)
	if !ok {
		return
	}
	shortcode, nominated := f.Get("ShortCode").Plain(), f.Get("NominatedNumber").Plain()
	callback := f.Get("CallBackURL").Plain()
	_, phoneOK := mpesa.LooseMSISDN(nominated)
	switch {
	case !engine.Digits(shortcode, 5, 7):
		fail(c, badField("ShortCode", "ShortCode must be 5 to 7 digits"))
	case f.Get("RequestType").Plain() != "Pull":
		fail(c, badField("RequestType", "RequestType must be Pull"))
	case !phoneOK:
		fail(c, badField("NominatedNumber", "NominatedNumber must be a mobile number"))
	case engine.LintURL(callback, false) != "":
		fail(c, badField("CallBackURL", "CallBackURL "+engine.LintURL(callback, false)))
	default:
		p.e.Lock()
		defer p.e.Unlock()
		reply := pullReply{ResponseRefID: mpesa.RequestID(p.e.IDs), ResponseStatus: "1000", ResponseMessage: "Success"}
		if _, before := p.registered[shortcode]; before {
			reply.ResponseStatus, reply.ResponseMessage = "1001", "ShortCode already registered"
		}
		p.registered[shortcode] = pullRegistration{nominated, callback}
		p.e.Touch()
		c.Reply(http.StatusOK, reply)
	}
}

// pullQuery lists what customers paid to a shortcode in the last 48 hours.
func (p *pulls) query(c *engine.Call) {
	f, ok := p.door.enter(c)
	if !ok {
		return
	}
	shortcode := f.Get("ShortCode").Plain()
	from, fromErr := pullTime(f.Get("StartDate").Plain())
	until, untilErr := pullTime(f.Get("EndDate").Plain())
	offset, offsetErr := strconv.Atoi(f.Get("OffSetValue").Plain())
	p.e.Lock()
	defer p.e.Unlock()
	_, known := p.registered[shortcode]
	switch {
	case !engine.Digits(shortcode, 5, 7):
		fail(c, badField("ShortCode", "ShortCode must be 5 to 7 digits"))
	case fromErr != nil:
		fail(c, badField("StartDate", "StartDate must be YYYY-MM-DD HH:MM:SS"))
	case untilErr != nil || until.Before(from):
		fail(c, badField("EndDate", "EndDate must be YYYY-MM-DD HH:MM:SS and not before StartDate"))
	case offsetErr != nil || offset < 0:
		fail(c, badField("OffSetValue", "OffSetValue must be a whole number from 0"))
	default:
		reply := pullReply{ResponseRefID: mpesa.RequestID(p.e.IDs), ResponseStatus: "1000", ResponseMessage: "Success"}
		rows := []any{}
		if known {
			rows = p.rows(shortcode, from, until)
			rows = rows[min(offset, len(rows)):]
		}
		switch { // 1001 means either, and only the message tells (reference/daraja.md §10.3)
		case !known:
			reply.ResponseStatus, reply.ResponseMessage = "1001", "The shortcode is not registered for pull transactions"
		case len(rows) == 0:
			reply.ResponseStatus, reply.ResponseMessage = "1001", "No transactions found"
		}
		reply.Response = [][]any{rows[:min(len(rows), pullPage)]}
		c.Reply(http.StatusOK, reply)
	}
}

func pullTime(text string) (time.Time, error) {
	return time.ParseInLocation("2006-01-02 15:04:05", text, timing.EAT())
}

func (p *pulls) rows(shortcode string, from, until time.Time) []any {
	rows := []any{}
	oldest := p.e.Now().Add(-pullWindow)
	for _, receipt := range p.net.Ledger.Order {
		t := p.net.Ledger.Txns[receipt]
		if t.To != shortcode || t.Customer == 0 || t.Kind != mpesa.KindSTK && t.Kind != mpesa.KindC2B ||
			t.Completed.Before(oldest) || t.Completed.Before(from) || t.Completed.After(until.Add(time.Second)) {
			continue
		}
		kind := "c2b-pay-bill-debit"
		if t.Reason == "Buy Goods" || t.Reason == "Buy Goods Online" {
			kind = "c2b-buy-goods-debit"
		}
		rows = append(rows, pullRow{
			TransactionID: t.Receipt, TrxDate: t.Completed.In(timing.EAT()).Format("2006-01-02T15:04:05-07:00"),
			MSISDN: uint64(t.Customer), Sender: "MPESA", TransactionType: kind, BillReference: t.Reference,
			Amount: t.Amount.Decimal(), OrganizationName: mpesa.ShopName,
		})
	}
	return rows
}
