package reconcile

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// memoryBooks is a ledger in memory.
type memoryBooks []store.BookRow

func (b memoryBooks) Between(_ context.Context, s store.BookScope, from, to time.Time, each func(store.BookRow) error) error {
	for _, r := range b {
		if r.At.Before(from) || !r.At.Before(to) || len(s.ShortCodes) > 0 && r.ShortCode != "" && !slices.Contains(s.ShortCodes, r.ShortCode) {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

func (b memoryBooks) WithReceipts(_ context.Context, _ store.BookScope, receipts []string, each func(store.BookRow) error) error {
	for _, r := range b {
		if r.Receipt != "" && slices.Contains(receipts, strings.ToUpper(r.Receipt)) {
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b memoryBooks) ID(source store.BookSource, key int64) string {
	return fmt.Sprintf("%d-%d", source, key)
}

var (
	eat = time.FixedZone("EAT", 3*60*60)
	now = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
)

// at is a time on 4 November 2026 in East Africa.
func at(clock string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", "2026-11-04 "+clock, eat)
	if err != nil {
		panic(err)
	}
	return t
}

// deposit is a row of the ledger.
func deposit(key int64, receipt, amount string, status payment.Status, clock string) store.BookRow {
	a, err := payment.ParseAmount(amount, payment.KES)
	if err != nil {
		panic(err)
	}
	return store.BookRow{Key: key, Receipt: receipt, Amount: a, Status: status, At: at(clock), ShortCode: "600123"}
}

func (d Difference) line() string {
	id := d.DepositID + d.DeliveryID
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s %s:%d", d.Severity, d.Category, d.Receipt, money(d.Amount, d.HasAmount), id, shortName(d.File), d.Line)), " ")
}

func money(n int64, there bool) string {
	if !there {
		return "-"
	}
	return payment.AmountOf(n, payment.KES).String()
}

func shortName(name string) string {
	if len(name) > 3 {
		return name[:3]
	}
	return name
}

func listed(r *Report) []string {
	out := make([]string, len(r.Differences))
	for i, d := range r.Differences {
		out[i] = d.line()
	}
	return out
}

// counted are the categories that are not empty.
func counted(r *Report) string {
	var out []string
	for _, c := range Categories() {
		if r.Counts[c] > 0 {
			out = append(out, fmt.Sprintf("%s %d %s", c, r.Counts[c], payment.AmountOf(r.Amounts[c], payment.KES)))
		}
	}
	return strings.Join(out, "\n")
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func memory(name, data string) Source {
	return Source{Name: name, Open: func() (Reader, int64, error) {
		return memoryFile{bytes.NewReader([]byte(data))}, int64(len(data)), nil
	}}
}

func sample(name string) Source {
	return FileSource(filepath.Join("..", "..", "testdata", "statements", name))
}

const (
	utility = "ORG_600123_Utility Account_All_20261105053012.csv"
	till    = "ORG_654321_Merchant Account_All_20261105053140.csv"
	newer   = "Statements for 600123 from 2026-11-04 to 2026-11-04.csv"
	app     = "M-PESA_FULL_STATEMENT_654321.xlsx"
	legacy  = "legacy_g1_600123.csv"
)

func compare(t *testing.T, books memoryBooks, in Input) *Report {
	t.Helper()
	r, err := attempt(books, in)
	if err != nil {
		t.Fatal(err)
	}
	if !r.EquationHolds() {
		t.Errorf("the equation does not hold: %+v", r.Equation)
	}
	return r
}

func attempt(books Books, in Input) (*Report, error) {
	in.Now = now
	if in.Scope.Provider == "" {
		in.Scope.Provider = payment.Daraja
	}
	return Run(context.Background(), in, books)
}

// TestSamples holds the five samples against hand-checked tables.
func TestSamples(t *testing.T) {
	t.Parallel()
	known := memoryBooks{
		deposit(1, "UK4A0SYN01", "2500", payment.StatusCompleted, "00:00:01"),
		deposit(2, "uk4b1syn02", "1200.50", payment.StatusCompleted, "09:15:00"),
		deposit(3, "UK4D3SYN04", "15000", payment.StatusPending, "11:29:50"),
		deposit(4, "UK4Z8SYN08", "351", payment.StatusCompleted, "23:59:50"),
		deposit(5, "UK4C2SYN03", "900", payment.StatusCompleted, "10:02:00"),
		deposit(6, "UK4X9SYN99", "77", payment.StatusCompleted, "12:00:00"),
		deposit(7, "", "10", payment.StatusFailed, "12:00:00"),
	}
	for name, tt := range map[string]struct {
		books  memoryBooks
		file   string
		counts string
		differ []string
		kind   payment.Kind
	}{
		"B against a ledger": {known, utility, strings.Join([]string{
			"matched 1 2500.00", "amount_differs 1 350.00", "status_differs 2 15900.00", "only_ledger 1 77.00", "only_statement 1 2150.00",
			"reversed 1 1200.50", "not_customer_payment 2 18000.00",
		}, "\n") + "\n", []string{
			"critical reversed UK4B1SYN02 1200.50 0-2 ORG:17",
			"critical status_differs UK4C2SYN03 0.00 0-5 ORG:15",
			"critical only_ledger UK4X9SYN99 - 0-6 :0",
			"critical amount_differs UK4Z8SYN08 350.00 0-4 ORG:9",
			"high status_differs UK4D3SYN04 15000.00 0-3 ORG:14",
			"high only_statement UK4F5SYN06 2150.00 ORG:11",
		}, payment.KindConflict},
		"B against nothing": {nil, utility, strings.Join([]string{
			"only_statement 4 20000.00", "reversed 1 1200.50", "not_customer_payment 2 18000.00",
		}, "\n"), []string{
			"high only_statement UK4A0SYN01 2500.00 ORG:19",
			"high only_statement UK4D3SYN04 15000.00 ORG:14",
			"high only_statement UK4F5SYN06 2150.00 ORG:11",
			"high only_statement UK4Z8SYN08 350.00 ORG:9",
			"low reversed UK4B1SYN02 1200.50 ORG:17",
		}, payment.KindConflict},
		"B till": {nil, till, strings.Join([]string{
			"only_statement 2 130.00", "reversed 1 200.00", "not_customer_payment 2 22779.95",
		}, "\n"), []string{
			"high only_statement UK4B2TIL02 100.00 ORG:14",
			"high only_statement UK4F6TIL06 30.00 ORG:8",
			"low reversed UK4C3TIL03 200.00 ORG:12",
		}, payment.KindConflict},
		"C": {memoryBooks{
			deposit(1, "UK4E4NEW05", "1100.50", payment.StatusCompleted, "16:15:00"), deposit(2, "UK4D3NEW04", "1900", payment.StatusCompleted, "16:14:00"),
			deposit(3, "UK4C2NEW03", "60840", payment.StatusCompleted, "14:29:00"), deposit(4, "UK4B1NEW02", "2350", payment.StatusCompleted, "14:09:00"),
			deposit(5, "UK4A0NEW01", "1200", payment.StatusCompleted, "12:05:00"),
		}, newer, "matched 5 67390.50\nnot_customer_payment 3 202171.50", []string{}, payment.KindInternal},
		"D": {nil, app, "only_statement 2 2950.00\nfee_only 1 0.27\nnot_customer_payment 2 530.00", []string{
			"high only_statement UK4B2APP02 450.00 M-P:15", "high only_statement UK4D4APP04 2500.00 M-P:13", "low fee_only UK4E5APP05 -0.27 M-P:11",
		}, payment.KindConflict},
		"A": {nil, legacy, "only_statement 1 200.00\nnot_customer_payment 3 521000.00", []string{"high only_statement FY30TEST01 200.00 leg:8"}, payment.KindConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := compare(t, tt.books, Input{Files: []Source{sample(tt.file)}})
			if diff := cmp.Diff(strings.TrimSpace(tt.counts), counted(r)); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.differ, listed(r)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
			if err := r.Outcome(); payment.KindOf(err) != tt.kind || (err == nil) != (len(tt.differ) == 0) {
				t.Errorf("outcome %v", err)
			}
			for _, d := range r.Differences {
				if d.Next == "" || d.Detail == "" {
					t.Errorf("%s names no next step: %+v", d.line(), d)
				}
			}
		})
	}
}

const headB = "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.,Currency\n"

// fileB is a portal's file of a time on 4 November 2026; rows are newest first.
func fileB(from, to string, rows ...string) string {
	return "Short Code:,600123\nAccount:,Utility Account\nTime Period:,From,04-11-2026 " + from + ",To,04-11-2026 " + to + "\n" + headB + strings.Join(rows, "")
}

type rowB struct{ receipt, clock, details, in, out, status, party, linked, ref string }

func (r rowB) String() string {
	if r.status == "" {
		r.status = "Completed"
	}
	return fmt.Sprintf("%s,04-11-2026 %s,04-11-2026 %s,%s,%s,%s,%s,,true,,%s,%s,%s,KES\n", r.receipt, r.clock, r.clock, r.details, r.status, r.in, r.out, r.party, r.linked, r.ref)
}

func pay(receipt, clock, amount, party, ref string) string {
	return rowB{receipt: receipt, clock: clock, details: "Pay Bill from", in: amount, party: party, ref: ref}.String()
}

func fee(receipt, clock, amount string) string {
	return rowB{receipt: receipt, clock: clock, details: "Pay Bill Charge", out: "-" + amount, party: "SP"}.String()
}

func sweep(receipt, clock, amount string) string {
	return rowB{receipt: receipt, clock: clock, details: "Utility Account to Organization Settlement Account", out: "-" + amount}.String()
}

func reversalOf(receipt, clock, amount, party, linked string) string {
	return rowB{receipt: receipt, clock: clock, details: "Pay Utility Reversal by X\\op1", out: "-" + amount, party: party, linked: linked}.String()
}

// pushed is a deposit without a receipt, of 0712345678.
func pushed(key int64, amount, ref string, status payment.Status, clock string) store.BookRow {
	d := deposit(key, "", amount, status, clock)
	d.Phone, d.Reference = "254712345678", ref
	return d
}

// TestTraps is what statements are odd in, one case each (reference/statements.md §6).
func TestTraps(t *testing.T) {
	t.Parallel()
	const whole = "00:00:00"
	const end = "23:59:59"
	done := payment.StatusCompleted
	for name, tt := range map[string]struct {
		books  memoryBooks
		files  []Source
		in     Input
		counts string
		differ []string
		exit   payment.Kind // KindInternal is none
	}{
		"two charges on one receipt": {
			memoryBooks{deposit(1, "R1", "100", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, fee("R1", "10:00:00", "2"), fee("R1", "10:00:00", "1"), pay("R1", "10:00:00", "100", "", "")))},
			Input{},
			"matched 1 100.00",
			[]string{},
			payment.KindInternal,
		},
		"the same receipt in two slices": {
			memoryBooks{deposit(1, "R1", "100", done, "12:00:00")},
			[]Source{memory("x", fileB(whole, "12:30:00", fee("R1", "12:00:00", "2"), pay("R1", "12:00:00", "100", "", ""))), memory("y", fileB("11:00:00", end, fee("R1", "12:00:00", "2"), pay("R1", "12:00:00", "100", "", "")))},
			Input{},
			"matched 1 100.00",
			[]string{},
			payment.KindInternal,
		},
		"two payments of one receipt in one file": {
			memoryBooks{deposit(1, "R1", "100", done, "12:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "12:00:00", "100", "", ""), pay("R1", "12:00:00", "100", "", "")))},
			Input{},
			"amount_differs 1 200.00",
			[]string{"critical amount_differs R1 200.00 0-1 x:5"},
			payment.KindConflict,
		},
		"a failed row with an amount": {
			memoryBooks{pushed(1, "100", "A", payment.StatusFailed, "12:00:00")},
			[]Source{memory("x", fileB(whole, end, rowB{receipt: "R1", clock: "12:00:00", details: "Pay Bill from", in: "100", status: "Failed"}.String()))},
			Input{},
			"not_customer_payment 2 0.00",
			[]string{},
			payment.KindInternal,
		},
		"a reversal in another file": {
			memoryBooks{deposit(1, "R1", "100", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, "11:59:59", pay("R1", "10:00:00", "100", "070****222", ""))), memory("y", fileB("12:00:00", end, reversalOf("R9", "18:00:00", "100", "070****222", "r1")))},
			Input{},
			"reversed 1 100.00",
			[]string{"critical reversed R1 100.00 0-1 x:5"},
			payment.KindConflict,
		},
		"a reversal of a payment of another day": {
			memoryBooks{func() store.BookRow {
				d := deposit(1, "R1", "100", done, "10:00:00")
				d.At = d.At.AddDate(0, 0, -3)
				return d
			}()},
			[]Source{memory("x", fileB(whole, end, reversalOf("R9", "18:00:00", "100", "070****222", "R1")))},
			Input{},
			"reversed 1 100.00",
			[]string{"critical reversed R1 - 0-1 x:5"},
			payment.KindConflict,
		},
		"a reversal of a payment that the ledger alone has": {
			memoryBooks{deposit(1, "R1", "100", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, reversalOf("R9", "18:00:00", "100", "070****222", "R1")))},
			Input{},
			"reversed 1 100.00",
			[]string{"critical reversed R1 - 0-1 x:5"},
			payment.KindConflict,
		},
		"a reversal of another day that the ledger knows": {
			memoryBooks{func() store.BookRow {
				d := deposit(1, "R1", "100", done, "10:00:00")
				d.At, d.Reversed = d.At.AddDate(0, 0, -3), true
				return d
			}()},
			[]Source{memory("x", fileB(whole, end, reversalOf("R9", "18:00:00", "100", "070****222", "R1")))},
			Input{},
			"reversed 1 100.00",
			[]string{},
			payment.KindInternal,
		},
		"a reversal that names what nobody has": {
			nil,
			[]Source{memory("x", fileB(whole, end, reversalOf("R9", "18:00:00", "100", "070****222", "R1")))},
			Input{},
			"reversal_unmatched 1 100.00",
			[]string{"medium reversal_unmatched R9 -100.00 x:5"},
			payment.KindConflict,
		},
		"files glued together": {
			memoryBooks{deposit(1, "R1", "100", done, "12:00:00")},
			[]Source{memory("x", fileB(whole, "12:30:00", fee("R1", "12:00:00", "2"), pay("R1", "12:00:00", "100", "", ""))+fileB("11:00:00", end, fee("R1", "12:00:00", "2"), pay("R1", "12:00:00", "100", "", "")))},
			Input{},
			"matched 1 100.00",
			[]string{},
			payment.KindInternal,
		},
		"a header twice": {
			memoryBooks{deposit(1, "R1", "100", done, "12:00:00"), deposit(2, "R2", "50", done, "11:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "12:00:00", "100", "", ""), headB, pay("R2", "11:00:00", "50", "", "")))},
			Input{},
			"matched 2 150.00",
			[]string{},
			payment.KindInternal,
		},
		"a file of completed transactions alone": {
			memoryBooks{pushed(1, "100", "A", payment.StatusFailed, "10:00:00"), pushed(2, "70", "B", payment.StatusPending, "11:00:00"), deposit(3, "R3", "30", done, "12:00:00")},
			[]Source{memory("ORG_600123_Utility Account_Completed_20261105053012.csv", fileB(whole, end, pay("R3", "12:00:00", "30", "", "")))},
			Input{},
			"matched 1 30.00\nnot_customer_payment 1 0.00\nnot_verifiable 1 70.00",
			[]string{"medium not_verifiable - 0-2 :0"},
			payment.KindPending,
		},
		"a fee outside of what was asked for": {
			nil,
			[]Source{memory("x", fileB(whole, end, fee("R2", "15:00:00", "2"), sweep("R1", "10:00:00", "500")))},
			Input{From: at("14:00:00"), To: at("16:00:00")},
			"fee_only 1 2.00\noutside_period 1 500.00",
			[]string{"low fee_only R2 -2.00 x:5"},
			payment.KindInternal,
		},
		"a reversal that the ledger knows": {
			memoryBooks{func() store.BookRow { d := deposit(1, "R1", "100", done, "10:00:00"); d.Reversed = true; return d }()},
			[]Source{memory("x", fileB(whole, end, reversalOf("R9", "18:00:00", "100", "", "R1"), pay("R1", "10:00:00", "100", "", "")))},
			Input{},
			"reversed 1 100.00",
			[]string{},
			payment.KindInternal,
		},
		"a reversal without a link": {
			memoryBooks{deposit(1, "R1", "100", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, reversalOf("R9", "18:00:00", "100", "070****222", ""), pay("R1", "10:00:00", "100", "070****222", "")))},
			Input{},
			"matched 1 100.00\nreversal_unmatched 1 100.00",
			[]string{"medium reversal_unmatched R9 -100.00 x:5"},
			payment.KindConflict,
		},
		"a reversal without a link that the ledger made": {
			memoryBooks{func() store.BookRow { d := deposit(1, "R1", "100", done, "10:00:00"); d.Reversed = true; return d }(), deposit(2, "R2", "100", done, "11:00:00")},
			[]Source{memory("x", fileB(whole, end, reversalOf("R9", "18:00:00", "100", "", ""), pay("R2", "11:00:00", "100", "070****222", ""), pay("R1", "10:00:00", "100", "070****222", "")))},
			Input{},
			"matched 1 100.00\nreversed 1 100.00",
			[]string{},
			payment.KindInternal,
		},
		"cents": {
			memoryBooks{deposit(1, "R1", "100.01", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:00", "100", "", "")))},
			Input{},
			"amount_differs 1 100.00",
			[]string{"critical amount_differs R1 100.00 0-1 x:5"},
			payment.KindConflict,
		},
		"a leading zero is a weak reference": {
			memoryBooks{pushed(1, "100", "0850060", payment.StatusPending, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:09", "100", "25471****678", "850060")))},
			Input{},
			"probable 1 100.00",
			[]string{"medium probable R1 100.00 0-1 x:5"},
			payment.KindPending,
		},
		"a spreadsheet's 1E+11 is a weak reference": {
			memoryBooks{pushed(1, "100", "100000000000", payment.StatusPending, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:09", "100", "25471****678", "1E+11")))},
			Input{},
			"probable 1 100.00",
			[]string{"medium probable R1 100.00 0-1 x:5"},
			payment.KindPending,
		},
		"two candidates are none": {
			memoryBooks{pushed(1, "100", "A", payment.StatusPending, "10:00:00"), pushed(2, "100", "A", payment.StatusUnknown, "10:01:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:09", "100", "25471****678", "A")))},
			Input{},
			"only_statement 1 100.00\nnot_verifiable 2 200.00",
			[]string{"high only_statement R1 100.00 x:5", "medium not_verifiable - 0-1 :0", "medium not_verifiable - 0-2 :0"},
			payment.KindConflict,
		},
		"another phone is no candidate": {
			memoryBooks{pushed(1, "100", "A", payment.StatusPending, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:09", "100", "25471****679", "A")))},
			Input{},
			"only_statement 1 100.00\nnot_verifiable 1 100.00",
			[]string{"high only_statement R1 100.00 x:5", "medium not_verifiable - 0-1 :0"},
			payment.KindConflict,
		},
		"a till has no references": {
			memoryBooks{pushed(1, "100", "A", payment.StatusPending, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:09", "100", "25471****678", "")))},
			Input{},
			"probable 1 100.00",
			[]string{"medium probable R1 100.00 0-1 x:5"},
			payment.KindPending,
		},
		"completed without a receipt": {
			memoryBooks{pushed(1, "100", "A", done, "10:00:00"), pushed(2, "55", "A", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:09", "100", "25471****678", "A")))},
			Input{},
			"probable 1 100.00\nonly_ledger 1 55.00",
			[]string{"critical only_ledger - 0-2 :0", "medium probable R1 100.00 0-1 x:5"},
			payment.KindConflict,
		},
		"a receipt twice in the ledger": {
			memoryBooks{deposit(1, "R1", "100", done, "10:00:00"), deposit(2, "r1", "100", done, "10:05:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:00", "100", "", "")))},
			Input{},
			"matched 1 100.00\nduplicate_in_ledger 1 100.00",
			[]string{"critical duplicate_in_ledger R1 - 0-2 :0"},
			payment.KindConflict,
		},
		"told twice is one payment": {
			memoryBooks{deposit(1, "R1", "100", done, "10:00:00"), func() store.BookRow {
				d := deposit(9, "R1", "100", done, "10:00:05")
				d.Source = store.BookNotice
				return d
			}()},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:00", "100", "", "")))},
			Input{},
			"matched 1 100.00",
			[]string{},
			payment.KindInternal,
		},
		"a notice that is no customer's": {
			memoryBooks{func() store.BookRow {
				d := deposit(9, "R1", "100", done, "10:00:05")
				d.Source, d.Type = store.BookNotice, "Organization To Organization Transfer"
				return d
			}()},
			[]Source{memory("x", fileB(whole, end))},
			Input{},
			"not_customer_payment 1 0.00",
			[]string{},
			payment.KindInternal,
		},
		"midnight": {
			memoryBooks{deposit(1, "R1", "100", done, "23:59:55"), deposit(2, "R2", "100", done, "00:03:00"), deposit(3, "R3", "100", done, "12:00:00")},
			[]Source{memory("x", fileB(whole, end))},
			Input{},
			"only_ledger 1 100.00\noutside_period 2 200.00",
			[]string{"critical only_ledger R3 - 0-3 :0", "low outside_period R2 - 0-2 :0", "low outside_period R1 - 0-1 :0"},
			payment.KindConflict,
		},
		"asked for the day before": {
			memoryBooks{func() store.BookRow {
				d := deposit(1, "R1", "100", done, "23:00:00")
				d.At = d.At.AddDate(0, 0, -2)
				return d
			}()},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:00", "100", "", "")))},
			Input{},
			"matched 1 100.00",
			[]string{},
			payment.KindInternal,
		},
		"two short codes in one ledger": {
			memoryBooks{deposit(1, "R1", "100", done, "10:00:00"), func() store.BookRow { d := deposit(2, "R2", "5", done, "10:00:00"); d.ShortCode = "174379"; return d }()},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:00", "100", "", "")))},
			Input{Scope: store.BookScope{ShortCodes: []string{"600123", "654321"}}},
			"matched 1 100.00",
			[]string{},
			payment.KindInternal,
		},
		"an empty period": {
			memoryBooks{deposit(1, "R1", "100", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end))},
			Input{},
			"only_ledger 1 100.00",
			[]string{"critical only_ledger R1 - 0-1 :0"},
			payment.KindConflict,
		},
		"a gap between slices": {
			memoryBooks{deposit(1, "R1", "100", done, "11:00:00")},
			[]Source{memory("x", fileB(whole, "09:59:59")), memory("y", fileB("12:00:00", end))},
			Input{},
			"not_verifiable 1 100.00",
			[]string{"medium not_verifiable R1 - 0-1 :0"},
			payment.KindConflict,
		},
		"undecided and unpaid": {
			memoryBooks{pushed(1, "100", "A", payment.StatusUnknown, "11:00:00")},
			[]Source{memory("x", fileB(whole, end))},
			Input{},
			"not_verifiable 1 100.00",
			[]string{"medium not_verifiable - 0-1 :0"},
			payment.KindPending,
		},
		"a sweep and a fee explain themselves": {
			nil,
			[]Source{memory("x", fileB(whole, end, sweep("R1", "10:00:00", "500"), fee("R2", "10:00:00", "5")))},
			Input{},
			"fee_only 1 5.00\nnot_customer_payment 1 500.00",
			[]string{"low fee_only R2 -5.00 x:6"},
			payment.KindInternal,
		},
		"a charge whose payment the ledger alone has": {
			memoryBooks{deposit(1, "R2", "100", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, fee("R2", "10:00:00", "5")))},
			Input{},
			"fee_only 1 5.00",
			[]string{"medium fee_only R2 0.00 0-1 x:5"},
			payment.KindConflict,
		},
		"an unknown text that brings money": {
			nil,
			[]Source{memory("x", fileB(whole, end, rowB{receipt: "R1", clock: "10:00:00", details: "Brand New Product", in: "5"}.String()))},
			Input{},
			"not_customer_payment 1 5.00",
			[]string{"medium not_customer_payment R1 5.00 x:5"},
			payment.KindConflict,
		},
		"an unknown text that the ledger knows": {
			memoryBooks{deposit(1, "R1", "5", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, rowB{receipt: "R1", clock: "10:00:00", details: "Brand New Product", in: "5"}.String()))},
			Input{},
			"matched 1 5.00",
			[]string{},
			payment.KindInternal,
		},
		"a narrower period": {
			memoryBooks{deposit(1, "R1", "5", done, "10:00:00"), deposit(2, "R2", "6", done, "15:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R2", "15:00:00", "6", "", ""), pay("R1", "10:00:00", "5", "", ""), pay("R3", "11:00:00", "7", "", "")))},
			Input{From: at("14:00:00"), To: at("16:00:00")},
			"matched 1 6.00\noutside_period 2 12.00",
			[]string{},
			payment.KindInternal,
		},
		"an unreadable row": {
			memoryBooks{deposit(1, "R1", "5", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("R1", "10:00:00", "5", "", ""), pay("R2", "10:00:00", "5.005", "", "")))},
			Input{},
			"matched 1 5.00\nunreadable 1 0.00",
			[]string{"high unreadable R2 - x:6"},
			payment.KindConflict,
		},
		"an unreadable row that the ledger has": {
			memoryBooks{deposit(1, "R1", "5", done, "10:00:00"), deposit(2, "R2", "6", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, fee("R1", "10:00:00", "1"), pay("R1", "10:00:00", "5.005", "", ""), pay("R2", "10:00:00", "6.005", "", "")))},
			Input{},
			"fee_only 1 1.00\nnot_verifiable 1 6.00\nunreadable 2 0.00",
			[]string{"high unreadable R1 - x:6", "high unreadable R2 - x:7", "medium fee_only R1 0.00 0-1 x:5", "medium not_verifiable R2 - 0-2 :0"},
			payment.KindConflict,
		},
		"a receipt that is long": {
			memoryBooks{deposit(1, "wallet-0000000000000000000000001", "5", done, "10:00:00")},
			[]Source{memory("x", fileB(whole, end, pay("WALLET-0000000000000000000000001", "10:00:00", "5", "", ""), pay("WALLET-0000000000000000000000002", "10:00:00", "6", "", "")))},
			Input{},
			"matched 1 5.00\nonly_statement 1 6.00",
			[]string{"high only_statement WALLET-0000000000000000000000002 6.00 x:6"},
			payment.KindConflict,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.in.Files = tt.files
			r := compare(t, tt.books, tt.in)
			if diff := cmp.Diff(tt.counts, counted(r)); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.differ, listed(r)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
			err := r.Outcome()
			if (err == nil) != (tt.exit == payment.KindInternal) || err != nil && payment.KindOf(err) != tt.exit {
				t.Errorf("outcome %v, want %s", err, tt.exit)
			}
		})
	}
}

// TestRefused: a file of another merchant, or of an account without payments, is
// refused by name; nothing is compared.
func TestRefused(t *testing.T) {
	t.Parallel()
	body := fileB("00:00:00", "23:59:59", sweep("R1", "10:00:00", "500"))
	for name, tt := range map[string]struct {
		file Source
		in   Input
		want string
	}{
		"another short code":     {memory("x.csv", body), Input{Scope: store.BookScope{ShortCodes: []string{"174379"}}}, "is of short code 600123; the profile has 174379"},
		"another than was given": {memory("x.csv", body), Input{ShortCode: "1"}, "is of short code 600123, not 1"},
		"a settlement account":   {memory("x.csv", strings.Replace(body, "Utility Account\n", "Organization Settlement Account\n", 1)), Input{}, "holds no customers' payments"},
		"an MMF account":         {memory("x.csv", strings.Replace(body, "Utility Account\n", "MMF Account\n", 1)), Input{}, "holds no customers' payments"},
		"renamed":                {memory("x.csv", "Receipt No,Completion Time,Details,Transaction Status,Paid In (KSHs),Withdrawn (KSHs),Balance (KSHs)\n"), Input{}, "of which short code"},
		"renamed, no period":     {memory("x.csv", "Receipt No,Completion Time,Details,Transaction Status,Paid In (KSHs),Withdrawn (KSHs),Balance (KSHs)\n"), Input{ShortCode: "600123"}, "which period"},
		"no such file":           {FileSource("nowhere.csv"), Input{}, "no such file"},
		"a directory":            {FileSource(os.TempDir()), Input{}, "is no regular file"},
		"no file":                {Source{}, Input{}, "there is no file"},
		"ends before it begins":  {memory("x.csv", body), Input{From: at("12:00:00"), To: at("11:00:00")}, "from: not before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.file.Open != nil {
				tt.in.Files = []Source{tt.file}
			}
			_, err := attempt(nil, tt.in)
			if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a usage error with %q", err, tt.want)
			}
		})
	}
}

// TestAnySlicing: however a day's rows are cut into files, overlapping or not, and in
// whatever order the files are given, the report is the same.
func TestAnySlicing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		rng := rand.New(rand.NewPCG(seed, 17))
		books, rows := day(rng, 120)
		want := compare(t, books, Input{Files: []Source{memory("whole.csv", fileB("00:00:00", "23:59:59", rows...))}})
		for range 3 {
			got := compare(t, books, Input{Files: sliced(rng, rows)})
			if diff := cmp.Diff(essence(want), essence(got)); diff != "" {
				t.Fatalf("seed %d (-whole +sliced):\n%s", seed, diff)
			}
		}
	}
}

