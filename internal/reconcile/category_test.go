package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// TestFifteen makes each category in one comparison, and each severity: every row is in
// exactly one, and the sums are written out.
func TestFifteen(t *testing.T) {
	t.Parallel()
	done := payment.StatusCompleted
	books := memoryBooks{
		deposit(1, "R01MATCHED", "10", done, "10:00:00"),
		pushed(2, "20.20", "INV-2", payment.StatusPending, "10:01:00"), // probable
		deposit(3, "R03AMOUNT", "30.01", done, "10:02:00"),
		deposit(4, "R04STATUS", "40", payment.StatusPending, "10:03:00"),
		deposit(5, "R05LEDGER", "50", done, "10:04:00"),
		deposit(8, "R08BACK", "80", done, "10:07:00"),
		deposit(10, "R01MATCHED", "10", done, "10:09:00"),            // duplicate_in_ledger
		pushed(12, "12", "INV-12", payment.StatusFailed, "10:11:00"), // not_customer_payment
		deposit(13, "R13EDGE", "13", done, "20:59:59"),
		deposit(14, "R14GAP", "14", done, "15:00:00"),
		deposit(15, "R15LOST", "15", done, "10:30:00"),
	}
	notice := deposit(16, "R01MATCHED", "10", done, "10:00:03") // told twice
	notice.Source = store.BookNotice
	books = append(books, notice)
	morning := fileB("09:00:00", "12:00:00",
		pay("R15BAD", "11:00:00", "1.005", "", ""),
		rowB{receipt: "R15LOST", clock: "10:30:01", details: "Pay Bill from", in: "15", status: "Failed"}.String(),
		rowB{receipt: "R12FAIL", clock: "10:12:00", details: "Pay Bill from", in: "12", status: "Failed"}.String(),
		sweep("R12SWEEP", "10:11:00", "500"),
		fee("R11FEE", "10:10:00", "1.10"),
		reversalOf("R09BACK", "10:09:00", "90", "070****222", ""),
		reversalOf("R08AWAY", "10:08:00", "80", "", "R08BACK"),
		fee("R08BACK", "10:07:30", "2"), pay("R08BACK", "10:07:30", "80", "", ""),
		pay("R06NEW", "10:05:00", "60", "", ""),
		pay("R04STATUS", "10:03:30", "40", "", ""),
		pay("R03AMOUNT", "10:02:30", "30", "", ""),
		pay("R02FITS", "10:01:30", "20.20", "25471****678", "INV-2"),
		pay("R01MATCHED", "10:00:30", "10", "", ""), fee("R01MATCHED", "10:00:30", "0.55"),
	)
	evening := fileB("18:00:00", "21:00:00")
	r := compare(t, books, Input{Files: []Source{memory("a.csv", morning), memory("b.csv", evening)}, Provider: &lister{}})

	counts := map[Category]int{
		Matched: 1, Probable: 1, AmountDiffers: 1, StatusDiffers: 2, OnlyLedger: 1, OnlyStatement: 1, OnlyProvider: 1, Reversed: 1,
		ReversalUnmatched: 1, DuplicateInLedger: 1, FeeOnly: 1, NotCustomerPayment: 3, OutsidePeriod: 1, NotVerifiable: 1, Unreadable: 1,
	}
	if diff := cmp.Diff(counts, r.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for _, c := range Categories() {
		if r.Counts[c] == 0 {
			t.Errorf("nothing is %s", c)
		}
	}
	want := []string{
		"critical amount_differs R03AMOUNT 30.00 0-3 a.c:16",
		"critical only_ledger R05LEDGER - 0-5 :0",
		"critical reversed R08BACK 80.00 0-8 a.c:13",
		"critical duplicate_in_ledger R01MATCHED - 0-10 :0",
		"critical status_differs R15LOST 0.00 0-15 a.c:6",
		"high unreadable R15BAD - a.c:5",
		"high status_differs R04STATUS 40.00 0-4 a.c:15",
		"high only_statement R06NEW 60.00 a.c:14",
		"high only_provider R07PULL 70.00 :0",
		"medium probable R02FITS 20.20 0-2 a.c:17",
		"medium reversal_unmatched R09BACK -90.00 a.c:10",
		"medium not_verifiable R14GAP - 0-14 :0",
		"low fee_only R11FEE -1.10 a.c:9",
		"low outside_period R13EDGE - 0-13 :0",
	}
	if diff := cmp.Diff(want, listed(r)); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	severities := map[Severity]bool{}
	for _, d := range r.Differences {
		severities[d.Severity] = true
		if d.Next == "" || d.Detail == "" {
			t.Errorf("%s names no next step", d.line())
		}
	}
	if got := slices.Sorted(maps.Keys(severities)); !slices.Equal(got, []Severity{Critical, High, Low, Medium}) {
		t.Errorf("severities %v", got)
	}
	sums := []string{
		"statement_rows 15 15: payment 6, fee 3, reversal 2, sweep 1, payout 0, other 0, not_completed 2, unreadable 1, repeated 0",
		"statement_transactions 12 12:",
		"ledger_rows 12 12: categorised 11, told_twice 1",
	}
	if diff := cmp.Diff(sums, equations(r)); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	// What is in a category, by the receipt or the row's own id: none twice.
	seen := map[string]string{}
	for _, d := range r.Differences {
		key := d.Receipt + " " + d.DepositID
		if before := seen[key]; before != "" {
			t.Errorf("%s is %s and %s", key, before, d.Category)
		}
		seen[key] = string(d.Category)
	}
	total := 0
	for _, n := range r.Counts {
		total += n
	}
	// Eleven rows of the ledger, six of them with a transaction; of the other six transactions
	// one is told with the payment that it reverses; one is the provider's, one unreadable.
	if total != 18 {
		t.Errorf("%d in all", total)
	}
}

func equations(r *Report) []string {
	out := make([]string, len(r.Equation))
	for i, s := range r.Equation {
		parts := make([]string, len(s.Parts))
		for j, p := range s.Parts {
			parts[j] = fmt.Sprintf("%s %d", p.Name, p.N)
		}
		out[i] = strings.TrimRight(fmt.Sprintf("%s %d %d: %s", s.Name, s.Read, s.Told, strings.Join(parts, ", ")), " ")
	}
	return out
}

// TestRepeatedRows: a row that one file has twice counts twice, and that is said.
func TestRepeatedRows(t *testing.T) {
	t.Parallel()
	row, charge := pay("R1", "12:00:00", "100", "", ""), fee("R1", "12:00:00", "2")
	r := compare(t, nil, Input{Files: []Source{memory("x", fileB("00:00:00", "23:59:59", row, row, charge, charge, charge))}})
	if got := counted(r); got != "only_statement 1 200.00" {
		t.Errorf("counts %s", got)
	}
	for _, c := range r.Files[0].Checks {
		if c.Name == repeatedRows {
			if c.OK != nil || c.Detail != "lines 5 and 6 are the same; each was counted; so are further ones" && c.Detail != "lines 7 and 8 are the same; each was counted; so are further ones" {
				t.Errorf("check %+v", c)
			}
			return
		}
	}
	t.Error("nothing is said")
}

// lister lists one payment that nobody else has.
type lister struct{}

func (*lister) Reaches() time.Duration { return 9000 * time.Hour }

func (*lister) Listed(context.Context, time.Time, time.Time) ([]Listed, string, error) {
	return []Listed{{Receipt: "R07PULL", Amount: 7000, At: at("10:06:00")}, {Receipt: "R01MATCHED", Amount: 1000, At: at("10:00:30")}}, "", nil
}

func (*lister) Stands(context.Context, string) (payment.Status, error) {
	return payment.StatusUnknown, nil
}

func (*lister) Confirms(context.Context, string) (Confirmed, error) {
	return Confirmed{}, payment.Usage("not here", "")
}
