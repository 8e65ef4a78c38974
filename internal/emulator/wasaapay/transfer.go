package wasaapay

import (
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// transferFee is what a transfer costs the sender (payctl convention; no fee is documented).
const transferFee = 5 * mpesa.Shilling

// transfers are the moves of money between wallets.
type transfers struct {
	e        *engine.Engine
	gate     *gate
	wallets  *wallets
	webhooks *webhooks

	all   map[string]*transfer
	moved []string // ids, oldest first
}

func (w *transfers) reset() { w.all, w.moved = map[string]*transfer{}, nil }

// transfer moves money between two wallets at once (reference/wasaapay.md §9).
type transfer struct {
	ID          string      `json:"id"`
	Reference   string      `json:"reference"`
	External    string      `json:"external_reference,omitempty"`
	Description string      `json:"description,omitempty"`
	Source      string      `json:"source"`
	Destination string      `json:"destination"` // account number
	Amount      mpesa.Cents `json:"amount"`
	Created     time.Time   `json:"created"`
	Failed      bool        `json:"failed"`
}

func (t *transfer) status() string {
	if t.Failed {
		return statusFailed
	}
	return statusCompleted
}

type transferView struct {
	ID          string `json:"id"`
	Reference   string `json:"reference"`
	External    string `json:"externalReference,omitempty"`
	Source      string `json:"sourceWalletId"`
	Destination string `json:"destinationAccountNumber"`
	Amount      string `json:"amount"`
	Fee         string `json:"fee"`
	TotalDebit  string `json:"totalDebit"`
	Currency    string `json:"currency"`
	Status      string `json:"status"`
	Description string `json:"description,omitempty"`
	Created     string `json:"createdAt"`
}

func (t *transfer) view() transferView {
	return transferView{
		t.ID, t.Reference, t.External, t.Source, t.Destination, t.Amount.Decimal(), transferFee.Decimal(),
		(t.Amount + transferFee).Decimal(), "KES", t.status(), t.Description, millis(t.Created),
	}
}

// transferPlan is a transfer that has been checked and not yet carried out.
type transferPlan struct {
	from, to *account
	amount   mpesa.Cents
}

// read reads the members that a preview and a transfer share. It answers and returns false when they are wrong.
func (w *transfers) read(c *engine.Call, f engine.Fields) (plan transferPlan, ok bool) {
	amount, bad := readAmount(f.Get("amount"))
	if bad != "" {
		w.gate.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", bad, bad})
		return plan, false
	}
	plan.amount = amount
	plan.from = w.wallets.account(f.Get("sourceWalletId").Plain(), c.API)
	plan.to = w.wallets.all[w.wallets.accounts[f.Get("destinationAccountNumber").Plain()]]
	switch {
	case plan.from == nil:
		w.gate.failLocked(c, fault{http.StatusNotFound, "WALLET_NOT_FOUND", "Source wallet not found", "sourceWalletId names no wallet of the emulator"})
	case plan.to == nil:
		w.gate.failLocked(c, fault{
			http.StatusNotFound, "ACCOUNT_NOT_FOUND", "Destination account not found",
			"destinationAccountNumber names no account of the emulator; " + secondAccount + " is one",
		})
	case plan.from == plan.to:
		const same = "source and destination are the same wallet"
		w.gate.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", same, same})
	default:
		return plan, true
	}
	return plan, false
}

// short reports that the source cannot pay amount and fee.
func (p transferPlan) short() bool { return p.from.Balance < p.amount+transferFee }

type previewView struct {
	CanProceed   bool   `json:"canProceed"`
	Insufficient bool   `json:"insufficientFunds"`
	Amount       string `json:"amount"`
	Fee          string `json:"fee"`
	TotalDebit   string `json:"totalDebit"`
	Destination  struct {
		Owner string `json:"ownerName"`
	} `json:"destinationWallet"`
}

func (p transferPlan) view() previewView {
	v := previewView{
		CanProceed: !p.short(), Insufficient: p.short(), Amount: p.amount.Decimal(), Fee: transferFee.Decimal(),
		TotalDebit: (p.amount + transferFee).Decimal(),
	}
	v.Destination.Owner = p.to.Owner
	return v
}

// preview is POST /transfers/preview: it debits nothing, and shows data even where it says no
// (reference/wasaapay.md §9 and §15, C20).
func (w *transfers) preview(c *engine.Call, f engine.Fields) *engine.Delivery {
	if plan, ok := w.read(c, f); ok {
		partner(c, http.StatusOK, success{!plan.short(), plan.view()})
	}
	return nil
}

// create is POST /transfers. Without the money it is refused and leaves no trace (payctl convention).
func (w *transfers) create(c *engine.Call, f engine.Fields) *engine.Delivery {
	plan, ok := w.read(c, f)
	if !ok {
		return nil
	}
	if plan.short() {
		c.Refused, c.Reason = true, "the source wallet holds less than the amount and the fee"
		partner(c, http.StatusBadRequest, success{false, plan.view()})
		return nil
	}
	now := w.e.Now()
	t := &transfer{
		External: f.First("externalReference", "reference").Plain(), Description: f.Get("description").Plain(),
		Source: plan.from.ID, Destination: plan.to.Number, Amount: plan.amount, Created: now,
	}
	if len(t.External) > maxKey || len(t.Description) > maxKey {
		const bad = "externalReference and description hold at most 255 characters"
		w.gate.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", bad, bad})
		return nil
	}
	t.ID, t.Reference = eventID(w.e.IDs, "transfer", "", now)
	event := "transfer.completed"
	if w.e.Behaviours.Roll("transfer-fails", c.API) != nil {
		t.Failed, event = true, "transfer.failed"
		c.Reason = "behaviour transfer-fails"
	} else {
		plan.from.book(now, "TRANSFER_OUT", t.Reference, -plan.amount)
		plan.from.book(now, "FEE", t.Reference, -transferFee)
		plan.to.book(now, "TRANSFER_IN", t.Reference, plan.amount)
	}
	w.keep(t)
	w.e.Touch()
	c.Subject = t.ID
	partner(c, http.StatusCreated, success{true, t.view()})
	data := textMembers("transferId", t.ID, "reference", t.Reference, "externalReference", t.External,
		"amount", t.Amount.Decimal(), "status", t.status())
	w.webhooks.send(w.webhooks.make(event, data, t.ID), mpesa.CalmDelay)
	return nil
}

// maxTransfers bounds the transfers that are remembered.
const maxTransfers = 200_000

// keep remembers a transfer; of too many the oldest are forgotten.
func (w *transfers) keep(t *transfer) {
	w.all[t.ID] = t
	w.moved = append(w.moved, t.ID)
	if len(w.moved) > maxTransfers {
		delete(w.all, w.moved[0])
		w.moved = w.moved[1:]
	}
}

// get is GET /transfers/{id}.
func (w *transfers) get(c *engine.Call) {
	w.e.Lock()
	defer w.e.Unlock()
	t := w.all[c.Request.PathValue("id")]
	if t == nil {
		w.gate.failLocked(c, fault{http.StatusNotFound, "TRANSFER_NOT_FOUND", "Transfer not found", "no transfer of the emulator has this id"})
		return
	}
	c.Subject = t.ID
	partner(c, http.StatusOK, success{true, t.view()})
}
