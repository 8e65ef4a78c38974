package view

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Delivery is a stored delivery in lists; its keys are the contract.
type Delivery struct {
	ID            string  `json:"id"`
	Provider      string  `json:"provider"`
	Event         *string `json:"event"`
	Verdict       string  `json:"verdict"`
	DuplicateOf   *string `json:"duplicate_of"`
	SamePaymentAs *string `json:"same_payment_as"`
	DepositID     *string `json:"deposit_id"`
	ReceivedAt    string  `json:"received_at"`
	Size          int64   `json:"size"`
	SHA256        string  `json:"sha256"`
	Body          *string `json:"body,omitempty"`
	BodyBase64    *string `json:"body_base64,omitempty"`
}

// NewDelivery returns the view of a delivery, with its body if that is wanted.
func NewDelivery(d store.StoredDelivery, withBody, showPhone bool) Delivery {
	v := Delivery{
		ID: d.ID, Provider: string(d.Provider), Verdict: string(d.Verdict), DuplicateOf: payment.OrNull(d.DuplicateOf), SamePaymentAs: payment.OrNull(d.SamePaymentAs),
		DepositID: payment.OrNull(d.DepositID), ReceivedAt: timing.RFC3339(d.ReceivedAt), Size: d.Size, SHA256: d.SHA256,
	}
	if d.Event != nil {
		v.Event = payment.OrNull(d.Event.Name)
	}
	if !withBody {
		return v
	}
	body := Body(d.Body, showPhone)
	if text := string(body); utf8.ValidString(text) {
		v.Body = &text
	} else {
		encoded := base64.StdEncoding.EncodeToString(body)
		v.BodyBase64 = &encoded
	}
	return v
}

// DeliveryColumns head a list of deliveries.
func DeliveryColumns() []ui.Column {
	return []ui.Column{ui.Left("ID"), ui.Left("PROVIDER").Dropped(2), ui.Flexible("EVENT"), ui.Left("VERDICT"), ui.Left("DEPOSIT").Dropped(1), ui.Left("RECEIVED").Dropped(3)}
}

// Cells are a delivery's columns in a list.
func (v Delivery) Cells() []ui.Span {
	event := payment.Or(v.Event, "-")
	if v.DuplicateOf != nil {
		event += " (duplicate)"
	}
	return []ui.Span{
		ui.Plain(v.ID), ui.Plain(v.Provider), ui.Plain(event), Verdict(v.Verdict), ui.Plain(payment.Or(v.DepositID, "-")), ui.When(v.ReceivedAt),
	}
}

// Verdict is a verdict in the colour of what it means.
func Verdict(verdict string) ui.Span {
	switch payment.Verdict(verdict) {
	case payment.VerdictValid, payment.VerdictUnsigned:
		return ui.OK(verdict)
	case payment.VerdictMismatch, payment.VerdictMalformed, payment.VerdictUntrusted, payment.VerdictStray:
		return ui.Bad(verdict)
	}
	return ui.Warn(verdict)
}

// DeliveryDetail is one stored delivery with everything about it.
type DeliveryDetail struct {
	Delivery
	Route   string            `json:"route"`
	Reason  *string           `json:"reason"`
	QueryID *string           `json:"query_id"`
	Peer    *string           `json:"peer"`
	Headers map[string]string `json:"headers"`
	// Notes are the oddities that reading it met.
	Notes    []string  `json:"notes"`
	Attempts []Attempt `json:"attempts,omitempty"`

	pretty string
}

// NewDeliveryDetail returns the view of one delivery, body and headers included.
func NewDeliveryDetail(d store.StoredDelivery, showPhone bool) DeliveryDetail {
	v := DeliveryDetail{
		Delivery: NewDelivery(d, true, showPhone), Route: d.Route, Reason: payment.OrNull(d.Reason), QueryID: payment.OrNull(d.QueryID),
		Peer: payment.OrNull(d.Peer), Headers: map[string]string{}, Notes: []string{},
	}
	if d.Event != nil {
		for _, note := range d.Event.Notes {
			v.Notes = append(v.Notes, phones(note, showPhone))
		}
	}
	for name, values := range d.Header {
		v.Headers[name] = strings.Join(values, ", ")
		if strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "X-Api-Key") || strings.EqualFold(name, "Cookie") {
			v.Headers[name] = "[redacted]"
		}
	}
	v.pretty = string(Indented(Body(d.Body, showPhone)))
	return v
}

