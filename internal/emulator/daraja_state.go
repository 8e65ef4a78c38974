package emulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
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

func (d *daraja) save() func() any {
	payments, ledger := copied(&d.payments.promptBook), d.ledger.save()
	tokens, c2b, pulls, used := maps.Clone(d.tokens), maps.Clone(d.c2b), maps.Clone(d.pulls), maps.Clone(d.used)
	return func() any {
		slices.SortFunc(payments, compareAge)
		return savedDaraja{tokens, payments, ledger(), c2b, pulls, used}
	}
}

// save copies the ledger (locked); what it returns makes one of the copies, without the lock.
func (l *ledger) save() func() *ledger {
	type customer struct {
		phone  msisdn
		wallet wallet
	}
	customers := make([]customer, 0, len(l.Customers))
	for phone, w := range l.Customers {
		customers = append(customers, customer{phone, *w})
	}
	orgs := make(map[string]*org, len(l.Orgs))
	for code, o := range l.Orgs {
		orgs[code] = new(*o)
	}
	txns := slices.AppendSeq(make([]*txn, 0, len(l.Txns)), maps.Values(l.Txns)) // a recorded one does not change
	origin, order, known := maps.Clone(l.Origin), slices.Clone(l.Order), slices.Clone(l.Known)
	return func() *ledger {
		saved := &ledger{
			Customers: make(map[msisdn]*wallet, len(customers)), Orgs: orgs, Txns: make(map[string]*txn, len(txns)),
			Origin: origin, Order: order, Known: known,
		}
		for i := range customers {
			saved.Customers[customers[i].phone] = &customers[i].wallet
		}
		for _, t := range txns {
			saved.Txns[t.Receipt] = t
		}
		return saved
	}
}

// load takes a saved state; open payments go on where they were, the late ones at once.
func (d *daraja) load(raw []byte) error {
	saved := savedDaraja{Ledger: newLedger()}
	if err := json.Unmarshal(raw, &saved); err != nil {
		return fmt.Errorf("unreadable: %w", err)
	}
	d.reset()
	fill(&d.tokens, saved.Tokens)
	fill(&d.c2b, saved.C2B)
	fill(&d.pulls, saved.Pulls)
	fill(&d.used, saved.Used)
	d.ledger.adopt(saved.Ledger)
	for _, p := range saved.Payments {
		if p == nil || p.Checkout == "" {
			return errors.New("a payment has no id")
		}
		if !p.open() && outcomeNamed(p.Result) == nil {
			return fmt.Errorf("a payment has the unknown outcome %q", p.Result)
		}
		d.payments.add(p)
		if p.open() {
			d.schedule(p, outcomeNamed(p.Plan))
		} else if p.Receipt != "" && d.e.now().Sub(p.Settled) < ruleWindow {
			d.payments.paid[paidKey{p.Phone, p.Amount}] = p.Settled
		}
	}
	return nil
}

func fill[K comparable, V any](into *map[K]V, from map[K]V) {
	if from != nil {
		*into = from
	}
}

// adopt takes over what a saved ledger holds.
func (l *ledger) adopt(saved *ledger) {
	if saved == nil {
		return
	}
	fill(&l.Customers, saved.Customers)
	fill(&l.Orgs, saved.Orgs)
	fill(&l.Txns, saved.Txns)
	fill(&l.Origin, saved.Origin)
	l.Order = saved.Order
	maps.DeleteFunc(l.Customers, func(_ msisdn, w *wallet) bool { return w == nil })
	l.Known = l.inOrder(saved.Known)
}

// inOrder lists every customer once: in the given order, and those who are not there behind, by number.
func (l *ledger) inOrder(given []msisdn) []msisdn {
	list := make([]msisdn, 0, len(l.Customers))
	placed := make(map[msisdn]bool, len(l.Customers))
	for _, m := range slices.Concat(given, slices.Sorted(maps.Keys(l.Customers))) {
		if l.Customers[m] != nil && !placed[m] {
			placed[m] = true
			list = append(list, m)
		}
	}
	return list
}

// customerView, paymentView and txnView are what GET /_emulator/state shows.
type customerView struct {
	Phone   string `json:"phone"`
	Balance string `json:"balance"`
	Today   string `json:"spent_today"`
}

type orgView struct {
	Shortcode string `json:"shortcode"`
	Working   string `json:"working"`
	Utility   string `json:"utility"`
	Charges   string `json:"charges"`
}

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

type txnView struct {
	Receipt     string    `json:"receipt"`
	Kind        string    `json:"kind"`
	Amount      string    `json:"amount"`
	From        string    `json:"from"`
	To          string    `json:"to"`
	Reference   string    `json:"reference"`
	CompletedAt time.Time `json:"completed_at"`
	ReversedBy  string    `json:"reversed_by"`
}

// maxShown bounds the lists of a state view, the latest being kept.
const maxShown = 1000

