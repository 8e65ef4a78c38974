package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// fakeProvider lists rows and says how deposits stand.
type fakeProvider struct {
	rows   []Listed
	err    error
	stands map[string]payment.Status
	// confirms are the answers by receipt; what has none is not found.
	confirms map[string]Confirmed
	unable   error
}

func (fakeProvider) Reaches() time.Duration { return 60 * 24 * time.Hour }

func (p fakeProvider) Listed(context.Context, time.Time, time.Time) ([]Listed, string, error) {
	return p.rows, "none of yours", p.err
}

func (p fakeProvider) Confirms(_ context.Context, receipt string) (Confirmed, error) {
	if p.unable != nil {
		return Confirmed{}, p.unable
	}
	c, found := p.confirms[receipt]
	switch {
	case !found:
		return c, payment.NotFound("no such transaction", "")
	case c.Word == "":
		return c, &payment.Error{Kind: payment.KindPending, Message: "no result yet"}
	}
	return c, nil
}

func (p fakeProvider) Stands(_ context.Context, id string) (payment.Status, error) {
	return p.stands[id], nil
}

// TestProviderCheck: the provider's list beside the files, or in their place; what it
// cannot prove is not verifiable.
func TestProviderCheck(t *testing.T) {
	t.Parallel()
	done := payment.StatusCompleted
	file := []Source{memory("x", fileB("00:00:00", "23:59:59", pay("R1", "10:00:00", "100", "", "")))}
	day := Input{From: at("00:00:00"), To: at("23:59:59")}
	r1, r2 := deposit(1, "R1", "100", done, "10:00:00"), deposit(2, "R2", "5", done, "11:00:00")
	for name, tt := range map[string]struct {
		books  memoryBooks
		files  []Source
		p      fakeProvider
		counts string
		differ []string
		asked  string
	}{
		"beside a file": {
			memoryBooks{r1, r2},
			file,
			fakeProvider{rows: []Listed{{Receipt: "R1", Amount: 10000, At: at("10:00:01")}, {Receipt: "R2", Amount: 500, At: at("11:00:01")}, {Receipt: "R3", Amount: 700, At: at("12:00:00")}}},
			"matched 1 100.00\nonly_ledger 1 5.00\nonly_provider 1 7.00",
			[]string{"critical only_ledger R2 - 0-2 :0", "high only_provider R3 7.00 :0"},
			"3 payments",
		},
		"in place of files": {
			memoryBooks{r1, r2},
			nil,
			fakeProvider{rows: []Listed{{Receipt: "R1", Amount: 10000, At: at("10:00:01")}, {Receipt: "R3", Amount: 700, At: at("12:00:00")}}},
			"matched 1 100.00\nonly_provider 1 7.00\nnot_verifiable 1 5.00",
			[]string{"high only_provider R3 7.00 pul:0", "medium not_verifiable R2 - 0-2 :0"},
			"2 payments",
		},
		"an empty list proves nothing": {
			memoryBooks{r1}, nil, fakeProvider{}, "not_verifiable 1 100.00", []string{"medium not_verifiable R1 - 0-1 :0"}, "no proof that there are none; it says: none of yours",
		},
		"a clock that is off": {
			memoryBooks{r1},
			file,
			fakeProvider{rows: []Listed{{Receipt: "R1", Amount: 10000, At: at("13:00:00")}, {Receipt: "R3", Amount: 700, At: at("12:00:00")}}},
			"matched 1 100.00",
			[]string{},
			"off by 3h0m0s",
		},
		"silent beside a file": {memoryBooks{r1}, file, fakeProvider{err: errors.New("no route to host")}, "matched 1 100.00", []string{}, "could not be asked: no route"},
		"asked about what is open": {
			memoryBooks{pushed(1, "9", "A", payment.StatusPending, "11:00:00"), pushed(2, "8", "B", payment.StatusUnknown, "12:00:00")},
			file,
			fakeProvider{rows: []Listed{{Receipt: "R1", Amount: 10000, At: at("10:00:00")}}, stands: map[string]payment.Status{"0-1": done, "0-2": payment.StatusUnknown}},
			"status_differs 1 9.00\nonly_statement 1 100.00\nnot_verifiable 1 8.00",
			[]string{"high only_statement R1 100.00 x:5", "high status_differs - 0-1 :0", "medium not_verifiable - 0-2 :0"},
			"2 undecided",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := day
			in.Files, in.Provider = tt.files, tt.p
			r := compare(t, tt.books, in)
			if diff := cmp.Diff(tt.counts, counted(r)); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.differ, listed(r)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
			said := ""
			for _, a := range r.Asked {
				said += a.Result + "; "
			}
			if !strings.Contains(said, tt.asked) {
				t.Errorf("asked %q, want %q", said, tt.asked)
			}
		})
	}
	in := day
	in.Provider = fakeProvider{err: &payment.Error{Kind: payment.KindUnavailable, Message: "no route to host"}}
	if _, err := attempt(memoryBooks{r1}, in); payment.KindOf(err) != payment.KindUnavailable {
		t.Errorf("nothing could be asked: %v", err)
	}
}

