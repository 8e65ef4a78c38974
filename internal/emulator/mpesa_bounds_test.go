package emulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A view shows the latest of many, in order.
func TestHighest(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, maxShown, 4 * maxShown, 4*maxShown + 1, 20 * maxShown} {
		numbers := make([]int, n)
		for i := range numbers {
			numbers[i] = i * 7919 % max(n, 1) // each once: 7919 is prime
		}
		got := highest(slices.Values(numbers), cmp.Compare[int])
		if len(got) != min(n, maxShown) || !slices.IsSorted(got) || n > 0 && (got[len(got)-1] != n-1 || got[0] != max(n-maxShown, 0)) {
			t.Errorf("of %d: %d shown", n, len(got))
		}
	}
}

// slip is a prompt.
type slip struct {
	id, other, third string
	phone            msisdn
	settled          bool
}

func (s *slip) key() string       { return s.id }
func (s *slip) others() [2]string { return [2]string{s.other, s.third} }
func (s *slip) on() msisdn        { return s.phone }
func (s *slip) open() bool        { return !s.settled }

// The index of a prompt's other ids holds what the prompts hold, and no more.
func TestOtherIDsStayBounded(t *testing.T) {
	t.Parallel()
	one, two := newPromptBook[*slip](), newPromptBook[*slip]()
	for i := range maxSettled + 10 {
		p := &slip{id: fmt.Sprint("ws_CO_", i), other: fmt.Sprint("m-", i), phone: msisdn(i), settled: true}
		one.add(p)
		one.settle(p)
		p = &slip{id: fmt.Sprint("dep_", i), other: fmt.Sprint("DEP-", i), third: fmt.Sprint("ws_CO_", i), phone: msisdn(i)}
		two.add(p)
		p.settled = true
		two.settle(p)
	}
	if len(two.all) != maxSettled || len(two.other) != 2*maxSettled || len(two.open) != 0 {
		t.Errorf("%d prompts, %d other ids, %d open", len(two.all), len(two.other), len(two.open))
	}
	for id, want := range map[string]bool{"DEP-9": false, "DEP-10": true, "ws_CO_10": true, "ws_CO_9": false, "dep_10": true} {
		if got := two.find(id); (got != nil) != want {
			t.Errorf("prompt %s: %v", id, got)
		}
	}
}

// phones shows prompts on some phones.
type phones map[msisdn]bool

func (p phones) shows(phone msisdn) bool { return p[phone] }
func (p phones) knows(string) bool       { return false }

// The customers known longest make room, those with an open prompt of any provider stay, and the log says so.
func TestCustomersStayBounded(t *testing.T) {
	t.Parallel()
	const asked, waits = msisdn(254712345678), msisdn(254722000111)
	e, err := newEngine(config{Mode: clockVirtual})
	if err != nil {
		t.Fatal(err)
	}
	n := newNetwork(e)
	n.join(phones{asked: true})
	n.join(phones{waits: true})
	first := msisdn(254700000000)
	l := n.ledger
	l.customer(asked).Balance = 1
	l.customer(waits).Balance = 2
	for i := range msisdn(maxCustomers - 2) {
		l.customer(first + i)
	}
	if len(l.Customers) != maxCustomers {
		t.Errorf("%d customers before there are too many", len(l.Customers))
	}
	for i := range msisdn(customerBatch + 1) {
		l.customer(first + maxCustomers + i)
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
	if _, err := e.clock.advance(0); err != nil {
		t.Fatal(err)
	}
	log := e.journal.list(func(x *Exchange) bool { return x.API == apiCustomers })
	if len(log) == 0 || !strings.Contains(log[0].Reason, "200000") {
		t.Errorf("the log says %+v", log)
	}
}

// Where every phone shows a prompt nobody makes room, and looking for one has a bound too.
func TestCustomersAllBusy(t *testing.T) {
	t.Parallel()
	l := newLedger()
	looked := 0
	l.busy = func(msisdn) bool { looked++; return true }
	for i := range msisdn(maxCustomers + 5) {
		l.customer(i)
	}
	if len(l.Customers) != maxCustomers+5 || looked != 5*customerBatch {
		t.Errorf("%d customers, %d looked at", len(l.Customers), looked)
	}
	l.busy = func(msisdn) bool { return false }
	l.customer(maxCustomers + 5)
	if len(l.Customers) > maxCustomers {
		t.Errorf("%d customers", len(l.Customers))
	}
}

// The order in which customers came is kept between runs; a file without it still gives every customer a place.
func TestCustomersKeepTheirOrder(t *testing.T) {
	t.Parallel()
	before := newLedger()
	for _, m := range []msisdn{3, 1, 2} {
		before.customer(m)
	}
	raw, err := json.Marshal(before.save()())
	if err != nil {
		t.Fatal(err)
	}
	l, saved := newLedger(), &ledger{}
	if err := json.Unmarshal(raw, saved); err != nil {
		t.Fatal(err)
	}
	l.adopt(saved)
	if got := fmt.Sprint(l.Known); got != "[3 1 2]" {
		t.Errorf("order %s", got)
	}
	l = newLedger()
	l.adopt(&ledger{Customers: map[msisdn]*wallet{7: {}, 5: {}, 6: {}, 4: nil}, Known: []msisdn{6, 9, 6}})
	if got := fmt.Sprint(l.Known, len(l.Customers)); got != "[6 5 7] 3" {
		t.Errorf("order %s", got)
	}
}
