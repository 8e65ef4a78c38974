package store

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// outcome is what of a Recorded does not depend on the ledger's key.
type outcome struct {
	Duplicate bool
	Deposit   bool
	Move      payment.Move
	Verdict   payment.Verdict
	Reason    string
	Status    payment.Status
}

func outcomeOf(r Recorded) outcome {
	return outcome{Duplicate: r.Duplicate, Deposit: r.DepositID != "", Move: r.Move, Verdict: r.Verdict, Reason: r.Reason, Status: r.Status}
}

const (
	unknownPush = "no push of this ledger has its CheckoutRequestID"
	noToken     = "the path token is missing, and this push was sent with one"
)

func TestRecordJudges(t *testing.T) {
	t.Parallel()
	edit := func(a Arrival, change func(*payment.Event)) Arrival {
		e := *a.Inspection.Event
		change(&e)
		a.Inspection.Event = &e
		a.Delivery.Body = append(a.Delivery.Body, fmt.Sprint(e.Amount, e.ShortCode, e.Receipt)...)
		return a
	}
	paid := func(d payment.Deposit) Arrival {
		return withToken(callback("ws_1", "REC0000001", 15000), d.CallbackToken)
	}
	for _, tc := range []struct {
		name    string
		arrival func(d, other payment.Deposit) Arrival
		want    outcome
	}{
		{
			"a payment", func(d, _ payment.Deposit) Arrival { return paid(d) },
			outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted},
		},
		{
			"a payment without the token", func(_, _ payment.Deposit) Arrival { return callback("ws_1", "REC0000001", 15000) },
			outcome{Deposit: true, Verdict: payment.VerdictUntrusted, Reason: noToken, Status: payment.StatusPending},
		},
		{
			"a failure without the token", func(_, _ payment.Deposit) Arrival { return failed(callback("ws_1", "", 0)) },
			outcome{Deposit: true, Verdict: payment.VerdictUntrusted, Reason: noToken, Status: payment.StatusPending},
		},
		{
			"a failure", func(d, _ payment.Deposit) Arrival { return failed(paid(d)) },
			outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictUnsigned, Status: payment.StatusFailed},
		},
		{
			"another's token", func(_, other payment.Deposit) Arrival {
				return withToken(callback("ws_1", "REC0000001", 15000), other.CallbackToken)
			},
			// The token proves whose it is, so it cannot be waved away: both must be looked at.
			outcome{
				Deposit: true, Move: payment.MoveConflict, Verdict: payment.VerdictUnsigned, Status: payment.StatusPending,
				Reason: "two ids: ws_2, and ws_1 by the callback, which says COMPLETED with receipt REC0000001",
			},
		},
		{
			"a token of nobody", func(_, _ payment.Deposit) Arrival { return withToken(callback("ws_1", "REC0000001", 15000), "guess") },
			outcome{
				Deposit: true, Verdict: payment.VerdictUntrusted, Status: payment.StatusPending,
				Reason: "the path token is another deposit's",
			},
		},
		{
			"another amount", func(d, _ payment.Deposit) Arrival {
				return withToken(callback("ws_1", "REC0000001", 100), d.CallbackToken)
			},
			outcome{
				Deposit: true, Verdict: payment.VerdictUntrusted, Status: payment.StatusPending,
				Reason: "the amount 1.00 is not the 150.00 asked for",
			},
		},
		{
			"another shortcode", func(d, _ payment.Deposit) Arrival {
				return edit(paid(d), func(e *payment.Event) { e.ShortCode = "600000" })
			},
			outcome{
				Deposit: true, Verdict: payment.VerdictUntrusted, Status: payment.StatusPending,
				Reason: "the shortcode is not the one the push was sent for",
			},
		},
		{
			"an unknown push", func(_, _ payment.Deposit) Arrival { return callback("ws_9", "REC0000001", 15000) },
			outcome{Verdict: payment.VerdictUntrusted, Reason: unknownPush},
		},
		{
			"distrusted for its peer", func(d, _ payment.Deposit) Arrival {
				a := paid(d)
				a.Distrust = "the peer is not Safaricom's"
				return a
			},
			outcome{
				Deposit: true, Verdict: payment.VerdictUntrusted, Status: payment.StatusPending,
				Reason: "the peer is not Safaricom's",
			},
		},
		{
			"a code that decides nothing", func(d, _ payment.Deposit) Arrival {
				return edit(paid(d), func(e *payment.Event) { e.Name, e.Status, e.Receipt = "stk.unknown", "", "" })
			},
			outcome{Deposit: true, Verdict: payment.VerdictUnsigned, Status: payment.StatusPending},
		},
		{
			"malformed", func(d, _ payment.Deposit) Arrival {
				a := paid(d)
				a.Inspection = payment.Inspection{Verdict: payment.VerdictMalformed, Reason: "not JSON"}
				return a
			},
			outcome{Verdict: payment.VerdictMalformed, Reason: "not JSON"},
		},
		{
			"a signature that does not fit", func(d, _ payment.Deposit) Arrival {
				a := paid(d)
				a.Inspection.Verdict, a.Inspection.Reason = payment.VerdictMismatch, "wrong secret"
				return a
			},
			outcome{Verdict: payment.VerdictMismatch, Reason: "wrong secret"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Options{})
			d := pending(t, s, push(t, "INV-1"), "ws_1")
			other := pending(t, s, push(t, "INV-2"), "ws_2")
			a := tc.arrival(d, other)
			r := record(t, s, a)
			if diff := cmp.Diff(tc.want, outcomeOf(r)); diff != "" {
				t.Error(diff)
			}
			got, err := s.Deliveries.Get(t.Context(), r.DeliveryID)
			if err != nil {
				t.Fatal(err)
			}
			want := a.Delivery
			want.ID = r.DeliveryID
			if diff := cmp.Diff(want, got.Delivery); diff != "" {
				t.Error(diff)
			}
			if got.Verdict != r.Verdict || got.Reason != r.Reason || got.Move != r.Move || got.DepositID != r.DepositID {
				t.Errorf("stored %+v, told %+v", got, r)
			}
			if other := deposit(t, s, other.ID); other.Status != payment.StatusPending {
				t.Errorf("the other deposit is %s", other.Status)
			}
		})
	}
}

