package wasaapay

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
)

// maxShown bounds a provider's text in messages, in bytes.
const maxShown = 300

// envelope is what every REST answer is read as. No error code or error shape
// of the vendor's is known, so each member is read leniently
// (reference/wasaapay.md §5).
type envelope struct {
	Success   json.RawMessage `json:"success"`
	Data      json.RawMessage `json:"data"`
	Error     json.RawMessage `json:"error"`
	ErrorCode json.RawMessage `json:"errorCode"`
	Code      json.RawMessage `json:"code"`
	Message   json.RawMessage `json:"message"`
	Errors    json.RawMessage `json:"errors"`
}

// depositData is what is read of a deposit in an answer.
type depositData struct {
	ID            json.RawMessage `json:"id"`
	DepositID     json.RawMessage `json:"depositId"`
	Amount        json.RawMessage `json:"amount"`
	Currency      json.RawMessage `json:"currency"`
	Status        json.RawMessage `json:"status"`
	ReceiptNumber json.RawMessage `json:"receiptNumber"`
	FailureReason json.RawMessage `json:"failureReason"`
	Message       json.RawMessage `json:"message"`
	Deposit       json.RawMessage `json:"deposit"`
}

// answer is one REST answer, read as far as it can be.
type answer struct {
	status int
	// json tells whether the body is a JSON object, foreign that it is no JSON at
	// all and not empty.
	json, foreign bool
	// refused is success: false.
	refused bool
	data    bool
	id      string
	// disagree says that the data names two deposits; id is "" then.
	disagree bool
	// amount is the zero Amount when there is none; illegible says what is wrong
	// with one that cannot be read.
	amount    payment.Amount
	illegible string
	// state is data.status as it came.
	state         string
	receipt       string
	failureReason string
	code, message string
}

func readAnswer(r *apiclient.Response) answer {
	a := answer{status: r.Status, message: http.StatusText(r.Status)}
	var e envelope
	if !r.IsJSON() {
		a.foreign = len(bytes.TrimSpace(r.Body)) > 0
		return a
	}
	if json.Unmarshal(r.Body, &e) != nil {
		return a
	}
	a.json = true
	a.refused = string(e.Success) == "false"
	var d depositData
	if object(e.Data, &d) {
		a.data = true
		var inner depositData
		ids := []string{text(d.ID), text(d.DepositID)}
		if object(d.Deposit, &inner) {
			ids = append(ids, text(inner.ID), text(inner.DepositID))
			if isAbsent(d.Amount) && isAbsent(d.Currency) {
				d.Amount, d.Currency = inner.Amount, inner.Currency
			}
			d.Status = first(d.Status, inner.Status)
			d.ReceiptNumber = first(d.ReceiptNumber, inner.ReceiptNumber)
			d.FailureReason = first(d.FailureReason, inner.FailureReason)
		}
		a.amount, a.illegible = wireMoney(d.Amount, d.Currency, text(d.Amount), text(d.Currency))
		a.identify(ids)
		a.state = text(d.Status)
		a.receipt = text(d.ReceiptNumber)
		a.failureReason = clean(text(d.FailureReason))
	}
	a.code = errorCode(e)
	if m := errorMessage(e, d); m != "" {
		a.message = clean(m)
	}
	return a
}

// identify takes the first id that there is; all that there are must agree (C6).
func (a *answer) identify(ids []string) {
	for _, id := range ids {
		switch {
		case id == "" || id == a.id:
		case a.id == "":
			a.id = id
		default:
			a.disagree = true
		}
	}
	if a.disagree {
		a.id = ""
	}
}

// errorCode finds a code in the order of reference/wasaapay.md §5.
func errorCode(e envelope) string {
	var nested struct {
		Code json.RawMessage `json:"code"`
	}
	object(e.Error, &nested)
	for _, candidate := range []json.RawMessage{nested.Code, e.ErrorCode, e.Code, e.Error} {
		if s := text(candidate); s != "" && !strings.ContainsAny(s, " \t\r\n") {
			return clean(s)
		}
	}
	return ""
}

// errorMessage finds a message in the order of reference/wasaapay.md §5.
func errorMessage(e envelope, d depositData) string {
	var nested struct {
		Message json.RawMessage `json:"message"`
	}
	object(e.Error, &nested)
	var list []json.RawMessage
	var inList struct {
		Message json.RawMessage `json:"message"`
	}
	var bare json.RawMessage
	if json.Unmarshal(e.Errors, &list) == nil && len(list) > 0 {
		object(list[0], &inList)
		bare = list[0]
	}
	for _, candidate := range []json.RawMessage{nested.Message, e.Message, e.Error, inList.Message, bare, d.Message} {
		if s := text(candidate); s != "" {
			return s
		}
	}
	return ""
}

// object reads raw into v if it is a JSON object.
func object(raw json.RawMessage, v any) bool {
	return len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, v) == nil
}

// text returns a JSON string's or number's characters, else "".
func text(raw json.RawMessage) string {
	var s string
	switch {
	case len(raw) == 0:
	case raw[0] == '"':
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
	case raw[0] == '-' || isDigit(raw[0]):
		s = string(raw)
	}
	return s
}

// first returns the first that is present.
func first(candidates ...json.RawMessage) json.RawMessage {
	for _, c := range candidates {
		if text(c) != "" {
			return c
		}
	}
	return nil
}

// clean makes a provider's text fit for showing: one bounded line without
// control characters or full phone numbers.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > maxShown {
		cut := maxShown
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return payment.MaskDigits(strings.TrimSpace(s))
}
