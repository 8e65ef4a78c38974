package daraja

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// savedDaraja is Daraja's share of the state file.
type savedDaraja struct {
	Tokens   map[string]time.Time        `json:"tokens"`
	Payments []*payment                  `json:"payments"`
	Ledger   *mpesa.Ledger               `json:"ledger"`
	C2B      map[string]c2bURLs          `json:"c2b"`
	Pulls    map[string]pullRegistration `json:"pulls"`
	Used     map[string]bool             `json:"used"`
}

// compareAge orders payments by creation.
func compareAge(a, b *payment) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Checkout, b.Checkout))
}

// Save copies Daraja's share of the state file; what it returns sorts and shapes the copy without the lock.
func (g *gateway) Save() func() any {
	payments, ledger := mpesa.Copied(&g.express.payments.PromptBook), g.net.Ledger.Save()
	tokens, c2b, pulls, used := maps.Clone(g.door.tokens), maps.Clone(g.c2b.urls), maps.Clone(g.pulls.registered), maps.Clone(g.results.used)
	return func() any {
		slices.SortFunc(payments, compareAge)
		return savedDaraja{tokens, payments, ledger(), c2b, pulls, used}
	}
}

// Load takes a saved state; open payments go on where they were, the late ones at once.
func (g *gateway) Load(raw []byte) error {
	saved := savedDaraja{Ledger: mpesa.NewLedger()}
	if err := json.Unmarshal(raw, &saved); err != nil {
		return fmt.Errorf("unreadable: %w", err)
	}
	g.Reset()
	mpesa.Fill(&g.door.tokens, saved.Tokens)
	mpesa.Fill(&g.c2b.urls, saved.C2B)
	mpesa.Fill(&g.pulls.registered, saved.Pulls)
	mpesa.Fill(&g.results.used, saved.Used)
	g.net.Ledger.Adopt(saved.Ledger)
	for _, p := range saved.Payments {
		if p == nil || p.Checkout == "" {
			return errors.New("a payment has no id")
		}
		if !p.Open() && mpesa.OutcomeNamed(p.Result) == nil {
			return fmt.Errorf("a payment has the unknown outcome %q", p.Result)
		}
		g.express.payments.Add(p)
		if p.Open() {
			g.express.schedule(p, mpesa.OutcomeNamed(p.Plan))
		} else if p.Receipt != "" {
			g.net.Recall(p.Phone, p.Amount, p.Settled)
		}
	}
	return nil
}

// paymentView is what GET /_emulator/state shows of a push.
type paymentView struct {
	MerchantRequestID string    `json:"merchant_request_id"`
	CheckoutRequestID string    `json:"checkout_request_id"`
	Shortcode         string    `json:"shortcode"`
	Phone             string    `json:"phone"`
	Amount            string    `json:"amount"`
	Reference         string    `json:"reference"`
	CreatedAt         time.Time `json:"created_at"`
	Open              bool      `json:"open"`
	Outcome           string    `json:"outcome"`
	Receipt           string    `json:"receipt"`
}

// View is what GET /_emulator/state shows; full leaves phone numbers unmasked. The lock is held.
func (g *gateway) View(full bool) any {
	show := func(text string) string {
		if full {
			return text
		}
		return engine.MaskPhones(text)
	}
	book := &g.express.payments
	payments := []paymentView{}
	for _, p := range mpesa.Highest(maps.Values(book.All), compareAge) {
		payments = append(payments, paymentView{
			p.Merchant, show(p.Checkout), p.Shortcode, p.Phone.Shown(full), p.Amount.Decimal(), show(p.Reference),
			p.Created.UTC(), p.Open(), p.Result, p.Receipt,
		})
	}
	view := g.net.View(full)
	view["payments"] = payments
	view["open_payments"] = len(book.All) - len(book.Closed)
	view["c2b"], view["pull"] = g.c2b.urls, g.pulls.registered
	return view
}

// Prompts lists the open pushes, oldest first.
func (g *gateway) Prompts() []mpesa.Prompt {
	list := []mpesa.Prompt{}
	for _, p := range mpesa.Waiting(&g.express.payments.PromptBook, compareAge) {
		list = append(list, g.prompt(p))
	}
	return list
}

// promptText is what the handset shows.
func promptText(amount mpesa.Cents, payTo, reference string) string {
	return "Do you want to pay Ksh " + amount.Decimal() + " to " + payTo + " for " + reference + "? Enter your M-PESA PIN."
}

func (g *gateway) prompt(p *payment) mpesa.Prompt {
	return mpesa.Prompt{
		Provider: providerDaraja, ID: p.Merchant, PaymentID: p.Checkout, Phone: p.Phone.Full(), Amount: p.Amount.Decimal(),
		Currency: "KES", PayTo: p.PartyB, Reference: p.Reference, CreatedAt: p.Created.UTC(), ExpiresAt: p.expires().UTC(),
		Text:    promptText(p.Amount, p.PartyB, p.Reference),
		Outcome: p.Result,
	}
}

// Answer plays the payer of one open push; the callback follows at once.
func (g *gateway) Answer(id string, o *mpesa.Outcome) (mpesa.Prompt, error) {
	p := g.express.payments.Find(id)
	if p == nil {
		return mpesa.Prompt{}, mpesa.ErrNoPrompt
	}
	if !p.Open() {
		return mpesa.Prompt{}, fmt.Errorf("%w: the payment is settled already: %s", engine.ErrConflict, p.Result)
	}
	g.express.finish(p, o, 0)
	return g.prompt(p), nil
}
