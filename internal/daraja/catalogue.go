package daraja

import (
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// API says which part of Daraja a code came from: the same code means
// different things in different places (reference/daraja.md §3.4, §12 row 12).
type API string

// The APIs of the catalogue.
const (
	// APISTK is the push: its synchronous errors and its callback's codes.
	APISTK API = "stk"
	// APIQuery is the STK query.
	APIQuery API = "query"
	// APITransaction is Transaction Status, request and result.
	APITransaction API = "transaction"
	APIC2B         API = "c2b"
	APIB2C         API = "b2c"
	APIB2B         API = "b2b"
	APIBalance     API = "balance"
	APIReversal    API = "reversal"
	APIOAuth       API = "oauth"
	APIPull        API = "pull"
	APIQR          API = "qr"
	// APIAny stands for every API.
	APIAny API = "any"
)

// APIs returns every API a code can be looked up for.
func APIs() []API {
	return []API{
		APISTK, APIQuery, APITransaction, APIC2B, APIB2C, APIB2B, APIBalance,
		APIReversal, APIOAuth, APIPull, APIQR,
	}
}

// Class is what a code lets payctl conclude. Only ClassPaid and ClassFailed
// settle a payment.
type Class uint8

// The classes.
const (
	// ClassUnknown proves nothing: the outcome stays open.
	ClassUnknown Class = iota
	// ClassPaid is final: the customer paid.
	ClassPaid
	// ClassFailed is final: the customer did not pay.
	ClassFailed
	// ClassPending is not decided yet.
	ClassPending
	// ClassDone says that a question was carried out; the answer stands elsewhere in the body.
	ClassDone
	// ClassRefused was turned down for what it said; nothing reached M-PESA.
	ClassRefused
	// ClassCredentials was turned down for who asked; nothing reached M-PESA.
	ClassCredentials
	// ClassToken is an access token that is not accepted; nothing reached M-PESA.
	ClassToken
	// ClassBusy was not taken now; nothing reached M-PESA.
	ClassBusy
)

// String returns the class in a word.
func (c Class) String() string {
	switch c {
	case ClassPaid:
		return "paid"
	case ClassFailed:
		return "failed"
	case ClassPending:
		return "pending"
	case ClassDone:
		return "answered"
	case ClassRefused:
		return "refused"
	case ClassCredentials:
		return "credentials"
	case ClassToken:
		return "token"
	case ClassBusy:
		return "busy"
	case ClassUnknown:
	}
	return "unknown"
}

// Proof is how well a fact is witnessed (reference/daraja.md §0).
type Proof string

// The levels of proof.
const (
	ProofPortal    Proof = "A"
	ProofObserved  Proof = "B"
	ProofAgreed    Proof = "C"
	ProofClaimed   Proof = "D"
	ProofUnknown   Proof = "?"
	proofUndefined Proof = ""
)

// Words says what a level of proof means.
func (p Proof) Words() string {
	switch p {
	case ProofPortal:
		return "stated by Safaricom's portal"
	case ProofObserved:
		return "observed live, with a date"
	case ProofAgreed:
		return "agreed by several independent clients or reports"
	case ProofClaimed:
		return "one report, no second witness"
	case ProofUnknown, proofUndefined:
	}
	return "nobody could show it"
}

// Pseudo codes for answers that carry none.
const (
	codeLimited = "429"   // any HTTP 429
	codeDenied  = "401"   // a 401 with no known code
	codeHTML    = "html"  // an HTML page from the edge
	codeEmpty   = "empty" // an empty body
	codeFault   = "soap"  // a SOAP fault, most often dressed as JSON
)

// row is one fact of the catalogue.
type row struct {
	code string
	// through makes the row hold for all codes of the same length from code to through.
	through string
	// where lists the APIs that the row holds for.
	where []API
	// http lists the statuses that the row holds for; nil is any. A lookup that
	// knows no status (a log line) passes 0 and matches all.
	http []int
	// message is a lower-case part that the message must hold; "" is any.
	message string
	// empty holds only for an empty message.
	empty bool
	class Class
	// kind is what a script may conclude where the class alone does not say; see kindIn.
	kind payment.Kind
	// wait is the shortest sensible wait before the same thing is tried again.
	wait time.Duration
	// limit says that the rate was too high: everybody who shares it waits.
	limit   bool
	meaning string
	// retry says whether and when to try again.
	retry string
	next  string
	proof Proof
	// source is the section of the reference that states it, for whoever changes the row.
	source string
	// sync says that the code comes in an answer, not in a callback.
	sync bool
	// page is the portal's page, where it is another than that of the row's API.
	page string
}

func (r *row) names(code string) bool {
	return r.code == code || r.through != "" && len(code) == len(r.code) && r.code <= code && code <= r.through
}

func (r *row) holds(api API, status int, message string) bool {
	if !slices.Contains(r.where, api) && !slices.Contains(r.where, APIAny) {
		return false
	}
	if r.http != nil && status != 0 && !slices.Contains(r.http, status) {
		return false
	}
	if r.empty {
		return strings.TrimSpace(message) == ""
	}
	return r.message == "" || strings.Contains(strings.ToLower(message), r.message)
}

// kindIn returns what a script may conclude from the code in an API: the exit code of
// a command that ends with it.
func (r *row) kindIn(api API) payment.Kind {
	switch {
	case r.sync && r.class == ClassRefused && api == APISTK:
		return payment.KindDeclined // the deposit is FAILED
	case r.kind != payment.KindInternal:
		return r.kind
	}
	switch r.class {
	case ClassRefused:
		return payment.KindUsage
	case ClassCredentials, ClassToken:
		return payment.KindUnauthorized
	case ClassBusy:
		return payment.KindUnavailable
	case ClassFailed:
		return payment.KindDeclined
	case ClassUnknown:
		// Nothing is lost by asking again; but what moves money may have been carried out.
		if r.sync && !movesMoney(api) {
			return payment.KindUnavailable
		}
	case ClassPending, ClassPaid, ClassDone:
	}
	return payment.KindPending
}

// movesMoney reports whether a request of the API is one for money.
func movesMoney(api API) bool {
	return api == APISTK || api == APIReversal || api == APIB2C || api == APIB2B
}

// tables returns the whole catalogue, in the order it is searched.
func tables() [5][]row {
	return [...][]row{stkResults, queryResults, genericResults, merchantResults, syncErrors}
}

// lookup returns the first row for (api, status, code, message). Codes are
// compared as text, exactly: "00", "0.0" and 0 in other clothes are not "0"
// (reference/daraja.md §4.1, §11 row 7).
func lookup(api API, status int, code, message string) (row, bool) {
	for _, table := range tables() {
		for i := range table {
			if table[i].names(code) && table[i].holds(api, status, message) {
				return table[i], true
			}
		}
	}
	return row{code: code, class: ClassUnknown}, false
}

// resultClass is lookup for a ResultCode: the synchronous errors' codes are no
// such thing.
func resultClass(api API, code, message string) (row, bool) {
	for _, table := range [...][]row{stkResults, queryResults, genericResults} {
		for i := range table {
			if table[i].names(code) && table[i].holds(api, 0, message) {
				return table[i], true
			}
		}
	}
	return row{code: code, class: ClassUnknown}, false
}
