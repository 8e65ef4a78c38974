package daraja

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
)

const srcSTK = "reference/daraja.md §4.2"

// stkResults is the closed list of codes that settle an STK payment; §4.2. The
// commonest stand first: the listener looks here for every callback.
//
//nolint:gochecknoglobals // immutable table
var stkResults = []row{
	{code: "0", where: []API{APISTK, APIQuery}, class: ClassPaid, meaning: "the customer paid", retry: "no", next: "payctl status get ID", proof: ProofPortal, source: srcSTK},
	{
		code: "1032", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the customer cancelled, or the prompt closed by itself after 1 to 3 minutes",
		retry: "ask the customer first", next: nextCreate, proof: ProofPortal, source: srcSTK,
	},
	{
		code: "1037", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "no answer: the phone could not be reached or nobody responded",
		retry: "yes, when the phone is on and in reach", next: nextCreate, proof: ProofPortal, source: srcSTK,
	},
	{
		code: "1", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the customer's balance is too low, Fuliza included",
		retry: "after the customer has topped up", next: nextCreate, proof: ProofPortal, source: srcSTK,
	},
	{
		code: "2001", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the customer entered a wrong PIN (\"the initiator information is invalid\")",
		retry: "ask the customer; three wrong tries lock the PIN", next: nextCreate, proof: ProofPortal, source: srcSTK,
	},
	{
		code: "1019", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the transaction expired before it was carried out",
		retry: "yes", next: nextCreate, proof: ProofPortal, source: srcSTK,
	},
	{
		code: "1001", where: []API{APISTK}, class: ClassFailed, wait: waitLock, meaning: "the customer has another M-PESA session open",
		retry: "after 1 to 3 minutes", next: nextCreate, proof: ProofAgreed, source: srcSTK,
	},
	{
		code: "1025", where: []API{APISTK, APIQuery}, class: ClassFailed, wait: waitBusy, meaning: "the prompt could not be sent: its text is over 182 characters, or a passing fault",
		retry: "shorten reference and description; otherwise after 1 to 2 minutes", next: nextCreate, proof: ProofPortal, source: srcSTK,
	},
	{
		code: "9999", where: []API{APIQuery}, message: "being processed", class: ClassPending, wait: waitSpike,
		meaning: "the text says that the payment is still being processed, whatever the code means elsewhere: it settles nothing",
		retry:   "keep asking", next: nextWatch, proof: ProofUnknown, source: srcSTK,
	},
	{
		code: "9999", where: []API{APISTK, APIQuery}, class: ClassFailed, wait: waitBusy, meaning: "the prompt could not be sent",
		retry: "after 1 to 2 minutes", next: nextCreate, proof: ProofAgreed, source: srcSTK,
	},
	{code: "2", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the amount is below the minimum", retry: "with a larger amount", next: nextCreate, proof: ProofPortal, source: srcSTK},
	{code: "3", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the amount is above the maximum", retry: "with a smaller amount", next: nextCreate, proof: ProofPortal, source: srcSTK},
	{
		code: "4", where: []API{APISTK, APIQuery}, class: ClassFailed, wait: 24 * time.Hour, meaning: "the customer would pass the daily limit",
		retry: "the next day", next: nextCreate, proof: ProofPortal, source: srcSTK,
	},
	{
		code: "8", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the receiver would pass its maximum balance",
		retry: "later, after the account was emptied", next: "payctl daraja balance", proof: ProofPortal, source: srcSTK,
	},
	{
		code: "11", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the paying party's account is in an invalid state",
		retry: "no", next: "ask the customer to call Safaricom", proof: ProofClaimed, source: srcSTK,
	},
	{
		code: "17", where: []API{APISTK, APIQuery}, class: ClassFailed, wait: waitBusy, meaning: "rule limited: the same amount from the same customer within 2 minutes",
		retry: "after 2 minutes or more", next: nextCreate, proof: ProofPortal, source: srcSTK,
	},
	{code: "26", where: []API{APISTK}, class: ClassFailed, wait: waitBusy, meaning: "the system is busy or blocks traffic", retry: "after some minutes", next: nextCreate, proof: ProofClaimed, source: srcSTK},
	{code: "1031", where: []API{APISTK}, class: ClassFailed, meaning: "the customer cancelled (old form of 1032)", retry: "ask the customer first", next: nextCreate, proof: ProofClaimed, source: srcSTK},
	{code: "1036", where: []API{APISTK}, class: ClassFailed, meaning: "the message centre did not confirm the prompt (seen 2018 and 2019)", retry: "yes", next: nextCreate, proof: ProofClaimed, source: srcSTK},
	{code: "1101", where: []API{APISTK}, class: ClassFailed, meaning: "the prompt's text is too long (old)", retry: "with a shorter reference and description", next: nextCreate, proof: ProofClaimed, source: srcSTK},
	{code: "1102", where: []API{APISTK}, class: ClassFailed, meaning: "the prompt's text is too long (old)", retry: "with a shorter reference and description", next: nextCreate, proof: ProofClaimed, source: srcSTK},
	{code: "2006", where: []API{APISTK}, class: ClassFailed, meaning: "an account's rule or state forbids the payment", retry: "no", next: "ask Safaricom", proof: ProofClaimed, source: srcSTK},
	{
		code: "2008", where: []API{APISTK}, class: ClassFailed, meaning: "authentication failed; another report calls it an account's state",
		retry: "ask the customer to try again once", next: nextCreate, proof: ProofClaimed, source: srcSTK,
	},
	{
		code: "2026", where: []API{APISTK}, class: ClassFailed, meaning: "the prompt's session expired before the customer answered",
		retry: "yes: a new push helps", next: nextCreate, proof: ProofObserved, source: srcSTK,
	},
	{
		code: "2028", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the product assignment does not permit it: TransactionType or PartyB is wrong, often till and store number swapped",
		retry: "after shortcode and till are corrected", next: nextShow, proof: ProofPortal, source: srcSTK,
	},
	{
		code: "8006", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the customer's M-PESA PIN is locked",
		retry: "after the customer has called 100 or 200", next: nextCreate, proof: ProofPortal, source: srcSTK,
	},
	{
		code: "SFC_IC0003", where: []API{APISTK, APIQuery}, class: ClassFailed, meaning: "the operator does not exist: TransactionType or PartyB is wrong, often till and store number swapped",
		retry: "after shortcode and till are corrected", next: nextShow, proof: ProofPortal, source: srcSTK,
	},
	{code: "E3008", where: []API{APISTK}, class: ClassFailed, meaning: "sandbox: the payer has a bad debt contract", retry: "no; use another number", next: nextCreate, proof: ProofObserved, source: srcSTK},
	{code: "TP40153", where: []API{APISTK}, class: ClassFailed, meaning: "the operator lacks the permission", retry: "no", next: nextShow, proof: ProofClaimed, source: srcSTK},
	{
		code: "2033", where: []API{APISTK}, class: ClassUnknown, meaning: "seen once, as \"No till is found for CustomerPayMerchant\": most likely the till is wrong; it settles nothing",
		retry: "after shortcode and till are checked", next: nextWatch, proof: ProofClaimed, source: "reference/daraja.md §14",
	},
	{
		code: "2002", where: []API{APISTK, APIQuery}, class: ClassUnknown, meaning: "nobody could say what it means; it settles nothing",
		retry: "no", next: nextWatch, proof: ProofUnknown, source: srcSTK,
	},
}

// queryResults are the codes of the query alone; §4.2, §5.
//
//nolint:gochecknoglobals // immutable table
var queryResults = []row{
	{
		code: "4999", where: []API{APIQuery}, class: ClassPending, wait: waitSpike, meaning: "still under processing: the customer has not answered yet",
		retry: "keep asking", next: nextWatch, proof: ProofObserved, source: srcSTK,
	},
}

const (
	srcResult  = "reference/daraja.md §6.4"
	srcOthers  = "reference/daraja.md §10.2"
	nextSeal   = "payctl daraja credential encrypt"
	nextStatus = "payctl transaction status"
)

// genericResults are the ResultCodes of result envelopes; §6.4, §10.2. None of
// them says anything about an STK payment: they are about the query, the
// reversal or the payout itself.
//
//nolint:gochecknoglobals // immutable table
var genericResults = []row{
	{
		code: "0", where: []API{APITransaction}, class: ClassDone, meaning: "the query was carried out; the payment's own state is TransactionStatus",
		retry: "no", next: "payctl transaction get ID", proof: ProofPortal, source: srcResult,
	},
	{code: "0", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassDone, meaning: "carried out", retry: "no", next: "payctl transaction get ID", proof: ProofPortal, source: srcOthers},
	{
		code: "SFC_IC0003", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassRefused, meaning: "the operator does not exist",
		retry: "after party and identifier type are corrected", next: nextStatus, proof: ProofPortal, source: srcResult, page: "TransactionStatus",
	},
	{
		code: "7", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassRefused, meaning: "the receiver party is invalid: a wrong party or identifier type",
		retry: "after party and identifier type are corrected", next: nextStatus, proof: ProofObserved, source: srcResult,
	},
	{
		code: "2032", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassRefused, kind: payment.KindNotFound, meaning: "nothing is known under this receipt",
		retry: "after the receipt is corrected", next: nextStatus, proof: ProofObserved, source: srcResult,
	},
	{
		code: "2001", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassCredentials, meaning: "the initiator information is invalid: wrong user name, password or certificate",
		retry: "after the credential is corrected; passwords expire after 90 days", next: nextSeal, proof: ProofObserved, source: srcResult,
	},
	{
		code: "21", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassCredentials, meaning: "the initiator may not act for this party, or lacks the role",
		retry: "after the role was granted", next: nextShow, proof: ProofPortal, source: srcResult,
	},
	{
		code: "8006", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassCredentials, meaning: "the API user's credential is locked",
		retry: "after it was unlocked on the portal", next: nextSeal, proof: ProofPortal, source: srcResult, page: "BusinessToCustomer",
	},
	{code: "18", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassCredentials, meaning: "the initiator's password check failed", retry: "after the credential is corrected", next: nextSeal, proof: ProofPortal, source: srcResult},
	{code: "20", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassCredentials, meaning: "the initiator is unknown", retry: "after the user name is corrected", next: nextShow, proof: ProofPortal, source: srcResult},
	{code: "22", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassCredentials, meaning: "the initiator is not active", retry: "after it was activated on the portal", next: nextShow, proof: ProofPortal, source: srcResult},
	{code: "24", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassRefused, meaning: "mandatory fields are missing", retry: retryFix, next: nextAgain, proof: ProofPortal, source: srcResult},
	{code: "25", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassRefused, meaning: "a parameter's form is wrong", retry: retryFix, next: nextAgain, proof: ProofPortal, source: srcResult},
	{code: "29", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassRefused, meaning: "the command is unknown", retry: retryFix, next: nextAgain, proof: ProofPortal, source: srcResult},
	{code: "15", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassRefused, meaning: "the conversation id was used before", retry: "no", next: "payctl transaction list", proof: ProofPortal, source: srcResult},
	{
		code: "17", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassBusy, wait: waitBusy, meaning: "internal failure; here it is not the 2-minute rule of a push",
		retry: "after some minutes", next: nextAgain, proof: ProofPortal, source: srcResult,
	},
	{code: "26", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassBusy, wait: waitBusy, meaning: "the system is busy", retry: "after some minutes", next: nextAgain, proof: ProofPortal, source: srcResult},
	{code: "19", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassBusy, wait: waitBusy, meaning: "messages came in the wrong order", retry: "yes", next: nextAgain, proof: ProofPortal, source: srcResult},
	{code: "2006", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassRefused, meaning: "an account's state forbids it", retry: "no", next: "ask Safaricom", proof: ProofPortal, source: srcResult, page: "Reversal"},
	{code: "2028", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassRefused, meaning: "not permitted by the product assignment", retry: retryFix, next: nextShow, proof: ProofPortal, source: srcResult, page: "Reversal"},
	{code: "TP40153", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassCredentials, meaning: "the operator has no permission", retry: "after it was granted", next: nextShow, proof: ProofClaimed, source: srcResult},
	{code: "R000001", where: []API{APIReversal}, class: ClassRefused, kind: payment.KindConflict, meaning: "the transaction is already reversed", retry: "no", next: nextStatus, proof: ProofPortal, source: srcResult},
	{code: "R000002", where: []API{APIReversal}, class: ClassRefused, kind: payment.KindNotFound, meaning: "the original transaction id is invalid", retry: retryFix, next: nextStatus, proof: ProofPortal, source: srcResult},
	{
		code: "1", where: []API{APITransaction}, class: ClassUnknown, meaning: "not documented here; some samples use it for a receipt that is not found",
		retry: "check the receipt", next: nextStatus, proof: ProofUnknown, source: srcResult,
	},
	{
		code: "2", where: []API{APITransaction}, class: ClassUnknown, meaning: "not documented here; elsewhere, an amount below the minimum",
		retry: "check the request", next: nextStatus, proof: ProofUnknown, source: srcResult,
	},
	{code: "1", where: []API{APIB2C, APIReversal}, class: ClassFailed, meaning: "the balance is too low", retry: "after a top-up", next: "payctl daraja balance", proof: ProofPortal, source: srcOthers},
	{code: "11", where: []API{APIB2C, APIReversal}, class: ClassFailed, meaning: "the debited party is in an invalid state", retry: "no", next: "ask Safaricom", proof: ProofPortal, source: srcOthers},
	{code: "2", where: []API{APIB2C}, class: ClassFailed, meaning: "the amount is below the minimum", retry: "with a larger amount", next: nextAgain, proof: ProofPortal, source: srcOthers},
	{code: "3", where: []API{APIB2C}, class: ClassFailed, meaning: "the amount is above the maximum", retry: "with a smaller amount", next: nextAgain, proof: ProofPortal, source: srcOthers},
	{code: "4", where: []API{APIB2C}, class: ClassFailed, meaning: "the daily limit would be passed", retry: "the next day", next: nextAgain, proof: ProofPortal, source: srcOthers},
	{code: "8", where: []API{APIB2C}, class: ClassFailed, meaning: "the receiver would pass the maximum balance", retry: "later", next: nextAgain, proof: ProofPortal, source: srcOthers},
	{code: "2040", where: []API{APIB2C}, class: ClassFailed, meaning: "listed as a failure of payouts, without a meaning", retry: "no", next: "ask Safaricom", proof: ProofPortal, source: srcOthers},
	{
		code: "100000000", through: "100000011", where: []API{APITransaction, APIB2C, APIB2B, APIBalance, APIReversal}, class: ClassUnknown, wait: waitBusy,
		meaning: "one of the gateway's own: request cached, overload, throttled, invalid input, service abnormal, no permission or rate exceeded; which number is which is not known",
		retry:   "after some minutes", next: nextAgain, proof: ProofPortal, source: srcResult,
	},
}

const srcC2B = "reference/daraja.md §10.1"

// merchantResults are the codes with which a merchant rejects a C2B payment,
// and the pull API's; §10.1, §10.3.
//
//nolint:gochecknoglobals // immutable table
var merchantResults = []row{
	{code: RejectMSISDN, where: []API{APIC2B}, class: ClassRefused, meaning: "your validation rejected the payment: invalid MSISDN", retry: "the customer pays again", next: "check the validation rule with " + nextShow, proof: ProofPortal, source: srcC2B},
	{code: RejectAccount, where: []API{APIC2B}, class: ClassRefused, meaning: "your validation rejected the payment: invalid account number", retry: "the customer pays again", next: "check the validation rule with " + nextShow, proof: ProofPortal, source: srcC2B},
	{code: RejectAmount, where: []API{APIC2B}, class: ClassRefused, meaning: "your validation rejected the payment: invalid amount", retry: "the customer pays again", next: "check the validation rule with " + nextShow, proof: ProofPortal, source: srcC2B},
	{code: RejectKYC, where: []API{APIC2B}, class: ClassRefused, meaning: "your validation rejected the payment: invalid KYC details", retry: "the customer pays again", next: "check the validation rule with " + nextShow, proof: ProofPortal, source: srcC2B},
	{code: RejectShortCode, where: []API{APIC2B}, class: ClassRefused, meaning: "your validation rejected the payment: invalid shortcode", retry: "the customer pays again", next: "check the validation rule with " + nextShow, proof: ProofPortal, source: srcC2B},
	{code: RejectOther, where: []API{APIC2B}, class: ClassRefused, meaning: "your validation rejected the payment: another error", retry: "the customer pays again", next: "check the validation rule with " + nextShow, proof: ProofPortal, source: srcC2B},
	{code: pullFound, where: []API{APIPull}, class: ClassDone, meaning: "carried out", retry: "no", next: "payctl daraja pull list", proof: ProofPortal, source: "reference/daraja.md §10.3"},
	{code: pullNone, where: []API{APIPull}, class: ClassDone, meaning: "registering: it is already; listing: no payments, or a shortcode that cannot pull: only the message tells, and it proves nothing", retry: "no", next: "payctl daraja pull list", proof: ProofPortal, source: "reference/daraja.md §10.3"},
}
