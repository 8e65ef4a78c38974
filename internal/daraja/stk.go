package daraja

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// stkFields is what an STK callback says, as text (reference/daraja.md §4.1).
type stkFields struct {
	merchant, checkout string
	code               string
	// odd says that ResultCode, an id or an item came twice with different
	// values, or in a type that no source shows: nothing is concluded from it.
	odd bool
	// notText is the name of an id that is no string, "" where all are.
	notText     string
	description string
	amount      string
	receipt     string
	date        string
	phone       string
}

// inspection concludes from the fields. Only a code of the closed list makes
// a claim, and a success only with a receipt and without an amount that cannot
// be read: a body that lacks them is asked about instead of believed (§4.2,
// §11 row 7).
func (f stkFields) inspection(shortCode string) payment.Inspection {
	if f.notText != "" {
		return notID(f.notText)
	}
	if !printable(f.checkout) {
		return malformed(reasonNoCheckout)
	}
	if f.receipt != "" && !printable(f.receipt) || f.merchant != "" && !printable(f.merchant) {
		f.odd, f.receipt, f.merchant = true, "", ""
	}
	e := payment.Event{
		Name: EventSTKUnknown, ProviderID: f.checkout, MerchantRequestID: f.merchant,
		Receipt: f.receipt, Phone: cut(f.phone), ShortCode: cut(shortCode), OccurredAt: wireTime(f.date),
	}
	readable := true
	if f.amount != "" {
		amount, err := payment.ParseWireAmount(f.amount, payment.KES)
		readable = err == nil
		e.Amount = amount
	}
	found, known := resultClass(APISTK, f.code, f.description)
	switch {
	case f.odd:
		e.Notes = append(e.Notes, "a field came twice or in an unknown form: nothing is concluded from this callback")
	case found.class == ClassFailed:
		e.Name, e.Status = EventSTKFailed, payment.StatusFailed
		e.Failure = &payment.Failure{Code: f.code, Reason: payment.Line(f.description, maxText), Advice: advice(found)}
	case found.class == ClassPaid:
		e.Notes = f.doubts(readable)
		if readable && f.receipt != "" {
			e.Name, e.Status = EventSTKCompleted, payment.StatusCompleted
		}
	case f.code == "":
		e.Notes = append(e.Notes, "no ResultCode: nothing is concluded from this callback")
	case known:
		e.Notes = append(e.Notes, "result code "+clip(f.code)+" settles nothing: "+found.meaning)
	default:
		e.Notes = append(e.Notes, "unknown result code "+clip(f.code)+": nothing is concluded from this callback"+f.said())
	}
	e.Key = f.key(e.Amount)
	return unsigned(e)
}

// said is the description of a code in brackets, "" where there is none.
func (f stkFields) said() string {
	if text := payment.Line(f.description, 200); text != "" {
		return " (" + text + ")"
	}
	return ""
}

// key names the event: what is claimed for which push, so that a false claim
// never hides the true one.
func (f stkFields) key(amount payment.Amount) string {
	odd, money := "", ""
	if f.odd {
		odd = "odd"
	}
	if amount.HasValue() {
		money = amount.String()
	}
	return joinKey("stk", f.checkout, f.code, f.receipt, money, odd)
}

func (f stkFields) doubts(readable bool) []string {
	var notes []string
	switch {
	case f.receipt == "":
		notes = append(notes, "success without an M-PESA receipt: not taken for proof, ask the query")
	case !isReceipt(f.receipt):
		notes = append(notes, "the receipt is not 10 capital letters and digits")
	}
	switch {
	case !readable:
		notes = append(notes, "the amount cannot be read: not taken for proof, ask the query")
	case f.amount == "":
		notes = append(notes, "success without an amount: it could not be compared with the request")
	}
	return notes
}

// clip is shown for a code or another short text in a note.
func clip(s string) string { return payment.Cut(shown(s), 40) }

// isReceipt tells the form of an M-PESA receipt (§3.3).
func isReceipt(s string) bool {
	if len(s) != 10 {
		return false
	}
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'A' || s[i] > 'Z') {
			return false
		}
	}
	return true
}

// wireTime reads yyyyMMddHHmmss and dd.MM.yyyy HH:mm:ss, both East Africa
// Time; anything else is no time (§4.1, §10.2).
func wireTime(s string) time.Time {
	switch {
	case digitsBetween(s, 14, 14):
		return dateOf(s[0:4], s[4:6], s[6:8], s[8:14])
	case len(s) == 19 && s[2] == '.' && s[5] == '.' && s[10] == ' ' && s[13] == ':' && s[16] == ':':
		return dateOf(s[6:10], s[3:5], s[0:2], s[11:13]+s[14:16]+s[17:19])
	}
	return time.Time{}
}

func dateOf(year, month, day, hms string) time.Time {
	n := func(s string) int {
		v := 0
		for i := range len(s) {
			if s[i] < '0' || s[i] > '9' {
				return -1
			}
			v = v*10 + int(s[i]-'0')
		}
		return v
	}
	y, mo, d, h, mi, sec := n(year), n(month), n(day), n(hms[0:2]), n(hms[2:4]), n(hms[4:6])
	if y < 1 || mo < 1 || mo > 12 || d < 1 || h < 0 || h > 23 || mi < 0 || mi > 59 || sec < 0 || sec > 59 {
		return time.Time{}
	}
	at := time.Date(y, time.Month(mo), d, h, mi, sec, 0, time.UTC)
	if at.Day() != d {
		return time.Time{}
	}
	return at.Add(-timing.EATOffset)
}

// readSTK reads the fields from a tree, whatever order, case and collapsing
// they came with (§4.1).
func readSTK(n node) stkFields {
	f := stkFields{notText: n.notText("merchantrequestid", "checkoutrequestid")}
	f.merchant = f.field(n, "merchantrequestid")
	f.checkout = f.field(n, "checkoutrequestid")
	f.code = f.field(n, "resultcode")
	f.description = n.get("resultdesc").scalar()
	metadata := n.get("callbackmetadata")
	items := metadata.get("item")
	if metadata.kind == '[' {
		items = metadata
	}
	for _, item := range items.list() {
		f.item(item.get("name").scalar(), item)
	}
	return f
}

// field reads a scalar member; one that is there in another form is odd.
func (f *stkFields) field(n node, key string) string {
	value := n.get(key).scalar()
	if value != "" {
		return value
	}
	for _, m := range n.members {
		if fold(m.key) == key && m.value.kind != 'n' && (m.value.kind != '"' || m.value.text != "") {
			f.odd = true
		}
	}
	return ""
}

func (f *stkFields) item(name string, n node) {
	switch fold(name) {
	case "amount":
		f.once(&f.amount, f.field(n, "value"))
	case "mpesareceiptnumber":
		if n.notText("value") != "" {
			f.notText = "MpesaReceiptNumber"
		}
		f.once(&f.receipt, f.field(n, "value"))
	case "transactiondate":
		f.date = n.get("value").scalar()
	case "phonenumber":
		f.phone = n.get("value").scalar()
	}
}

func (f *stkFields) once(to *string, value string) {
	if *to != "" && value != *to {
		f.odd = true
		return
	}
	*to = value
}
