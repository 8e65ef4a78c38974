package daraja

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// results are the APIs that accept at once and post a Result later.
type results struct {
	e    *engine.Engine
	net  *mpesa.Network
	door *door
	keys keyring

	used map[string]bool // OriginatorConversationIDs that callers made (B2C version 3)
}

func (r *results) reset() { r.used = map[string]bool{} }

// question is one request of the Result family on its way from the acceptance to its result.
type question struct {
	api          string
	path         string
	f            engine.Fields
	body         []byte // the request as it came
	originator   string
	conversation string
	resultURL    string
	timeoutURL   string
	asked        time.Time
	fault        string // why the initiator is refused, "" when it is not
}

// rule is the check of one member: fault returns what is wrong, "" for nothing.
type rule struct {
	names []string // spellings that are taken; a refusal names the first
	fault func(text string) string
}

// resultAPI is one API that accepts at once and posts a Result later (reference/daraja.md §6, §10.2).
type resultAPI struct {
	api       string
	paths     []string
	initiator string // the member that names the initiator
	rules     []rule // in the order of the documents
	// run carries the request out. The lock is held.
	run func(*question) verdict
}

// doubledS is how the payout spells Occasion (reference/daraja.md §6.1, §10.2).
const doubledS = "Occassion" //nolint:misspell // the wire's spelling

// mayBe is a text of at most so many characters, need one of at least low.
func mayBe(high int, names ...string) rule { return need(0, high, names...) }

func need(low, high int, names ...string) rule {
	return rule{names, func(text string) string {
		if n := utf8.RuneCountInString(text); n < low || n > high {
			return "must have " + spanOf(low, high) + " characters"
		}
		return ""
	}}
}

func spanOf(low, high int) string {
	return strconv.Itoa(low) + " to " + strconv.Itoa(high)
}

func oneOf(name string, words ...string) rule {
	return rule{[]string{name}, func(text string) string {
		if slices.Contains(words, text) {
			return ""
		}
		return "must be " + strings.Join(words, " or ")
	}}
}

func shortcodeIn(name string) rule {
	return rule{[]string{name}, func(text string) string {
		if engine.Digits(text, 5, 9) {
			return ""
		}
		return "must be a shortcode"
	}}
}

func partyIn(name string) rule {
	return rule{[]string{name}, func(text string) string {
		if _, ok := mpesa.ParseMSISDN(text); ok || engine.Digits(text, 5, 9) {
			return ""
		}
		return "must be a shortcode or an MSISDN"
	}}
}

func customerIn(name string) rule {
	return rule{[]string{name}, func(text string) string {
		if _, ok := mpesa.ParseMSISDN(text); ok {
			return ""
		}
		return "must be 254, then 1 or 7, then eight digits"
	}}
}

func amountIn() rule {
	return rule{[]string{"Amount"}, func(text string) string {
		if n, ok := mpesa.ParseShillings(text); ok && n >= mpesa.Shilling {
			return ""
		}
		return "must be whole shillings from 1 to 250000"
	}}
}

func addressIn(names ...string) rule {
	return rule{names, func(text string) string { return engine.LintURL(text, false) }}
}

// timeoutNames are the spellings of the portal (reference/daraja.md §6.1).
func timeoutURL() rule { return addressIn("QueueTimeOutURL", "QueueTimeoutURL") }

// ask serves one API of the family.
func (r *results) ask(api *resultAPI) func(*engine.Call) {
	return func(c *engine.Call) {
		f, ok := r.door.enter(c)
		if !ok {
			return
		}
		rules := append([]rule{need(1, 100, api.initiator), need(1, 4000, "SecurityCredential")}, api.rules...)
		for _, one := range rules {
			if fault := one.fault(f.First(one.names...).Plain()); fault != "" {
				fail(c, badField(one.names[0], one.names[0]+" "+fault))
				return
			}
		}
		if strings.Contains(c.Request.URL.Path, "/b2c/v3/") && f.Get("OriginatorConversationID").Missing() {
			fail(c, badField("OriginatorConversationID", "version 3 wants an OriginatorConversationID that the caller made"))
			return
		}
		q := &question{
			api: api.api, path: c.Request.URL.Path, f: f, body: c.Body,
			resultURL: f.Get("ResultURL").Plain(), timeoutURL: f.First("QueueTimeOutURL", "QueueTimeoutURL").Plain(),
			fault: r.initiatorFault(f, api.initiator),
		}
		r.acceptQuestion(c, q, api)
	}
}

// initiatorFault checks user and credential; the caller only learns of a fault from the result (reference/daraja.md §7).
func (r *results) initiatorFault(f engine.Fields, member string) string {
	var any bool
	r.e.Locked(func() { any = r.e.Behaviours.Get("any-credentials", "") != nil })
	if any {
		return ""
	}
	if name := f.Get(member).Plain(); name != engine.Credentials().Initiator {
		return member + " is not " + engine.Credentials().Initiator
	}
	return r.keys.credentialFault(f.Get("SecurityCredential").Plain())
}

