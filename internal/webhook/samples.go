package webhook

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// Facts fill a sample payload, so that its parts are consistent with each
// other and, when they come from a deposit, with the ledger.
type Facts struct {
	Amount            payment.Amount
	Phone             payment.Phone
	Reference         string
	ShortCode         string
	CheckoutRequestID string
	MerchantRequestID string
	Receipt           string
	// ResourceID and ProviderReference are WasaaPay's id and reference.
	ResourceID        string
	ProviderReference string
	At                time.Time
}

// NewFacts invents a consistent set: ids have the shapes of reference/daraja.md §3.3.
func NewFacts(now time.Time) Facts {
	phone, _ := payment.ParsePhone("254711000222")
	return Facts{Amount: payment.AmountOf(15000, payment.KES), Phone: phone, Reference: "INV-2207", ShortCode: "174379", At: now}.completed()
}

// Inventor invents facts like NewFacts, no two with the same CheckoutRequestID:
// within a second only three digits tell two of one payer apart. The zero value
// is ready; it is not for several goroutines.
type Inventor struct{ used map[string]bool }

// Next invents facts of about now: later ones where that second has no id left.
func (i *Inventor) Next(now time.Time) Facts {
	if i.used == nil {
		i.used = map[string]bool{}
	}
	f := NewFacts(now)
	for i.used[f.CheckoutRequestID] {
		now = now.Add(10 * time.Millisecond)
		f = NewFacts(now)
	}
	i.used[f.CheckoutRequestID] = true
	return f
}

// FactsOf takes them from a deposit; what it lacks is invented.
func FactsOf(d payment.Deposit, now time.Time) Facts {
	return Facts{
		Amount: d.Amount, Phone: d.Phone, Reference: d.Reference, ShortCode: d.ShortCode,
		CheckoutRequestID: d.ProviderID, MerchantRequestID: d.MerchantRequestID, Receipt: d.Receipt, ResourceID: d.ProviderID, At: now,
	}.completed()
}

func (f Facts) completed() Facts {
	local := f.At.In(timing.EAT())
	if f.CheckoutRequestID == "" && !f.Phone.IsZero() {
		f.CheckoutRequestID = "ws_CO_" + local.Format("02012006150405") + digits(3) + f.Phone.MSISDN()[3:]
	}
	if f.MerchantRequestID == "" {
		f.MerchantRequestID = originator()
	}
	if f.Receipt == "" {
		f.Receipt = receipt(local)
	}
	if f.ResourceID == "" {
		f.ResourceID = "dep_" + hexDigits(12)
	}
	if f.ProviderReference == "" {
		f.ProviderReference = "DEP-" + f.At.UTC().Format("20060102") + "-" + strings.ToUpper(hexDigits(6))
	}
	return f
}

// eat is the 14-digit time that Daraja writes, in East Africa Time.
func (f Facts) eat() string { return f.At.In(timing.EAT()).Format("20060102150405") }

func digits(n int) string {
	var b strings.Builder
	for range n {
		d, _ := rand.Int(rand.Reader, big.NewInt(10))
		b.WriteString(d.String())
	}
	return b.String()
}

func hexDigits(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)[:n]
}

// originator has the shape of a MerchantRequestID.
func originator() string {
	return hexDigits(4) + "-" + hexDigits(4) + "-" + hexDigits(4) + "-" + hexDigits(12) + digits(7)
}

// receipt has the shape of an M-PESA receipt: year, month and day, then seven characters.
func receipt(at time.Time) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	day := strconv.Itoa(at.Day())
	if at.Day() > 9 {
		day = string(rune('A' + at.Day() - 10))
	}
	var out strings.Builder
	out.WriteString(string(rune('A'+(at.Year()-2006)%26)) + string(rune('A'+int(at.Month())-1)) + day)
	for range 7 {
		d, _ := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		out.WriteString(string(alphabet[d.Int64()]))
	}
	return out.String()
}

