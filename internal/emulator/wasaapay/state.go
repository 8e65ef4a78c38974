package wasaapay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
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

// Save copies WasaaPay's share of the state file; what it returns sorts and shapes the copy without the lock.
func (a *api) Save() func() any {
	wallets := make([]*account, 0, len(a.wallets.all))
	for _, w := range a.wallets.all {
		one := *w
		one.Entries = slices.Clone(w.Entries)
		wallets = append(wallets, &one)
	}
	deposits, replies := mpesa.Copied(&a.deposits.book.PromptBook), slices.Clone(a.gate.replies.order)
	transfers := slices.AppendSeq(make([]*transfer, 0, len(a.transfers.all)), maps.Values(a.transfers.all))
	return func() any { // neither replies nor transfers change
		slices.SortFunc(wallets, compareWallets)
		slices.SortFunc(deposits, compareDeposits)
		slices.SortFunc(transfers, compareTransfers)
		return savedWasaaPay{wallets, deposits, transfers, replies}
	}
}

// Load takes a saved state; open deposits go on where they were, the late ones at once.
func (a *api) Load(raw []byte) error {
	var saved savedWasaaPay
	if err := json.Unmarshal(raw, &saved); err != nil {
		return fmt.Errorf("unreadable: %w", err)
	}
	a.Reset()
	for _, w := range saved.Wallets {
		if w == nil || w.ID == "" {
			return errors.New("a wallet has no id")
		}
		a.wallets.open(w)
	}
	for _, t := range saved.Transfers {
		if t == nil || t.ID == "" {
			return errors.New("a transfer has no id")
		}
		a.transfers.keep(t)
	}
	for _, r := range saved.Replies {
		if r == nil || r.Key == "" {
			return errors.New("an answer has no idempotency key")
		}
		a.gate.replies.add(r)
	}
	for _, p := range saved.Deposits {
		if err := a.resume(p); err != nil {
			return err
		}
	}
	return nil
}

// resume takes one deposit back.
func (a *api) resume(p *deposit) error {
	if p == nil || p.ID == "" {
		return errors.New("a deposit has no id")
	}
	if !p.Open() && mpesa.OutcomeNamed(p.Result) == nil {
		return fmt.Errorf("a deposit has the unknown outcome %q", p.Result)
	}
	a.deposits.book.Add(p)
	switch {
	case p.Open():
		plan := mpesa.OutcomeNamed(p.Plan)
		a.deposits.schedule(p, plan, a.deposits.course(p, plan))
	case p.Receipt != "":
		a.deposits.net.Recall(p.Phone, p.Amount, p.Settled)
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

// View is what GET /_emulator/state shows; full leaves phone numbers unmasked. The lock is held.
func (a *api) View(full bool) any {
	show := func(text string) string {
		if full {
			return text
		}
		return engine.MaskPhones(text)
	}
	wallets := []walletState{}
	for _, w := range mpesa.Latest(a.wallets.sorted()) {
		wallets = append(wallets, walletState{show(w.ID), w.Number, w.Balance.Decimal()})
	}
	deposits := []depositState{}
	for _, p := range mpesa.Highest(maps.Values(a.deposits.book.All), compareDeposits) {
		deposits = append(deposits, depositState{
			p.ID, p.Reference, show(p.External), show(p.Wallet), p.Phone.Shown(full), p.Amount.Decimal(), p.status(), p.Result,
			p.Receipt, p.Created.UTC(),
		})
	}
	transfers := []transferView{}
	for _, t := range mpesa.Highest(maps.Values(a.transfers.all), compareTransfers) {
		v := t.view()
		v.External, v.Description, v.Source = show(v.External), show(v.Description), show(v.Source)
		transfers = append(transfers, v)
	}
	return map[string]any{
		"wallets": wallets, "deposits": deposits, "transfers": transfers,
		"open_deposits": len(a.deposits.book.All) - len(a.deposits.book.Closed), "sockets": a.sock.size(),
	}
}

// Prompts lists the open deposits, oldest first.
func (a *api) Prompts() []mpesa.Prompt {
	list := []mpesa.Prompt{}
	for _, p := range mpesa.Waiting(&a.deposits.book.PromptBook, compareDeposits) {
		list = append(list, a.prompt(p))
	}
	return list
}

func (a *api) prompt(p *deposit) mpesa.Prompt {
	const payee = "WASAAPAY"
	return mpesa.Prompt{
		Provider: providerWasaaPay, ID: p.ID, PaymentID: p.ID, Phone: p.Phone.Full(), Amount: p.Amount.Decimal(),
		Currency: "KES", PayTo: wasaapayPaybill, Reference: p.Reference, CreatedAt: p.Created.UTC(),
		ExpiresAt: p.Created.Add(p.Life).UTC(), Outcome: p.Result,
		Text: "Do you want to pay Ksh " + p.Amount.Decimal() + " to " + payee + " for " + p.Reference + "? Enter your M-PESA PIN.",
	}
}

// Answer plays the payer of one open deposit; webhook and events follow at once.
func (a *api) Answer(id string, o *mpesa.Outcome) (mpesa.Prompt, error) {
	p := a.deposits.book.Find(id)
	if p == nil {
		return mpesa.Prompt{}, mpesa.ErrNoPrompt
	}
	if !p.Open() {
		return mpesa.Prompt{}, fmt.Errorf("%w: the deposit is settled already: %s", engine.ErrConflict, p.Result)
	}
	a.deposits.finish(p, o, 0)
	return a.prompt(p), nil
}

// Close ends the sockets.
func (a *api) Close(ctx context.Context) { a.sock.Close(ctx) }
