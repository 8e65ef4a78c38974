package daraja

import (
	"context"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

const (
	pathTransaction = "/mpesa/transactionstatus/v1/query"
	// maxRemarks bounds Remarks and Occasion, in characters (§6.1).
	maxRemarks = 100
)

// transactionBody is a transaction status query; field names as §6.1 trusts them.
type transactionBody struct {
	Initiator              string `json:"Initiator"`
	SecurityCredential     string `json:"SecurityCredential"`
	CommandID              string `json:"CommandID"`
	TransactionID          string `json:"TransactionID,omitempty"`
	OriginalConversationID string `json:"OriginalConversationID,omitempty"`
	PartyA                 string `json:"PartyA"`
	IdentifierType         string `json:"IdentifierType"`
	ResultURL              string `json:"ResultURL"`
	QueueTimeOutURL        string `json:"QueueTimeOutURL"`
	Remarks                string `json:"Remarks"`
	Occasion               string `json:"Occasion"`
}

func (b transactionBody) secrets() []string { return []string{b.SecurityCredential} }

// CheckTransaction applies the rules of §6.1 and returns the query as it will
// be sent: identifiers trimmed, the MSISDN normalised, Remarks filled in.
// Errors are KindUsage.
func CheckTransaction(q payment.TransactionQuery, env payment.Environment) (payment.TransactionQuery, error) {
	q.Receipt = strings.ToUpper(strings.TrimSpace(q.Receipt))
	q.OriginalConversationID = strings.TrimSpace(q.OriginalConversationID)
	switch {
	case q.Receipt == "" && q.OriginalConversationID == "":
		return q, payment.Usage("transaction: neither a receipt nor a conversation id", "give a receipt or --conversation-id")
	case q.Receipt != "" && !isReceipt(q.Receipt):
		return q, payment.Usage("receipt: not 10 letters and digits", "copy it from the M-PESA message, such as UA2K7QX9ZP")
	case len(q.OriginalConversationID) > maxRemarks || strings.ContainsAny(q.OriginalConversationID, " \t\r\n"):
		return q, payment.Usage("conversation id: has white space or is over 100 characters", "copy the OriginatorConversationID of the original request")
	}
	party, err := checkParty(q.Party, q.IdentifierType)
	if err != nil {
		return q, err
	}
	q.Party = party
	if q.Remarks == "" {
		q.Remarks = "status query"
	}
	if err := checkRemarks(q.Remarks, q.Occasion); err != nil {
		return q, err
	}
	return q, checkResultURLs(q.ResultURL, q.TimeoutURL, env)
}

func checkParty(party string, kind payment.IdentifierType) (string, error) {
	party = strings.TrimSpace(party)
	switch kind {
	case payment.IdentifierMSISDN:
		phone, err := payment.ParsePhone(party)
		return phone.MSISDN(), err
	case payment.IdentifierTill, payment.IdentifierShortCode:
		if !digitsBetween(party, 5, 9) {
			return "", payment.Usage("party: a "+string(kind)+" has 5 to 9 digits", "give --party the number, or --identifier-type msisdn for a phone")
		}
		return party, nil
	}
	return "", payment.Usage("identifier type: "+clip(string(kind))+" is unknown", "write msisdn, till or shortcode")
}

func checkRemarks(remarks, occasion string) error {
	if len([]rune(remarks)) > maxRemarks {
		return payment.Usage("remarks: over 100 characters", "shorten them")
	}
	if len([]rune(occasion)) > maxRemarks {
		return payment.Usage("occasion: over 100 characters", "shorten it")
	}
	return nil
}

func checkResultURLs(result, timeout string, env payment.Environment) error {
	for _, u := range []struct{ name, url string }{{"result url", result}, {"timeout url", timeout}} {
		if problems, _ := LintCallbackURL(u.url, env); len(problems) > 0 {
			return payment.Usage(u.name+": "+problems[0], "set PAYCTL_CALLBACK_URL to the public https address of payctl listen")
		}
	}
	return nil
}

// identifierCode is the wire value of an identifier type (§6.1).
func identifierCode(kind payment.IdentifierType) string {
	switch kind {
	case payment.IdentifierMSISDN:
		return "1"
	case payment.IdentifierTill:
		return "2"
	case payment.IdentifierShortCode:
		return "4"
	}
	return ""
}

// QueryTransaction sends a transaction status query; the result comes to
// ResultURL. The Acceptance's ids are the query's own (§6.2). It asks and moves
// nothing, so every failure may be repeated: errors are KindUsage,
// KindUnauthorized and KindUnavailable. A wrong credential is not noticed here
// but in the result, as code 2001 (§7).
func (c *Client) QueryTransaction(ctx context.Context, q payment.TransactionQuery) (payment.Acceptance, error) {
	const endpoint = "transaction status"
	if err := require(endpoint, MissingInitiator(c.cfg)); err != nil {
		return payment.Acceptance{}, err
	}
	if q.IdentifierType == "" {
		q.IdentifierType = payment.IdentifierShortCode
	}
	if q.Party == "" {
		q.Party = c.ownParty(q.IdentifierType)
	}
	q, err := CheckTransaction(q, c.cfg.Environment)
	if err != nil {
		return payment.Acceptance{}, err
	}
	credential, err := c.securityCredential(ctx, endpoint)
	if err != nil {
		return payment.Acceptance{}, err
	}
	if err := c.turn(ctx, endpoint); err != nil {
		return payment.Acceptance{}, err
	}
	r, err := c.call(ctx, APITransaction, endpoint, pathTransaction, transactionBody{
		Initiator: c.cfg.Initiator, SecurityCredential: credential, CommandID: "TransactionStatusQuery",
		TransactionID: q.Receipt, OriginalConversationID: q.OriginalConversationID,
		PartyA: q.Party, IdentifierType: identifierCode(q.IdentifierType),
		ResultURL: NormalizeCallbackURL(q.ResultURL), QueueTimeOutURL: NormalizeCallbackURL(q.TimeoutURL),
		Remarks: q.Remarks, Occasion: q.Occasion,
	})
	if err != nil {
		return payment.Acceptance{}, harmless(err)
	}
	return c.acceptance(endpoint, r)
}

// ownParty is the profile's own number of a kind.
func (c *Client) ownParty(kind payment.IdentifierType) string {
	switch kind {
	case payment.IdentifierTill:
		return c.cfg.Till
	case payment.IdentifierShortCode:
		return c.cfg.ShortCode
	case payment.IdentifierMSISDN:
	}
	return ""
}

// acceptance reads the synchronous answer of a result-envelope API (§6.2).
func (c *Client) acceptance(endpoint string, r reply) (payment.Acceptance, error) {
	a := payment.Acceptance{
		ConversationID:           r.root.get("conversationid").scalar(),
		OriginatorConversationID: r.root.get("originatorconversationid").scalar(),
		Code:                     r.word("responsecode"),
		Message:                  shown(r.word("responsedescription")),
	}
	if r.succeeded() && (a.ConversationID != "" || a.OriginatorConversationID != "") {
		return a, nil
	}
	if r.named() && strings.Trim(a.Code, "0") == "" { // whatever the HTTP status
		return a, c.noProof(endpoint, r, "it names the request, so it may have been taken: wait for its result, do not send it again")
	}
	return a, c.noAnswer(endpoint, r, hintHarmless)
}
