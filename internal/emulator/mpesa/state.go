package mpesa

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// Save copies the ledger (locked); what it returns makes one of the copies, without the lock.
func (l *Ledger) Save() func() *Ledger {
	type customer struct {
		phone  MSISDN
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
	txns := slices.AppendSeq(make([]*Txn, 0, len(l.Txns)), maps.Values(l.Txns)) // a recorded one does not change
	origin, order, known := maps.Clone(l.Origin), slices.Clone(l.Order), slices.Clone(l.Known)
	return func() *Ledger {
		saved := &Ledger{
			Customers: make(map[MSISDN]*wallet, len(customers)), Orgs: orgs, Txns: make(map[string]*Txn, len(txns)),
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

// Fill takes over a saved map unless there is none.
func Fill[K comparable, V any](into *map[K]V, from map[K]V) {
	if from != nil {
		*into = from
	}
}

// Adopt takes over what a saved ledger holds.
func (l *Ledger) Adopt(saved *Ledger) {
	if saved == nil {
		return
	}
	Fill(&l.Customers, saved.Customers)
	Fill(&l.Orgs, saved.Orgs)
	Fill(&l.Txns, saved.Txns)
	Fill(&l.Origin, saved.Origin)
	l.Order = saved.Order
	maps.DeleteFunc(l.Customers, func(_ MSISDN, w *wallet) bool { return w == nil })
	l.Known = l.inOrder(saved.Known)
}

// inOrder lists every customer once: in the given order, and those who are not there behind, by number.
func (l *Ledger) inOrder(given []MSISDN) []MSISDN {
	list := make([]MSISDN, 0, len(l.Customers))
	placed := make(map[MSISDN]bool, len(l.Customers))
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

// View is what GET /_emulator/state shows of the money; full leaves phone numbers unmasked. The lock is held.
func (n *Network) View(full bool) map[string]any {
	show := func(text string) string {
		if full {
			return text
		}
		return engine.MaskPhones(text)
	}
	txns := []txnView{}
	for _, receipt := range Latest(n.Ledger.Order) {
		t := n.Ledger.Txns[receipt]
		txns = append(txns, txnView{
			t.Receipt, t.Kind, t.Amount.Decimal(), show(t.From), show(t.To), show(t.Reference), t.Completed.UTC(), t.ReversedBy,
		})
	}
	return map[string]any{"customers": n.customerViews(full), "organisations": n.orgViews(), "transactions": txns}
}

// Latest is the end of a list that a view has room for.
func Latest[T any](list []T) []T { return list[max(len(list)-maxShown, 0):] }

// Highest is the sorted end of what a view has room for. It never sorts all, of which there may be hundreds of thousands:
// nothing is accepted or sent while a view is made.
func Highest[T any](all iter.Seq[T], compare func(a, b T) int) []T {
	const room = 4 * maxShown
	list := make([]T, 0, room)
	for one := range all {
		if len(list) == room {
			slices.SortFunc(list, compare)
			list = list[:copy(list, Latest(list))]
		}
		list = append(list, one)
	}
	slices.SortFunc(list, compare)
	return Latest(list)
}

func (n *Network) customerViews(full bool) []customerView {
	list := []customerView{}
	for _, m := range Highest(maps.Keys(n.Ledger.Customers), cmp.Compare[MSISDN]) {
		w := n.Ledger.Customers[m]
		list = append(list, customerView{m.Shown(full), w.Balance.Decimal(), w.today(n.e.Now()).Decimal()})
	}
	return list
}

func (n *Network) orgViews() []orgView {
	list := []orgView{}
	for code, o := range n.Ledger.Orgs {
		list = append(list, orgView{code, o.Working.Decimal(), o.Utility.Decimal(), o.Charges.Decimal()})
	}
	slices.SortFunc(list, func(a, b orgView) int { return cmp.Compare(a.Shortcode, b.Shortcode) })
	return list
}
