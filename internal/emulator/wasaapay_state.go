package emulator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// savedWasaaPay is WasaaPay's share of the state file. Its customers are in Daraja's.
type savedWasaaPay struct {
	Wallets   []*account    `json:"wallets"`
	Deposits  []*deposit    `json:"deposits"`
	Transfers []*transfer   `json:"transfers"`
	Replies   []*savedReply `json:"replies"`
}

// compareDeposits orders deposits by creation.
func compareDeposits(a, b *deposit) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Checkout, b.Checkout), cmp.Compare(a.ID, b.ID))
}

func compareTransfers(a, b *transfer) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

func (w *wasaapay) save() func() any {
	wallets := make([]*account, 0, len(w.wallets))
	for _, a := range w.wallets {
		one := *a
		one.Entries = slices.Clone(a.Entries)
		wallets = append(wallets, &one)
	}
	deposits, replies := copied(&w.deposits.promptBook), slices.Clone(w.replies.order)
	transfers := slices.AppendSeq(make([]*transfer, 0, len(w.transfers)), maps.Values(w.transfers))
	return func() any { // neither replies nor transfers change
		slices.SortFunc(wallets, compareWallets)
		slices.SortFunc(deposits, compareDeposits)
		slices.SortFunc(transfers, compareTransfers)
		return savedWasaaPay{wallets, deposits, transfers, replies}
	}
}

// load takes a saved state; open deposits go on where they were, the late ones at once.
func (w *wasaapay) load(raw []byte) error {
	var saved savedWasaaPay
	if err := json.Unmarshal(raw, &saved); err != nil {
		return fmt.Errorf("unreadable: %w", err)
	}
	w.reset()
	for _, a := range saved.Wallets {
		if a == nil || a.ID == "" {
			return errors.New("a wallet has no id")
		}
		w.open(a)
	}
	for _, t := range saved.Transfers {
		if t == nil || t.ID == "" {
			return errors.New("a transfer has no id")
		}
		w.keep(t)
	}
	for _, r := range saved.Replies {
		if r == nil || r.Key == "" {
			return errors.New("an answer has no idempotency key")
		}
		w.replies.add(r)
	}
	for _, p := range saved.Deposits {
		if err := w.resume(p); err != nil {
			return err
		}
	}
	return nil
}

// resume takes one deposit back.
func (w *wasaapay) resume(p *deposit) error {
	if p == nil || p.ID == "" {
		return errors.New("a deposit has no id")
	}
	if !p.open() && outcomeNamed(p.Result) == nil {
		return fmt.Errorf("a deposit has the unknown outcome %q", p.Result)
	}
	w.deposits.add(p)
	switch {
	case p.open():
		plan := outcomeNamed(p.Plan)
		w.schedule(p, plan, w.course(p, plan))
	case p.Receipt != "" && w.e.now().Sub(p.Settled) < ruleWindow:
		w.mpesa.payments.paid[paidKey{p.Phone, p.Amount}] = p.Settled
	}
	return nil
}

// depositState and walletState are what GET /_emulator/state shows.
type depositState struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	External  string    `json:"external_reference"`
	Wallet    string    `json:"wallet"`
	Phone     string    `json:"phone"`
	Amount    string    `json:"amount"`
	Status    string    `json:"status"`
	Outcome   string    `json:"outcome"`
	Receipt   string    `json:"receipt"`
	CreatedAt time.Time `json:"created_at"`
}

type walletState struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Balance string `json:"balance"`
}

func (w *wasaapay) view(full bool) any {
	show := func(text string) string {
		if full {
			return text
		}
		return maskPhones(text)
	}
	wallets := []walletState{}
	for _, a := range latest(w.sortedWallets()) {
		wallets = append(wallets, walletState{show(a.ID), a.Number, a.Balance.decimal()})
	}
	deposits := []depositState{}
	for _, p := range highest(maps.Values(w.deposits.all), compareDeposits) {
		deposits = append(deposits, depositState{
			p.ID, p.Reference, show(p.External), show(p.Wallet), p.Phone.shown(full), p.Amount.decimal(), p.status(), p.Result,
			p.Receipt, p.Created.UTC(),
		})
	}
	transfers := []transferView{}
	for _, t := range highest(maps.Values(w.transfers), compareTransfers) {
		v := t.view()
		v.External, v.Description, v.Source = show(v.External), show(v.Description), show(v.Source)
		transfers = append(transfers, v)
	}
	return map[string]any{
		"wallets": wallets, "deposits": deposits, "transfers": transfers,
		"open_deposits": len(w.deposits.all) - len(w.deposits.closed), "sockets": w.sock.size(),
	}
}

// asks tells whether a phone shows a deposit's prompt.
func (w *wasaapay) asks(phone msisdn) bool { return w.deposits.open[phone] != nil }

// prompts lists the open deposits, oldest first.
func (w *wasaapay) prompts() []Prompt {
	list := []Prompt{}
	for _, p := range waiting(&w.deposits.promptBook, compareDeposits) {
		list = append(list, w.prompt(p))
	}
	return list
}

func (w *wasaapay) prompt(p *deposit) Prompt {
	const payee = "WASAAPAY"
	return Prompt{
		Provider: providerWasaaPay, ID: p.ID, PaymentID: p.ID, Phone: p.Phone.full(), Amount: p.Amount.decimal(),
		Currency: "KES", PayTo: wasaapayPaybill, Reference: p.Reference, CreatedAt: p.Created.UTC(),
		ExpiresAt: p.Created.Add(p.Life).UTC(), Outcome: p.Result,
		Text: "Do you want to pay Ksh " + p.Amount.decimal() + " to " + payee + " for " + p.Reference + "? Enter your M-PESA PIN.",
	}
}

// answer plays the payer of one open deposit; webhook and events follow at once.
func (w *wasaapay) answer(id string, o *Outcome) (Prompt, error) {
	p := w.deposits.find(id)
	if p == nil {
		return Prompt{}, errNoPrompt
	}
	if !p.open() {
		return Prompt{}, fmt.Errorf("%w: the deposit is settled already: %s", errConflict, p.Result)
	}
	w.finish(p, o, 0)
	return w.prompt(p), nil
}

// close ends the sockets.
func (w *wasaapay) close(ctx context.Context) { w.sock.close(ctx) }
