package wasaapay

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// wasaapayPaybill is the paybill on which WasaaPay collects: Daraja's ledger books deposits there.
const wasaapayPaybill = "600777"

// depositLife is how long the prompt stays open (reference/wasaapay.md §7.2).
const depositLife = 2 * time.Minute

// Statuses of reference/wasaapay.md §7.4.
const (
	statusPending   = "PENDING"
	statusCompleted = "COMPLETED"
	statusFailed    = "FAILED"
)

// deposit is one M-PESA deposit from its creation on.
type deposit struct {
	ID        string        `json:"id"`
	Reference string        `json:"reference"`
	External  string        `json:"external_reference,omitempty"`
	Wallet    string        `json:"wallet"`
	Phone     mpesa.MSISDN  `json:"phone"`
	Amount    mpesa.Cents   `json:"amount"`
	Checkout  string        `json:"provider_reference"`
	Created   time.Time     `json:"created"`
	Life      time.Duration `json:"life"`
	// Plan is the outcome to come; empty when the prompt waits for an answer.
	Plan string `json:"plan,omitempty"`
	// Result is the name of the outcome once settled.
	Result  string    `json:"result,omitempty"`
	Settled time.Time `json:"settled,omitzero"`
	Receipt string    `json:"receipt,omitempty"`
	Reason  string    `json:"failure_reason,omitempty"`

	initiated *engine.Delivery // held until the final webhook has passed (webhook-out-of-order)
}

// Open reports whether nobody has decided the deposit yet.
func (p *deposit) Open() bool { return p.Result == "" }

// Key is the platform's id.
func (p *deposit) Key() string { return p.ID }

// Others are the further ids by which the deposit is found.
func (p *deposit) Others() [2]string { return [2]string{p.Reference, p.Checkout} }

// On is the phone that shows the prompt.
func (p *deposit) On() mpesa.MSISDN { return p.Phone }

func (p *deposit) status() string {
	switch {
	case p.Open():
		return statusPending
	case p.Receipt != "":
		return statusCompleted
	default:
		return statusFailed
	}
}

// deposits are the M-PESA deposits.
type deposits struct {
	e        *engine.Engine
	net      *mpesa.Network
	gate     *gate
	wallets  *wallets
	webhooks *webhooks
	sock     *socketHub

	book depositBook
}

func (d *deposits) reset() { d.book = newDepositBook() }

// Shows reports whether a phone shows a deposit's prompt.
func (d *deposits) Shows(phone mpesa.MSISDN) bool { return d.book.Open[phone] != nil }

// Knows reports whether a checkout id is taken.
func (d *deposits) Knows(id string) bool { return d.book.Other[id] != nil }

// depositBook finds deposits by their ids.
type depositBook struct{ mpesa.PromptBook[*deposit] }

func newDepositBook() depositBook { return depositBook{mpesa.NewPromptBook[*deposit]()} }

// depositView is the union of fields of reference/wasaapay.md §7.5 in the order of its samples.
type depositView struct {
	ID            string `json:"id,omitempty"`
	DepositID     string `json:"depositId,omitempty"`
	Reference     string `json:"reference"`
	External      string `json:"externalReference,omitempty"`
	Wallet        string `json:"walletId"`
	Amount        any    `json:"amount"`
	Fee           string `json:"fee"`
	Currency      string `json:"currency"`
	Status        string `json:"status"`
	Provider      string `json:"provider"`
	Method        string `json:"method"`
	Phone         string `json:"phoneNumber"`
	Checkout      string `json:"providerReference"`
	Receipt       string `json:"receiptNumber,omitempty"`
	FailureReason string `json:"failureReason,omitempty"`
	Initiated     string `json:"initiatedAt"`
	Completed     string `json:"completedAt,omitempty"`
}

func (p *deposit) view() depositView {
	v := depositView{
		ID: p.ID, Reference: p.Reference, External: p.External, Wallet: p.Wallet, Amount: p.Amount.Decimal(), Fee: "0.00",
		Currency: "KES", Status: p.status(), Provider: "MPESA", Method: "MOBILE_MONEY", Phone: "+" + p.Phone.Full(),
		Checkout: p.Checkout, Receipt: p.Receipt, FailureReason: p.Reason, Initiated: millis(p.Created),
	}
	if p.Receipt != "" {
		v.Completed = millis(p.Settled)
	}
	return v
}

// shape applies the behaviours that change how REST shows a deposit. The lock is held.
func (d *deposits) shape(v depositView, api string) any {
	on := d.e.Behaviours
	if on.Roll("deposit-amount-number", api) != nil {
		if amount, ok := v.Amount.(string); ok {
			n, _ := strconv.ParseFloat(amount, 64)
			v.Amount = math.Round(n*100) / 100
		}
	}
	if on.Roll("failure-reason-missing", api) != nil {
		v.FailureReason = ""
	}
	switch on.Choice("deposit-id", api, "id") {
	case "depositId":
		v.ID, v.DepositID = "", v.ID
	case "nested":
		return map[string]any{"deposit": v}
	}
	return v
}

