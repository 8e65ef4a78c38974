package view

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// Meaning is one meaning of a code; its keys are the contract.
type Meaning struct {
	Provider string   `json:"provider"`
	APIs     []string `json:"apis"`
	// Message is the part of the provider's text that this meaning goes with.
	Message     *string `json:"message"`
	HTTPStatus  []int   `json:"http_status"`
	Class       *string `json:"class"`
	Final       bool    `json:"final"`
	Meaning     string  `json:"meaning"`
	Retry       string  `json:"retry"`
	WaitSeconds *int64  `json:"wait_seconds"`
	Next        *string `json:"next"`
	Proof       *string `json:"proof"`
	ProofText   *string `json:"proof_text"`
	Source      string  `json:"source"`
}

// Explanation is a code with all that it may mean; none is an unknown code.
type Explanation struct {
	Code    string  `json:"code"`
	Message *string `json:"message"`
	// Line is where in a log it was found.
	Line     *int      `json:"line"`
	Known    bool      `json:"known"`
	Meanings []Meaning `json:"meanings"`
}

// NewExplanation returns the view of a code; line is 0 where it is from no log.
func NewExplanation(e payment.Explained, line int, showPhone bool) Explanation {
	v := Explanation{Code: e.Code, Message: payment.OrNull(phones(e.Message, showPhone)), Known: len(e.Meanings) > 0, Meanings: []Meaning{}}
	if line > 0 {
		v.Line = &line
	}
	for _, m := range e.Meanings {
		shown := Meaning{
			Provider: string(m.Provider), APIs: append([]string{}, m.APIs...), Message: payment.OrNull(m.Message), HTTPStatus: append([]int{}, m.HTTPStatus...),
			Class: payment.OrNull(m.Class), Final: m.Final, Meaning: m.Text, Retry: m.Retry, Next: payment.OrNull(m.Next),
			Proof: payment.OrNull(m.Proof), ProofText: payment.OrNull(m.ProofText), Source: m.Source,
		}
		if seconds := int64(m.Wait.Seconds()); seconds > 0 {
			shown.WaitSeconds = &seconds
		}
		v.Meanings = append(v.Meanings, shown)
	}
	return v
}

// Text writes a code and its meanings for people.
func (v Explanation) Text(t *ui.Text) {
	head := []ui.Span{ui.Bold(v.Code)}
	if v.Line != nil {
		head = append(head, ui.Dim(" (line "+strconv.Itoa(*v.Line)+")"))
	}
	switch len(v.Meanings) {
	case 0:
		head = append(head, ui.Warn("  unknown"))
	case 1:
	default:
		head = append(head, ui.Plain(fmt.Sprintf("  has %d meanings; --api and --message choose one", len(v.Meanings))))
	}
	t.Line(head...)
	for _, m := range v.Meanings {
		m.text(t)
	}
}

func (m Meaning) text(t *ui.Text) {
	final := ui.Warn("no")
	if m.Final {
		final = ui.OK("yes")
	}
	where := m.Provider
	if len(m.APIs) > 0 {
		where += " " + strings.Join(m.APIs, ", ")
	}
	proof := ""
	if m.Proof != nil {
		proof = *m.Proof + ": " + payment.Or(m.ProofText, "")
	}
	t.Fields(
		ui.KV("  in", ui.Plain(where)),
		ui.KV("  message", ui.Plain(payment.Or(m.Message, ""))),
		ui.KV("  meaning", ui.Bold(m.Meaning)),
		ui.KV("  class", ui.Plain(payment.Or(m.Class, ""))),
		ui.KV("  final", final),
		ui.KV("  try again", ui.Plain(m.Retry)),
		ui.KV("  next", ui.Plain(payment.Or(m.Next, ""))),
		ui.KV("  proof", ui.Dim(proof)),
		ui.KV("  source", ui.Dim(m.Source)),
	)
	t.Blank()
}
