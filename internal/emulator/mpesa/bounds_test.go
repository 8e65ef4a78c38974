package mpesa

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// A view shows the latest of many, in order.
func TestHighest(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, maxShown, 4 * maxShown, 4*maxShown + 1, 20 * maxShown} {
		numbers := make([]int, n)
		for i := range numbers {
			numbers[i] = i * 7919 % max(n, 1) // each once: 7919 is prime
		}
		got := Highest(slices.Values(numbers), cmp.Compare[int])
		if len(got) != min(n, maxShown) || !slices.IsSorted(got) || n > 0 && (got[len(got)-1] != n-1 || got[0] != max(n-maxShown, 0)) {
			t.Errorf("of %d: %d shown", n, len(got))
		}
	}
}

// slip is a prompt.
type slip struct {
	id, other, third string
	phone            MSISDN
	settled          bool
}

func (s *slip) Key() string       { return s.id }
func (s *slip) Others() [2]string { return [2]string{s.other, s.third} }
func (s *slip) On() MSISDN        { return s.phone }
func (s *slip) Open() bool        { return !s.settled }

// The index of a prompt's other ids holds what the prompts hold, and no more.
func TestOtherIDsStayBounded(t *testing.T) {
	t.Parallel()
	one, two := NewPromptBook[*slip](), NewPromptBook[*slip]()
	for i := range maxSettled + 10 {
		p := &slip{id: fmt.Sprint("ws_CO_", i), other: fmt.Sprint("m-", i), phone: MSISDN(i), settled: true}
		one.Add(p)
		one.Settle(p)
		p = &slip{id: fmt.Sprint("dep_", i), other: fmt.Sprint("DEP-", i), third: fmt.Sprint("ws_CO_", i), phone: MSISDN(i)}
		two.Add(p)
		p.settled = true
		two.Settle(p)
	}
	if len(two.All) != maxSettled || len(two.Other) != 2*maxSettled || len(two.Open) != 0 {
		t.Errorf("%d prompts, %d other ids, %d open", len(two.All), len(two.Other), len(two.Open))
	}
	for id, want := range map[string]bool{"DEP-9": false, "DEP-10": true, "ws_CO_10": true, "ws_CO_9": false, "dep_10": true} {
		if got := two.Find(id); (got != nil) != want {
			t.Errorf("prompt %s: %v", id, got)
		}
	}
}

// phones shows prompts on some phones.
type phones map[MSISDN]bool

func (p phones) Shows(phone MSISDN) bool { return p[phone] }
func (p phones) Knows(string) bool       { return false }

// The customers known longest make room, those with an open prompt of any provider stay, and the log says so.
func TestCustomersStayBounded(t *testing.T) {
	t.Parallel()
	const asked, waits = MSISDN(254712345678), MSISDN(254722000111)
	e, err := engine.New(engine.Config{Mode: engine.ClockVirtual})
	if err != nil {
		t.Fatal(err)
	}
	n := NewNetwork(e)
	n.Join(phones{asked: true})
	n.Join(phones{waits: true})
	first := MSISDN(254700000000)
	l := n.Ledger
	l.Customer(asked).Balance = 1
	l.Customer(waits).Balance = 2
	for i := range MSISDN(maxCustomers - 2) {
		l.Customer(first + i)
	}
	if len(l.Customers) != maxCustomers {
		t.Errorf("%d customers before there are too many", len(l.Customers))
	}
	for i := range MSISDN(customerBatch + 1) {
		l.Customer(first + maxCustomers + i)
	}
	known := l.Customers
	if len(known) > maxCustomers || len(known) != len(l.Known) {
		t.Errorf("%d customers are known, %d in order", len(known), len(l.Known))
	}
	if known[asked] == nil || known[asked].Balance != 1 || known[waits] == nil || known[waits].Balance != 2 {
		t.Error("a customer with an open payment was forgotten")
	}
	if known[first] != nil || known[first+maxCustomers] == nil || known[first+maxCustomers-3] == nil {
		t.Error("not the oldest customers were forgotten")
	}
	if _, err := e.Clock.Advance(0); err != nil {
		t.Fatal(err)
	}
	log := e.Journal.List(func(x *engine.Exchange) bool { return x.API == apiCustomers })
	if len(log) == 0 || !strings.Contains(log[0].Reason, "200000") {
		t.Errorf("the log says %+v", log)
	}
}

// Where every phone shows a prompt nobody makes room, and looking for one has a bound too.
func TestCustomersAllBusy(t *testing.T) {
	t.Parallel()
	l := NewLedger()
	looked := 0
	l.busy = func(MSISDN) bool { looked++; return true }
	for i := range MSISDN(maxCustomers + 5) {
		l.Customer(i)
	}
	if len(l.Customers) != maxCustomers+5 || looked != 5*customerBatch {
		t.Errorf("%d customers, %d looked at", len(l.Customers), looked)
	}
	l.busy = func(MSISDN) bool { return false }
	l.Customer(maxCustomers + 5)
	if len(l.Customers) > maxCustomers {
		t.Errorf("%d customers", len(l.Customers))
	}
}

// The order in which customers came is kept between runs; a file without it still gives every customer a place.
func TestCustomersKeepTheirOrder(t *testing.T) {
	t.Parallel()
	before := NewLedger()
	for _, m := range []MSISDN{3, 1, 2} {
		before.Customer(m)
	}
	raw, err := json.Marshal(before.Save()())
	if err != nil {
		t.Fatal(err)
	}
	l, saved := NewLedger(), &Ledger{}
	if err := json.Unmarshal(raw, saved); err != nil {
		t.Fatal(err)
	}
	l.Adopt(saved)
	if got := fmt.Sprint(l.Known); got != "[3 1 2]" {
		t.Errorf("order %s", got)
	}
	l = NewLedger()
	l.Adopt(&Ledger{Customers: map[MSISDN]*wallet{7: {}, 5: {}, 6: {}, 4: nil}, Known: []MSISDN{6, 9, 6}})
	if got := fmt.Sprint(l.Known, len(l.Customers)); got != "[6 5 7] 3" {
		t.Errorf("order %s", got)
	}
}