func TestRecordDuplicates(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	forged := deliver(t, s, callback("ws_1", "FORGED0001", 100))
	bare := record(t, s, callback("ws_1", "REC0000001", 15000))
	first := deliver(t, s, callback("ws_1", "REC0000001", 15000))
	if first.Duplicate || first.Move != payment.MoveApply {
		t.Fatalf("the true event after forgeries of the same key: %+v", first)
	}
	reworded := genuine(t, s, callback("ws_1", "REC0000001", 15000))
	reworded.Delivery.Body = append(reworded.Delivery.Body, ' ')
	for name, tc := range map[string]struct {
		arrival Arrival
		of      string
	}{
		"the same bytes":        {genuine(t, s, callback("ws_1", "REC0000001", 15000)), first.DeliveryID},
		"the same in new words": {reworded, first.DeliveryID},
		"the forgery again":     {genuine(t, s, callback("ws_1", "FORGED0001", 100)), forged.DeliveryID},
		"without the token":     {callback("ws_1", "REC0000001", 15000), bare.DeliveryID},
	} {
		r := record(t, s, tc.arrival)
		if !r.Duplicate || r.DuplicateOf != tc.of || r.Move != payment.MoveNone || r.DepositID != d.ID {
			t.Errorf("%s: %+v", name, r)
		}
		got, err := s.Deliveries.Get(t.Context(), r.DeliveryID)
		if err != nil || got.DuplicateOf != tc.of {
			t.Errorf("%s: stored as duplicate of %q, error %v", name, got.DuplicateOf, err)
		}
	}
	if got := deposit(t, s, d.ID); got.Receipt != "REC0000001" || !got.Conflict.IsZero() {
		t.Errorf("%+v", got)
	}
	list, _, err := s.Deliveries.List(t.Context(), DeliveryFilter{DepositID: d.ID})
	if err != nil || len(list) != 7 {
		t.Errorf("%d deliveries of the deposit, error %v", len(list), err)
	}
}

func TestRecordReceiptTwice(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	first := pending(t, s, push(t, "INV-1"), "ws_1")
	second := pending(t, s, push(t, "INV-2"), "ws_2")
	deliver(t, s, callback("ws_1", "REC0000001", 15000))
	r := deliver(t, s, callback("ws_2", "REC0000001", 15000))
	want := outcome{
		Deposit: true, Verdict: payment.VerdictUntrusted, Reason: "the receipt is already that of deposit " + first.ID,
		Status: payment.StatusPending,
	}
	if diff := cmp.Diff(want, outcomeOf(r)); diff != "" {
		t.Error(diff)
	}
	if got := deposit(t, s, second.ID); got.Status != payment.StatusPending {
		t.Errorf("status %s", got.Status)
	}
}

// The emulator, started again with one seed, gives the same ids and receipts.
func TestRecordEmulatorStartedAgain(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	for i := range 2 {
		in := push(t, fmt.Sprint("INV-", i))
		in.Environment = payment.Local
		d := pending(t, s, in, "ws_1")
		r := record(t, s, withToken(callback("ws_1", "REC0000001", 15000), d.CallbackToken))
		if r.DepositID != d.ID || r.Move != payment.MoveApply || r.Duplicate {
			t.Errorf("run %d: %+v", i, r)
		}
	}
}

