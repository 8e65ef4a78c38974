package view

import (
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Received is one delivery as "listen" shows it; its keys are the contract.
type Received struct {
	Type       string   `json:"type"`
	ID         *string  `json:"id"`
	Provider   string   `json:"provider"`
	Event      *string  `json:"event"`
	Verdict    string   `json:"verdict"`
	Duplicate  bool     `json:"duplicate"`
	DepositID  *string  `json:"deposit_id"`
	StatusCode int      `json:"status_code"`
	Forwarded  []string `json:"forwarded"`
	ReceivedAt string   `json:"received_at"`
	Reason     *string  `json:"reason"`
	Code       *string  `json:"code"`
	Reference  *string  `json:"reference"`
	Amount     *string  `json:"amount"`
	Currency   *string  `json:"currency"`
	Phone      *string  `json:"phone"`
	Receipt    *string  `json:"receipt"`

	at   string
	kept string
}

// NewReceived returns the view of a delivery, with its time for people in a zone.
func NewReceived(v listen.DeliveryView, zone *time.Location, showPhone bool) Received {
	out := Received{
		Type: "delivery", ID: payment.OrNull(v.ID), Provider: string(v.Provider), Event: payment.OrNull(v.Event), Verdict: string(v.Verdict),
		Reason: payment.OrNull(phones(v.Reason, showPhone)), Code: payment.OrNull(v.Code), Reference: payment.OrNull(phones(v.Reference, showPhone)),
		Phone: payment.OrNull(phone(v.Phone, showPhone)), Receipt: payment.OrNull(v.Receipt),
		Duplicate: v.Duplicate, DepositID: payment.OrNull(v.DepositID), StatusCode: v.StatusCode, Forwarded: v.Forwarded,
		ReceivedAt: timing.RFC3339(v.ReceivedAt), at: clock(v.ReceivedAt, zone),
	}
	if out.Reason == nil {
		out.Reason = payment.OrNull(phones(v.Why, showPhone))
	}
	if v.Amount.HasValue() {
		out.Amount, out.Currency = payment.OrNull(v.Amount.String()), payment.OrNull(string(v.Amount.Currency()))
	}
	if out.Forwarded == nil {
		out.Forwarded = []string{}
	}
	switch {
	case v.Late:
		out.kept = "taken in late"
	case v.Spilled:
		out.kept = "kept beside the ledger"
	}
	return out
}

// clock is a time as people read it, in the zone that the first line names.
func clock(at time.Time, zone *time.Location) string {
	return at.In(zone).Format("2006-01-02 15:04:05")
}

// Text writes what happened on one line: when, what, why, how much, whose, and
// where it is kept.
func (v Received) Text(t *ui.Text) {
	line := []ui.Span{ui.Dim(v.at + "  "), ui.Plain(v.Provider + " "), ui.Bold(payment.Or(v.Event, "unknown"))}
	add := func(text *string, span func(string) ui.Span) {
		if text != nil {
			line = append(line, ui.Plain("  "), span(*text))
		}
	}
	if v.Code != nil {
		line = append(line, ui.Plain(" "+*v.Code))
	}
	line = append(line, ui.Plain("  "), Verdict(v.Verdict))
	if v.Reason != nil {
		line = append(line, ui.Warn(" ("+*v.Reason+")"))
	}
	if v.Duplicate {
		line = append(line, ui.Warn("  duplicate"))
	}
	if v.Amount != nil {
		line = append(line, ui.Plain("  "+*v.Amount+" "+payment.Or(v.Currency, "")))
	}
	add(v.Reference, ui.Plain)
	add(v.Phone, ui.Plain)
	add(v.Receipt, ui.Plain)
	add(v.ID, ui.Dim)
	if v.DepositID != nil {
		line = append(line, ui.Plain(" -> "+*v.DepositID))
	}
	if v.StatusCode >= 300 {
		line = append(line, ui.Bad("  answered "+strconv.Itoa(v.StatusCode)))
	}
	add(payment.OrNull(v.kept), ui.Warn)
	t.Line(line...)
}

// Forwarded is one attempt to forward a delivery; its keys are the contract.
type Forwarded struct {
	Type       string  `json:"type"`
	DeliveryID string  `json:"delivery_id"`
	Target     string  `json:"target"`
	Attempt    int     `json:"attempt"`
	StatusCode *int    `json:"status_code"`
	Error      *string `json:"error"`
	DurationMs float64 `json:"duration_ms"`
	NextAt     *string `json:"next_at"`
	Answer     *string `json:"answer"`

	at, next string
	ok       bool
}

// NewForwarded returns the view of an attempt.
func NewForwarded(v listen.ForwardView, zone *time.Location, showPhone bool) Forwarded {
	out := Forwarded{
		Type: "forward", DeliveryID: v.DeliveryID, Target: v.Target, Attempt: v.Attempt, Error: payment.OrNull(v.Error),
		DurationMs: milliseconds(v.Duration), NextAt: timing.RFC3339OrNull(v.NextAt), Answer: payment.OrNull(Answer(v.Answer, showPhone)),
		at: clock(v.At, zone), ok: v.StatusCode >= 200 && v.StatusCode < 300,
	}
	if v.StatusCode > 0 {
		out.StatusCode = &v.StatusCode
	}
	switch {
	case out.ok:
	case v.NextAt.IsZero():
		out.next = "given up; payctl webhook replay --failed sends it again"
	default:
		out.next = "again at " + v.NextAt.In(zone).Format("15:04:05")
	}
	return out
}

// Text writes an attempt below its delivery.
func (v Forwarded) Text(t *ui.Text) {
	status := ui.Bad("---")
	if v.StatusCode != nil {
		status = ui.Bad(strconv.Itoa(*v.StatusCode))
		if v.ok {
			status = ui.OK(strconv.Itoa(*v.StatusCode))
		}
	}
	line := []ui.Span{ui.Dim(v.at + "    -> "), ui.Plain(v.Target + "  "), status, ui.Dim("  " + strconv.FormatFloat(v.DurationMs, 'f', 0, 64) + " ms")}
	if v.Attempt > 1 {
		line = append(line, ui.Plain("  attempt "+strconv.Itoa(v.Attempt)))
	}
	if v.Error != nil {
		line = append(line, ui.Warn("  "+*v.Error))
	}
	if v.Answer != nil {
		line = append(line, ui.Plain("  "+payment.Cut(oneLine(*v.Answer), shownStart)))
	}
	if v.next != "" {
		line = append(line, ui.Warn("  "+v.next))
	}
	t.Line(append(line, ui.Dim("  "+v.DeliveryID))...)
}

// shownStart is how much of an answer stands behind an attempt, in bytes.
const shownStart = 80

// Stray is a request under /callbacks/ that fits no route; its keys are the contract.
type Stray struct {
	Type       string  `json:"type"`
	Method     string  `json:"method"`
	Path       string  `json:"path"`
	Peer       *string `json:"peer"`
	StatusCode int     `json:"status_code"`
	ID         *string `json:"id"`
	ReceivedAt string  `json:"received_at"`

	at string
}

// NewStray returns the view of a stray request.
func NewStray(v listen.StrayView, zone *time.Location) Stray {
	return Stray{
		Type: "stray", Method: v.Method, Path: v.Path, Peer: payment.OrNull(v.Peer), StatusCode: v.StatusCode, ID: payment.OrNull(v.ID),
		ReceivedAt: timing.RFC3339(v.At), at: clock(v.At, zone),
	}
}

// Text says that there is no such route, and where the request is kept.
func (v Stray) Text(t *ui.Text) {
	parts := []string{v.Method, v.Path, "from " + payment.Or(v.Peer, "an unknown peer"), "answered " + strconv.Itoa(v.StatusCode)}
	line := []ui.Span{ui.Dim(v.at + "  "), ui.Bad("stray"), ui.Plain("  " + strings.Join(parts, "  "))}
	if v.ID != nil {
		line = append(line, ui.Dim("  kept as "+*v.ID))
	}
	t.Line(line...)
}
