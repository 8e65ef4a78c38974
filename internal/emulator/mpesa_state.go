package emulator

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"
)

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

// customerView, orgView and txnView are what GET /_emulator/state shows.
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

// view is what GET /_emulator/state shows of the money; full leaves phone numbers unmasked. The lock is held.
func (n *network) view(full bool) map[string]any {
	show := func(text string) string {
		if full {
			return text
		}
		return maskPhones(text)
	}
	txns := []txnView{}
	for _, receipt := range latest(n.ledger.Order) {
		t := n.ledger.Txns[receipt]
		txns = append(txns, txnView{
			t.Receipt, t.Kind, t.Amount.decimal(), show(t.From), show(t.To), show(t.Reference), t.Completed.UTC(), t.ReversedBy,
		})
	}
	return map[string]any{"customers": n.customerViews(full), "organisations": n.orgViews(), "transactions": txns}
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

func (n *network) customerViews(full bool) []customerView {
	list := []customerView{}
	for _, m := range highest(maps.Keys(n.ledger.Customers), cmp.Compare[msisdn]) {
		w := n.ledger.Customers[m]
		list = append(list, customerView{m.shown(full), w.Balance.decimal(), w.today(n.e.now()).decimal()})
	}
	return list
}

func (n *network) orgViews() []orgView {
	list := []orgView{}
	for code, o := range n.ledger.Orgs {
		list = append(list, orgView{code, o.Working.decimal(), o.Utility.decimal(), o.Charges.decimal()})
	}
	slices.SortFunc(list, func(a, b orgView) int { return cmp.Compare(a.Shortcode, b.Shortcode) })
	return list
}
