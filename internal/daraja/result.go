package daraja

import (
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Parameter is one Key and Value as it came. Repeated keys are all kept
// (reference/daraja.md §6.3 quirk 8).
type Parameter struct {
	Key   string
	Value string
	// HasValue is false where the Value was absent or null.
	HasValue bool
}

// TransactionResult is a Result envelope: of a transaction status query, and
// equally of a balance, a reversal or a payment out (§6.3, §10.2). ResultCode
// speaks of the question; TransactionStatus, where there is one, of the payment.
type TransactionResult struct {
	// API is what the envelope answers, as far as its keys tell; "" if they do not.
	API API
	// ResultType is "0" for completed, "1" for more to come.
	ResultType string
	ResultCode string
	ResultDesc string
	// ConversationID correlates with the query, OriginatorConversationID second
	// (quirk 10). TransactionID is the query's own pseudo id, not a receipt
	// (quirk 6).
	ConversationID           string
	OriginatorConversationID string
	TransactionID            string

	// TransactionStatus is the payment's own: Completed, Cancelled, Declined or
	// Expired are final.
	TransactionStatus string
	Amount            payment.Amount
	Receipt           string
	// DebitParty and CreditParty hold "number - name", several joined by "; ".
	DebitParty       string
	CreditParty      string
	DebitAccountType string
	InitiatedAt      time.Time
	FinalisedAt      time.Time
	// Charges is as it came: "Fee For …|KES|22.40" (quirk 9).
	Charges    string
	Reason     string
	ReasonType string
	// OriginalConversationID and OriginalOriginatorConversationID are the ones
	// inside the parameters, of the payment asked about.
	OriginalConversationID           string
	OriginalOriginatorConversationID string
	// OriginalTransactionID is the receipt that a reversal undid.
	OriginalTransactionID string
	Balances              []AccountFigures

	Parameters []Parameter
	References []Parameter
	// Notes are oddities found while reading.
	Notes []string
}

// AccountFigures is one account of a balance result: a name, a currency and
// figures as they came; the documents do not name them (§10.2).
type AccountFigures struct {
	Name     string
	Currency payment.Currency
	Figures  []string
}

// ParseResult reads a Result envelope with every quirk of §6.3 and the flat
// parameter list that one client library documents. A body that is none is a
// KindUsage error.
func ParseResult(body []byte) (TransactionResult, error) {
	root, ok := parseTree(body)
	if !ok {
		return TransactionResult{}, payment.Usage("result: "+reasonNotJSON, "show the stored bytes with payctl webhook show ID --raw")
	}
	result := root.get("result")
	if result.kind != '{' {
		return TransactionResult{}, payment.Usage("result: the body has no Result envelope", "show the stored bytes with payctl webhook show ID --raw")
	}
	return readResult(result), nil
}

// resultNotText returns the name of the first id of a Result envelope that is no string, or "".
func resultNotText(n node) string {
	if name := n.notText("conversationid", "originatorconversationid", "transactionid"); name != "" {
		return name
	}
	for _, pair := range n.resultParameters().list() {
		switch key := pair.key(); fold(key) {
		case "conversationid", "originatorconversationid", "originaltransactionid", "receiptno", "transactionreceipt":
			if pair.notText("value") != "" {
				return payment.Line(key, maxName)
			}
		}
	}
	return ""
}

func readResult(n node) TransactionResult {
	r := TransactionResult{
		ResultType:               n.get("resulttype").scalar(),
		ResultCode:               n.get("resultcode").scalar(),
		ResultDesc:               n.get("resultdesc").scalar(),
		ConversationID:           n.get("conversationid").scalar(),
		OriginatorConversationID: n.get("originatorconversationid").scalar(),
		TransactionID:            n.get("transactionid").scalar(),
	}
	r.Parameters = parameters(n.resultParameters())
	r.References = parameters(n.get("referencedata").get("referenceitem"))
	r.fill()
	r.API = r.origin()
	return r
}

// resultParameters returns the pairs of an envelope: nested, as a flat list, or one bare
// {Key, Value}.
func (n node) resultParameters() node {
	params := n.get("resultparameters")
	if inner := params.get("resultparameter"); inner.kind != 0 {
		return inner
	}
	return params
}

// key returns the name of a pair.
func (n node) key() string {
	if key := n.get("key").scalar(); key != "" {
		return key
	}
	return n.get("name").scalar()
}

// parameters reads an array of pairs or a lone pair (quirks 2 and 3).
func parameters(n node) []Parameter {
	var out []Parameter
	for _, pair := range n.list() {
		key := pair.key()
		if key == "" {
			continue
		}
		value := pair.get("value")
		out = append(out, Parameter{Key: key, Value: value.scalar(), HasValue: value.kind == '"' || value.kind == '0'})
	}
	return out
}

// value returns the values of the first of the keys (given folded) that has
// one; different values of a repeated key are joined.
func (r *TransactionResult) value(keys ...string) string {
	for _, key := range keys {
		var found []string
		for _, p := range r.Parameters {
			if fold(p.Key) == key && p.Value != "" && (len(found) == 0 || found[len(found)-1] != p.Value) {
				found = append(found, p.Value)
			}
		}
		if len(found) > 0 {
			return strings.Join(found, "; ")
		}
	}
	return ""
}

func (r *TransactionResult) has(keys ...string) bool {
	for _, key := range keys {
		for _, p := range r.Parameters {
			if fold(p.Key) == key {
				return true
			}
		}
	}
	return false
}

func (r *TransactionResult) fill() {
	r.TransactionStatus = r.value("transactionstatus", "status")
	r.Receipt = r.value("receiptno", "transactionreceipt")
	r.DebitParty = r.value("debitpartyname", "debitpartypublicname")
	r.CreditParty = r.value("creditpartyname", "creditpartypublicname", "receiverpartypublicname")
	r.DebitAccountType = r.value("debitaccounttype")
	r.InitiatedAt = wireTime(r.value("initiatedtime"))
	r.FinalisedAt = wireTime(r.value("finalisedtime", "finalizedtime", "transcompletedtime", "transactioncompleteddatetime", "bocompletedtime"))
	r.Charges = r.value("debitpartycharges", "creditpartycharges", "charge")
	r.Reason = r.value("transactionreason", "reason")
	r.ReasonType = r.value("reasontype")
	r.OriginalConversationID = r.value("conversationid")
	r.OriginalOriginatorConversationID = r.value("originatorconversationid")
	r.OriginalTransactionID = r.value("originaltransactionid")
	if text := r.value("amount", "transactionamount"); text != "" {
		amount, err := payment.ParseWireAmount(text, payment.KES)
		if err != nil {
			r.Notes = append(r.Notes, "the amount cannot be read")
		}
		r.Amount = amount
	}
	for _, key := range []string{"debitpartyname", "creditpartyname", "transactionstatus", "receiptno", "amount"} {
		if r.repeats(key) {
			r.Notes = append(r.Notes, "the key "+key+" came twice with different values")
		}
	}
	r.Balances = balances(r.value("accountbalance"))
}

func (r *TransactionResult) repeats(key string) bool {
	seen := ""
	for _, p := range r.Parameters {
		if fold(p.Key) != key || p.Value == "" {
			continue
		}
		if seen != "" && seen != p.Value {
			return true
		}
		seen = p.Value
	}
	return false
}

// balances reads Name|KES|a|b|c|d joined with & (§10.2).
func balances(text string) []AccountFigures {
	var out []AccountFigures
	for part := range strings.SplitSeq(text, "&") {
		columns := strings.Split(part, "|")
		if len(columns) < 3 {
			continue
		}
		out = append(out, AccountFigures{Name: columns[0], Currency: payment.Currency(columns[1]), Figures: columns[2:]})
	}
	return out
}

// origin tells by the keys which API the envelope answers (§6.3, §10.2).
func (r *TransactionResult) origin() API {
	switch {
	case r.has("accountbalance"):
		return APIBalance
	case r.has("originaltransactionid"), r.ResultCode == "R000001", r.ResultCode == "R000002":
		return APIReversal
	case r.has("transactionstatus", "receiptno"), r.has("status") && r.has("transactionreceipt", "transactionamount"):
		return APITransaction
	case r.has("transactionreceipt", "b2crecipientisregisteredcustomer", "b2cutilityaccountavailablefunds"):
		return APIB2C
	case r.has("debitaccountbalance", "debitaccountcurrentbalance", "initiatoraccountcurrentbalance", "debitpartyaffectedaccountbalance"):
		return APIB2B
	}
	for _, p := range r.References {
		if fold(p.Key) == "queuetimeouturl" {
			return originOf(p.Value)
		}
	}
	for _, p := range r.References {
		if fold(p.Key) == "occasion" {
			return APITransaction
		}
	}
	return ""
}

// originOf reads the API from Safaricom's own QueueTimeoutURL, such as
// https://internalapi.safaricom.co.ke/mpesa/b2cresults/v1/submit (§10.2).
func originOf(address string) API {
	for part := range strings.SplitSeq(strings.ToLower(address), "/") {
		switch strings.TrimSuffix(part, "results") {
		case "b2c":
			return APIB2C
		case "b2b":
			return APIB2B
		case "ab", "accountbalance":
			return APIBalance
		case "reversal":
			return APIReversal
		case "transactionstatus":
			return APITransaction
		}
	}
	return ""
}
