package wasaapay

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// account is a wallet (reference/wasaapay.md §8). Its account number's name on the wire is a payctl convention.
type account struct {
	ID      string      `json:"id"`
	Number  string      `json:"number"`
	User    string      `json:"user"`
	Owner   string      `json:"owner"`
	Balance mpesa.Cents `json:"balance"`
	Created time.Time   `json:"created"`
	Entries []bookEntry `json:"entries,omitempty"` // oldest first
}

// bookEntry is one movement on an account; what goes out is negative.
type bookEntry struct {
	Kind      string      `json:"kind"`
	Reference string      `json:"reference"`
	Amount    mpesa.Cents `json:"amount"`
	Balance   mpesa.Cents `json:"balance"`
	At        time.Time   `json:"at"`
}

// maxEntries bounds the history of one account.
const maxEntries = 2000

// book moves the balance and records why.
func (a *account) book(now time.Time, kind, reference string, amount mpesa.Cents) {
	a.Balance += amount
	a.Entries = append(a.Entries, bookEntry{kind, reference, amount, a.Balance, now})
	if len(a.Entries) > maxEntries {
		a.Entries = slices.Delete(a.Entries, 0, len(a.Entries)-maxEntries)
	}
}

// wallets are the partner's wallets.
type wallets struct {
	e    *engine.Engine
	gate *gate

	all      map[string]*account
	accounts map[string]string // account number → wallet id
}

func (w *wallets) reset() {
	w.all, w.accounts = map[string]*account{}, map[string]string{}
	begin := w.e.Now()
	w.open(&account{ID: engine.Credentials().WasaaPayWallet, Number: firstAccount, User: "local-user", Owner: "LOCAL WALLET", Created: begin})
	w.open(&account{ID: secondWallet, Number: secondAccount, User: "local-user-2", Owner: "TEST RECIPIENT", Created: begin})
}

// open adds a wallet.
func (w *wallets) open(a *account) {
	w.all[a.ID] = a
	w.accounts[a.Number] = a.ID
}

// account finds a wallet; under any-credentials one is opened at first sight. The lock is held.
func (w *wallets) account(id, api string) *account {
	a := w.all[id]
	if a == nil && id != "" && w.e.Behaviours.Get("any-credentials", api) != nil {
		_, number := walletID(w.e.IDs)
		a = &account{ID: id, Number: number, User: id, Owner: "LOCAL WALLET", Created: w.e.Now()}
		w.open(a)
	}
	return a
}

type walletView struct {
	ID        string `json:"id"`
	User      string `json:"externalUserId"`
	Number    string `json:"accountNumber"`
	Currency  string `json:"currency"`
	Available string `json:"availableBalance"`
	Created   string `json:"createdAt"`
}

func (a *account) view() walletView {
	return walletView{a.ID, a.User, a.Number, "KES", a.Balance.Decimal(), millis(a.Created)}
}

// create is POST /wallets (reference/wasaapay.md §8). A new wallet holds nothing (§14).
func (w *wallets) create(c *engine.Call, f engine.Fields) *engine.Delivery {
	user, currency := f.Get("externalUserId"), f.Get("currency")
	bad := ""
	switch {
	case user.Kind != '"' || user.Text == "" || len(user.Text) > maxKey:
		bad = "externalUserId is required and must be a string of at most 255 characters"
	case !currency.Missing() && currency.Plain() != "KES":
		bad = "currency must be KES"
	}
	if bad != "" {
		w.gate.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", bad, bad})
		return nil
	}
	id, number := walletID(w.e.IDs)
	a := &account{ID: id, Number: number, User: user.Text, Owner: "TEST CUSTOMER", Created: w.e.Now()}
	w.open(a)
	w.e.Touch()
	c.Subject = a.ID
	partner(c, http.StatusCreated, success{true, a.view()})
	return nil
}

// ofPath finds the wallet of the path or refuses. The lock is held.
func (w *wallets) ofPath(c *engine.Call) *account {
	a := w.account(c.Request.PathValue("id"), c.API)
	if a == nil {
		w.gate.failLocked(c, fault{http.StatusNotFound, "WALLET_NOT_FOUND", "Wallet not found", "no wallet of the emulator has this id"})
		return nil
	}
	c.Subject = a.ID
	return a
}

// balance is GET /wallets/{id}/balance; only availableBalance is documented.
func (w *wallets) balance(c *engine.Call) {
	w.e.Lock()
	defer w.e.Unlock()
	a := w.ofPath(c)
	if a == nil {
		return
	}
	var balance any = a.Balance.Decimal()
	if w.e.Behaviours.Roll("deposit-amount-number", c.API) != nil {
		balance = float64(a.Balance) / float64(mpesa.Shilling)
	}
	partner(c, http.StatusOK, success{true, map[string]any{"walletId": a.ID, "availableBalance": balance, "currency": "KES"}})
}

// Page sizes of lists (payctl convention; only ?limit=20 is documented).
const (
	pageSize    = 20
	maxPageSize = 100
)

// transactions is GET /wallets/{id}/transactions?limit=, latest first.
func (w *wallets) transactions(c *engine.Call) {
	w.e.Lock()
	defer w.e.Unlock()
	a := w.ofPath(c)
	if a == nil {
		return
	}
	limit := pageSize
	if text := c.Request.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			const bad = "limit must be a whole number from 1 to 100"
			w.gate.failLocked(c, fault{http.StatusBadRequest, "INVALID_REQUEST", bad, bad})
			return
		}
		limit = min(n, maxPageSize)
	}
	type entryView struct {
		Type      string `json:"type"`
		Reference string `json:"reference"`
		Amount    string `json:"amount"`
		Balance   string `json:"balanceAfter"`
		Currency  string `json:"currency"`
		Created   string `json:"createdAt"`
	}
	list := []entryView{}
	for _, entry := range slices.Backward(a.Entries) {
		if len(list) == limit {
			break
		}
		list = append(list, entryView{
			entry.Kind, entry.Reference, entry.Amount.Decimal(), entry.Balance.Decimal(), "KES", millis(entry.At),
		})
	}
	if w.e.Behaviours.Roll("list-wrapped", c.API) != nil {
		partner(c, http.StatusOK, success{true, map[string]any{"transactions": list, "pagination": map[string]int{"limit": limit}}})
		return
	}
	partner(c, http.StatusOK, success{true, list})
}

// sorted lists the wallets, oldest first.
func (w *wallets) sorted() []*account {
	list := make([]*account, 0, len(w.all))
	for _, a := range w.all {
		list = append(list, a)
	}
	slices.SortFunc(list, compareWallets)
	return list
}

func compareWallets(a, b *account) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

// users is GET /users, of which only the address is documented: the owners of the wallets (payctl convention).
func (w *wallets) users(c *engine.Call) {
	w.e.Lock()
	defer w.e.Unlock()
	type userView struct {
		External string `json:"externalUserId"`
		Wallet   string `json:"walletId"`
	}
	list := []userView{}
	for _, a := range mpesa.Latest(w.sorted()) {
		list = append(list, userView{a.User, a.ID})
	}
	partner(c, http.StatusOK, success{true, list})
}
