package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
)

// keptEmulator is one with a state file, whose local wallet has a full book: that moves its entries with every new one.
func keptEmulator(t *testing.T) *Emulator {
	t.Helper()
	file := filepath.Join(t.TempDir(), "state.json")
	entries := strings.Repeat(`{"kind":"DEPOSIT","reference":"full","amount":0,"balance":0},`, 2000)
	before := `{"version":1,"seed":1,"saved":"2026-01-02T00:04:05Z","parts":{"wasaapay":{"wallets":[` +
		`{"id":"wallet_local","number":"WP0000000001","entries":[` + strings.TrimSuffix(entries, ",") + `]},` +
		`{"id":"wallet_local_2","number":"WP0000000002"}]}}}`
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	return quietEmulator(t, Options{Seed: 1, Clock: "virtual", Behaviours: []string{"any-credentials"}, StateFile: file}, 200)
}

func pushFrom(phone int) string {
	return strings.ReplaceAll(resetPush(), "254712345678", fmt.Sprint(phone))
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A disk that hangs must hold up no payment, and what happens meanwhile belongs to the next save.
func TestSaveWritesWithoutTheLock(t *testing.T) {
	t.Parallel()
	e := keptEmulator(t)
	first := serveOne(t, e, "/mpesa/stkpush/v1/processrequest", pushFrom(254712345678), bearer(t, e))
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
		answered <- serveOne(t, e, "/mpesa/stkpush/v1/processrequest", pushFrom(254722000111), bearer(t, e))
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
	if !changed(e) {
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
	e := keptEmulator(t)
	header := bearer(t, e)
	done := make(chan struct{})
	const rounds = 150
	go func() {
		defer close(done)
		for i := range rounds {
			serveOne(t, e, "/mpesa/stkpush/v1/processrequest", pushFrom(254712000000+i*100), header)
			serveOne(t, e, "/api/v1/partner/deposits/mpesa", strings.Replace(depositBody, "712345678", fmt.Sprint(722000000+i*100), 1), localKey(fmt.Sprint(i)))
			serveOne(t, e, "/_emulator/clock", `{"advance":"1s"}`, nil)
			if i%3 == 0 {
				reverseLatest(t, e, header)
			}
			if i%10 == 0 {
				serveOne(t, e, "/api/v1/partner/transfers", `{"sourceWalletId":"wallet_local","destinationAccountNumber":"WP0000000002","amount":1}`, localKey(fmt.Sprint("t", i)))
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

func changed(e *Emulator) (dirty bool) {
	e.engine.Locked(func() { dirty = e.engine.Changed() })
	return dirty
}

// reverseLatest gives the latest payment of the local shortcode back.
func reverseLatest(t *testing.T, e *Emulator, header map[string]string) {
	t.Helper()
	answer := httptest.NewRecorder()
	e.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost/_emulator/state", nil))
	var state struct {
		Daraja struct {
			Transactions []struct{ Receipt, Kind, To string }
		}
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &state); err != nil {
		t.Error(err)
	}
	for _, one := range slices.Backward(state.Daraja.Transactions) {
		if one.Kind == "stk" && one.To == "174379" {
			serveOne(t, e, "/mpesa/reversal/v1/request", `{"Initiator":"x","SecurityCredential":"x","CommandID":"TransactionReversal",`+
				`"TransactionID":"`+one.Receipt+`","Amount":"100","ReceiverParty":"174379","RecieverIdentifierType":"11",`+
				`"ResultURL":"http://app.test/r","QueueTimeOutURL":"http://app.test/t","Remarks":"back"}`, header)
			return
		}
	}
}

// savedMoney is what a state file says of money, in cents.
type savedMoney struct {
	Daraja struct {
		Payments []savedPayment
		Ledger   struct {
			Customers     map[string]struct{ Balance int }
			Organisations map[string]struct{ Utility int }
			Transactions  map[string]struct {
				Receipt, Kind, Reference, Originator string
				ReversedBy                           string `json:"reversed_by"`
				Amount                               int
			}
			Origins map[string]string
			Order   []string
		}
	}
	WasaaPay struct {
		Deposits []savedPayment
		Wallets  []struct {
			ID      string
			Balance int
			Entries []struct{ Balance int }
		}
		Transfers []struct{ ID string }
	}
}

type savedPayment struct {
	Receipt, Result string
	Amount          int
	Created         time.Time
}

func (p savedPayment) open() bool { return p.Result == "" }

func savedParts(t *testing.T, file string) savedMoney {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var saved struct{ Parts savedMoney }
	if err := json.Unmarshal(raw, &saved); err != nil {
		t.Fatal(err)
	}
	return saved.Parts
}

func checkMoment(t *testing.T, file string) {
	t.Helper()
	saved := savedParts(t, file)
	l := saved.Daraja.Ledger
	var left, reached, moved, inWallet, deposited int
	for _, w := range l.Customers {
		left += 250_000_00 - w.Balance
	}
	for _, o := range l.Organisations {
		reached += o.Utility - 1_000_000_00
	}
	for _, one := range l.Transactions {
		if one.Kind == "reversal" {
			moved -= one.Amount
			if original := l.Transactions[one.Reference]; original.ReversedBy != one.Receipt {
				t.Errorf("reversal %s has no original", one.Receipt)
			}
			continue
		}
		moved += one.Amount
		if one.ReversedBy != "" && l.Transactions[one.ReversedBy].Receipt == "" {
			t.Errorf("%s is reversed by nothing", one.Receipt)
		}
		if l.Origins[one.Originator] != one.Receipt {
			t.Errorf("%s is not found by its originator", one.Receipt)
		}
	}
	receipts := 0
	for _, p := range saved.Daraja.Payments {
		if p.Receipt != "" {
			receipts++
		}
		if p.open() == (p.Receipt != "") || p.Receipt != "" && l.Transactions[p.Receipt].Receipt == "" {
			t.Errorf("payment %+v does not fit the ledger", p)
		}
	}
	for _, p := range saved.WasaaPay.Deposits {
		if p.Receipt != "" {
			receipts++
			deposited += p.Amount
		}
		if p.open() == (p.Receipt != "") || p.Receipt != "" && l.Transactions[p.Receipt].Receipt == "" {
			t.Errorf("deposit %+v does not fit the ledger", p)
		}
	}
	for _, a := range saved.WasaaPay.Wallets {
		inWallet += a.Balance
		if n := len(a.Entries); n > 0 && a.Entries[n-1].Balance != a.Balance {
			t.Errorf("wallet %s holds %d, its book says %d", a.ID, a.Balance, a.Entries[n-1].Balance)
		}
	}
	inWallet += len(saved.WasaaPay.Transfers) * 5_00
	reversals := 0
	for _, receipt := range l.Order {
		if one := l.Transactions[receipt]; one.Kind == "reversal" {
			reversals++
		}
	}
	if left != moved || reached != moved || inWallet != deposited || len(l.Order) != len(l.Transactions) || receipts+reversals != len(l.Transactions) {
		t.Errorf("money is under way: %d left, %d moved, %d reached; %d deposited, %d in wallets; %d receipts and %d reversals of %d, %d in order",
			left, moved, reached, deposited, inWallet, receipts, reversals, len(l.Transactions), len(l.Order))
	}
	if !slices.IsSortedFunc(saved.Daraja.Payments, byAge) || !slices.IsSortedFunc(saved.WasaaPay.Deposits, byAge) {
		t.Error("payments are not sorted by age")
	}
}

func byAge(a, b savedPayment) int { return a.Created.Compare(b.Created) }

// A save that fails is tried again, and the old file stays as it was.
func TestSaveThatFails(t *testing.T) {
	t.Parallel()
	e := keptEmulator(t)
	serveOne(t, e, "/mpesa/stkpush/v1/processrequest", resetPush(), bearer(t, e))
	if err := e.saveState(); err != nil || changed(e) {
		t.Fatalf("%v, changed %t", err, changed(e))
	}
	before, err := os.ReadFile(e.opts.StateFile)
	if err != nil {
		t.Fatal(err)
	}
	e.engine.Locked(e.engine.Touch)
	full := errors.New("disk full")
	plain := e.replace
	e.replace = func(name string, write func(io.Writer) error) error {
		return atomicfile.WriteFrom(name, func(w io.Writer) error {
			return errors.Join(write(w), full)
		})
	}
	if err := e.saveState(); !errors.Is(err, full) || !changed(e) {
		t.Errorf("%v, changed %t", err, changed(e))
	}
	e.replace = plain
	after, err := os.ReadFile(e.opts.StateFile)
	left, _ := filepath.Glob(e.opts.StateFile + "?*")
	if err != nil || string(after) != string(before) || len(left) > 0 {
		t.Errorf("a failed save left %q and %s, %v", after, left, err)
	}
}
