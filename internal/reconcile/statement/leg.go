package statement

import "strings"

// legPrefixes lists how Details begin, in lower case (reference/statements.md §2).
// The first that fits decides.
func legPrefixes() []struct {
	prefix string
	leg    Leg
} {
	return []struct {
		prefix string
		leg    Leg
	}{
		{"pay utility reversal", Reversal},
		{"pay merchant reversal", Reversal},
		{"pay bill reversal", Reversal},
		{"merchant payment reversal", Reversal},
		{"utility account to", Sweep},
		{"merchant account to", Sweep},
		{"organization settlement account to", Sweep},
		{"organization settlement", Sweep},
		{"agency withdrawal of funds", Sweep},
		{"organization withdrawal", Sweep},
		{"funds transfer to bank", Sweep},
		{"real time settlement", Sweep},
		{"biashara overdraft repayment", Payout},
		{"otc buy airtime", Payout},
		{"business payment to customer", Payout},
		{"salary payment", Payout},
		{"promotion payment", Payout},
		{"payment to", Payout},
		{"merchant to merchant payment", Payout},
		{"merchant to customer payment", Payout},
		{"pay bill", Payment},
		{"small business pay bill", Payment},
		{"small business pay merchant", Payment},
		{"merchant pay utility received", Payment},
		{"business pay bill", Payment},
		{"business buy goods", Payment},
		{"fsi to pay bill", Payment},
		{"fsi to merchant", Payment},
		{"merchant payment", Payment},
		{"standing order pay bill", Payment},
		{"payment received from", Payment},
	}
}

// paymentTypes are the reason types of customers' payments, in lower case: they
// decide where the text of Details is not known.
func paymentTypes() []string {
	return []string{
		"pay utility", "pay bill", "pay merchant", "customer buy goods", "customer merchant payment", "online merchant payment",
		"business buy goods", "buy goods", "standing order pay bill", "merchant pay utility received", "small business pay",
	}
}

// TypeLeg returns the leg of a transaction type as C2B notices carry it: other types
// than a customer's payment come there too (reference/statements.md §3).
func TypeLeg(kind string) Leg {
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch {
	case strings.HasPrefix(kind, "organization to organization"), strings.HasPrefix(kind, "od payment transfer"):
		return Payout
	}
	return Payment
}

type legs struct {
	prefixes []struct {
		prefix string
		leg    Leg
	}
	types []string
}

// of returns the leg of a row. Any outgoing row that speaks of a charge is one; a
// payment comes in, what goes out is none.
func (l *legs) of(details, kind string, amount int64) Leg {
	text := lower(details)
	if amount < 0 && strings.Contains(text, "charge") {
		return Fee
	}
	for _, p := range l.prefixes {
		if !strings.HasPrefix(text, p.prefix) {
			continue
		}
		switch {
		case p.leg == Payment && strings.Contains(text, "charge"):
			return Other // a charge that comes in is no payment
		case p.leg == Payment && amount < 0:
			return Payout
		case p.leg == Payout && amount > 0:
			return Other
		case p.leg == Reversal && amount > 0:
			return Other
		}
		return p.leg
	}
	if amount > 0 {
		kind = lower(kind)
		for _, t := range l.types {
			if strings.HasPrefix(kind, t) && !strings.Contains(kind, "reversal") {
				return Payment
			}
		}
	}
	return Other
}

// lower is strings.ToLower after trimming; the texts are ASCII.
func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
