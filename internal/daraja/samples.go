package daraja

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// Invent fills in the ids and the receipt that the facts lack: they have the shapes of
// reference/daraja.md §3.3.
func Invent(f *payment.Facts) {
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
}

// Recognize returns the event of a payload of Daraja's and the route that takes it;
// false for a payload of another shape.
func Recognize(body []byte) (event, route string, ok bool) {
	i := Receiver{}.Inspect(payment.Delivery{Provider: payment.Daraja, Route: routePrefix, Method: http.MethodPost, Body: body})
	if i.Verdict == payment.VerdictMalformed || i.Event == nil {
		return "", "", false
	}
	return i.Event.Name, routeOf(i.Event.Name), true
}

func routeOf(event string) string {
	switch {
	case strings.HasPrefix(event, "stk."):
		return routePrefix + "/stk"
	case event == EventC2BConfirmation:
		return routeC2BConfirmation
	case event == EventC2BValidation:
		return routeC2BValidation
	case event == EventTimeout:
		return routeTimeout
	}
	return routePrefix + "/result"
}

// SampleEvents lists the events that Sample makes, in the order of the reference.
func SampleEvents() []string {
	return []string{
		"stk.completed", "stk.failed", "transaction.result", "transaction.timeout", "c2b.validation", "c2b.confirmation",
		"b2c.result", "b2b.result", "balance.result", "reversal.result",
	}
}

// Sample builds one of SampleEvents; false for any other name.
func Sample(event string, f payment.Facts) (payment.Sample, bool) {
	s := payment.Sample{Event: event, Route: routeOf(event), Header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}}}
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
			return payment.Sample{}, false
		}
		s.Body = resultSample(f, parameters)
	}
	if strings.HasPrefix(event, "stk.") && f.ShortCode != "" {
		s.Header["Businessshortcode"] = []string{f.ShortCode}
	}
	return s, true
}

// quoted is a text in JSON, its <, > and & as they are.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// stkSample is reference/daraja.md §4.1.
func stkSample(f payment.Facts, code int, desc string) []byte {
	metadata := ""
	if code == 0 {
		metadata = fmt.Sprintf(`,"CallbackMetadata":{"Item":[{"Name":"Amount","Value":%s},{"Name":"MpesaReceiptNumber","Value":%s},`+
			`{"Name":"Balance"},{"Name":"TransactionDate","Value":%s},{"Name":"PhoneNumber","Value":%s}]}`,
			f.Amount, quoted(f.Receipt), eat(f.At), f.Phone.MSISDN())
	}
	return fmt.Appendf(nil, `{"Body":{"stkCallback":{"MerchantRequestID":%s,"CheckoutRequestID":%s,"ResultCode":%d,"ResultDesc":%s%s}}}`,
		quoted(f.MerchantRequestID), quoted(f.CheckoutRequestID), code, quoted(desc), metadata)
}

// c2bSample is reference/daraja.md §10.1: all values are strings, the MSISDN is masked.
func c2bSample(f payment.Facts, event string) []byte {
	balance := "4150.00"
	if event == "c2b.validation" {
		balance = ""
	}
	number := f.Phone.MSISDN()
	return fmt.Appendf(nil, `{"TransactionType":"Pay Bill","TransID":%s,"TransTime":%s,"TransAmount":%s,"BusinessShortCode":%s,"BillRefNumber":%s,`+
		`"InvoiceNumber":"","OrgAccountBalance":%s,"ThirdPartyTransID":"","MSISDN":%s,"FirstName":"AMINA","MiddleName":"","LastName":""}`,
		quoted(f.Receipt), quoted(eat(f.At)), quoted(f.Amount.String()), quoted(f.ShortCode), quoted(f.Reference),
		quoted(balance), quoted(number[:4]+" ***** "+number[9:]))
}

// parameter is one Key and Value of a result; a nil Value is left out, as Daraja does.
type parameter struct {
	key   string
	value any
}

// resultParameters are reference/daraja.md §6.3 and §10.2.
func resultParameters(f payment.Facts) map[string][]parameter {
	number, amount := f.Phone.MSISDN()+" - Invented Payer", f.Amount.String()
	shop := f.ShortCode + " - Invented Shop"
	return map[string][]parameter{
		"transaction.result": {
			{"DebitPartyName", number},
			{"CreditPartyName", shop},
			{"OriginatorConversationID", f.MerchantRequestID},
			{"InitiatedTime", eat(f.At)},
			{"DebitAccountType", "MMF Account For Customer"},
			{"DebitPartyCharges", ""},
			{"TransactionReason", nil},
			{"ReasonType", "Pay Bill Online"},
			{"TransactionStatus", "Completed"},
			{"FinalisedTime", eat(f.At)},
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
			{"TransCompletedTime", eat(f.At)},
			{"DebitPartyCharges", ""},
			{"ReceiverPartyPublicName", shop},
			{"Currency", "KES"},
		},
		"balance.result": {
			{"AccountBalance", "Working Account|KES|481000.00|481000.00|0.00|0.00&Utility Account|KES|4150.00|4150.00|0.00|0.00"},
			{"BOCompletedTime", eat(f.At)},
		},
		"reversal.result": {
			{"DebitAccountBalance", "Utility Account|KES|51661.00|51661.00|0.00|0.00"},
			{"Amount", amount},
			{"TransCompletedTime", eat(f.At)},
			{"OriginalTransactionID", f.Receipt},
			{"Charge", "0.00"},
			{"CreditPartyPublicName", number},
			{"DebitPartyPublicName", shop},
		},
	}
}

// raw is a number as it stands in JSON.
type raw string

func conversation(f payment.Facts) string { return "AG_" + eat(f.At)[:8] + "_" + hexDigits(20) }

func resultSample(f payment.Facts, parameters []parameter) []byte {
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
func timeoutSample(f payment.Facts) []byte {
	return fmt.Appendf(nil, `{"Result":{"ResultType":1,"ResultCode":1,"ResultDesc":"The request timed out in the queue.",`+
		`"OriginatorConversationID":%s,"ConversationID":%s,"TransactionID":%s}}`,
		quoted(originator()), quoted(conversation(f)), quoted(f.Receipt[:3]+"0000000"))
}

// eat is the 14-digit time that Daraja writes, in East Africa Time.
func eat(at time.Time) string { return at.In(timing.EAT()).Format("20060102150405") }

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
