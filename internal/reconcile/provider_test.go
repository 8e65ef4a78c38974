package reconcile

import (
	"context"
	"errors"
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
}

func (fakeProvider) Reaches() time.Duration { return 60 * 24 * time.Hour }

func (p fakeProvider) Listed(context.Context, time.Time, time.Time) ([]Listed, error) {
	return p.rows, p.err
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
			fakeProvider{rows: []Listed{{"R1", 10000, at("10:00:01")}, {"R2", 500, at("11:00:01")}, {"R3", 700, at("12:00:00")}}},
			"matched 1 100.00\nonly_ledger 1 5.00\nonly_provider 1 7.00",
			[]string{"critical only_ledger R2 - 0-2 :0", "high only_provider R3 7.00 :0"},
			"3 payments",
		},
		"in place of files": {
			memoryBooks{r1, r2},
			nil,
			fakeProvider{rows: []Listed{{"R1", 10000, at("10:00:01")}, {"R3", 700, at("12:00:00")}}},
			"matched 1 100.00\nonly_provider 1 7.00\nnot_verifiable 1 5.00",
			[]string{"high only_provider R3 7.00 pul:0", "medium not_verifiable R2 - 0-2 :0"},
			"2 payments",
		},
		"an empty list proves nothing": {
			memoryBooks{r1}, nil, fakeProvider{}, "not_verifiable 1 100.00", []string{"medium not_verifiable R1 - 0-1 :0"}, "no proof",
		},
		"a clock that is off": {
			memoryBooks{r1},
			file,
			fakeProvider{rows: []Listed{{"R1", 10000, at("13:00:00")}, {"R3", 700, at("12:00:00")}}},
			"matched 1 100.00",
			[]string{},
			"off by 3h0m0s",
		},
		"silent beside a file": {memoryBooks{r1}, file, fakeProvider{err: errors.New("no route to host")}, "matched 1 100.00", []string{}, "could not be asked: no route"},
		"asked about what is open": {
			memoryBooks{pushed(1, "9", "A", payment.StatusPending, "11:00:00"), pushed(2, "8", "B", payment.StatusUnknown, "12:00:00")},
			file,
			fakeProvider{rows: []Listed{{"R1", 10000, at("10:00:00")}}, stands: map[string]payment.Status{"0-1": done, "0-2": payment.StatusUnknown}},
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