// Sample is one payload that a provider sends.
type Sample struct {
	Provider payment.ProviderID
	Event    string
	// Route is the listener's route for it.
	Route string
	// Header holds what comes beside the body.
	Header http.Header
	Body   []byte
}

// DarajaEvents lists the events that Daraja calls back, in the order of the reference.
func DarajaEvents() []string {
	return []string{
		"stk.completed", "stk.failed", "transaction.result", "transaction.timeout", "c2b.validation", "c2b.confirmation",
		"b2c.result", "b2b.result", "balance.result", "reversal.result",
	}
}

// DarajaSample builds one of DarajaEvents; false for any other name.
func DarajaSample(event string, f Facts) (Sample, bool) {
	s := Sample{Provider: payment.Daraja, Event: event, Header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}}}
	s.Route = darajaRoute(event)
	switch event {
	case "stk.completed":
		s.Body = stkSample(f, 0, "The service request is processed successfully.")
	case "stk.failed":
		s.Body = stkSample(f, 1032, "Request cancelled by user")
	case "c2b.validation", "c2b.confirmation":
		s.Body = c2bSample(f, event)
	case "transaction.timeout":
		s.Body = timeoutSample(f)
	default:
		parameters, known := resultParameters(f)[event]
		if !known {
			return Sample{}, false
		}
		s.Body = resultSample(f, parameters)
	}
	if strings.HasPrefix(event, "stk.") && f.ShortCode != "" {
		s.Header["Businessshortcode"] = []string{f.ShortCode}
	}
	return s, true
}

func quoted(s string) string { return string(writing{}.bytes(s)) }

// stkSample is reference/daraja.md §4.1.
func stkSample(f Facts, code int, desc string) []byte {
	metadata := ""
	if code == 0 {
		metadata = fmt.Sprintf(`,"CallbackMetadata":{"Item":[{"Name":"Amount","Value":%s},{"Name":"MpesaReceiptNumber","Value":%s},`+
			`{"Name":"Balance"},{"Name":"TransactionDate","Value":%s},{"Name":"PhoneNumber","Value":%s}]}`,
			f.Amount, quoted(f.Receipt), f.eat(), f.Phone.MSISDN())
	}
	return fmt.Appendf(nil, `{"Body":{"stkCallback":{"MerchantRequestID":%s,"CheckoutRequestID":%s,"ResultCode":%d,"ResultDesc":%s%s}}}`,
		quoted(f.MerchantRequestID), quoted(f.CheckoutRequestID), code, quoted(desc), metadata)
}

// c2bSample is reference/daraja.md §10.1: all values are strings, the MSISDN is masked.
func c2bSample(f Facts, event string) []byte {
	balance := "4150.00"
	if event == "c2b.validation" {
		balance = ""
	}
	number := f.Phone.MSISDN()
	return fmt.Appendf(nil, `{"TransactionType":"Pay Bill","TransID":%s,"TransTime":%s,"TransAmount":%s,"BusinessShortCode":%s,"BillRefNumber":%s,`+
		`"InvoiceNumber":"","OrgAccountBalance":%s,"ThirdPartyTransID":"","MSISDN":%s,"FirstName":"AMINA","MiddleName":"","LastName":""}`,
		quoted(f.Receipt), quoted(f.eat()), quoted(f.Amount.String()), quoted(f.ShortCode), quoted(f.Reference),
		quoted(balance), quoted(number[:4]+" ***** "+number[9:]))
}

// parameter is one Key and Value of a result; a nil Value is left out, as Daraja does.
type parameter struct {
	key   string
	value any
}