// acceptQuestion answers that the request is queued, and schedules its result.
func (r *results) acceptQuestion(c *engine.Call, q *question, api *resultAPI) {
	r.e.Lock()
	defer r.e.Unlock()
	q.asked = r.e.Now()
	if own := q.f.Get("OriginatorConversationID").Plain(); own != "" && (api.api == apiB2C) {
		if r.used[own] {
			fail(c, refusal{
				http.StatusInternalServerError, "500.002.1001", "Duplicate OriginatorConversationID.",
				"this OriginatorConversationID was used before: the payout is under way already",
			})
			return
		}
		if len(r.used) >= mpesa.MaxTxns {
			clear(r.used)
		}
		r.used[own] = true
		q.originator = own
	} else {
		q.originator = mpesa.RequestID(r.e.IDs)
	}
	q.conversation = mpesa.ConversationID(r.e.IDs, q.asked)
	c.Subject, c.Reason = q.conversation, q.fault
	if q.fault != "" {
		c.Reason = "accepted, but the result will be 2001: " + q.fault
	}
	delay := r.net.ResultDelay(q.api)
	if r.e.Behaviours.Roll("result-timeout", q.api) != nil {
		r.e.Later(delay, func() { r.expireQuestion(q) })
	} else {
		r.e.Later(delay, func() { r.conclude(q, api) })
	}
	c.Reply(http.StatusOK, struct {
		OriginatorConversationID string
		ConversationID           string
		ResponseCode             string
		ResponseDescription      string
	}{q.originator, q.conversation, "0", "Accept the service request successfully."})
}

// apis is the family.
func (r *results) apis() []resultAPI {
	remarks := func(low int) rule { return need(low, 100, "Remarks") }
	return []resultAPI{
		{
			api: apiStatus, paths: []string{"/mpesa/transactionstatus/v1/query"}, initiator: "Initiator", run: r.status,
			rules: []rule{
				oneOf("CommandID", "TransactionStatusQuery"),
				need(1, 64, "TransactionID", "OriginalConversationID", "OriginatorConversationID"),
				partyIn("PartyA"), oneOf("IdentifierType", "4", "1", "2"),
				addressIn("ResultURL"), timeoutURL(), remarks(1), mayBe(100, "Occasion"),
			},
		},
		{
			api: apiBalance, paths: []string{"/mpesa/accountbalance/v1/query"}, initiator: "Initiator", run: r.balance,
			rules: []rule{
				oneOf("CommandID", "AccountBalance"), shortcodeIn("PartyA"), oneOf("IdentifierType", "4", "2"),
				remarks(1), timeoutURL(), addressIn("ResultURL"),
			},
		},
		{
			api: apiReversal, paths: []string{"/mpesa/reversal/v1/request"}, initiator: "Initiator", run: r.reverse,
			rules: []rule{
				oneOf("CommandID", "TransactionReversal"), need(1, 64, "TransactionID"), amountIn(),
				shortcodeIn("ReceiverParty"), oneOf("RecieverIdentifierType", "11"),
				addressIn("ResultURL"), timeoutURL(), remarks(2), mayBe(100, "Occasion", doubledS),
			},
		},
		{
			api: apiB2C, initiator: "InitiatorName", run: r.payout,
			paths: []string{"/mpesa/b2c/v1/paymentrequest", "/mpesa/b2c/v3/paymentrequest", "/mpesa/b2pochi/v1/paymentrequest"},
			rules: []rule{
				oneOf("CommandID", "SalaryPayment", "BusinessPayment", "PromotionPayment", "BusinessPayToPochi"),
				amountIn(), shortcodeIn("PartyA"), customerIn("PartyB"), remarks(2),
				timeoutURL(), addressIn("ResultURL"), mayBe(100, doubledS, "Occasion"),
			},
		},
		{
			api: apiB2B, paths: []string{"/mpesa/b2b/v1/paymentrequest", "/mpesa/b2b/v1/remittax"}, initiator: "Initiator", run: r.transfer,
			rules: []rule{
				oneOf("CommandID", "BusinessPayBill", "BusinessBuyGoods", "BusinessPayToBulk", "PayTaxToKRA",
					"BusinessToBusinessTransfer", "DisburseFundsToBusiness", "MerchantToMerchantTransfer"), // Safaricom's own Node library
				oneOf("SenderIdentifierType", "4"), oneOf("RecieverIdentifierType", "4", "2"), amountIn(),
				shortcodeIn("PartyA"), shortcodeIn("PartyB"), mayBe(13, "AccountReference"), remarks(1),
				timeoutURL(), addressIn("ResultURL"),
			},
		},
	}
}