// create is POST /deposits/mpesa (reference/wasaapay.md §7.2).
func (d *deposits) create(c *engine.Call, f engine.Fields) *engine.Delivery {
	p, bad := d.read(c, f)
	if bad != "" {
		d.gate.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", bad, bad})
		return nil
	}
	var asked *mpesa.Outcome
	if name := c.Request.Header.Get(mpesa.OutcomeHeader); name != "" {
		if asked = mpesa.OutcomeNamed(name); asked == nil {
			reason := mpesa.OutcomeHeader + " names no outcome; use one of " + mpesa.OutcomeNames()
			d.gate.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", reason, reason})
			return nil
		}
	}
	if d.wallets.account(p.Wallet, c.API) == nil {
		d.gate.failLocked(c, fault{
			http.StatusNotFound, "WALLET_NOT_FOUND", "Wallet not found",
			"walletId names no wallet of the emulator; use " + engine.Credentials().WasaaPayWallet + " or create one",
		})
		return nil
	}
	now := d.e.Now()
	p.ID, p.Reference = depositID(d.e.IDs, now)
	p.Checkout, p.Created = d.net.CheckoutID(p.Phone, now), now
	p.Life = d.e.Behaviours.Span("prompt-lifetime", apiDeposit, depositLife)
	plan := d.plan(p, asked)
	d.book.Add(p)
	d.e.Touch()
	c.Subject = p.ID
	status := http.StatusCreated // not documented (payctl convention)
	if code, err := strconv.Atoi(d.e.Behaviours.Choice("created-status", c.API, "201")); err == nil {
		status = code
	}
	partner(c, status, success{true, d.shape(p.view(), c.API)})
	when := d.course(p, plan)
	d.initiated(p, when.promptLag())
	if plan != nil && plan.Early {
		d.settle(p, plan)
		d.announce(p)
		return d.finalWebhook(p)
	}
	d.schedule(p, plan, when)
	return nil
}

// read reads the body; bad is what is wrong with it, "" for nothing. Names and limits are those that
// reference/wasaapay.md §7.2 infers; unknown members are ignored (payctl convention).
func (d *deposits) read(c *engine.Call, f engine.Fields) (_ *deposit, bad string) {
	p := &deposit{}
	wallet := f.Get("walletId")
	if wallet.Kind != '"' || wallet.Text == "" || len(wallet.Text) > maxKey {
		return nil, "walletId is required and must be a string"
	}
	p.Wallet = wallet.Text
	amount, bad := readAmount(f.Get("amount"))
	if bad != "" {
		return nil, bad
	}
	if amount%mpesa.Shilling != 0 || amount > mpesa.MaxTransaction {
		return nil, "amount must be whole shillings from 1 to 250000 for M-PESA"
	}
	p.Amount = amount
	phone, ok := mpesa.LooseMSISDN(f.First("phoneNumber", "phone").Plain())
	if !ok {
		return nil, "phoneNumber is required and must be a Kenyan mobile number such as +254712345678"
	}
	p.Phone = phone
	external := f.Get("externalReference")
	if !external.Missing() && external.Plain() == "" || len(external.Text) > maxKey {
		return nil, "externalReference must be a string of at most 255 characters"
	}
	p.External = external.Plain()
	if currency := f.Get("currency"); !currency.Missing() && !strings.EqualFold(currency.Plain(), "KES") {
		return nil, "currency must be KES"
	}
	if f.Get("callbackUrl").Kind != 0 {
		c.Reason = "callbackUrl is ignored: webhooks go to the one address of the partner"
	}
	return p, ""
}

// readAmount reads a positive amount with up to two decimals, as a number or a string (reference/wasaapay.md §15, C7).
func readAmount(f engine.Field) (mpesa.Cents, string) {
	const bad = "amount is required and must be a positive number or decimal string"
	amount, ok := parseAmount(f.Plain())
	if !ok {
		return 0, bad
	}
	return amount, ""
}

// parseAmount reads a positive decimal with up to two places.
func parseAmount(text string) (mpesa.Cents, bool) {
	whole, fraction, point := strings.Cut(text, ".")
	if !engine.Digits(whole, 1, 12) || point && !engine.Digits(fraction, 1, 2) {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	return mpesa.Cents(n), err == nil && n > 0
}

// get is GET /deposits/{id} (reference/wasaapay.md §7.3): by the platform's id and nothing else.
func (d *deposits) get(c *engine.Call) {
	d.e.Lock()
	defer d.e.Unlock()
	p := d.book.All[c.Request.PathValue("id")]
	if p == nil {
		d.gate.failLocked(c, fault{http.StatusNotFound, "DEPOSIT_NOT_FOUND", "Deposit not found", "no deposit of the emulator has this id"})
		return
	}
	c.Subject = p.ID
	on := d.e.Behaviours
	v := p.view()
	if status := on.Choice("deposit-status", c.API, ""); status != "" {
		v.Status, v.Receipt, v.Completed, v.FailureReason = status, "", "", ""
		c.Reason = "behaviour deposit-status"
	} else if !p.Open() && on.Roll("deposit-contradicts", c.API) != nil {
		v = d.opposite(p)
		c.Reason = "behaviour deposit-contradicts"
	}
	if on.Roll("data-missing", c.API) != nil {
		c.Reason = "behaviour data-missing"
		partner(c, http.StatusOK, map[string]bool{"success": true})
		return
	}
	partner(c, http.StatusOK, success{true, d.shape(v, c.API)})
}

// opposite is the final view that contradicts what happened.
func (d *deposits) opposite(p *deposit) depositView {
	v := p.view()
	if p.Receipt != "" {
		v.Status, v.Receipt, v.Completed, v.FailureReason = statusFailed, "", "", "Request cancelled by user"
		return v
	}
	v.Status, v.Receipt, v.FailureReason, v.Completed = statusCompleted, mpesa.NoReceipt(p.Settled), "", millis(p.Settled)
	return v
}
