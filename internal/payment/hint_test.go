package payment

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"
)

// The masked and hashed forms of reference/daraja.md §9 can be the number that they show,
// and no other.
func TestPhoneMayBe(t *testing.T) {
	t.Parallel()
	p, err := ParsePhone("0722345061")
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte("254722345061"))
	for text, want := range map[string]bool{
		"":                 true,
		"254722345061":     true,
		"+254 722 345 061": true,
		"0722345061":       true,
		"2547 ***** 061":   true,
		"25472****061":     true,
		"254******061":     true,
		"2547 ***** 062":   false,
		"2541 ***** 061":   false,
		"254722345062":     false,
		"0722345062":       false,

		hex.EncodeToString(hash[:]):                                        true,
		"0d3b7f6c0d3b7f6c0d3b7f6c0d3b7f6c0d3b7f6c0d3b7f6c0d3b7f6c0d3b7f6c": false,
	} {
		if got := p.MayBe(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestHintFits(t *testing.T) {
	t.Parallel()
	p, err := ParsePhone("0722345061")
	if err != nil {
		t.Fatal(err)
	}
	sent := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	d := Deposit{Amount: AmountOf(16100, KES), Phone: p, Reference: "H1", SentAt: sent}
	fits := Hint{Receipt: "UA2K7QX9ZP", Amount: d.Amount, Phone: "2547 ***** 061", Reference: "H1", At: sent.Add(time.Minute)}
	with := func(change func(*Hint)) Hint {
		h := fits
		change(&h)
		return h
	}
	for name, c := range map[string]struct {
		hint Hint
		want bool
	}{
		"all agrees":          {fits, true},
		"no reference told":   {with(func(h *Hint) { h.Reference = "" }), true},
		"no phone told":       {with(func(h *Hint) { h.Phone = "" }), true},
		"neither told":        {with(func(h *Hint) { h.Phone, h.Reference = "", "" }), false},
		"another reference":   {with(func(h *Hint) { h.Reference = "H2" }), false},
		"another amount":      {with(func(h *Hint) { h.Amount = AmountOf(16200, KES) }), false},
		"another customer":    {with(func(h *Hint) { h.Phone = "2547 ***** 062" }), false},
		"long before":         {with(func(h *Hint) { h.At = sent.Add(-time.Hour) }), false},
		"a day after":         {with(func(h *Hint) { h.At = sent.Add(RepeatWindow) }), false},
		"without its receipt": {with(func(h *Hint) { h.Receipt = "" }), false},
	} {
		if got := c.hint.Fits(d); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
