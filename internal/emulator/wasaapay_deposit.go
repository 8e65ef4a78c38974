package emulator

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
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
	Phone     msisdn        `json:"phone"`
	Amount    cents         `json:"amount"`
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

	initiated *delivery // held until the final webhook has passed (webhook-out-of-order)
}

func (p *deposit) open() bool { return p.Result == "" }

func (p *deposit) key() string { return p.ID }

func (p *deposit) others() [2]string { return [2]string{p.Reference, p.Checkout} }

func (p *deposit) on() msisdn { return p.Phone }

func (p *deposit) status() string {
	switch {
	case p.open():
		return statusPending
	case p.Receipt != "":
		return statusCompleted
	default:
		return statusFailed
	}
}

// deposits are the M-PESA deposits.
type deposits struct {
	e        *engine
	net      *network
	gate     *gate
	wallets  *wallets
	webhooks *webhooks
	sock     *socketHub

	book depositBook
}

func (d *deposits) reset() { d.book = newDepositBook() }

// shows reports whether a phone shows a deposit's prompt, knows whether an id is taken.
func (d *deposits) shows(phone msisdn) bool { return d.book.open[phone] != nil }

func (d *deposits) knows(id string) bool { return d.book.other[id] != nil }

// depositBook finds deposits by their ids.
type depositBook struct{ promptBook[*deposit] }

func newDepositBook() depositBook { return depositBook{newPromptBook[*deposit]()} }

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
		ID: p.ID, Reference: p.Reference, External: p.External, Wallet: p.Wallet, Amount: p.Amount.decimal(), Fee: "0.00",
		Currency: "KES", Status: p.status(), Provider: "MPESA", Method: "MOBILE_MONEY", Phone: "+" + p.Phone.full(),
		Checkout: p.Checkout, Receipt: p.Receipt, FailureReason: p.Reason, Initiated: millis(p.Created),
	}
	if p.Receipt != "" {
		v.Completed = millis(p.Settled)
	}
	return v
}

// shape applies the behaviours that change how REST shows a deposit. The lock is held.
func (d *deposits) shape(v depositView, api string) any {
	on := d.e.behaviours
	if on.roll("deposit-amount-number", api) != nil {
		if amount, ok := v.Amount.(string); ok {
			n, _ := strconv.ParseFloat(amount, 64)
			v.Amount = math.Round(n*100) / 100
		}
	}
	if on.roll("failure-reason-missing", api) != nil {
		v.FailureReason = ""
	}
	switch on.choice("deposit-id", api, "id") {
	case "depositId":
		v.ID, v.DepositID = "", v.ID
	case "nested":
		return map[string]any{"deposit": v}
	}
	return v
}

// create is POST /deposits/mpesa (reference/wasaapay.md §7.2).
func (d *deposits) create(c *call, f fields) *delivery {
	p, bad := d.read(c, f)
	if bad != "" {
		d.gate.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", bad, bad})
		return nil
	}
	var asked *Outcome
	if name := c.r.Header.Get(outcomeHeader); name != "" {
		if asked = outcomeNamed(name); asked == nil {
			reason := outcomeHeader + " names no outcome; use one of " + outcomeNames()
			d.gate.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", reason, reason})
			return nil
		}
	}
	if d.wallets.account(p.Wallet, c.api) == nil {
		d.gate.failLocked(c, fault{
			http.StatusNotFound, "WALLET_NOT_FOUND", "Wallet not found",
			"walletId names no wallet of the emulator; use " + Credentials().WasaaPayWallet + " or create one",
		})
		return nil
	}
	now := d.e.now()
	p.ID, p.Reference = depositID(d.e.ids, now)
	p.Checkout, p.Created = d.net.checkoutID(p.Phone, now), now
	p.Life = d.e.behaviours.span("prompt-lifetime", apiDeposit, depositLife)
	plan := d.plan(p, asked)
	d.book.add(p)
	d.e.touch()
	c.subject = p.ID
	status := http.StatusCreated // not documented (payctl convention)
	if code, err := strconv.Atoi(d.e.behaviours.choice("created-status", c.api, "201")); err == nil {
		status = code
	}
	partner(c, status, success{true, d.shape(p.view(), c.api)})
	when := d.course(p, plan)
	d.initiated(p, when.promptLag())
	if plan != nil && plan.early {
		d.settle(p, plan)
		d.announce(p)
		return d.finalWebhook(p)
	}
	d.schedule(p, plan, when)
	return nil
}