// TestConfirmed: transaction status is asked about differences alone, the worst first and
// never without end; what it says is told and changes no category.
func TestConfirmed(t *testing.T) {
	t.Parallel()
	done := payment.StatusCompleted
	var rows []string
	books := memoryBooks{deposit(1, "R1", "100", done, "10:00:00"), deposit(2, "R2", "5", done, "11:00:00")}
	rows = append(rows, pay("R1", "10:00:00", "100", "", ""), pay("R3", "12:00:00", "7", "", ""))
	file := func(rows []string) []Source { return []Source{memory("x", fileB("00:00:00", "23:59:59", rows...))} }
	in := Input{From: at("00:00:00"), To: at("23:59:59")}
	for name, tt := range map[string]struct {
		p      fakeProvider
		detail map[string]string
		asked  string
		ok     bool
	}{
		"told": {
			fakeProvider{confirms: map[string]Confirmed{"R2": {Word: "Completed", Amount: 500, HasAmount: true}}},
			map[string]string{"R2": "; transaction status says Completed 5.00", "R3": "; transaction status knows no such transaction"},
			"2 of 2 differences", true,
		},
		"no answer to the first is no answer to any": {fakeProvider{confirms: map[string]Confirmed{"R2": {}}}, nil, "could not be asked: no result yet", false},
		"no answer to one":                           {fakeProvider{confirms: map[string]Confirmed{"R3": {}}}, map[string]string{"R2": "knows no such transaction"}, "1 of 2 differences", false},
		"not able":                                   {fakeProvider{unable: payment.Usage("initiator: is missing", "")}, nil, "could not be asked: initiator: is missing", false},
		"about another": {
			fakeProvider{unable: &payment.Error{Kind: payment.KindConflict, Message: "about shortcode 1"}},
			map[string]string{"R2": "answers about something else: about shortcode 1", "R3": "answers about"},
			"2 of 2 differences", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := in
			in.Files, in.Provider = file(rows), tt.p
			r := compare(t, books, in)
			if diff := cmp.Diff([]string{"critical only_ledger R2 - 0-2 :0", "high only_statement R3 7.00 x:6"}, listed(r)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
			for _, d := range r.Differences {
				if want := tt.detail[d.Receipt]; !strings.Contains(d.Detail, want) || want == "" && strings.Contains(d.Detail, "transaction status") {
					t.Errorf("%s: %q, want %q", d.Receipt, d.Detail, want)
				}
			}
			last := r.Asked[len(r.Asked)-1]
			if last != (Asked{"transaction status", tt.asked, tt.ok}) {
				t.Errorf("asked %+v, want %q, %v", last, tt.asked, tt.ok)
			}
		})
	}
	var many []string
	for i := range 30 {
		many = append(many, pay(fmt.Sprintf("M%02d", i), fmt.Sprintf("12:%02d:00", 59-i), "7", "", ""))
	}
	in.Files, in.Provider = file(many), fakeProvider{}
	if last := compare(t, nil, in).Asked; last[len(last)-1].Result != "20 of 30 differences" || last[len(last)-1].OK {
		t.Errorf("of many: %+v", last)
	}
	in.Files = file([]string{pay("R1", "10:00:00", "100", "", "")})
	if asked := compare(t, memoryBooks{books[0]}, in).Asked; len(asked) != 1 {
		t.Errorf("without a difference it asked %+v", asked)
	}
}
