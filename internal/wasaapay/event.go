package wasaapay

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// maxText bounds a text that is taken from a message, in bytes.
const maxText = 512

// reading is a message with the places of its known members.
type reading struct {
	body []byte
	at   fields
}

// text returns a member's characters: a string's, or a number's as it stands.
// Anything else, and anything absurdly long, counts as absent.
func (r *reading) text(f field) string {
	span := r.at[f]
	if !span.isSet() {
		return ""
	}
	raw := span.of(r.body)
	switch {
	case len(raw) > 6*maxText:
		return ""
	case raw[0] == '"' && stringStop(raw, 1) == len(raw)-1:
		if word := usual(raw[1 : len(raw)-1]); word != "" {
			return word
		}
		return strings.ToValidUTF8(string(raw[1:len(raw)-1]), "\uFFFD")
	case raw[0] == '"':
		return string(appendText(nil, raw))
	case raw[0] == '-' || isDigit(raw[0]):
		return string(raw)
	}
	return ""
}

// usual returns a word that most messages hold without allocating it, or "".
func usual(b []byte) string {
	switch string(b) {
	case "deposit.completed":
		return "deposit.completed"
	case "deposit.failed":
		return "deposit.failed"
	case "deposit.initiated":
		return "deposit.initiated"
	case "COMPLETED":
		return "COMPLETED"
	case "FAILED":
		return "FAILED"
	case "PENDING":
		return "PENDING"
	case "PRODUCTION":
		return "PRODUCTION"
	case "SANDBOX":
		return "SANDBOX"
	case "KES":
		return "KES"
	}
	return ""
}

// Events returns the names of the webhook events (reference/wasaapay.md §11.3).
func Events() []string {
	return []string{
		"deposit.initiated", "deposit.completed", "deposit.failed",
		"withdrawal.initiated", "withdrawal.completed", "withdrawal.failed",
		"transfer.completed", "transfer.failed",
		"bill.initiated", "bill.completed", "bill.failed",
	}
}

func knownEvent(name string) bool {
	return slices.Contains(Events(), name)
}

// event reads what a message means. name is the stream's event name, "" for a
// webhook. It returns nil when the message names no event. Whether it is of the
// profile's environment is the caller's to ask.
func (r *reading) event(name string, env payment.Environment) *payment.Event {
	raw := r.text(fieldEvent)
	if name == "" {
		name = raw
	}
	if name == "" || len(name) > maxText {
		return nil
	}
	// Webhooks write a dot, the stream a colon (C5).
	e := &payment.Event{Provider: payment.WasaaPay, Environment: env, Name: strings.Replace(name, ":", ".", 1)}
	family, step, _ := strings.Cut(e.Name, ".")
	certain := r.resourceID(e, family)
	e.Reference = r.text(fieldExternalReference)
	if e.Reference == "" {
		e.Reference = r.text(fieldReference)
	}
	e.Receipt = r.text(fieldReceipt)
	e.Phone = r.text(fieldPhone)
	legible := r.amount(e)
	r.time(e)
	status := r.text(fieldStatus)
	if !knownEvent(e.Name) {
		e.Notes = append(e.Notes, "WasaaPay documents no event of this name")
	} else if family == "deposit" {
		r.claim(e, step, status)
		if raw != "" && strings.Replace(raw, ":", ".", 1) != e.Name && e.Status.Final() {
			e.Status, e.Failure = payment.StatusPending, nil
			e.Notes = append(e.Notes, "the message's name and its event member disagree: taken as undecided")
		}
	}
	e.Key = r.key(e, env, status)
	switch {
	case !certain:
		e.Status, e.Failure = "", nil
	case !legible && e.Status.Final():
		e.Status, e.Failure = payment.StatusPending, nil
		e.Notes = append(e.Notes, "what was paid is not certain: taken as undecided")
	}
	if !certain || !legible {
		// The same event in a form that can be read is no repetition of this.
		e.Key += "/unclear"
	}
	return e
}

// resourceID finds what the event is about: data.depositId, else data.id, else
// the family's own id (reference/wasaapay.md §11.6). It is not certain when the
// first two disagree (C6).
func (r *reading) resourceID(e *payment.Event, family string) (certain bool) {
	deposit, id := r.text(fieldDepositID), r.text(fieldID)
	switch {
	case deposit != "":
		e.ProviderID = deposit
	case id != "":
		e.ProviderID = id
	case family == "withdrawal":
		e.ProviderID = r.text(fieldWithdrawalID)
	case family == "transfer":
		e.ProviderID = r.text(fieldTransferID)
	case family == "bill":
		e.ProviderID = r.text(fieldBillID)
	}
	if deposit != "" && id != "" && deposit != id {
		e.Notes = append(e.Notes, idsDisagree)
		return false
	}
	return true
}

const idsDisagree = "data.depositId and data.id disagree: it is not certain which deposit this is"

