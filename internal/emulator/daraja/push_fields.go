package daraja

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// Transaction types of a push (reference/daraja.md §3.1).
const (
	typePayBill  = "CustomerPayBillOnline"
	typeBuyGoods = "CustomerBuyGoodsOnline"
)

// Lengths of the texts in a push (reference/daraja.md §3.1, §3.2).
const (
	maxReference   = 12 // documented, and not enforced
	maxDescription = 13 // likewise
	// maxText is where the gateway refuses either; the reports leave room between 27 characters and 280.
	maxText = 200
	// maxPrompt is the whole text that a handset shows; a longer one ends as 1025.
	maxPrompt = 182
)

// pushRequest is an STK push whose fields have the right form.
type pushRequest struct {
	shortcode, password, timestamp string
	kind                           string
	amount                         mpesa.Cents
	phone                          mpesa.MSISDN
	partyB                         string
	callback                       string
	reference, description         string
	textParty                      bool // PartyA or PhoneNumber came as a string
}

// pushRules are the switches that change what a push may contain.
type pushRules struct{ strictLengths, strictURL bool }

// parsePush checks the fields in the order of the documents; the first bad one is named (reference/daraja.md §3.5).
func parsePush(f engine.Fields, rules pushRules) (pushRequest, refusal, bool) {
	var p pushRequest
	if bad, ok := parseMerchant(f, &p.shortcode, &p.password, &p.timestamp); !ok {
		return p, bad, false
	}
	p.kind = f.Get("TransactionType").Plain()
	if p.kind != typePayBill && p.kind != typeBuyGoods {
		return p, badField("TransactionType", "TransactionType must be "+typePayBill+" or "+typeBuyGoods), false
	}
	if p.shortcode == engine.Credentials().Shortcode && p.kind == typeBuyGoods {
		return p, badField("TransactionType", p.shortcode+" is a paybill and takes no "+typeBuyGoods), false
	}
	var ok bool
	if p.amount, ok = mpesa.ParseShillings(f.Get("Amount").Plain()); !ok {
		return p, badField("Amount", "Amount must be whole shillings from 1 to 250000"), false
	}
	partyA, phone := f.Get("PartyA"), f.Get("PhoneNumber")
	if _, ok = mpesa.ParseMSISDN(partyA.Plain()); !ok {
		return p, badField("PartyA", "PartyA must be 254, then 1 or 7, then eight digits"), false
	}
	if p.partyB = f.Get("PartyB").Plain(); !engine.Digits(p.partyB, 5, 7) {
		return p, badField("PartyB", "PartyB must be a shortcode of 5 to 7 digits"), false
	}
	if p.phone, ok = mpesa.ParseMSISDN(phone.Plain()); !ok {
		return p, badField("PhoneNumber", "PhoneNumber must be 254, then 1 or 7, then eight digits"), false
	}
	p.textParty = partyA.Kind == '"' || phone.Kind == '"'
	p.callback = f.Get("CallBackURL").Plain()
	if reason := engine.LintURL(p.callback, rules.strictURL); reason != "" {
		return p, badField("CallBackURL", "CallBackURL "+reason), false
	}
	bad, ok := parseTexts(f, &p, rules)
	return p, bad, ok
}

// parseMerchant reads the three fields that push and query share.
func parseMerchant(f engine.Fields, shortcode, password, timestamp *string) (refusal, bool) {
	if *shortcode = f.Get("BusinessShortCode").Plain(); !engine.Digits(*shortcode, 5, 7) {
		return badField("BusinessShortCode", "BusinessShortCode must be 5 to 7 digits"), false
	}
	if *password = f.Get("Password").Plain(); *password == "" {
		return badField("Password", "Password is missing"), false
	}
	*timestamp = f.Get("Timestamp").Plain()
	if _, err := time.Parse("20060102150405", *timestamp); err != nil || len(*timestamp) != 14 {
		return badField("Timestamp", "Timestamp must be 14 digits, yyyyMMddHHmmss"), false
	}
	return refusal{}, true
}

// parseTexts reads the reference and the description. Whatever is wrong with them the gateway calls Remarks, a field
// that the request does not have (reference/daraja.md §3.2).
func parseTexts(f engine.Fields, p *pushRequest, rules pushRules) (refusal, bool) {
	reference, description := maxText, maxText
	if rules.strictLengths {
		reference, description = maxReference, maxDescription
	}
	p.reference, p.description = f.Get("AccountReference").Plain(), f.Get("TransactionDesc").Plain()
	switch {
	case p.reference == "":
		return badField("Remarks", "AccountReference is missing"), false
	case utf8.RuneCountInString(p.reference) > reference:
		return badField("Remarks", "AccountReference is longer than "+strconv.Itoa(reference)+" characters"), false
	case p.description == "":
		return badField("Remarks", "TransactionDesc is missing; it is not optional whatever the portal says"), false
	case utf8.RuneCountInString(p.description) > description:
		return badField("Remarks", "TransactionDesc is longer than "+strconv.Itoa(description)+" characters"), false
	default:
		return refusal{}, true
	}
}

// longTexts is what the log says of texts that are longer than documented, "" for none.
func (p *pushRequest) longTexts() string {
	var long []string
	if n := utf8.RuneCountInString(p.reference); n > maxReference {
		long = append(long, "AccountReference has "+strconv.Itoa(n)+" characters, "+strconv.Itoa(maxReference)+" are documented")
	}
	if n := utf8.RuneCountInString(p.description); n > maxDescription {
		long = append(long, "TransactionDesc has "+strconv.Itoa(n)+" characters, "+strconv.Itoa(maxDescription)+" are documented")
	}
	return strings.Join(long, "; ")
}

// checkMerchant reports whether the shortcode exists and the password fits (reference/daraja.md §3.5). The lock is held.
func (x *express) checkMerchant(shortcode, password, timestamp, api string) (refusal, bool) {
	creds := engine.Credentials()
	known := shortcode == creds.Shortcode || shortcode == creds.Store || shortcode == creds.Till
	wrong := badMerchant("[MerchantValidate] - Wrong credentials",
		"Password is not base64 of BusinessShortCode, the passkey and the Timestamp of the same body")
	if x.e.Behaviours.Get("any-credentials", api) != nil {
		plain, err := base64.StdEncoding.DecodeString(password)
		if err != nil || !strings.HasPrefix(string(plain), shortcode) || !strings.HasSuffix(string(plain), timestamp) {
			return wrong, false
		}
		return refusal{}, true
	}
	if !known {
		return badMerchant("Merchant does not exist", "shortcode "+shortcode+" is none of "+creds.Shortcode+", "+creds.Store+
			" and "+creds.Till+" (any-credentials takes all)"), false
	}
	if password != base64.StdEncoding.EncodeToString([]byte(shortcode+creds.Passkey+timestamp)) {
		return wrong, false
	}
	return refusal{}, true
}
