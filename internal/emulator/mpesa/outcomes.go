package mpesa

import (
	"slices"
	"strconv"
	"strings"
)

// Outcome is one way in which a payer, or M-PESA, ends an STK push, and how to ask for it (reference/daraja.md §4.2).
type Outcome struct {
	// Name is accepted by the header X-Emulator-Outcome and by POST /_emulator/answer.
	Name string `json:"name"`
	// PhoneEnding are the last two digits of a payer with this outcome; empty for none. It wins over the amount.
	PhoneEnding string `json:"phone_ending"`
	// Amount in whole shillings with this outcome; 0 for none.
	Amount int64 `json:"amount"`
	// Code is the ResultCode; codes that are not numbers travel as strings.
	Code string `json:"code"`
	// Summary says what happens.
	Summary string `json:"summary"`

	Callback string `json:"-"` // ResultDesc of the callback
	query    string // ResultDesc of the query, where it differs
	Early    bool   `json:"-"` // the callback overtakes the answer
	Silent   bool   `json:"-"` // the callback never comes
}

// Names of outcomes that the code refers to.
const (
	outcomePaid         = "paid"
	outcomeWrongPIN     = "wrong-pin"
	OutcomeCancelled    = "cancelled"
	OutcomeTimeout      = "timeout"
	outcomeInsufficient = "insufficient"
	outcomeDailyLimit   = "daily-limit"
	outcomeRuleLimited  = "rule-limited"
	OutcomeLocked       = "locked"
	outcomeExpired      = "expired"
	OutcomePushFailed   = "push-failed"
	OutcomeNotPermitted = "not-permitted"
	OutcomeNoOperator   = "no-operator"
)

// testMSISDN never answers, whatever the amount (reference/daraja.md §3.7).
const testMSISDN = 254708374149

// Outcomes lists every outcome, the ordinary one first. Any phone and amount not named here pays.
func Outcomes() []Outcome { return slices.Clone(outcomes) }

//nolint:gochecknoglobals // immutable table
var outcomes = []Outcome{
	{Name: outcomePaid, Code: "0", Summary: "the payer enters the PIN", Callback: "The service request is processed successfully."},
	{
		Name: OutcomeCancelled, PhoneEnding: "01", Amount: 91032, Code: "1032", Summary: "the payer cancels the prompt",
		Callback: "Request cancelled by user", query: "Request Cancelled by user.",
	},
	{
		Name: OutcomeTimeout, PhoneEnding: "02", Amount: 91037, Code: "1037", Summary: "the payer does not answer or cannot be reached",
		Callback: "No response from user.", query: "DS timeout user cannot be reached.",
	},
	{
		Name: outcomeInsufficient, PhoneEnding: "03", Amount: 90001, Code: "1", Summary: "the payer's balance is too low",
		Callback: "The balance is insufficient for the transaction.",
	},
	{
		Name: outcomeWrongPIN, PhoneEnding: "04", Amount: 92001, Code: "2001", Summary: "the payer enters a wrong PIN",
		Callback: "The initiator information is invalid.",
	},
	{
		Name: "before-answer", PhoneEnding: "05", Amount: 80005, Code: "0", Summary: "paid; the callback arrives before the push is answered",
		Callback: "The service request is processed successfully.", Early: true,
	},
	{Name: outcomeExpired, PhoneEnding: "06", Amount: 91019, Code: "1019", Summary: "the transaction expires", Callback: "Transaction has expired"},
	{
		Name: OutcomePushFailed, PhoneEnding: "07", Amount: 91025, Code: "1025", Summary: "the prompt cannot be sent, or is too long",
		Callback: "An error occurred while sending a push request",
	},
	{
		Name: "unsendable", PhoneEnding: "08", Amount: 99999, Code: "9999", Summary: "the prompt cannot be sent (twin of 1025)",
		Callback: "An error occurred while sending a push request",
	},
	{
		Name: OutcomeLocked, PhoneEnding: "09", Amount: 91001, Code: "1001", Summary: "another session of the payer is open",
		Callback: "Unable to lock subscriber, a transaction is already in process for the current subscriber",
	},
	{
		Name: outcomeRuleLimited, PhoneEnding: "10", Amount: 90017, Code: "17", Summary: "same amount from the same payer within two minutes",
		Callback: "Rule limited.",
	},
	{
		Name: "below-minimum", PhoneEnding: "12", Amount: 90002, Code: "2", Summary: "the amount is below the minimum",
		Callback: "Declined due to limit rule: less than the minimum transaction amount.",
	},
	{
		Name: "above-maximum", PhoneEnding: "13", Amount: 90003, Code: "3", Summary: "the amount is above the maximum",
		Callback: "Declined due to limit rule: greater than the maximum transaction amount.",
	},
	{
		Name: outcomeDailyLimit, PhoneEnding: "14", Amount: 90004, Code: "4", Summary: "the payer's daily limit would be passed",
		Callback: "Declined due to limit rule: would exceed daily transfer limit.",
	},
	{
		Name: "receiver-full", PhoneEnding: "15", Amount: 90008, Code: "8", Summary: "the receiver's maximum balance would be passed",
		Callback: "Declined due to limit rule: would exceed the maximum balance.",
	},
	{
		Name: "invalid-state", PhoneEnding: "16", Amount: 90011, Code: "11", Summary: "the payer's account is in an invalid state",
		Callback: "The DebitParty is in an invalid state.",
	},
	{Name: "busy", PhoneEnding: "17", Amount: 90026, Code: "26", Summary: "M-PESA is busy", Callback: "System busy. The service request is rejected."},
	{
		Name: OutcomeNotPermitted, PhoneEnding: "18", Amount: 92028, Code: "2028", Summary: "TransactionType or PartyB do not fit the product",
		Callback: "The request is not permitted according to product assignment.",
	},
	{
		Name: "pin-locked", PhoneEnding: "19", Amount: 98006, Code: "8006", Summary: "the payer's PIN is locked",
		Callback: "The security credential is locked.",
	},
	{
		Name: OutcomeNoOperator, PhoneEnding: "20", Amount: 80003, Code: "SFC_IC0003", Summary: "the operator does not exist (a code that is a string)",
		Callback: "The operator does not exist.",
	},
	{
		Name: "bad-debt", PhoneEnding: "21", Amount: 83008, Code: "E3008", Summary: "the sandbox's bad debt contract (a code that is a string)",
		Callback: "Error, the user has a bad debt contract.",
	},
	{
		Name: "no-permission", PhoneEnding: "24", Amount: 80153, Code: "TP40153", Summary: "the operator lacks permission (a code that is a string)",
		Callback: "The operator does not have the permission.",
	},
	{Name: "cancelled-old", PhoneEnding: "25", Amount: 91031, Code: "1031", Summary: "the old variant of cancelled", Callback: "Request cancelled by user"},
	{Name: "smsc-timeout", PhoneEnding: "26", Amount: 91036, Code: "1036", Summary: "the old SMSC acknowledgement time-out", Callback: "SMSC ACK timeout."},
	{Name: "prompt-too-long", PhoneEnding: "27", Amount: 91101, Code: "1101", Summary: "the prompt is too long (old)", Callback: "The prompt text is too long."},
	{Name: "text-too-long", PhoneEnding: "28", Amount: 91102, Code: "1102", Summary: "the prompt is too long (old twin)", Callback: "The prompt text is too long."},
	{Name: "account-rule", PhoneEnding: "29", Amount: 92006, Code: "2006", Summary: "a rule of the account forbids it", Callback: "Declined due to account rule."},
	{Name: "account-state", PhoneEnding: "30", Amount: 92008, Code: "2008", Summary: "the account's state forbids it", Callback: "Declined due to account state."},
	{
		Name: "session-expired", PhoneEnding: "31", Amount: 92026, Code: "2026", Summary: "the session with the phone expired; a new push helps",
		Callback: "The channel session ID has expired.",
	},
	{Name: "unexplained", PhoneEnding: "32", Amount: 92002, Code: "2002", Summary: "a code that no document explains", Callback: "The request failed."},
	{
		Name: "callback-lost", PhoneEnding: "40", Amount: 80040, Code: "0", Summary: "paid; the callback never comes",
		Callback: "The service request is processed successfully.", Silent: true,
	},
}

