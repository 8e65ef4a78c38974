package emulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// savedDaraja is Daraja's share of the state file.
type savedDaraja struct {
	Tokens   map[string]time.Time        `json:"tokens"`
	Payments []*payment                  `json:"payments"`
	Ledger   *ledger                     `json:"ledger"`
	C2B      map[string]c2bURLs          `json:"c2b"`
	Pulls    map[string]pullRegistration `json:"pulls"`
	Used     map[string]bool             `json:"used"`
}

// compareAge orders payments by creation.
func compareAge(a, b *payment) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Checkout, b.Checkout))
}

func (g *gateway) save() func() any {
	payments, ledger := copied(&g.express.payments.promptBook), g.net.ledger.save()
	tokens, c2b, pulls, used := maps.Clone(g.door.tokens), maps.Clone(g.c2b.urls), maps.Clone(g.pulls.registered), maps.Clone(g.results.used)
	return func() any {
		slices.SortFunc(payments, compareAge)
		return savedDaraja{tokens, payments, ledger(), c2b, pulls, used}
	}
}

// load takes a saved state; open payments go on where they were, the late ones at once.
func (g *gateway) load(raw []byte) error {
	saved := savedDaraja{Ledger: newLedger()}
	if err := json.Unmarshal(raw, &saved); err != nil {
		return fmt.Errorf("unreadable: %w", err)
	}
	g.reset()
	fill(&g.door.tokens, saved.Tokens)
	fill(&g.c2b.urls, saved.C2B)
	fill(&g.pulls.registered, saved.Pulls)
	fill(&g.results.used, saved.Used)
	g.net.ledger.adopt(saved.Ledger)
	for _, p := range saved.Payments {
		if p == nil || p.Checkout == "" {
			return errors.New("a payment has no id")
		}
		if !p.open() && outcomeNamed(p.Result) == nil {
			return fmt.Errorf("a payment has the unknown outcome %q", p.Result)
		}
		g.express.payments.add(p)
		if p.open() {
			g.express.schedule(p, outcomeNamed(p.Plan))
		} else if p.Receipt != "" {
			g.net.recall(p.Phone, p.Amount, p.Settled)
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

func (g *gateway) view(full bool) any {
	show := func(text string) string {
		if full {
			return text
		}
		return maskPhones(text)
	}
	book := &g.express.payments
	payments := []paymentView{}
	for _, p := range highest(maps.Values(book.all), compareAge) {
		payments = append(payments, paymentView{
			p.Merchant, show(p.Checkout), p.Shortcode, p.Phone.shown(full), p.Amount.decimal(), show(p.Reference),
			p.Created.UTC(), p.open(), p.Result, p.Receipt,
		})
	}
	view := g.net.view(full)
	view["payments"] = payments
	view["open_payments"] = len(book.all) - len(book.closed)
	view["c2b"], view["pull"] = g.c2b.urls, g.pulls.registered
	return view
}

// prompts lists the open pushes, oldest first.
func (g *gateway) prompts() []Prompt {
	list := []Prompt{}
	for _, p := range waiting(&g.express.payments.promptBook, compareAge) {
		list = append(list, g.prompt(p))
	}
	return list
}

func (g *gateway) prompt(p *payment) Prompt {
	return Prompt{
		Provider: providerDaraja, ID: p.Merchant, PaymentID: p.Checkout, Phone: p.Phone.full(), Amount: p.Amount.decimal(),
		Currency: "KES", PayTo: p.PartyB, Reference: p.Reference, CreatedAt: p.Created.UTC(), ExpiresAt: p.expires().UTC(),
		Text: "Do you want to pay Ksh " + p.Amount.decimal() + " to " + p.PartyB + " for " + p.Reference +
			"? Enter your M-PESA PIN.",
		Outcome: p.Result,
	}
}

// answer plays the payer of one open push; the callback follows at once.
func (g *gateway) answer(id string, o *Outcome) (Prompt, error) {
	p := g.express.payments.find(id)
	if p == nil {
		return Prompt{}, errNoPrompt
	}
	if !p.open() {
		return Prompt{}, fmt.Errorf("%w: the payment is settled already: %s", errConflict, p.Result)
	}
	g.express.finish(p, o, 0)
	return g.prompt(p), nil
}