// mostNested bounds how deep what is indented may be: each level makes every line below
// it longer, so that a few kilobytes of brackets would become hundreds of megabytes.
const mostNested = 100

// Indented returns JSON with a line for each value; what is not JSON, or too deep, as it is.
func Indented(body []byte) []byte {
	depth, most := 0, 0
	for _, c := range body { // brackets in texts count too: that is deep enough, only sooner
		switch c {
		case '[', '{':
			depth++
			most = max(most, depth)
		case ']', '}':
			depth--
		}
	}
	var out bytes.Buffer
	if most > mostNested || json.Indent(&out, body, "", "  ") != nil {
		return body
	}
	return out.Bytes()
}

// Text writes a delivery for people.
func (v DeliveryDetail) Text(t *ui.Text) {
	fields := []ui.Field{
		ui.KV("delivery", ui.Bold(v.ID)), ui.KV("provider", ui.Plain(v.Provider)), ui.KV("route", ui.Plain(v.Route)),
		ui.KV("event", ui.Plain(payment.Or(v.Event, ""))), ui.KV("verdict", Verdict(v.Verdict)), ui.KV("reason", ui.Plain(payment.Or(v.Reason, ""))),
		ui.KV("duplicate of", ui.Plain(payment.Or(v.DuplicateOf, ""))), ui.KV("same payment as", ui.Plain(payment.Or(v.SamePaymentAs, ""))),
		ui.KV("deposit", ui.Plain(payment.Or(v.DepositID, ""))), ui.KV("query", ui.Plain(payment.Or(v.QueryID, ""))),
		ui.KV("peer", ui.Plain(payment.Or(v.Peer, ""))), ui.KV("received", ui.When(v.ReceivedAt)), ui.KV("sha256", ui.Dim(v.SHA256)),
	}
	for _, note := range v.Notes {
		fields = append(fields, ui.KV("note", ui.Warn(note)))
	}
	t.Fields(fields...)
	for _, name := range slices.Sorted(maps.Keys(v.Headers)) {
		t.Line(ui.Dim("  " + name + ": " + v.Headers[name]))
	}
	t.Block(2, v.pretty)
	for _, at := range v.Attempts {
		at.Text(t)
	}
}

// Attempt is one try at sending a delivery on.
type Attempt struct {
	Target    string  `json:"target"`
	At        string  `json:"at"`
	Status    *int    `json:"status"`
	LatencyMs float64 `json:"latency_ms"`
	Error     *string `json:"error"`
	Run       *string `json:"run"`
	Body      *string `json:"body"`
}

// NewAttempt returns the view of an attempt.
func NewAttempt(at store.Attempt, showPhone bool) Attempt {
	v := Attempt{
		Target: deliver.Shown(at.Target), At: timing.RFC3339(at.At), LatencyMs: milliseconds(at.Latency),
		Error: payment.OrNull(at.Error), Run: payment.OrNull(at.RunID), Body: payment.OrNull(phones(at.Body, showPhone)),
	}
	if at.Status > 0 {
		v.Status = &at.Status
	}
	return v
}

// Text writes an attempt with the beginning of its answer.
func (v Attempt) Text(t *ui.Text) {
	var result []string
	if v.Status != nil {
		result = append(result, strings.TrimSpace(strconv.Itoa(*v.Status)+" "+http.StatusText(*v.Status)))
	}
	if v.Error != nil {
		result = append(result, *v.Error)
	}
	t.Linef("  attempt %s -> %s: %s (%.1f ms)", v.At, v.Target, strings.Join(result, ", "), v.LatencyMs)
	if v.Body != nil {
		t.Line(ui.Dim("    " + payment.Cut(oneLine(*v.Body), shownLine)))
	}
}

// shownLine is how much of an answer stands on a line, in bytes.
const shownLine = 200

// oneLine is a text with its white space made single blanks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Answer is the start of an answer's body as text, masked before it is cut: half a number
// cannot be told from another.
func Answer(body []byte, showPhone bool) string {
	text := phones(strings.ToValidUTF8(string(body[:min(len(body), 2*mostAnswer)]), "\uFFFD"), showPhone)
	for len(text) > mostAnswer || !utf8.ValidString(text) {
		text = text[:min(mostAnswer, len(text)-1)]
	}
	return strings.TrimSpace(text)
}

// mostAnswer bounds what is shown of an answer's body, in bytes.
const mostAnswer = 1 << 10

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