func TestRecordConflict(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	deliver(t, s, callback("ws_1", "REC0000001", 15000))
	r := deliver(t, s, failed(callback("ws_1", "", 0)))
	if r.Move != payment.MoveConflict || r.Status != payment.StatusCompleted || r.Reason == "" {
		t.Errorf("%+v", r)
	}
	if got := deposit(t, s, d.ID); got.Conflict.Reason != "the callback said COMPLETED, the callback says FAILED" || got.Conflict.Reason != r.Reason {
		t.Errorf("conflict %q", got.Conflict.Reason)
	}
	st, err := s.Stats(t.Context(), d.CreatedAt)
	if err != nil || st.Conflicts != 1 {
		t.Errorf("%d conflicts, error %v", st.Conflicts, err)
	}
}

func TestRecordWalletTransactions(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	wallet := func(status payment.Status, minor int64, wallet string) Arrival {
		a := callback("t1", "", minor)
		a.Delivery.Provider, a.Delivery.Route = payment.Sevi, "/callbacks/sevi"
		a.Inspection.Verdict, a.Inspection.Matched = payment.VerdictValid, "token"
		a.Inspection.Event = &payment.Event{
			Provider: payment.Sevi, Name: "wallet.credit", Key: fmt.Sprint("t1/", wallet, "/", status, "/", minor),
			ProviderID: "t1", ShortCode: wallet, Status: status, Amount: kes(minor),
		}
		a.Delivery.Body = fmt.Appendf(nil, "%s", a.Inspection.Event.Key)
		return a
	}
	type seen struct {
		Wallet   string
		Status   payment.Status
		Minor    int64
		Conflict string
	}
	for i, step := range []struct {
		arrival  Arrival
		conflict string
		want     []seen
	}{
		{wallet("", 1000, "WAL-1"), "", []seen{{"WAL-1", "", 1000, ""}}},
		{wallet(payment.StatusPending, 1000, "WAL-1"), "", []seen{{"WAL-1", "PENDING", 1000, ""}}},
		{wallet(payment.StatusCompleted, 1000, "WAL-1"), "", []seen{{"WAL-1", "COMPLETED", 1000, ""}}},
		{wallet(payment.StatusPending, 1000, "WAL-1"), "", []seen{{"WAL-1", "COMPLETED", 1000, ""}}},
		{wallet(payment.StatusPending, 500, "WAL-2"), "", []seen{{"WAL-1", "COMPLETED", 1000, ""}, {"WAL-2", "PENDING", 500, ""}}},
		{
			wallet(payment.StatusFailed, 1000, "WAL-1"), "the status was COMPLETED, a later delivery says FAILED",
			[]seen{
				{"WAL-1", "COMPLETED", 1000, "the status was COMPLETED, a later delivery says FAILED"},
				{"WAL-2", "PENDING", 500, ""},
			},
		},
		{
			wallet(payment.StatusCompleted, 700, "WAL-2"), "the amount was 5.00 KES, a later delivery says 7.00 KES",
			[]seen{
				{"WAL-1", "COMPLETED", 1000, "the status was COMPLETED, a later delivery says FAILED"},
				{"WAL-2", "COMPLETED", 500, "the amount was 5.00 KES, a later delivery says 7.00 KES"},
			},
		},
	} {
		r := record(t, s, step.arrival)
		if r.Reason != step.conflict || r.Verdict != payment.VerdictValid {
			t.Errorf("step %d: %+v", i, r)
		}
		got, err := s.tables.wallet.all(t.Context(), s, "WHERE transaction_id = 't1' ORDER BY seq")
		if err != nil {
			t.Fatal(err)
		}
		rows := []seen{}
		for _, w := range got {
			rows = append(rows, seen{w.wallet, w.status, w.amount.Minor(), w.conflict})
		}
		if diff := cmp.Diff(step.want, rows); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
	checkSound(t, s)
}

func TestRecordBoundsEventTexts(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	long := string(make([]byte, 100_000))
	a := callback(long, long, 15000)
	a.Inspection.Event.Name = long
	a.Inspection.Event.Reference = "\xff\xfe"
	a.Delivery.Route, a.Delivery.Token, a.Delivery.Peer = long, "\xff", "\x00"
	r := record(t, s, a)
	v, err := s.Deliveries.Get(t.Context(), r.DeliveryID)
	if err != nil || len(v.Event.ProviderID) > mostKey || v.Event.Name != otherEvent {
		t.Errorf("%d bytes of id, name %q, error %v", len(v.Event.ProviderID), v.Event.Name, err)
	}
	if _, err := s.Deliveries.Record(t.Context(), Arrival{}); kindOf(err) != payment.KindUsage {
		t.Errorf("a delivery of nobody: %v", err)
	}
}

// checkSound runs the ledger's own check.
func checkSound(t testing.TB, s *Store) {
	t.Helper()
	problems, err := s.Check(t.Context())
	if err != nil || len(problems) > 0 {
		t.Errorf("the ledger is not sound: %v, error %v", problems, err)
	}
}
