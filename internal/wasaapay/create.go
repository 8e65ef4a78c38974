package wasaapay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// The request fields of POST /deposits/mpesa. The vendor's table of them is not
// available; they are inferred (reference/wasaapay.md §7.2), which is why
// --field can add to them.
const (
	requestWallet    = "walletId"
	requestAmount    = "amount"
	requestPhone     = "phoneNumber"
	requestReference = "externalReference"
)

// Check looks at a deposit before anything is recorded and fills in the
// configured wallet. Its errors are KindUsage, or KindUnauthorized naming all
// missing settings at once.
func (c *Client) Check(d *payment.Deposit) (warnings []string, err error) {
	if d.Wallet == "" {
		d.Wallet = c.cfg.Wallet
	}
	with := c.cfg
	with.Wallet = d.Wallet
	if err := needKey(with); err != nil {
		return nil, err
	}
	if d.Phone.IsZero() {
		return nil, usage("phone: no number is given", "give the customer's number, such as 0712345678")
	}
	if d.Amount.Currency() != payment.KES || d.Amount.Minor() <= 0 {
		return nil, usage("amount: wallets take positive amounts in KES only", "give the amount in shillings")
	}
	if _, whole := d.Amount.Whole(); !whole && !c.cfg.AllowCents {
		return nil, usage("amount "+d.Amount.String()+": M-Pesa prompts take whole shillings", "round it to whole shillings")
	}
	if !validKey(d.IdempotencyKey) {
		return nil, usage("idempotency key: must be 1 to 255 visible ASCII characters", "leave it out for a random one, or write a UUID")
	}
	if d.Description != "" {
		warnings = append(warnings, "the description stays here: WasaaPay documents no field for it (--field description=… sends one)")
	}
	return warnings, nil
}

func validKey(key string) bool {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return false
		}
	}
	return key != "" && len(key) <= 255
}

// Create asks for an M-Pesa deposit. Network errors, 408, 425, 429 and 5xx are
// tried again with the same idempotency key, which the provider honours
// (reference/wasaapay.md §4, §5). Once an attempt may have arrived, anything
// but a clear acceptance is ErrOutcomeUnknown; its message names the key, and
// where the answer names the deposit, the Answer has its id. So is an answer
// about another amount or currency, or about two deposits, or with a name twice
// in one object, and a refusal that hints at a deposit under way. Any other
// refusal is an Answer with StatusFailed. Refused credentials are
// KindUnauthorized; what could not be sent at all, or was turned down by
// something that does not speak JSON, is KindUnavailable.
func (c *Client) Create(ctx context.Context, r payment.DepositRequest) (payment.Answer, error) {
	d := r.Deposit
	if _, err := c.Check(&d); err != nil {
		return payment.Answer{}, err
	}
	body, err := c.requestBody(d, r.Fields)
	if err != nil {
		return payment.Answer{}, err
	}
	header := c.header()
	header.Set("X-Idempotency-Key", d.IdempotencyKey)
	header.Set("Content-Type", "application/json")
	request := apiclient.Request{
		Method: http.MethodPost, URL: c.base + "/deposits/mpesa", Header: header, Body: body, Endpoint: "create deposit",
		Secrets: c.secrets(),
	}
	t := c.try(ctx, request, false)
	return c.created(t, d)
}

// requestBody writes the same bytes for the same deposit: a retry must not differ.
func (c *Client) requestBody(d payment.Deposit, extra map[string]string) ([]byte, error) {
	phone := d.Phone.E164()
	if c.cfg.PhoneForm == "254" {
		phone = d.Phone.MSISDN()
	}
	var amount any = d.Amount.String()
	if c.cfg.AmountForm == "number" {
		number := d.Amount.String()
		if whole, ok := d.Amount.Whole(); ok {
			number = fmt.Sprint(whole)
		}
		amount = json.RawMessage(number)
	}
	fields := map[string]any{requestWallet: d.Wallet, requestAmount: amount, requestPhone: phone}
	if d.Reference != "" {
		fields[requestReference] = d.Reference
	}
	if err := CheckFields(extra); err != nil {
		return nil, err
	}
	for name, value := range extra {
		fields[name] = value
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("create deposit: encode the request: %w", err)
	}
	return body, nil
}

// CheckFields refuses an extra request field that the deposit itself fills, with
// KindUsage.
func CheckFields(extra map[string]string) error {
	for _, name := range []string{requestWallet, requestAmount, requestPhone, requestReference} {
		for given := range extra {
			// Not every server tells "Amount" from "amount".
			if strings.EqualFold(given, name) {
				return usage("field "+name+": is already sent from the deposit itself", "use --wallet, --amount, --phone or --reference")
			}
		}
	}
	return nil
}

// trial is what came of sending one request, perhaps several times.
type trial struct {
	// response is nil when the last attempt brought none.
	response *apiclient.Response
	err      error
	// doubtful says that an attempt without a clear answer may have arrived.
	doubtful bool
	// stopped is why the wait for another attempt was cut short.
	stopped error
}

// try sends a request until it is answered with something final, the attempts
// are used up, or ctx ends. Each attempt waits for its turn, but for the first one
// where the caller has waited.
func (c *Client) try(ctx context.Context, r apiclient.Request, booked bool) trial {
	var t trial
	for failed := 0; ; {
		var place payment.Slot
		if !booked || failed > 0 {
			var err error
			if place, err = c.turn(ctx); err != nil {
				return t.stop(err)
			}
		}
		t.response, t.err = c.http.Do(ctx, r)
		if t.err != nil && !errors.Is(t.err, payment.ErrOutcomeUnknown) {
			c.giveBack(ctx, place)
		}
		wait := c.judge(ctx, &t)
		if wait < 0 {
			return t
		}
		if failed++; failed >= maxAttempts || ctx.Err() != nil {
			return t
		}
		if err := timing.Wait(ctx, max(wait, backoff(failed))); err != nil {
			return t.stop(err)
		}
	}
}

// judge notes what the last attempt leaves in doubt and returns how long the
// provider wants to be left alone before the next one, or -1 if there is
// nothing to gain from it.
func (c *Client) judge(ctx context.Context, t *trial) time.Duration {
	if t.err != nil {
		t.doubtful = t.doubtful || errors.Is(t.err, payment.ErrOutcomeUnknown)
		if payment.KindOf(t.err) != payment.KindUnavailable {
			return -1
		}
		return 0
	}
	wait := c.hold(ctx, t.response)
	status := t.response.Status
	if !retryableStatus(status) {
		return -1
	}
	// 425 and 429 are refusals to begin; the others may come after the work was done.
	if status != http.StatusTooManyRequests && status != http.StatusTooEarly {
		t.doubtful = true
	}
	return wait
}
