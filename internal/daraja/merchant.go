package daraja

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

const (
	pathC2BRegister = "/mpesa/c2b/v2/registerurl"
	pathC2BSimulate = "/mpesa/c2b/v2/simulate"
	pathQR          = "/mpesa/qrcode/v1/generate"
	maxBillRef      = 20 // §10.1
)

// ResponseType says what M-PESA does with a C2B payment when the validation
// URL does not answer in about 8 s (§10.1).
type ResponseType string

// The response types, spelt as the gateway wants them.
const (
	ResponseCompleted ResponseType = "Completed"
	ResponseCancelled ResponseType = "Cancelled"
)

// C2BRegistration tells M-PESA where to post C2B payments.
type C2BRegistration struct {
	ResponseType    ResponseType
	ConfirmationURL string
	ValidationURL   string
}

type registerBody struct {
	ShortCode       string       `json:"ShortCode"`
	ResponseType    ResponseType `json:"ResponseType"`
	ConfirmationURL string       `json:"ConfirmationURL"`
	ValidationURL   string       `json:"ValidationURL"`
}

// C2BRegister registers the URLs of the profile's shortcode. In production
// that works once; the second time is KindConflict (reference/daraja.md §10.1).
func (c *Client) C2BRegister(ctx context.Context, q C2BRegistration) (payment.Acceptance, error) {
	const endpoint = "c2b register"
	if err := require(endpoint, missingMerchant(c.cfg)); err != nil {
		return payment.Acceptance{}, err
	}
	if q.ResponseType != ResponseCompleted && q.ResponseType != ResponseCancelled {
		return payment.Acceptance{}, payment.Usage("response type: "+clip(string(q.ResponseType))+" is unknown", "write Completed or Cancelled")
	}
	for _, u := range []struct{ name, url string }{{"confirmation url", q.ConfirmationURL}, {"validation url", q.ValidationURL}} {
		if problems, _ := LintCallbackURL(u.url, c.cfg.Environment); len(problems) > 0 {
			return payment.Acceptance{}, payment.Usage(u.name+": "+problems[0], "give a public https address")
		}
	}
	r, err := c.call(ctx, APIC2B, endpoint, pathC2BRegister, registerBody{
		ShortCode: c.cfg.ShortCode, ResponseType: q.ResponseType,
		ConfirmationURL: NormalizeCallbackURL(q.ConfirmationURL), ValidationURL: NormalizeCallbackURL(q.ValidationURL),
	})
	if err != nil {
		return payment.Acceptance{}, harmless(err)
	}
	return c.c2bReply(endpoint, r)
}

// c2bReply reads a reply whose id is misspelt and whose ResponseCode some v2
// replies leave out (§10.1).
func (c *Client) c2bReply(endpoint string, r reply) (payment.Acceptance, error) {
	a := payment.Acceptance{
		ConversationID:           r.root.get("conversationid").scalar(),
		OriginatorConversationID: r.root.get("originatorcoversationid").scalar(),
		Code:                     r.word("responsecode"),
		Message:                  shown(r.word("responsedescription")),
	}
	if a.OriginatorConversationID == "" {
		a.OriginatorConversationID = r.root.get("originatorconversationid").scalar()
	}
	old := strings.EqualFold(a.Message, "success") // with empty ids and no code (§14)
	if r.succeeded() || r.bare() && a.Code == "" && (a.OriginatorConversationID != "" || old) {
		return a, nil
	}
	return a, c.noAnswer(endpoint, r, hintRegister)
}

const hintRegister = "registering moves no money: try again shortly"

// C2BSimulation is an invented C2B payment; sandbox and local only.
type C2BSimulation struct {
	Amount payment.Amount
	Phone  payment.Phone
	// BillRefNumber is the account number, up to 20 characters; a profile with a
	// till sends none.
	BillRefNumber string
}

type simulateBody struct {
	ShortCode     int64   `json:"ShortCode"`
	CommandID     string  `json:"CommandID"`
	Amount        int64   `json:"Amount"`
	Msisdn        int64   `json:"Msisdn"`
	BillRefNumber *string `json:"BillRefNumber"`
}

// C2BSimulate makes the sandbox act as if a customer had paid to the shortcode
// that C2BRegister registered. It refuses production with KindUsage.
func (c *Client) C2BSimulate(ctx context.Context, q C2BSimulation) (payment.Acceptance, error) {
	const endpoint = "c2b simulate"
	if c.cfg.Environment == payment.Production {
		return payment.Acceptance{}, payment.Usage("c2b simulate: not in production", "choose a sandbox or local profile")
	}
	if err := require(endpoint, missingMerchant(c.cfg)); err != nil {
		return payment.Acceptance{}, err
	}
	if err := checkAmount(q.Amount); err != nil {
		return payment.Acceptance{}, err
	}
	body, err := c.simulateBody(q)
	if err != nil {
		return payment.Acceptance{}, err
	}
	r, err := c.call(ctx, APIC2B, endpoint, pathC2BSimulate, body)
	if err != nil {
		return payment.Acceptance{}, unknownOutcome(err, hintSimulate)
	}
	a, err := c.c2bReply(endpoint, r)
	if err != nil && r.row.class == ClassUnknown {
		return a, c.noProof(endpoint, r, hintSimulate)
	}
	return a, err
}