// claim sets what the event claims of a deposit. Where the event's name and
// data.status do not say the same, or the status is not documented, the claim
// is no more than PENDING: asking settles it.
func (r *reading) claim(e *payment.Event, step, status string) {
	named := payment.StatusPending
	switch step {
	case "completed":
		named = payment.StatusCompleted
	case "failed":
		named = payment.StatusFailed
	}
	e.Status = named
	switch stated := payment.Status(status); {
	case status == "" || stated == named:
	case stated == payment.StatusPending || stated == payment.StatusCompleted || stated == payment.StatusFailed:
		e.Status = payment.StatusPending
		e.Notes = append(e.Notes, "the event and data.status "+status+" disagree: taken as undecided")
	default:
		e.Status = payment.StatusPending
		e.Notes = append(e.Notes, "the status "+clean(status)+" is not documented: taken as undecided")
	}
	if e.Status == payment.StatusFailed {
		e.Failure = failure("", clean(r.text(fieldFailureReason)))
	}
}

// amount reads data.amount and data.currency, and reports whether what is there
// can be read.
func (r *reading) amount(e *payment.Event) (legible bool) {
	text := r.text(fieldAmount)
	if raw := r.raw(fieldAmount); text != "" && raw[0] != '"' {
		text = Number(text) // what was signed
	}
	amount, problem := wireMoney(r.raw(fieldAmount), r.raw(fieldCurrency), text, r.text(fieldCurrency))
	if problem != "" {
		e.Notes = append(e.Notes, problem)
	}
	e.Amount = amount
	return problem == ""
}

// raw is a member's value as it stands, nil where there is none.
func (r *reading) raw(f field) []byte {
	if !r.at[f].isSet() {
		return nil
	}
	return r.at[f].of(r.body)
}

// time reads the timestamp: RFC 3339 with or without a fraction (C8).
func (r *reading) time(e *payment.Event) {
	text := r.text(fieldTimestamp)
	if text == "" {
		return
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		e.Notes = append(e.Notes, "the timestamp is not RFC 3339")
		return
	}
	e.OccurredAt = at.UTC()
}

// environment returns what speaks against the message being of the profile's
// environment, or "": a test payment must not settle a real deposit, nor the other way
// round. webhook says that the documents have it say which it is; a stream's connection
// does instead. absent says what one that does not say is taken for.
func (r *reading) environment(env payment.Environment, webhook, absent bool) string {
	raw := r.raw(fieldEnvironment)
	moves := ": it moves nothing"
	switch theirs := r.text(fieldEnvironment); {
	case env != payment.Sandbox && env != payment.Production:
		return ""
	case len(raw) == 0 && (!webhook || absent):
		return ""
	case len(raw) == 0:
		return "the event does not say of which environment it is, and wasaapay.absent_environment is hold" + moves
	case raw[0] == '"' && theirs == strings.ToUpper(string(env)):
		return ""
	case raw[0] == '"' && env == payment.Sandbox && strings.EqualFold(theirs, string(env)):
		return ""
	case raw[0] == '"' && (theirs == "SANDBOX" || theirs == "PRODUCTION"):
		return "the event is of the " + strings.ToLower(theirs) + " environment, this profile of " + string(env) + moves
	}
	return "the event does not say \"" + strings.ToUpper(string(env)) + "\" as its environment, and this profile is of " + string(env) + moves
}

// notText returns which id of the message is no string, or "". A number is signed as the
// double that JavaScript made of it, so that many texts have one signature; what is
// verified would not be what is read.
func (r *reading) notText() string {
	for _, f := range []field{
		fieldDepositID, fieldID, fieldWithdrawalID, fieldTransferID, fieldBillID, fieldReference, fieldExternalReference, fieldReceipt,
	} {
		if raw := r.raw(f); !isAbsent(raw) && raw[0] != '"' {
			return "data." + f.name() + " is not a string, as every id is"
		}
	}
	return ""
}

// key is equal for deliveries of the same event: environment, event, resource
// and status, since there is no event id (reference/wasaapay.md §11.6). A
// message that names no resource is known by its bytes.
func (r *reading) key(e *payment.Event, env payment.Environment, status string) string {
	id := e.ProviderID
	if id == "" {
		id = r.text(fieldReference)
	}
	if id == "" {
		sum := sha256.Sum256(r.body)
		id = "sha256:" + hex.EncodeToString(sum[:])
	}
	theirs := r.text(fieldEnvironment)
	if theirs == "" {
		// Stream messages do not say; the connection does.
		theirs = strings.ToUpper(string(env))
	}
	var b strings.Builder
	b.Grow(len(theirs) + len(e.Name) + len(id) + len(status) + 3)
	for i, part := range [...]string{theirs, e.Name, id, status} {
		if i > 0 {
			b.WriteByte('/')
		}
		if strings.ContainsAny(part, "/%") {
			part = strings.NewReplacer("%", "%25", "/", "%2F").Replace(part)
		}
		b.WriteString(part)
	}
	return b.String()
}
