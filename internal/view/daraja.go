package view

import (
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Acceptance is an answer that nothing more comes of by itself.
type Acceptance struct {
	ShortCode                string  `json:"shortcode"`
	OriginatorConversationID *string `json:"originator_conversation_id"`
	Code                     *string `json:"code"`
	Message                  *string `json:"message"`
	ResponseType             *string `json:"response_type"`
	ConfirmationURL          *string `json:"confirmation_url"`
	ValidationURL            *string `json:"validation_url"`
}

// NewAcceptance is an acceptance for a shortcode.
func NewAcceptance(shortCode string, a payment.Acceptance) Acceptance {
	return Acceptance{
		ShortCode: shortCode, OriginatorConversationID: payment.OrNull(a.OriginatorConversationID), Code: payment.OrNull(a.Code), Message: payment.OrNull(a.Message),
	}
}

// Text writes an acceptance for people.
func (v Acceptance) Text(t *ui.Text) {
	t.Fields(
		ui.KV("shortcode", ui.Bold(v.ShortCode)), ui.KV("answer", ui.OK(payment.Or(v.Message, "accepted"))), ui.KV("code", ui.Plain(payment.Or(v.Code, ""))),
		ui.KV("conversation", ui.Plain(payment.Or(v.OriginatorConversationID, ""))), ui.KV("without an answer", ui.Plain(payment.Or(v.ResponseType, ""))),
		ui.KV("confirmation", ui.Plain(payment.Or(v.ConfirmationURL, ""))), ui.KV("validation", ui.Plain(payment.Or(v.ValidationURL, ""))),
	)
}

// Credential is a credential and the certificate that it was made with.
type Credential struct {
	SecurityCredential string      `json:"security_credential"`
	Certificate        Certificate `json:"certificate"`
}

// Certificate names a certificate.
type Certificate struct {
	Subject     string `json:"subject"`
	Issuer      string `json:"issuer"`
	Serial      string `json:"serial"`
	Fingerprint string `json:"sha256"`
	NotBefore   string `json:"not_before"`
	NotAfter    string `json:"not_after"`
	Bits        int    `json:"bits"`
}

// Text writes the credential alone, for pasting and for pipes.
func (v Credential) Text(t *ui.Text) { t.Linef("%s", v.SecurityCredential) }

// Address is one address and who lists it.
type Address struct {
	Address   string  `json:"address"`
	Listed    bool    `json:"listed"`
	Published bool    `json:"published"`
	Source    *string `json:"source"`
	Note      *string `json:"note"`
}

// NewAddress is an address, and whether a list has it.
func NewAddress(s daraja.SourceAddress, listed bool) Address {
	return Address{Address: s.Addr.String(), Listed: listed, Published: s.Published, Source: payment.OrNull(s.Source), Note: payment.OrNull(s.Note)}
}

// Text writes one address for people.
func (v Address) Text(t *ui.Text) {
	word := ui.Bad("not listed")
	switch {
	case v.Published:
		word = ui.OK("published")
	case v.Listed:
		word = ui.Warn("listed, not published")
	}
	t.Fields(
		ui.KV("address", ui.Bold(v.Address)), ui.KV("standing", word), ui.KV("source", ui.Plain(payment.Or(v.Source, ""))), ui.KV("note", ui.Plain(payment.Or(v.Note, ""))),
	)
}

// Cells are an address's columns in a list.
func (v Address) Cells() []ui.Span {
	published := ui.Warn("no")
	if v.Published {
		published = ui.OK("yes")
	}
	return []ui.Span{ui.Plain(v.Address), published, ui.Plain(payment.Or(v.Source, "-")), ui.Dim(payment.Or(v.Note, ""))}
}

// PullRegistered is the answer to a registration.
type PullRegistered struct {
	ShortCode string `json:"shortcode"`
	Already   bool   `json:"already_registered"`
}

// Text writes the answer for people.
func (v PullRegistered) Text(t *ui.Text) {
	word := "registered for pulling"
	if v.Already {
		word = "was registered for pulling before"
	}
	t.Line(ui.Bold(v.ShortCode), ui.Plain(" "), ui.OK(word))
}

// Pulled is one payment that M-PESA knows, and whether the ledger does.
type Pulled struct {
	Receipt      string  `json:"receipt"`
	At           *string `json:"at"`
	Amount       *string `json:"amount"`
	Currency     *string `json:"currency"`
	Phone        *string `json:"phone"`
	Reference    *string `json:"reference"`
	Type         *string `json:"type"`
	Sender       *string `json:"sender"`
	Organization *string `json:"organization"`
	// Known is "deposit" or "callback", null where the ledger has never heard of it.
	Known     *string `json:"known"`
	DepositID *string `json:"deposit_id"`
	// Fits are the deposits that it may be, and which have no receipt.
	Fits []string `json:"fits"`
}

// NewPulled is a listed payment and what the ledger knows of it.
func NewPulled(p inquiry.Pulled, showPhone bool) Pulled {
	text := func(s string) *string {
		if !showPhone {
			s = payment.MaskDigits(s)
		}
		return payment.OrNull(s)
	}
	out := Pulled{
		Receipt: p.Receipt, At: timing.RFC3339OrNull(p.At), Phone: text(p.Phone), Reference: text(p.Reference),
		Type: payment.OrNull(p.Type), Sender: text(p.Sender), Organization: payment.OrNull(p.Organization), Fits: []string{},
	}
	if p.Amount.HasValue() {
		out.Amount, out.Currency = payment.OrNull(p.Amount.String()), payment.OrNull(string(p.Amount.Currency()))
	}
	for _, d := range p.Fits {
		out.Fits = append(out.Fits, d.ID)
	}
	switch {
	case p.DepositID != "":
		out.Known, out.DepositID = payment.OrNull("deposit"), &p.DepositID
	case p.Confirmed:
		out.Known = payment.OrNull("callback")
	}
	return out
}

// Text writes one payment for people.
func (v Pulled) Text(t *ui.Text) {
	line := []ui.Span{}
	for _, cell := range v.Cells() {
		line = append(line, cell, ui.Plain("  "))
	}
	t.Line(line...)
}

// Cells are a payment's columns in a list.
func (v Pulled) Cells() []ui.Span {
	known := ui.Warn("missed")
	if v.Known != nil {
		known = ui.OK(payment.Or(v.DepositID, *v.Known))
	}
	amount := payment.Or(v.Amount, "-")
	if v.Currency != nil {
		amount += " " + *v.Currency
	}
	return []ui.Span{ui.Plain(v.Receipt), ui.Plain(payment.Or(v.At, "-")), ui.Plain(amount), ui.Plain(payment.Or(v.Phone, "-")), ui.Plain(payment.Or(v.Reference, "-")), known}
}

// PulledList is the listing as one document.
type PulledList struct {
	Rows      []Pulled `json:"rows"`
	Message   *string  `json:"message"`
	Ambiguous bool     `json:"ambiguous"`
}

// Text is the text of ui.List, which prints the rows for people.
func (v PulledList) Text(t *ui.Text) {
	for _, row := range v.Rows {
		row.Text(t)
	}
}

// PulledSummary is the last line of ndjson.
type PulledSummary struct {
	Summary struct {
		Message   *string `json:"message"`
		Ambiguous bool    `json:"ambiguous"`
	} `json:"summary"`
}

// Text writes nothing: text has no such line.
func (PulledSummary) Text(*ui.Text) {}