// essence is a report without where its rows stand.
func essence(r *Report) string {
	var b strings.Builder
	fmt.Fprintln(&b, counted(r), r.From, r.To, r.LedgerRows, r.Transactions)
	for _, d := range r.Differences {
		fmt.Fprintln(&b, d.Category, d.Severity, d.Receipt, d.Amount, d.LedgerAmount, d.DepositID, d.At.Unix())
	}
	return b.String()
}

// day makes a ledger and a statement, newest first, that disagree in every way.
func day(rng *rand.Rand, n int) (memoryBooks, []string) {
	var books memoryBooks
	type timed struct {
		seconds int
		text    []string
	}
	var all []timed
	for i := range n {
		receipt := fmt.Sprintf("R%05d", i)
		seconds := 1200 + rng.IntN(84000)
		clock := fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
		amount := fmt.Sprintf("%d.%02d", 1+rng.IntN(30), rng.IntN(3))
		rows := []string{pay(receipt, clock, amount, "25471****678", "A"), fee(receipt, clock, "1")}
		d := deposit(int64(i+1), receipt, amount, payment.StatusCompleted, clock)
		switch rng.IntN(10) {
		case 0:
			rows = nil
		case 1:
			d = store.BookRow{}
		case 2:
			d.Amount = payment.AmountOf(d.Amount.Minor()+1, payment.KES)
		case 3:
			d.Receipt, d.Status, d.Phone, d.Reference = "", payment.StatusPending, "254712345678", "A"
		case 4:
			rows = []string{sweep(receipt, clock, amount)}
			d = store.BookRow{}
		case 5:
			later := min(seconds+3600, 86000)
			all = append(all, timed{later, []string{reversalOf("V"+receipt, fmt.Sprintf("%02d:%02d:%02d", later/3600, later/60%60, later%60), amount, "25471****678", []string{receipt, ""}[rng.IntN(2)])}})
		}
		if rng.IntN(2) == 0 {
			slices.Reverse(rows)
		}
		if d.Key != 0 {
			books = append(books, d)
		}
		if rows != nil {
			all = append(all, timed{seconds, rows})
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return b.seconds - a.seconds })
	var rows []string
	for _, a := range all {
		rows = append(rows, a.text...)
	}
	return books, rows
}

