package emulator

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// The index of a payment's other ids holds what the payments hold, and no more.
func TestOtherIDsStayBounded(t *testing.T) {
	t.Parallel()
	payments, deposits := newPaymentBook(), newDepositBook()
	for i := range maxSettled + 10 {
		p := &payment{Merchant: fmt.Sprint("m-", i), Checkout: fmt.Sprint("ws_CO_", i), Phone: msisdn(i)}
		payments.add(p)
		payments.settle(p)
		one := &deposit{ID: fmt.Sprint("dep_", i), Reference: fmt.Sprint("DEP-", i), Checkout: fmt.Sprint("ws_CO_", i), Phone: msisdn(i)}
		deposits.add(one)
		deposits.settle(one)
	}
	if len(payments.all) != maxSettled || len(payments.other) != maxSettled || len(deposits.other) != 2*maxSettled {
		t.Errorf("%d payments, %d and %d other ids", len(payments.all), len(payments.other), len(deposits.other))
	}
	for id, want := range map[string]bool{"m-9": false, "m-10": true, "ws_CO_10": true, "ws_CO_9": false} {
		if got := payments.find(id); (got != nil) != want {
			t.Errorf("payment %s: %v", id, got)
		}
	}
	for id, want := range map[string]bool{"DEP-9": false, "DEP-10": true, "ws_CO_10": true, "ws_CO_9": false, "dep_10": true} {
		if got := deposits.find(id); (got != nil) != want {
			t.Errorf("deposit %s: %v", id, got)
		}
	}
}

// The customers known longest make room, those with an open prompt of either provider stay, and the log says so.
func TestCustomersStayBounded(t *testing.T) {
	t.Parallel()
	const asked, waits = msisdn(254712345678), msisdn(254722000111)
	e := quietEmulator(t, Options{Clock: clockVirtual, Behaviours: []string{"manual"}}, http.StatusOK)
	d, _ := e.parts[0].(*gateway)
	serveOne(t, e, "/mpesa/stkpush/v1/processrequest", resetPush(), bearer(e))
	serveOne(t, e, "/api/v1/partner/deposits/mpesa", strings.Replace(depositBody, "254712345678", waits.full(), 1), localKey("1"))
	first := msisdn(254700000000)
	e.engine.locked(func() {
		d.net.ledger.customer(asked).Balance = 1
		d.net.ledger.customer(waits).Balance = 2
		for i := range msisdn(maxCustomers - 2) {
			d.net.ledger.customer(first + i)
		}
		if len(d.net.ledger.Customers) != maxCustomers {
			t.Errorf("%d customers before there are too many", len(d.net.ledger.Customers))
		}
		for i := range msisdn(customerBatch + 1) {
			d.net.ledger.customer(first + maxCustomers + i)
		}
		known := d.net.ledger.Customers
		if len(known) > maxCustomers || len(known) != len(d.net.ledger.Known) {
			t.Errorf("%d customers are known, %d in order", len(known), len(d.net.ledger.Known))
		}
		if known[asked] == nil || known[asked].Balance != 1 || known[waits] == nil || known[waits].Balance != 2 {
			t.Error("a customer with an open payment was forgotten")
		}
		if known[first] != nil || known[first+maxCustomers] == nil || known[first+maxCustomers-3] == nil {
			t.Error("not the oldest customers were forgotten")
		}
	})
	if _, err := e.engine.clock.advance(0); err != nil {
		t.Fatal(err)
	}
	log := e.engine.journal.list(func(x *Exchange) bool { return x.API == apiCustomers })
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
	e, d, _ := keptEmulator(t)
	e.engine.locked(func() {
		for _, m := range []msisdn{3, 1, 2} {
			d.net.ledger.customer(m)
		}
	})
	if err := e.saveState(); err != nil {
		t.Fatal(err)
	}
	l := newLedger()
	l.adopt(savedParts(t, e.opts.StateFile).Daraja.Ledger)
	if got := fmt.Sprint(l.Known); got != "[3 1 2]" {
		t.Errorf("order %s", got)
	}
	l = newLedger()
	l.adopt(&ledger{Customers: map[msisdn]*wallet{7: {}, 5: {}, 6: {}, 4: nil}, Known: []msisdn{6, 9, 6}})
	if got := fmt.Sprint(l.Known, len(l.Customers)); got != "[6 5 7] 3" {
		t.Errorf("order %s", got)
	}
}
