package wasaapay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
)

// maxShown bounds a provider's text in messages, in bytes.
const maxShown = 300

// jsonObject holds the members of a JSON object by their exact names: encoding/json would
// take "Status" for "status". No error code or error shape of the vendor's is
// known, so each member is read leniently (reference/wasaapay.md §5).
type jsonObject map[string]json.RawMessage

// answer is one REST answer, read as far as it can be.
type answer struct {
	status int
	// json reports whether the body is a JSON object, foreign that it is no JSON at
	// all and not empty.
	json, foreign bool
	// refused is success: false.
	refused bool
	data    bool
	id      string
	// noID says what is wrong with what names the deposit; id is "" then.
	noID string
	// twice tells that a name stands twice in one object: nothing is read then.
	// hinted tells that the answer may speak of a deposit under way.
	twice, hinted bool
	// amount is the zero Amount when there is none; illegible says what is wrong
	// with one that cannot be read, or with the status.
	amount    payment.Amount
	illegible string
	// state is data.status as it came.
	state string
	// shownState is state made fit for showing.
	shownState    string
	receipt       string
	phone         payment.Phone
	reference     string
	failureReason string
	code, message string
	// hide takes the request's secrets out of a text.
	hide func(string) string
}

func readAnswer(r *apiclient.Response) answer {
	a := answer{status: r.Status, message: http.StatusText(r.Status), hide: r.Hide}
	if !r.IsJSON() {
		a.foreign = len(bytes.TrimSpace(r.Body)) > 0
		return a
	}
	body := bytes.TrimSpace(r.Body)
	a.hinted = hints(body, r.Status)
	e := object(body)
	if e == nil {
		return a
	}
	a.json = true
	if a.twice = hasNameTwice(body); a.twice {
		a.message = nameTwice
		return a
	}
	a.refused = string(e["success"]) == "false"
	a.hinted = a.hinted || string(e["success"]) == "true" && r.Status >= 400
	data := object(e["data"])
	if data != nil {
		a.data = true
		a.read(data, object(data["deposit"]))
	}
	a.code = a.shown(errorCode(e))
	if m := errorMessage(e, data); m != "" {
		a.message = a.shown(m)
	}
	return a
}

// read takes in a deposit's data, of which some may stand in a deposit member
// (reference/wasaapay.md §7.2). What stands in both must agree.
func (a *answer) read(data, inner jsonObject) {
	a.identify(text(data["id"]), text(data["depositId"]), text(inner["id"]), text(inner["depositId"]))
	a.amount, a.illegible = a.money(data)
	if nested, problem := a.money(inner); nested.HasValue() || problem != "" {
		if a.amount.HasValue() && a.amount != nested {
			problem = "the answer has two amounts"
		}
		a.amount, a.illegible = nested, cmp.Or(a.illegible, problem)
	}
	outer, within := text(data["status"]), text(inner["status"])
	a.state = cmp.Or(outer, within)
	a.shownState = a.shown(a.state)
	if outer != "" && within != "" && outer != within {
		a.illegible = statesDisagree
	}
	if receipt := cmp.Or(text(data["receiptNumber"]), text(inner["receiptNumber"])); isName(receipt) && a.hide(receipt) == receipt {
		a.receipt = receipt
	}
	// A masked number is none, and leaves the zero Phone.
	a.phone, _ = payment.ParsePhone(cmp.Or(text(data["phoneNumber"]), text(inner["phoneNumber"])))
	if reference := cmp.Or(text(data["externalReference"]), text(inner["externalReference"])); isName(reference) && a.hide(reference) == reference {
		a.reference = reference
	}
	a.failureReason = a.shown(cmp.Or(text(data["failureReason"]), text(inner["failureReason"])))
}

const (
	statesDisagree = "the answer has two statuses"
	unusableID     = "the answer's deposit id is longer than 512 bytes or not plain text"
)

func (a *answer) money(data jsonObject) (payment.Amount, string) {
	amount, currency := data["amount"], data["currency"]
	return wireMoney(amount, currency, a.hide(text(amount)), text(currency))
}

// shown is clean without what the text quotes of the request's secrets. They go
// first: half of one, where the text is cut, could not be told.
func (a *answer) shown(s string) string { return clean(a.hide(s)) }

// isName tells what can be an id or a receipt: it is kept, shown and put into
// addresses.
func isName(s string) bool {
	return s != "" && len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// identify takes the first id that there is; all that there are must agree (C6).
func (a *answer) identify(ids ...string) {
	for _, id := range ids {
		switch {
		case id == "" || id == a.id:
		case !isName(id):
			a.noID = unusableID
		case a.id == "":
			a.id = id
		default:
			a.noID = idsDisagree
		}
	}
	if a.noID != "" {
		a.id = ""
	}
}

// errorCode finds a code in the order of reference/wasaapay.md §5.
func errorCode(e jsonObject) string {
	for _, candidate := range []json.RawMessage{object(e["error"])["code"], e["errorCode"], e["code"], e["error"]} {
		if s := text(candidate); s != "" && !strings.ContainsAny(s, " \t\r\n") {
			return s
		}
	}
	return ""
}

// errorMessage finds a message in the order of reference/wasaapay.md §5.
func errorMessage(e, data jsonObject) string {
	var list []json.RawMessage
	var listed json.RawMessage
	if json.Unmarshal(e["errors"], &list) == nil && len(list) > 0 {
		listed = list[0]
	}
	for _, candidate := range []json.RawMessage{
		object(e["error"])["message"], e["message"], e["error"], object(listed)["message"], listed, data["message"],
	} {
		if s := text(candidate); s != "" {
			return s
		}
	}
	return ""
}

// object reads a JSON object, nil if raw is none.
func object(raw []byte) jsonObject {
	var m jsonObject
	if len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
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

// clean returns a provider's text fit for showing.
func clean(s string) string { return payment.Line(s, maxShown) }
