package daraja

import (
	"context"
	"errors"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

const (
	pathBalance  = "/mpesa/accountbalance/v1/query"
	pathReversal = "/mpesa/reversal/v1/request"
)

// BalanceQuery asks for the balances of the profile's own shortcode.
type BalanceQuery struct {
	// Party is the shortcode; "" is the profile's.
	Party      string
	Remarks    string
	ResultURL  string
	TimeoutURL string
}

type balanceBody struct {
	Initiator          string `json:"Initiator"`
	SecurityCredential string `json:"SecurityCredential"`
	CommandID          string `json:"CommandID"`
	PartyA             string `json:"PartyA"`
	IdentifierType     string `json:"IdentifierType"`
	Remarks            string `json:"Remarks"`
	QueueTimeOutURL    string `json:"QueueTimeOutURL"`
	ResultURL          string `json:"ResultURL"`
}

func (b balanceBody) secrets() []string { return []string{b.SecurityCredential} }

// AccountBalance sends an account balance query; the result comes to ResultURL
// (reference/daraja.md §10.2). Errors are as for QueryTransaction.
func (c *Client) AccountBalance(ctx context.Context, q BalanceQuery) (payment.Acceptance, error) {
	const endpoint = "account balance"
	if err := require(endpoint, MissingInitiator(c.cfg)); err != nil {
		return payment.Acceptance{}, err
	}
	if q.Party == "" {
		q.Party = c.cfg.ShortCode
	}
	if q.Remarks == "" {
		q.Remarks = "balance query"
	}
	party, err := checkParty(q.Party, payment.IdentifierShortCode)
	if err != nil {
		return payment.Acceptance{}, err
	}
	if err := errors.Join(checkRemarks(q.Remarks, ""), checkResultURLs(q.ResultURL, q.TimeoutURL, c.cfg.Environment)); err != nil {
		return payment.Acceptance{}, err
	}
	credential, err := c.securityCredential(ctx, endpoint)
	if err != nil {
		return payment.Acceptance{}, err
	}
	if err := c.turn(ctx, endpoint); err != nil {
		return payment.Acceptance{}, err
	}
	r, err := c.call(ctx, APIBalance, endpoint, pathBalance, balanceBody{
		Initiator: c.cfg.Initiator, SecurityCredential: credential, CommandID: "AccountBalance",
		PartyA: party, IdentifierType: identifierCode(payment.IdentifierShortCode), Remarks: q.Remarks,
		QueueTimeOutURL: NormalizeCallbackURL(q.TimeoutURL), ResultURL: NormalizeCallbackURL(q.ResultURL),
	})
	if err != nil {
		return payment.Acceptance{}, harmless(err)
	}
	return c.acceptance(endpoint, r)
}

// ReversalRequest undoes a payment that the profile's shortcode received.
type ReversalRequest struct {
	Receipt string
	Amount  payment.Amount
	// Remarks has 2 to 100 characters (§10.2); "" sends "reversal".
	Remarks    string
	Occasion   string
	ResultURL  string
	TimeoutURL string
}

type reversalBody struct {
	Initiator              string `json:"Initiator"`
	SecurityCredential     string `json:"SecurityCredential"`
	CommandID              string `json:"CommandID"`
	TransactionID          string `json:"TransactionID"`
	Amount                 int64  `json:"Amount"`
	ReceiverParty          string `json:"ReceiverParty"`
	RecieverIdentifierType string `json:"RecieverIdentifierType"` // sic (§12)
	ResultURL              string `json:"ResultURL"`
	QueueTimeOutURL        string `json:"QueueTimeOutURL"`
	Remarks                string `json:"Remarks"`
	Occasion               string `json:"Occasion"`
}

func (b reversalBody) secrets() []string { return []string{b.SecurityCredential} }

// reversalIdentifier is the identifier type of an organisation in a reversal (§10.2).
const reversalIdentifier = "11"

// CheckReversal applies the rules of §10.2 and returns the request as it will
// be sent. Errors are KindUsage.
func CheckReversal(q ReversalRequest, env payment.Environment) (ReversalRequest, error) {
	q.Receipt = strings.ToUpper(strings.TrimSpace(q.Receipt))
	if !isReceipt(q.Receipt) {
		return q, payment.Usage("receipt: not 10 letters and digits", "copy it from the M-PESA message, such as UA2K7QX9ZP")
	}
	if err := checkAmount(q.Amount); err != nil {
		return q, err
	}
	if q.Remarks == "" {
		q.Remarks = "reversal"
	}
	if len([]rune(q.Remarks)) < 2 {
		return q, payment.Usage("remarks: fewer than 2 characters", "say why the payment is reversed")
	}
	if err := checkRemarks(q.Remarks, q.Occasion); err != nil {
		return q, err
	}
	return q, checkResultURLs(q.ResultURL, q.TimeoutURL, env)
}

// Reversal asks for a payment to be given back; the result comes to ResultURL.
// It moves money: an error for which errors.Is(err, payment.ErrOutcomeUnknown)
// holds means that it may have been taken, and it is never repeated. R000001
// in the result means that it was.
func (c *Client) Reversal(ctx context.Context, q ReversalRequest) (payment.Acceptance, error) {
	endpoint := "reversal " + clip(q.Receipt)
	if err := require("reversal", MissingInitiator(c.cfg)); err != nil {
		return payment.Acceptance{}, err
	}
	q, err := CheckReversal(q, c.cfg.Environment)
	if err != nil {
		return payment.Acceptance{}, err
	}
	credential, err := c.securityCredential(ctx, endpoint)
	if err != nil {
		return payment.Acceptance{}, err
	}
	whole, _ := q.Amount.Whole()
	if err := c.turnOfMoney(ctx, endpoint); err != nil {
		return payment.Acceptance{}, err
	}
	r, err := c.call(ctx, APIReversal, endpoint, pathReversal, reversalBody{
		Initiator: c.cfg.Initiator, SecurityCredential: credential, CommandID: "TransactionReversal",
		TransactionID: q.Receipt, Amount: whole, ReceiverParty: c.cfg.ShortCode,
		RecieverIdentifierType: reversalIdentifier,
		ResultURL:              NormalizeCallbackURL(q.ResultURL), QueueTimeOutURL: NormalizeCallbackURL(q.TimeoutURL),
		Remarks: q.Remarks, Occasion: q.Occasion,
	})
	if err != nil {
		return payment.Acceptance{}, unknownOutcome(err, hintReversal)
	}
	a, err := c.acceptance(endpoint, r)
	if err != nil && r.row.class == ClassUnknown {
		return a, c.noProof(endpoint, r, hintReversal)
	}
	return a, err
}

const hintReversal = "it may have been carried out: ask payctl transaction status before sending it again"