// OutcomeNamed finds an outcome by name, or by its code; nil when there is none. What it returns is never changed.
func OutcomeNamed(name string) *Outcome {
	for i := range outcomes {
		if outcomes[i].Name == name {
			return &outcomes[i]
		}
	}
	for i := range outcomes {
		if outcomes[i].Code == name {
			return &outcomes[i]
		}
	}
	return nil
}

// OutcomeNames lists the names for error texts.
func OutcomeNames() string {
	names := make([]string, 0, len(outcomes))
	for i := range outcomes {
		names = append(names, outcomes[i].Name)
	}
	return strings.Join(names, ", ")
}

// OutcomeOf is what the payer of this phone does when asked for this many shillings.
func OutcomeOf(phone MSISDN, shillings int64) *Outcome {
	if phone == testMSISDN {
		return OutcomeNamed(OutcomeTimeout)
	}
	ending := strconv.FormatUint(uint64(phone%100)+100, 10)[1:]
	for i := range outcomes {
		if outcomes[i].PhoneEnding == ending {
			return &outcomes[i]
		}
	}
	for i := range outcomes {
		if outcomes[i].Amount == shillings {
			return &outcomes[i]
		}
	}
	return &outcomes[0]
}

// Describe is the ResultDesc in the query, which may differ from the callback's (reference/daraja.md §4.1).
func (o *Outcome) Describe() string {
	if o.query != "" {
		return o.query
	}
	return o.Callback
}

// Paid reports whether money moves.
func (o *Outcome) Paid() bool { return o.Code == "0" }

// OutcomeHeader asks for an outcome on the push itself; it is the emulator's own.
const OutcomeHeader = "X-Emulator-Outcome"

// Typed turns what a payer types at a prompt into the name of an outcome: a PIN of four
// digits pays, 0000 is the wrong one, c or cancel cancels. Anything else leaves the
// prompt alone.
func Typed(line string) (outcome string, known bool) {
	switch {
	case strings.EqualFold(line, "c"), strings.EqualFold(line, "cancel"):
		return OutcomeCancelled, true
	case line == "0000":
		return outcomeWrongPIN, true
	case len(line) == 4 && strings.Trim(line, "0123456789") == "":
		return outcomePaid, true
	}
	return "", false
}
