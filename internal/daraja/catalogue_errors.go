package daraja

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Waits that the sources name (reference/daraja.md §3.4, §4.2, §5, §11).
const (
	waitLock  = 60 * time.Second
	waitSpike = 12 * time.Second
	waitBusy  = 2 * time.Minute
	waitQuota = time.Hour
)

const (
	nextShow   = "payctl config show"
	nextCreate = "payctl deposit create"
	nextWatch  = "payctl status watch ID"
	nextAgain  = "the same command again"
)

const (
	retryFix    = "not before the request is corrected"
	retryToken  = "once, with a new token; payctl does so by itself"
	retryPoll   = "ask again; it says nothing about the payment"
	retryResult = "never by itself: the request may have reached the customer"
)

// syncErrors are the answers that come at once: §2 and §3.4. The more
// particular row stands first.
//
//nolint:gochecknoglobals // immutable table
var syncErrors = []row{
	{
		sync: true, code: "400.008.01", where: []API{APIOAuth}, http: []int{400}, class: ClassCredentials,
		meaning: "the OAuth request was not Basic authentication, or its header was malformed", retry: retryFix, next: nextShow,
		proof: ProofPortal, source: "reference/daraja.md §2",
	},
	{
		sync: true, code: "400.008.02", where: []API{APIOAuth}, http: []int{400}, class: ClassRefused,
		meaning: "grant_type is missing or wrong, or the URL has stray white space", retry: retryFix, next: "check base_url with " + nextShow,
		proof: ProofPortal, source: "reference/daraja.md §2",
	},
	{
		sync: true, code: codeEmpty, where: []API{APIOAuth}, http: []int{400}, class: ClassCredentials,
		meaning: "the consumer key or secret is wrong for this host", retry: retryFix, next: "check key, secret and environment with " + nextShow,
		proof: ProofObserved, source: "reference/daraja.md §2",
	},
	{
		sync: true, code: codeDenied, where: []API{APIOAuth}, http: []int{401}, class: ClassCredentials,
		meaning: "the consumer key or secret is wrong for this host", retry: retryFix, next: "check key, secret and environment with " + nextShow,
		proof: ProofUnknown, source: "reference/daraja.md §2",
	},
	{
		sync: true, code: "400.002.02", where: []API{APIQuery}, http: []int{400}, message: "invalid checkoutrequestid", class: ClassUnknown, kind: payment.KindPending, wait: waitSpike,
		meaning: "the query does not know this CheckoutRequestID, or not yet: it is answered in the first seconds and for ids long expired",
		retry:   retryPoll, next: nextWatch, proof: ProofObserved, source: "reference/daraja.md §5",
	},
	{
		sync: true, code: "400.002.02", where: []API{APISTK}, http: []int{400}, message: "invalid remarks", class: ClassRefused,
		meaning: "TransactionDesc or AccountReference is missing, null or too long; the gateway calls it Remarks",
		retry:   retryFix, next: nextCreate, proof: ProofObserved, source: "reference/daraja.md §3.2",
	},
	{
		sync: true, code: "400.002.02", where: []API{APIAny}, http: []int{400}, message: "invalid callbackurl", class: ClassRefused,
		meaning: "the callback URL is not one the gateway accepts: it wants a public https address, lower-case host, no placeholder",
		retry:   retryFix, next: nextShow, proof: ProofAgreed, source: "reference/daraja.md §3.6",
	},
	{
		sync: true, code: "400.002.02", where: []API{APIAny}, http: []int{400}, class: ClassRefused,
		meaning: "the field that the message names is not acceptable", retry: retryFix, next: nextCreate,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "400.002.05", where: []API{APIAny}, http: []int{400}, class: ClassRefused,
		meaning: "the body could not be read as JSON", retry: retryFix, next: nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "400.003.01", where: []API{APIAny}, http: []int{400, 401, 404}, class: ClassToken,
		meaning: "the access token is not accepted", retry: retryToken, next: nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "400.003.02", where: []API{APIAny}, http: []int{400}, class: ClassRefused,
		meaning: "bad request", retry: retryFix, next: nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "401.002.01", where: []API{APIAny}, http: []int{400, 401, 404}, message: "no apiproduct match", class: ClassToken,
		meaning: "the app has no right to this API product; a new token helps only after the product was added",
		retry:   "after the product was added to the app on the portal", next: nextShow, proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "401.002.01", where: []API{APIAny}, http: []int{400, 401, 404}, class: ClassToken,
		meaning: "the access token is not accepted", retry: retryToken, next: nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "401.003.01", where: []API{APIAny}, http: []int{400, 401, 404}, class: ClassToken,
		meaning: "the access token is not accepted", retry: retryToken, next: nextShow,
		proof: ProofAgreed, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "401.001", where: []API{APIAny}, http: []int{400, 401, 404}, class: ClassToken,
		meaning: "the access token is not accepted", retry: retryToken, next: nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: codeDenied, where: []API{APIAny}, http: []int{400, 401, 404}, class: ClassToken,
		meaning: "not authorised: the access token is expired, is for the other host, or lacks this API product",
		retry:   retryToken, next: nextShow, proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "403.002.1001", where: []API{APIB2C}, http: []int{403}, class: ClassCredentials,
		meaning: "not authorised for B2C v3", retry: retryFix, next: nextShow,
		proof: ProofClaimed, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "404.001.01", where: []API{APIAny}, http: []int{404}, class: ClassRefused,
		meaning: "no such resource: the path is wrong", retry: retryFix, next: "check base_url with " + nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "404.001.03", where: []API{APIAny}, http: []int{400, 401, 404}, class: ClassToken,
		meaning: "the access token is not accepted: expired, minted for the other host, or without this API product",
		retry:   retryToken, next: nextShow, proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "404.001.04", where: []API{APIAny}, http: []int{404}, class: ClassRefused,
		meaning: "the authorization header or the HTTP verb is wrong", retry: retryFix, next: nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "404.002.01", where: []API{APIAny}, http: []int{404}, class: ClassRefused,
		meaning: "no such resource", retry: retryFix, next: "check base_url with " + nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "404.003.01", where: []API{APIAny}, http: []int{404}, class: ClassRefused,
		meaning: "no such resource", retry: retryFix, next: "check base_url with " + nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "405.001", where: []API{APIAny}, http: []int{405}, class: ClassRefused,
		meaning: "the HTTP verb is wrong", retry: retryFix, next: "check base_url with " + nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.001.1001", where: []API{APISTK, APIQuery}, http: []int{500}, message: "merchant does not exist", class: ClassCredentials,
		meaning: "the shortcode is not one that this app may push for", retry: retryFix, next: "check shortcode and till with " + nextShow,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.001.1001", where: []API{APISTK, APIQuery}, http: []int{500}, message: "wrong credentials", class: ClassCredentials,
		meaning: "the passkey was copied wrongly or is another shortcode's, or shortcode and timestamp do not fit it",
		retry:   retryFix, next: "check shortcode and passkey with " + nextShow, proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.001.1001", where: []API{APISTK}, http: []int{400, 500, 503}, message: "unable to lock subscriber", class: ClassBusy, wait: waitLock,
		meaning: "the customer has another prompt open; this push was not sent",
		retry:   "after 60 s at the earliest", next: nextCreate, proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.001.1001", where: []API{APIQuery}, http: []int{200, 500}, message: "is being processed", class: ClassPending, wait: waitSpike,
		meaning: "the customer has not answered yet", retry: "keep asking", next: nextWatch,
		proof: ProofAgreed, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.001.1001", where: []API{APIQuery}, http: []int{200, 500}, message: notKnown, class: ClassUnknown, kind: payment.KindPending, wait: waitSpike,
		meaning: "the query does not know this CheckoutRequestID now; known and even settled ids get this answer now and then",
		retry:   retryPoll, next: nextWatch, proof: ProofObserved, source: "reference/daraja.md §5",
	},
	{
		sync: true, code: "500.001.1001", where: []API{APIQuery}, http: []int{200, 500}, empty: true, class: ClassPending, wait: waitSpike,
		meaning: "the customer has not answered yet", retry: "keep asking", next: nextWatch,
		proof: ProofObserved, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.001.1001", where: []API{APIQuery}, class: ClassUnknown, kind: payment.KindPending, wait: waitSpike,
		meaning: "no answer from the query; never a failure and never \"does not exist\"", retry: retryPoll, next: nextWatch,
		proof: ProofObserved, source: "reference/daraja.md §5",
	},
	{
		sync: true, code: "500.001.1001", where: []API{APISTK}, class: ClassUnknown,
		meaning: "one of several refusals, told apart by the message, which is not one of the known ones", retry: retryResult, next: nextWatch,
		proof: ProofUnknown, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.002.1001", where: []API{APIAny}, message: "duplicate", class: ClassRefused, kind: payment.KindConflict,
		meaning: "this OriginatorConversationID was submitted before", retry: "no: it is already submitted", next: "payctl transaction list",
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.002.1001", where: []API{APIAny}, message: "system internal error", class: ClassBusy, wait: waitBusy,
		meaning: "the system failed and did not take the request; under the same code a duplicate is refused, the message tells them apart",
		retry:   "after some minutes", next: nextAgain, proof: ProofObserved, source: "reference/daraja.md §14",
	},
	{
		sync: true, code: "500.002.1001", where: []API{APIAny}, class: ClassUnknown, wait: waitBusy,
		meaning: "a duplicate OriginatorConversationID or an internal error, told apart by the message, which is neither of the known ones",
		retry:   retryResult, next: "payctl transaction list", proof: ProofUnknown, source: "reference/daraja.md §14",
	},
	{
		sync: true, code: "500.003.02", where: []API{APIAny}, http: []int{500}, message: "spike arrest", class: ClassBusy, wait: waitSpike, limit: true,
		meaning: "too many calls at once; this one was not taken", retry: "after a pause of 12 s or more", next: nextAgain,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.003.02", where: []API{APIAny}, http: []int{400, 500, 503}, class: ClassBusy, wait: waitBusy,
		meaning: "the system is busy; this call was not taken", retry: "after some minutes", next: nextAgain,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.003.03", where: []API{APIAny}, http: []int{500}, class: ClassBusy, wait: waitQuota, limit: true,
		meaning: "the app's quota is used up; this call was not taken", retry: "after a long pause", next: nextAgain,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.003.1001", where: []API{APIC2B}, http: []int{500}, message: "urls are already registered", class: ClassRefused, kind: payment.KindConflict,
		meaning: "production registers C2B URLs once; they are changed by self-service on the portal", retry: "no", next: "the portal's self-service",
		proof: ProofPortal, source: "reference/daraja.md §10.1",
	},
	{
		sync: true, code: "500.003.1001", where: []API{APIC2B}, http: []int{500}, message: "duplicate notification info", class: ClassRefused, kind: payment.KindConflict,
		meaning: "C2B URLs are already registered for this shortcode", retry: "no", next: "the portal's self-service",
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "500.003.1001", where: []API{APIAny}, class: ClassUnknown,
		meaning: "internal server error: whether the request was carried out is not known", retry: retryResult, next: nextWatch,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: "00.002.1001", where: []API{APIBalance}, class: ClassBusy, wait: waitBusy,
		meaning: "the service is under maintenance", retry: "later", next: nextAgain,
		proof: ProofPortal, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: codeFault, where: []API{APIAny}, http: []int{409}, class: ClassRefused, kind: payment.KindConflict,
		meaning: "the gateway's back end refuses it because of what it has already: the fault's text says what", retry: "not before that is cleared", next: nextShow,
		proof: ProofObserved, source: "reference/daraja.md §14",
	},
	{
		sync: true, code: codeFault, where: []API{APIAny}, message: "responsecode 409", class: ClassRefused, kind: payment.KindConflict,
		meaning: "the gateway's back end refuses it because of what it has already: the fault's text says what", retry: "not before that is cleared", next: nextShow,
		proof: ProofObserved, source: "reference/daraja.md §14",
	},
	{
		sync: true, code: codeFault, where: []API{APIAny}, class: ClassUnknown, wait: waitBusy,
		meaning: "a fault of the gateway's back end, whatever the HTTP status says: whether the request was carried out is not known",
		retry:   retryResult, next: nextShow, proof: ProofObserved, source: "reference/daraja.md §14",
	},
	{
		sync: true, code: codeLimited, where: []API{APIAny}, http: []int{429}, class: ClassBusy, wait: waitSpike, limit: true,
		meaning: "rate limit: the sandbox takes one query every 12 s; this call was not taken", retry: "after 12 s, or as Retry-After says", next: nextAgain,
		proof: ProofObserved, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: codeHTML, where: []API{APIOAuth}, class: ClassBusy, wait: waitBusy,
		meaning: "a page instead of a token: base_url may be wrong, or there is trouble at the network's edge", retry: "after base_url was checked, else after some minutes", next: nextShow,
		proof: ProofAgreed, source: "reference/daraja.md §2",
	},
	{
		sync: true, code: codeHTML, where: []API{APIAny}, http: []int{403}, class: ClassBusy, wait: waitBusy,
		meaning: "a page from the network edge before the gateway: gateway trouble, not your input", retry: "after some minutes", next: nextShow,
		proof: ProofAgreed, source: "reference/daraja.md §3.4",
	},
	{
		sync: true, code: codeHTML, where: []API{APIAny}, class: ClassUnknown, wait: waitBusy,
		meaning: "a page from the network edge instead of an answer: gateway trouble, not your input; whether the request went through is not known",
		retry:   retryResult, next: nextShow, proof: ProofAgreed, source: "reference/daraja.md §3.4",
	},
}