func (d *daraja) view(full bool) any {
	show := func(text string) string {
		if full {
			return text
		}
		return maskPhones(text)
	}
	payments := []paymentView{}
	for _, p := range highest(maps.Values(d.payments.all), compareAge) {
		payments = append(payments, paymentView{
			p.Merchant, show(p.Checkout), p.Shortcode, p.Phone.shown(full), p.Amount.decimal(), show(p.Reference),
			p.Created.UTC(), p.open(), p.Result, p.Receipt,
		})
	}
	txns := []txnView{}
	for _, receipt := range latest(d.ledger.Order) {
		t := d.ledger.Txns[receipt]
		txns = append(txns, txnView{
			t.Receipt, t.Kind, t.Amount.decimal(), show(t.From), show(t.To), show(t.Reference), t.Completed.UTC(), t.ReversedBy,
		})
	}
	return map[string]any{
		"customers": d.customerViews(full), "organisations": d.orgViews(), "payments": payments, "transactions": txns,
		"open_payments": len(d.payments.all) - len(d.payments.closed), "c2b": d.c2b, "pull": d.pulls,
	}
}

func latest[T any](list []T) []T { return list[max(len(list)-maxShown, 0):] }

// highest is the sorted end of what a view has room for. It never sorts all, of which there may be hundreds of thousands:
// nothing is accepted or sent while a view is made.
func highest[T any](all iter.Seq[T], compare func(a, b T) int) []T {
	const room = 4 * maxShown
	list := make([]T, 0, room)
	for one := range all {
		if len(list) == room {
			slices.SortFunc(list, compare)
			list = list[:copy(list, latest(list))]
		}
		list = append(list, one)
	}
	slices.SortFunc(list, compare)
	return latest(list)
}

// waiting is the open prompts, oldest first.
func waiting[P prompt](book *promptBook[P], compare func(a, b P) int) []P {
	var list []P
	for _, p := range book.all {
		if p.open() {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, compare)
	return list
}

func (d *daraja) customerViews(full bool) []customerView {
	list := []customerView{}
	for _, m := range highest(maps.Keys(d.ledger.Customers), cmp.Compare[msisdn]) {
		w := d.ledger.Customers[m]
		list = append(list, customerView{m.shown(full), w.Balance.decimal(), w.today(d.e.now()).decimal()})
	}
	return list
}

func (d *daraja) orgViews() []orgView {
	list := []orgView{}
	for code, o := range d.ledger.Orgs {
		list = append(list, orgView{code, o.Working.decimal(), o.Utility.decimal(), o.Charges.decimal()})
	}
	slices.SortFunc(list, func(a, b orgView) int { return cmp.Compare(a.Shortcode, b.Shortcode) })
	return list
}

// tellForgotten says in the log that customers made room, whose money and daily limit begin anew if they come back. The
// lock is held, and writing a log may block.
func (d *daraja) tellForgotten(n int) {
	x := Exchange{
		Time: d.e.now().UTC(), Direction: DirectionIn, Provider: providerDaraja, API: apiCustomers, Method: "FORGET", URL: controlPath + "state",
		Reason: fmt.Sprintf("%d customers made room for others, of whom %d are kept: the oldest without an open payment; "+
			"one that comes back begins with the opening balance", n, maxCustomers),
	}
	d.e.clock.after(0, func() { d.e.journal.add(x) })
}

// asks tells whether a phone shows a push.
func (d *daraja) asks(phone msisdn) bool { return d.payments.open[phone] != nil }

// prompts lists the open pushes, oldest first.
func (d *daraja) prompts() []Prompt {
	list := []Prompt{}
	for _, p := range waiting(&d.payments.promptBook, compareAge) {
		list = append(list, d.prompt(p))
	}
	return list
}

func (d *daraja) prompt(p *payment) Prompt {
	return Prompt{
		Provider: providerDaraja, ID: p.Merchant, PaymentID: p.Checkout, Phone: p.Phone.full(), Amount: p.Amount.decimal(),
		Currency: "KES", PayTo: p.PartyB, Reference: p.Reference, CreatedAt: p.Created.UTC(), ExpiresAt: p.expires().UTC(),
		Text: "Do you want to pay Ksh " + p.Amount.decimal() + " to " + p.PartyB + " for " + p.Reference +
			"? Enter your M-PESA PIN.",
		Outcome: p.Result,
	}
}

// answer plays the payer of one open push; the callback follows at once.
func (d *daraja) answer(id string, o *Outcome) (Prompt, error) {
	p := d.payments.find(id)
	if p == nil {
		return Prompt{}, errNoPrompt
	}
	if !p.open() {
		return Prompt{}, fmt.Errorf("%w: the payment is settled already: %s", errConflict, p.Result)
	}
	d.finish(p, o, 0)
	return d.prompt(p), nil
}
