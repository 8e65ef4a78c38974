package replay

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// TestStillFailed holds what a --failed run leaves out: what others brought
// there since it was chosen, not what it has done itself.
func TestStillFailed(t *testing.T) {
	t.Parallel()
	const a, b, c = "http://127.0.0.1:1/a", "http://127.0.0.1:1/b", "http://127.0.0.1:1/c"
	type try struct {
		target string
		status int
		own    bool
		before bool // the run was asked for
	}
	failedBefore := try{a, 500, false, true}
	for name, tt := range map[string]struct {
		tries  []try
		to     []string
		target string
		want   bool
	}{
		"still":                            {[]try{failedBefore}, nil, a, true},
		"got through since":                {[]try{failedBefore, {a, 204, false, false}}, nil, a, false},
		"failed again since":               {[]try{failedBefore, {a, 0, false, false}}, nil, a, true},
		"another target got through":       {[]try{failedBefore, {b, 500, false, true}, {b, 200, false, false}}, nil, a, true},
		"own retry":                        {[]try{failedBefore, {a, 500, true, false}}, nil, a, true},
		"to: still":                        {[]try{failedBefore}, []string{b}, b, true},
		"to: got through where it failed":  {[]try{failedBefore, {a, 200, false, false}}, []string{b}, b, false},
		"to: got there since":              {[]try{failedBefore, {b, 200, false, false}}, []string{b}, b, false},
		"to: was there before":             {[]try{failedBefore, {b, 200, false, true}}, []string{b}, b, true},
		"to: own success at the other one": {[]try{failedBefore, {a, 200, true, false}}, []string{a, c}, c, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ledger.Close() })
			d, err := ledger.Deliveries.Record(t.Context(), store.Arrival{Delivery: payment.Delivery{
				Provider: payment.Daraja, Route: "stk", Body: []byte("{}"), ReceivedAt: time.Now(),
			}, Inspection: payment.Inspection{Verdict: payment.VerdictMalformed}})
			if err != nil {
				t.Fatal(err)
			}
			run, err := ledger.Runs.Start(t.Context(), []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			for i, tr := range tt.tries {
				at := store.Attempt{DeliveryID: d.DeliveryID, Target: tr.target, Status: tr.status, At: run.CreatedAt.Add(time.Duration(i+1) * time.Millisecond)}
				if tr.before {
					at.At = at.At.Add(-time.Hour)
				}
				if tr.own {
					at.RunID = run.ID
				}
				if err := ledger.Runs.RecordAttempts(t.Context(), []store.Attempt{at}); err != nil {
					t.Fatal(err)
				}
			}
			shelf, err := newShelf(t.Context(), LedgerOf(ledger), run, Spec{Failed: true, Targets: tt.to})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := shelf.stillFailed(t.Context(), d.DeliveryID, tt.target); err != nil || got != tt.want {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// TestLockFailed holds that --failed runs on one ledger exclude each other, and
// no run of another kind.
func TestLockFailed(t *testing.T) {
	t.Parallel()
	ledger := filepath.Join(t.TempDir(), "ledger.db")
	_, unlock, err := Ledger{Path: ledger}.lockFailed(t.Context(), Spec{Failed: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Ledger.lockFailed(Ledger{Path: ledger}, t.Context(), Spec{Failed: true}); payment.KindOf(err) != payment.KindConflict {
		t.Errorf("a second one: %v, want a conflict", err)
	}
	_, other, err := Ledger{Path: ledger}.lockFailed(t.Context(), Spec{})
	if err != nil {
		t.Errorf("one without --failed: %v", err)
	}
	other()
	unlock()
	_, again, err := Ledger{Path: ledger}.lockFailed(t.Context(), Spec{Failed: true})
	if err != nil {
		t.Fatalf("after its end: %v", err)
	}
	again()
	if left, _ := filepath.Glob(ledger + "*"); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}