const hintSimulate = "the invented payment may have been made: look for its confirmation with payctl webhook list"

func (c *Client) simulateBody(q C2BSimulation) (simulateBody, error) {
	body := simulateBody{CommandID: "CustomerPayBillOnline", BillRefNumber: &q.BillRefNumber}
	if c.cfg.Till != "" {
		body.CommandID, body.BillRefNumber = "CustomerBuyGoodsOnline", nil
	} else if q.BillRefNumber == "" || len([]rune(q.BillRefNumber)) > maxBillRef {
		return body, payment.Usage("reference: not 1 to 20 characters", "give the account number that the customer would type")
	}
	var err error
	if body.ShortCode, err = strconv.ParseInt(c.cfg.ShortCode, 10, 64); err != nil {
		return body, payment.Usage("shortcode: not a number", "set PAYCTL_DARAJA_SHORTCODE")
	}
	if body.Msisdn, err = strconv.ParseInt(q.Phone.MSISDN(), 10, 64); err != nil {
		return body, payment.Usage("phone: missing", "name the paying customer's number")
	}
	body.Amount, _ = q.Amount.Whole()
	return body, nil
}

// QRKind is what a QR code pays (§10.3).
type QRKind string

// The kinds of QR code.
const (
	QRBuyGoods  QRKind = "BG"
	QRWithdraw  QRKind = "WA"
	QRPayBill   QRKind = "PB"
	QRSendMoney QRKind = "SM"
	QRBusiness  QRKind = "SB"
)

// QRRequest describes a QR code.
type QRRequest struct {
	MerchantName string
	Reference    string
	Amount       payment.Amount
	Kind         QRKind
	// CPI is the number paid to; "" is the profile's till or shortcode.
	CPI string
	// Size is the picture's width and height in pixels; 0 is 300.
	Size int
}

type qrBody struct {
	MerchantName string `json:"MerchantName"`
	RefNo        string `json:"RefNo"`
	Amount       int64  `json:"Amount"`
	TrxCode      QRKind `json:"TrxCode"`
	CPI          string `json:"CPI"`
	Size         string `json:"Size"`
}

const (
	defaultQRSize = 300
	maxQRSize     = 2000
)

// DynamicQR returns a QR code as a PNG picture. What ResponseCode holds is
// disputed, so the picture itself is what tells success (§10.3).
func (c *Client) DynamicQR(ctx context.Context, q QRRequest) ([]byte, error) {
	const endpoint = "qr"
	if err := require(endpoint, missingKeys(c.cfg)); err != nil {
		return nil, err
	}
	body, err := c.qrBody(q)
	if err != nil {
		return nil, err
	}
	r, err := c.call(ctx, APIQR, endpoint, pathQR, body)
	if err != nil {
		return nil, harmless(err)
	}
	picture, err := base64.StdEncoding.DecodeString(r.root.get("qrcode").scalar())
	if !r.bare() || err != nil || len(picture) == 0 {
		return nil, c.noAnswer(endpoint, r, hintHarmless)
	}
	if !strings.HasPrefix(string(picture), "\x89PNG\r\n\x1a\n") {
		return nil, &payment.Error{Kind: payment.KindUnavailable, Message: "qr: " + c.host + " sent something other than a PNG picture", Hint: "try again later", Provider: payment.Daraja}
	}
	return picture, nil
}

func (c *Client) qrBody(q QRRequest) (qrBody, error) {
	switch q.Kind {
	case QRBuyGoods, QRWithdraw, QRPayBill, QRSendMoney, QRBusiness:
	case "":
		q.Kind = QRPayBill
		if c.cfg.Till != "" {
			q.Kind = QRBuyGoods
		}
	default:
		return qrBody{}, payment.Usage("qr kind: "+clip(string(q.Kind))+" is unknown", "write BG, WA, PB, SM or SB")
	}
	if q.CPI == "" {
		q.CPI = c.cfg.ShortCode
		if c.cfg.Till != "" {
			q.CPI = c.cfg.Till
		}
	}
	if q.Size == 0 {
		q.Size = defaultQRSize
	}
	switch {
	case q.CPI == "":
		return qrBody{}, require("qr", []string{"PAYCTL_DARAJA_SHORTCODE"})
	case q.MerchantName == "":
		return qrBody{}, payment.Usage("merchant name: missing", "give the name that the customer sees")
	case q.Reference == "":
		return qrBody{}, payment.Usage("reference: missing", "give the payment a reference")
	case q.Size < 1 || q.Size > maxQRSize:
		return qrBody{}, payment.Usage("size: not 1 to 2000 pixels", "leave it out for 300")
	}
	if err := checkAmount(q.Amount); err != nil {
		return qrBody{}, err
	}
	whole, _ := q.Amount.Whole()
	return qrBody{MerchantName: q.MerchantName, RefNo: q.Reference, Amount: whole, TrxCode: q.Kind, CPI: q.CPI, Size: strconv.Itoa(q.Size)}, nil
}