// read reads the body; bad is what is wrong with it, "" for nothing. Names and limits are those that
// reference/wasaapay.md §7.2 infers; unknown members are ignored (payctl convention).
func (d *deposits) read(c *call, f fields) (_ *deposit, bad string) {
	p := &deposit{}
	wallet := f.get("walletId")
	if wallet.kind != '"' || wallet.text == "" || len(wallet.text) > maxKey {
		return nil, "walletId is required and must be a string"
	}
	p.Wallet = wallet.text
	amount, bad := readAmount(f.get("amount"))
	if bad != "" {
		return nil, bad
	}
	if amount%shilling != 0 || amount > maxTransaction {
		return nil, "amount must be whole shillings from 1 to 250000 for M-PESA"
	}
	p.Amount = amount
	phone, ok := looseMSISDN(f.first("phoneNumber", "phone").plain())
	if !ok {
		return nil, "phoneNumber is required and must be a Kenyan mobile number such as +254712345678"
	}
	p.Phone = phone
	external := f.get("externalReference")
	if !external.missing() && external.plain() == "" || len(external.text) > maxKey {
		return nil, "externalReference must be a string of at most 255 characters"
	}
	p.External = external.plain()
	if currency := f.get("currency"); !currency.missing() && !strings.EqualFold(currency.plain(), "KES") {
		return nil, "currency must be KES"
	}
	if f.get("callbackUrl").kind != 0 {
		c.reason = "callbackUrl is ignored: webhooks go to the one address of the partner"
	}
	return p, ""
}

// readAmount reads a positive amount with up to two decimals, as a number or a string (reference/wasaapay.md §15, C7).
func readAmount(f field) (cents, string) {
	const bad = "amount is required and must be a positive number or decimal string"
	text := f.plain()
	whole, fraction, point := strings.Cut(text, ".")
	if !digits(whole, 1, 12) || point && !digits(fraction, 1, 2) {
		return 0, bad
	}
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	if err != nil || n <= 0 {
		return 0, bad
	}
	return cents(n), ""
}

// get is GET /deposits/{id} (reference/wasaapay.md §7.3): by the platform's id and nothing else.
func (d *deposits) get(c *call) {
	d.e.Lock()
	defer d.e.Unlock()
	p := d.book.all[c.r.PathValue("id")]
	if p == nil {
		d.gate.failLocked(c, fault{http.StatusNotFound, "DEPOSIT_NOT_FOUND", "Deposit not found", "no deposit of the emulator has this id"})
		return
	}
	c.subject = p.ID
	on := d.e.behaviours
	v := p.view()
	if status := on.choice("deposit-status", c.api, ""); status != "" {
		v.Status, v.Receipt, v.Completed, v.FailureReason = status, "", "", ""
		c.reason = "behaviour deposit-status"
	} else if !p.open() && on.roll("deposit-contradicts", c.api) != nil {
		v = d.opposite(p)
		c.reason = "behaviour deposit-contradicts"
	}
	if on.roll("data-missing", c.api) != nil {
		c.reason = "behaviour data-missing"
		partner(c, http.StatusOK, map[string]bool{"success": true})
		return
	}
	partner(c, http.StatusOK, success{true, d.shape(v, c.api)})
}

// opposite is the final view that contradicts what happened.
func (d *deposits) opposite(p *deposit) depositView {
	v := p.view()
	if p.Receipt != "" {
		v.Status, v.Receipt, v.Completed, v.FailureReason = statusFailed, "", "", "Request cancelled by user"
		return v
	}
	v.Status, v.Receipt, v.FailureReason, v.Completed = statusCompleted, noReceipt(p.Settled), "", millis(p.Settled)
	return v
}