// resultParameters are reference/daraja.md §6.3 and §10.2.
func resultParameters(f Facts) map[string][]parameter {
	number, amount := f.Phone.MSISDN()+" - Invented Payer", f.Amount.String()
	shop := f.ShortCode + " - Invented Shop"
	return map[string][]parameter{
		"transaction.result": {
			{"DebitPartyName", number},
			{"CreditPartyName", shop},
			{"OriginatorConversationID", f.MerchantRequestID},
			{"InitiatedTime", f.eat()},
			{"DebitAccountType", "MMF Account For Customer"},
			{"DebitPartyCharges", ""},
			{"TransactionReason", nil},
			{"ReasonType", "Pay Bill Online"},
			{"TransactionStatus", "Completed"},
			{"FinalisedTime", f.eat()},
			{"Amount", amount},
			{"ConversationID", conversation(f)},
			{"ReceiptNo", f.Receipt},
		},
		"b2c.result": {
			{"TransactionAmount", raw(amount)},
			{"TransactionReceipt", f.Receipt},
			{"ReceiverPartyPublicName", number},
			{"TransactionCompletedDateTime", f.At.In(timing.EAT()).Format("02.01.2006 15:04:05")},
			{"B2CUtilityAccountAvailableFunds", raw("10116.00")},
			{"B2CWorkingAccountAvailableFunds", raw("900000.00")},
			{"B2CRecipientIsRegisteredCustomer", "Y"},
			{"B2CChargesPaidAccountAvailableFunds", raw("0.00")},
		},
		"b2b.result": {
			{"DebitAccountBalance", "{Amount={CurrencyCode=KES, MinimumAmount=618683, BasicAmount=6186.83}}"},
			{"Amount", amount},
			{"TransCompletedTime", f.eat()},
			{"DebitPartyCharges", ""},
			{"ReceiverPartyPublicName", shop},
			{"Currency", "KES"},
		},
		"balance.result": {
			{"AccountBalance", "Working Account|KES|481000.00|481000.00|0.00|0.00&Utility Account|KES|4150.00|4150.00|0.00|0.00"},
			{"BOCompletedTime", f.eat()},
		},
		"reversal.result": {
			{"DebitAccountBalance", "Utility Account|KES|51661.00|51661.00|0.00|0.00"},
			{"Amount", amount},
			{"TransCompletedTime", f.eat()},
			{"OriginalTransactionID", f.Receipt},
			{"Charge", "0.00"},
			{"CreditPartyPublicName", number},
			{"DebitPartyPublicName", shop},
		},
	}
}

// raw is a number as it stands in JSON.
type raw string

func conversation(f Facts) string { return "AG_" + f.eat()[:8] + "_" + hexDigits(20) }

func resultSample(f Facts, parameters []parameter) []byte {
	items := make([]string, len(parameters))
	for i, p := range parameters {
		switch value := p.value.(type) {
		case nil:
			items[i] = fmt.Sprintf(`{"Key":%s}`, quoted(p.key))
		case raw:
			items[i] = fmt.Sprintf(`{"Key":%s,"Value":%s}`, quoted(p.key), value)
		case string:
			items[i] = fmt.Sprintf(`{"Key":%s,"Value":%s}`, quoted(p.key), quoted(value))
		}
	}
	return fmt.Appendf(nil, `{"Result":{"ResultType":0,"ResultCode":0,"ResultDesc":"The service request is processed successfully.",`+
		`"OriginatorConversationID":%s,"ConversationID":%s,"TransactionID":%s,"ResultParameters":{"ResultParameter":[%s]},`+
		`"ReferenceData":{"ReferenceItem":{"Key":"Occasion","Value":%s}}}}`,
		quoted(originator()), quoted(conversation(f)), quoted(f.Receipt[:3]+"0000000"), strings.Join(items, ","), quoted(f.Reference))
}

// timeoutSample has the envelope that SDKs assume; no real body is known
// (reference/daraja.md §6.5).
func timeoutSample(f Facts) []byte {
	return fmt.Appendf(nil, `{"Result":{"ResultType":1,"ResultCode":1,"ResultDesc":"The request timed out in the queue.",`+
		`"OriginatorConversationID":%s,"ConversationID":%s,"TransactionID":%s}}`,
		quoted(originator()), quoted(conversation(f)), quoted(f.Receipt[:3]+"0000000"))
}
