package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// keptEmulator is one with a state file, and its parts.
func keptEmulator(t *testing.T) (*Emulator, *gateway, *api) {
	t.Helper()
	opts := Options{Seed: 1, Clock: clockVirtual, StateFile: filepath.Join(t.TempDir(), "state.json")}
	e := quietEmulator(t, opts, 200)
	d, _ := e.parts[0].(*gateway)
	w, _ := e.parts[1].(*api)
	return e, d, w
}

func pushFrom(phone int) string {
	return strings.ReplaceAll(resetPush(), "254712345678", fmt.Sprint(phone))
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A disk that hangs must hold up no payment, and what happens meanwhile belongs to the next save.
func TestSaveWritesWithoutTheLock(t *testing.T) {
	t.Parallel()
	e, _, _ := keptEmulator(t)
	first := serveOne(t, e, "/mpesa/stkpush/v1/processrequest", pushFrom(254712345678), bearer(e))
	writing, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var file strings.Builder
	plain := e.replace
	e.replace = func(_ string, write func(io.Writer) error) error {
		return write(writerFunc(func(p []byte) (int, error) {
			once.Do(func() { close(writing) })
			<-goOn
			return file.Write(p)
		}))
	}
	saved := make(chan error, 1)
	go func() { saved <- e.saveState() }()
	<-writing
	answered := make(chan string, 1)
	go func() {
		answered <- serveOne(t, e, "/mpesa/stkpush/v1/processrequest", pushFrom(254722000111), bearer(e))
	}()
	second := ""
	select {
	case second = <-answered:
	case <-time.After(10 * time.Second):
		close(goOn)
		t.Fatal("a push waits for the state file")
	}
	close(goOn)
	if err := <-saved; err != nil {
		t.Fatal(err)
	}
	if got := file.String(); !strings.Contains(got, checkoutIn(t, first)) || strings.Contains(got, checkoutIn(t, second)) {
		t.Errorf("not the state of the moment at which the save began: %s", got)
	}
	var dirty bool
	e.engine.locked(func() { dirty = e.engine.dirty })
	if !dirty {
		t.Error("what happened during the save would not be saved")
	}
	e.replace = plain
}

func checkoutIn(t *testing.T, answer string) string {
	t.Helper()
	var push struct{ CheckoutRequestID string }
	if err := json.Unmarshal([]byte(answer), &push); err != nil || push.CheckoutRequestID == "" {
		t.Fatalf("answer %s", answer)
	}
	return push.CheckoutRequestID
}

// Each saved state is one moment's, whatever happens while it is written: no money is under way, and what refers to
// something finds it.
func TestSaveIsOneMoment(t *testing.T) {
	t.Parallel()
	e, d, w := keptEmulator(t)
	e.engine.locked(func() { // a full book moves its entries with every new one
		for range maxEntries {
			w.wallets.all["wallet_local"].book(e.engine.now(), "DEPOSIT", "full", 0)
		}
	})
	header := bearer(e)
	done := make(chan struct{})
	const rounds = 150
	go func() {
		defer close(done)
		for i := range rounds {
			serveOne(t, e, "/mpesa/stkpush/v1/processrequest", pushFrom(254712000000+i*100), header)
			serveOne(t, e, "/api/v1/partner/deposits/mpesa", strings.Replace(depositBody, "712345678", fmt.Sprint(722000000+i*100), 1), localKey(fmt.Sprint(i)))
			serveOne(t, e, "/_emulator/clock", `{"advance":"1s"}`, nil)
			if i%3 == 0 {
				reverseLatest(t, e, d)
			}
			if i%10 == 0 {
				serveOne(t, e, "/api/v1/partner/transfers", `{"sourceWalletId":"wallet_local","destinationAccountNumber":"`+secondAccount+`","amount":1}`, localKey(fmt.Sprint("t", i)))
			}
		}
	}()
	states := 0
	for last := false; !last; states++ {
		select {
		case <-done:
			last = true
		default:
		}
		if err := e.saveState(); err != nil {
			t.Fatal(err)
		}
		checkMoment(t, e.opts.StateFile)
		if t.Failed() {
			<-done
			t.FailNow()
		}
	}
	if got := savedParts(t, e.opts.StateFile); states < 2 || len(got.Daraja.Payments) != rounds || len(got.WasaaPay.Deposits) != rounds {
		t.Errorf("%d saves, %d payments, %d deposits", states, len(got.Daraja.Payments), len(got.WasaaPay.Deposits))
	}
	if left, _ := filepath.Glob(e.opts.StateFile + "?*"); len(left) > 0 {
		t.Errorf("left beside the file: %s", left)
	}
}

// reverseLatest gives the latest payment back, as the API would.
func reverseLatest(t *testing.T, e *Emulator, d *gateway) {
	t.Helper()
	e.engine.Lock()
	defer e.engine.Unlock()
	paid := d.net.ledger.Txns[d.net.ledger.Order[len(d.net.ledger.Order)-1]]
	f, err := parseFields(fmt.Appendf(nil, `{"TransactionID":%q,"ReceiverParty":%q,"Amount":"100"}`, paid.Receipt, paid.To))
	if err != nil {
		t.Error(err)
	}
	if v := d.results.reverse(&question{api: apiReversal, f: f, originator: requestID(e.engine.ids)}); v.code != "0" {
		t.Errorf("reversal: %s", v.desc)
	}
	e.engine.dirty = true
}

type savedBoth struct {
	Daraja   savedDaraja   `json:"daraja"`
	WasaaPay savedWasaaPay `json:"wasaapay"`
}

func savedParts(t *testing.T, file string) savedBoth {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var saved struct {
		Parts savedBoth `json:"parts"`
	}
	if err := json.Unmarshal(raw, &saved); err != nil {
		t.Fatal(err)
	}
	return saved.Parts
}

func checkMoment(t *testing.T, file string) {
	t.Helper()
	saved := savedParts(t, file)
	l := saved.Daraja.Ledger
	var left, reached, moved, inWallet, deposited cents
	for _, w := range l.Customers {
		left += openingWallet - w.Balance
	}
	for _, o := range l.Orgs {
		reached += o.Utility - openingUtility
	}
	for _, one := range l.Txns {
		if one.Kind == apiReversal {
			moved -= one.Amount
			if original := l.Txns[one.Reference]; original == nil || original.ReversedBy != one.Receipt {
				t.Errorf("reversal %s has no original", one.Receipt)
			}
			continue
		}
		moved += one.Amount
		if one.ReversedBy != "" && l.Txns[one.ReversedBy] == nil {
			t.Errorf("%s is reversed by nothing", one.Receipt)
		}
		if l.Txns[l.Origin[one.Originator]] != one {
			t.Errorf("%s is not found by its originator", one.Receipt)
		}
	}
	receipts := 0
	for _, p := range saved.Daraja.Payments {
		if p.Receipt != "" {
			receipts++
		}
		if p.open() == (p.Receipt != "") || p.Receipt != "" && l.Txns[p.Receipt] == nil {
			t.Errorf("payment %+v does not fit the ledger", p)
		}
	}
	for _, p := range saved.WasaaPay.Deposits {
		if p.Receipt != "" {
			receipts++
			deposited += p.Amount
		}
		if p.open() == (p.Receipt != "") || p.Receipt != "" && l.Txns[p.Receipt] == nil {
			t.Errorf("deposit %+v does not fit the ledger", p)
		}
	}
	for _, a := range saved.WasaaPay.Wallets {
		inWallet += a.Balance
		if n := len(a.Entries); n > 0 && a.Entries[n-1].Balance != a.Balance {
			t.Errorf("wallet %s holds %s, its book says %s", a.ID, a.Balance.decimal(), a.Entries[n-1].Balance.decimal())
		}
	}
	inWallet += cents(len(saved.WasaaPay.Transfers)) * transferFee
	reversals := 0
	for _, receipt := range l.Order {
		if one := l.Txns[receipt]; one != nil && one.Kind == apiReversal {
			reversals++
		}
	}
	if left != moved || reached != moved || inWallet != deposited || len(l.Order) != len(l.Txns) || receipts+reversals != len(l.Txns) {
		t.Errorf("money is under way: %s left, %s moved, %s reached; %s deposited, %s in wallets; %d receipts and %d reversals of %d, %d in order",
			left.decimal(), moved.decimal(), reached.decimal(), deposited.decimal(), inWallet.decimal(), receipts, reversals, len(l.Txns), len(l.Order))
	}
	if !slices.IsSortedFunc(saved.Daraja.Payments, compareAge) || !slices.IsSortedFunc(saved.WasaaPay.Deposits, compareDeposits) {
		t.Error("payments are not sorted by age")
	}
}

// A save that fails is tried again, and the old file stays as it was.
func TestSaveThatFails(t *testing.T) {
	t.Parallel()
	e, _, _ := keptEmulator(t)
	serveOne(t, e, "/mpesa/stkpush/v1/processrequest", resetPush(), bearer(e))
	if err := e.saveState(); err != nil || e.engine.dirty {
		t.Fatalf("%v, dirty %t", err, e.engine.dirty)
	}
	before, err := os.ReadFile(e.opts.StateFile)
	if err != nil {
		t.Fatal(err)
	}
	e.engine.locked(func() { e.engine.dirty = true })
	full := errors.New("disk full")
	plain := e.replace
	e.replace = func(name string, write func(io.Writer) error) error {
		return replaceFile(name, func(w io.Writer) error {
			return errors.Join(write(w), full)
		})
	}
	if err := e.saveState(); !errors.Is(err, full) || !e.engine.dirty {
		t.Errorf("%v, dirty %t", err, e.engine.dirty)
	}
	e.replace = plain
	after, err := os.ReadFile(e.opts.StateFile)
	left, _ := filepath.Glob(e.opts.StateFile + "?*")
	if err != nil || string(after) != string(before) || len(left) > 0 {
		t.Errorf("a failed save left %q and %s, %v", after, left, err)
	}
}