// sliced cuts rows at random times into files that may overlap, shuffled.
func sliced(rng *rand.Rand, rows []string) []Source {
	cuts := []int{0}
	for range rng.IntN(5) {
		cuts = append(cuts, rng.IntN(86400))
	}
	slices.Sort(cuts)
	cuts = slices.Compact(append(cuts, 86400))
	var out []Source
	for i := range len(cuts) - 1 {
		from, to := max(0, cuts[i]-rng.IntN(2)*rng.IntN(4000)), cuts[i+1]-1
		var part []string
		for _, row := range rows {
			var h, m, s int
			if _, err := fmt.Sscanf(strings.Split(row, ",")[1][11:], "%d:%d:%d", &h, &m, &s); err != nil {
				panic(err)
			}
			if at := h*3600 + m*60 + s; at >= from && at <= to {
				part = append(part, row)
			}
		}
		clock := func(n int) string { return fmt.Sprintf("%02d:%02d:%02d", n/3600, n/60%60, n%60) }
		out = append(out, memory(fmt.Sprintf("slice-%d.csv", rng.IntN(1000)), fileB(clock(from), clock(to), part...)))
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestSpill: what does not fit in memory is sorted on disk, to the same result.
func TestSpill(t *testing.T) {
	t.Parallel()
	var s sorter
	defer func() { _ = s.close() }()
	rng := rand.New(rand.NewPCG(1, 1))
	const n = runSize*(heldRuns+2) + 17
	for i := range n {
		e := entry{key: receiptKey{rng.Uint64(), rng.Uint64()}, amount: -int64(i), number: int64(i), phone: uint64(i), at: int64(i), leg: 3, status: 2, source: 1, flags: completed}
		e.setRef(fmt.Sprint(i))
		if err := s.add(&e); err != nil {
			t.Fatal(err)
		}
	}
	m, err := s.merge()
	if err != nil {
		t.Fatal(err)
	}
	if len(s.spans) == 0 {
		t.Fatal("nothing was spilled")
	}
	var last entry
	seen := 0
	for e := m.first(); e != nil; e = m.first() {
		if seen > 0 && last.compare(e) > 0 {
			t.Fatal("out of order")
		}
		if i := e.number; e.amount != -i || e.at != i || e.phone != uint64(i) || e.refText() != fmt.Sprint(i) || e.leg != 3 || e.status != 2 || e.source != 1 || e.flags != completed {
			t.Fatalf("entry %d came back as %+v", i, *e)
		}
		last = *e
		seen++
		if err := m.pop(); err != nil {
			t.Fatal(err)
		}
	}
	if seen != n {
		t.Errorf("%d of %d came back", seen, n)
	}
}

func TestFollows(t *testing.T) {
	t.Parallel()
	whole := func(from, to, open, shut string) string {
		return strings.Replace(fileB(from, to), headB, "Opening Balance:,"+open+",Closing Balance:,"+shut+"\n"+headB, 1)
	}
	for name, tt := range map[string]struct {
		second string
		want   string
	}{
		"goes on":          {whole("12:00:00", "23:59:59", "5", "5"), "continuity true"},
		"opens otherwise":  {whole("12:00:00", "23:59:59", "6", "6"), "continuity false"},
		"leaves a gap":     {whole("12:05:00", "23:59:59", "5", "5"), "gap false"},
		"overlaps":         {whole("11:00:00", "23:59:59", "5", "5"), "overlap true"},
		"is the same file": {whole("00:00:00", "11:59:59", "5", "5"), "overlap true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := compare(t, nil, Input{Files: []Source{memory("b.csv", tt.second), memory("a.csv", whole("00:00:00", "11:59:59", "5", "5"))}})
			var got []string
			for _, f := range r.Files {
				for _, c := range f.Checks {
					if c.OK != nil && (c.Name == "gap" || c.Name == "overlap" || c.Name == "continuity") {
						got = append(got, fmt.Sprintf("%s %v", c.Name, *c.OK))
					}
				}
			}
			if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
				t.Errorf("checks (-want +got):\n%s", diff)
			}
		})
	}
}
