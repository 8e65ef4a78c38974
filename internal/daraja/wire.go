package daraja

import (
	"encoding/base64"
	"strconv"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

const stampForm = "20060102150405"

// stamp is the trio that must agree inside one body (§3.1). It is made in one
// place, from one instant.
type stamp struct {
	BusinessShortCode string `json:"BusinessShortCode"`
	Password          string `json:"Password"`
	Timestamp         string `json:"Timestamp"`
}

func (s stamp) secrets() []string { return []string{s.Password} }

func (c *Client) stamp() stamp {
	at := c.cfg.Now().In(timing.EAT()).Format(stampForm)
	joined := c.cfg.ShortCode + c.cfg.Passkey.Reveal() + at
	return stamp{
		BusinessShortCode: c.cfg.ShortCode,
		Password:          base64.StdEncoding.EncodeToString([]byte(joined)),
		Timestamp:         at,
	}
}

// pushBody is an STK push (§3.1). Amount and phones are JSON numbers, which
// both camps of §3.2 accept.
type pushBody struct {
	stamp
	TransactionType  string `json:"TransactionType"`
	Amount           int64  `json:"Amount"`
	PartyA           int64  `json:"PartyA"`
	PartyB           string `json:"PartyB"`
	PhoneNumber      int64  `json:"PhoneNumber"`
	CallBackURL      string `json:"CallBackURL"`
	AccountReference string `json:"AccountReference"`
	TransactionDesc  string `json:"TransactionDesc"`
}

func (c *Client) pushBody(r payment.DepositRequest) (pushBody, error) {
	phone, err := strconv.ParseInt(r.Deposit.Phone.MSISDN(), 10, 64)
	if err != nil {
		return pushBody{}, payment.Usage("phone: missing", "name the customer's M-PESA number")
	}
	whole, _ := r.Deposit.Amount.Whole()
	body := pushBody{
		stamp:            c.stamp(),
		TransactionType:  "CustomerPayBillOnline",
		Amount:           whole,
		PartyA:           phone,
		PartyB:           c.cfg.ShortCode,
		PhoneNumber:      phone,
		CallBackURL:      NormalizeCallbackURL(r.CallbackURL),
		AccountReference: r.Deposit.Reference,
		TransactionDesc:  r.Deposit.Description,
	}
	if c.cfg.Till != "" {
		body.TransactionType, body.PartyB = "CustomerBuyGoodsOnline", c.cfg.Till
	}
	if body.TransactionDesc == "" {
		body.TransactionDesc = DefaultDescription
	}
	return body, nil
}

// queryBody is an STK query; nothing else can be asked by (§5).
type queryBody struct {
	stamp
	CheckoutRequestID string `json:"CheckoutRequestID"`
}
