package payment

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func exact() cmp.Option { return cmp.AllowUnexported(Amount{}, Phone{}) }

// TestApply checks what each move does to a deposit's fields.
func TestApply(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := then.Add(time.Minute)
	base := Deposit{ID: "d", Status: StatusPending, Amount: AmountOf(100, KES), ProviderID: "ws_CO_1", UpdatedAt: then}
	of := func(d Deposit, change func(*Deposit)) Deposit {
		change(&d)
		return d
	}
	cancelled := &Failure{Code: "1032", Reason: "Request cancelled by user"}
	failedByPoll := of(base, func(d *Deposit) { d.Status, d.DecidedBy, d.Failure = StatusFailed, SourcePoll, cancelled })
	paidByCallback := of(base, func(d *Deposit) { d.Status, d.DecidedBy, d.Receipt = StatusCompleted, SourceCallback, "R1" })
	paidByPoll := of(base, func(d *Deposit) { d.Status, d.DecidedBy = StatusCompleted, SourcePoll })
	paidTwice := of(paidByCallback, func(d *Deposit) {
		d.Conflict = Conflict{Reason: "two receipts: R1, and R2 by the callback", Between: [2]string{"R1", "R2"}, Since: now}
	})
	contradicted := of(paidByCallback, func(d *Deposit) {
		d.Conflict = Conflict{Reason: "the callback said COMPLETED, the poll says FAILED", Between: [2]string{"callback COMPLETED", "poll FAILED"}, Since: now}
	})
	for _, c := range []struct {
		name  string
		d     Deposit
		claim Claim
		want  Deposit
		move  Move
	}{
		{
			"accepted", of(base, func(d *Deposit) { d.Status, d.ProviderID = StatusCreated, "" }),
			Claim{Status: StatusPending, By: SourceAnswer, ProviderID: "ws_CO_2", MerchantRequestID: "m", At: now},
			of(base, func(d *Deposit) { d.ProviderID, d.MerchantRequestID, d.UpdatedAt = "ws_CO_2", "m", now }), MoveApply,
		},
		{
			"ids are filled in, never replaced: a second one is a conflict", base,
			Claim{Status: StatusCompleted, By: SourceCallback, Receipt: "R9", ProviderID: "other", MerchantRequestID: "m", At: now},
			of(base, func(d *Deposit) {
				d.MerchantRequestID, d.UpdatedAt = "m", now
				d.Conflict = Conflict{
					Since: now, Between: [2]string{"ws_CO_1", "other"},
					Reason: "two ids: ws_CO_1, and other by the callback, which says COMPLETED with receipt R9",
				}
			}), MoveConflict,
		},
		{
			"an adopted deposit learns what it lacks", of(base, func(d *Deposit) { d.Adopted, d.Amount = true, AmountOf(0, KES) }),
			Claim{Status: StatusCompleted, By: SourceCallback, Receipt: "R1", Amount: AmountOf(700, KES), Reference: "INV-7", At: now},
			of(paidByCallback, func(d *Deposit) {
				d.Adopted, d.Amount, d.Reference, d.UpdatedAt = true, AmountOf(700, KES), "INV-7", now
			}), MoveApply,
		},
		{
			"what was asked for here is not replaced", base,
			Claim{Status: StatusCompleted, By: SourceCallback, Receipt: "R1", Amount: AmountOf(700, KES), Reference: "INV-7", At: now},
			of(paidByCallback, func(d *Deposit) { d.UpdatedAt = now }), MoveApply,
		},
		{
			"the operator's word", base,
			Claim{Status: StatusFailed, By: SourceOperator, Failure: cancelled, Because: "seen on the statement", At: now},
			of(base, func(d *Deposit) {
				d.Status, d.DecidedBy, d.Failure, d.Because, d.UpdatedAt = StatusFailed, SourceOperator, cancelled, "seen on the statement", now
			}), MoveApply,
		},
		{
			"proof against the operator's word is a conflict",
			of(base, func(d *Deposit) { d.Status, d.DecidedBy, d.Because = StatusFailed, SourceOperator, "why" }),
			Claim{Status: StatusCompleted, By: SourceCallback, Receipt: "R1", At: now},
			of(base, func(d *Deposit) {
				d.Status, d.DecidedBy, d.Because, d.UpdatedAt = StatusFailed, SourceOperator, "why", now
				d.Conflict = Conflict{
					Since: now, Between: [2]string{"operator FAILED", "callback COMPLETED"},
					Reason: "the operator said FAILED, the callback says COMPLETED",
				}
			}), MoveConflict,
		},
		{
			"the operator ends two receipts", paidTwice,
			Claim{Status: StatusCompleted, By: SourceOperator, Because: "one was paid back", Settles: true, At: now},
			of(paidByCallback, func(d *Deposit) { d.DecidedBy, d.Because, d.UpdatedAt = SourceOperator, "one was paid back", now }), MoveApply,
		},
		{
			"paid", base,
			Claim{Status: StatusCompleted, By: SourceCallback, Receipt: "R1", At: now},
			of(paidByCallback, func(d *Deposit) { d.UpdatedAt = now }), MoveApply,
		},
		{
			"paid by a claim that also carries a failure has none", base,
			Claim{Status: StatusCompleted, By: SourcePoll, Failure: cancelled, At: now},
			of(paidByPoll, func(d *Deposit) { d.UpdatedAt = now }), MoveApply,
		},
		{
			"failed", base,
			Claim{Status: StatusFailed, By: SourcePoll, Failure: cancelled, At: now},
			of(failedByPoll, func(d *Deposit) { d.UpdatedAt = now }), MoveApply,
		},
		{
			"a late pending", paidByCallback, Claim{Status: StatusPending, By: SourceCallback, At: now}, paidByCallback, MoveNone,
		},
		{
			"a duplicate", paidByCallback, Claim{Status: StatusCompleted, By: SourceCallback, Receipt: "R1", At: now}, paidByCallback, MoveConfirm,
		},
		{
			"a duplicate brings the missing receipt", paidByPoll,
			Claim{Status: StatusCompleted, By: SourceCallback, Receipt: "R1", At: now},
			of(paidByPoll, func(d *Deposit) { d.Receipt, d.UpdatedAt = "R1", now }), MoveConfirm,
		},
		{
			"another receipt replaces nothing, but the operator must look", paidByCallback,
			Claim{Status: StatusCompleted, By: SourceCallback, Receipt: "R2", At: now},
			of(paidTwice, func(d *Deposit) { d.UpdatedAt = now }), MoveConflict,
		},
		{
			"a failure after two receipts does not hide them", paidTwice,
			Claim{Status: StatusFailed, By: SourcePoll, Failure: cancelled, At: now},
			paidTwice, MoveConflict,
		},
		{
			"asking does not settle two receipts", paidTwice,
			Claim{Status: StatusCompleted, By: SourceQuery, Receipt: "R1", Settles: true, At: now},
			paidTwice, MoveConfirm,
		},
		{
			"a callback's success overrules a poll's failure", failedByPoll,
			Claim{Status: StatusCompleted, By: SourceCallback, Receipt: "R1", At: now},
			of(paidByCallback, func(d *Deposit) {
				d.Conflict, d.UpdatedAt = Conflict{Reason: "the poll said FAILED, the callback says COMPLETED", Between: [2]string{"poll FAILED", "callback COMPLETED"}, Since: now}, now
			}), MoveOverrule,
		},
		{
			"a poll's failure does not touch a callback's success", paidByCallback,
			Claim{Status: StatusFailed, By: SourcePoll, Failure: cancelled, At: now},
			of(contradicted, func(d *Deposit) { d.UpdatedAt = now }), MoveConflict,
		},
		{
			"asking settles a conflict for the present side", contradicted,
			Claim{Status: StatusCompleted, By: SourceQuery, Settles: true, At: now},
			paidByCallback, MoveConfirm,
		},
		{
			"asking settles a conflict for the other side", contradicted,
			Claim{Status: StatusFailed, By: SourceQuery, Failure: cancelled, Settles: true, At: now},
			of(paidByCallback, func(d *Deposit) {
				d.Status, d.DecidedBy, d.Failure, d.UpdatedAt = StatusFailed, SourceQuery, cancelled, now
			}), MoveApply,
		},
		{
			"an undecided answer settles no conflict", contradicted,
			Claim{Status: StatusPending, By: SourceQuery, Settles: true, At: now},
			contradicted, MoveNone,
		},
		{
			"without a conflict there is nothing to settle", paidByCallback,
			Claim{Status: StatusFailed, By: SourceQuery, Settles: true, At: now},
			of(paidByCallback, func(d *Deposit) {
				d.Conflict, d.UpdatedAt = Conflict{Reason: "the callback said COMPLETED, the query says FAILED", Between: [2]string{"callback COMPLETED", "query FAILED"}, Since: now}, now
			}), MoveConflict,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, move := c.d.Apply(c.claim)
			settled := (move == MoveApply || move == MoveOverrule) && got.Status == StatusCompleted
			if settled && !got.PaidAt.Equal(c.claim.At) || !settled && !got.PaidAt.IsZero() {
				t.Errorf("paid at %s by move %d to %s", got.PaidAt, move, got.Status)
			}
			got.PaidAt = time.Time{}
			if diff := cmp.Diff(c.want, got, exact()); diff != "" {
				t.Errorf("deposit (-want +got):\n%s", diff)
			}
			if move != c.move {
				t.Errorf("move %d, want %d", move, c.move)
			}
		})
	}
}

// TestApplyInAnyOrder throws random claims at deposits and checks what must
// hold whatever comes: a success told by a callback is never lost, a final
// status never becomes undecided, a contradiction never passes silently, and a
// failure's words stand only beside FAILED.
func TestApplyInAnyOrder(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		d := Deposit{Status: StatusCreated}
		paid, finals := false, map[Status]bool{}
		for range 1 + rnd.IntN(6) {
			c := Claim{
				Status: Statuses()[rnd.IntN(5)], By: allSources()[rnd.IntN(6)],
				Failure: &Failure{Code: "1032"}, At: time.Unix(rnd.Int64N(1000), 0),
			}
			before := d
			d, _ = d.Apply(c)
			if c.Status.Final() {
				finals[c.Status] = true
			}
			paid = paid || d.Status == StatusCompleted && d.DecidedBy == SourceCallback
			switch {
			case before.Status.Final() && !d.Status.Final():
				t.Fatalf("%s became %s by %+v", before.Status, d.Status, c)
			case paid && d.Status != StatusCompleted:
				t.Fatalf("a paid callback was lost to %+v", c)
			case d.Status.Final() != (d.DecidedBy != ""):
				t.Fatalf("%s decided by %q", d.Status, d.DecidedBy)
			case (d.Failure != nil) != (d.Status == StatusFailed):
				t.Fatalf("%s with failure %v", d.Status, d.Failure)
			}
		}
		if d.Conflict.IsZero() == (len(finals) == 2) {
			t.Fatalf("conflict %q after finals %v", d.Conflict, finals)
		}
	}
}

// TestTrust checks what makes a callback unbelievable (money rule 5).
func TestTrust(t *testing.T) {
	t.Parallel()
	d := Deposit{
		Provider: Daraja, CallbackToken: "tok", ProviderID: "ws_CO_1", ShortCode: "174379", Amount: AmountOf(15000, KES),
		Phone: Phone{digits: "254711000222"},
	}
	whole := Event{ProviderID: "ws_CO_1", ShortCode: "174379", Amount: AmountOf(15000, KES), Phone: "254711000222"}
	of := func(change func(*Event)) Event {
		e := whole
		change(&e)
		return e
	}
	for _, c := range []struct {
		name  string
		d     Deposit
		e     Event
		token string
		want  string
	}{
		{"all fits", d, whole, "tok", ""},
		{"no token in the path", d, whole, "", "the path token is missing, and this push was sent with one"},
		{"no token in a signed webhook's path", Deposit{Provider: WasaaPay, CallbackToken: "tok", Amount: AmountOf(15000, KES)}, whole, "", ""},
		{"a deposit without a token", Deposit{Amount: AmountOf(15000, KES)}, whole, "tok", ""},
		{"another deposit's token", d, whole, "kot", "the path token is another deposit's"},
		{"another id under the right token is its own, and a conflict", d, of(func(e *Event) { e.ProviderID = "ws_CO_2" }), "tok", ""},
		{
			"another id in a signed webhook",
			Deposit{Provider: WasaaPay, ProviderID: "w1", Amount: AmountOf(15000, KES)},
			of(func(e *Event) { e.ProviderID, e.Environment = "w2", Local }), "", "the provider's id is not this deposit's",
		},
		{"an adopted push has no proof of its own", Deposit{Provider: Daraja, Adopted: true, Amount: AmountOf(0, KES)}, whole, "", Unproved},
		{
			"what is not known cannot differ",
			Deposit{Provider: WasaaPay, Adopted: true, Amount: AmountOf(0, KES)},
			of(func(e *Event) { e.Environment = Local }), "", "",
		},
		{"before the answer was stored there is no id", Deposit{Provider: Daraja, CallbackToken: "tok", Amount: AmountOf(15000, KES)}, whole, "tok", ""},
		{"a failure has no amount", d, of(func(e *Event) { e.Amount = Amount{} }), "tok", ""},
		{
			"a cent too little", d, of(func(e *Event) { e.Amount = AmountOf(14999, KES) }), "tok",
			"the amount 149.99 is not the 150.00 asked for",
		},
		{
			"another currency", d, of(func(e *Event) { e.Amount = AmountOf(15000, USD) }), "tok",
			"the amount 150.00 USD is not the 150.00 KES asked for",
		},
		{
			"proved by another environment's secret",
			Deposit{Provider: WasaaPay, Environment: Production, Amount: AmountOf(15000, KES)},
			of(func(e *Event) { e.Environment = Local }), "",
			"it was proved by the secret of the local environment, and this deposit is of production",
		},
		{
			"proved by its environment's secret",
			Deposit{Provider: WasaaPay, Environment: Production, Amount: AmountOf(15000, KES)},
			of(func(e *Event) { e.Environment = Production }), "", "",
		},
		{"a zero amount is an amount", d, of(func(e *Event) { e.Amount = AmountOf(0, KES) }), "tok", "the amount 0.00 is not the 150.00 asked for"},
		{"another shortcode", d, of(func(e *Event) { e.ShortCode = "600111" }), "tok", "the shortcode is not the one the push was sent for"},
		{"no shortcode", d, of(func(e *Event) { e.ShortCode = "" }), "tok", ""},
		{"the phone is never compared", d, of(func(e *Event) { e.Phone = "254708***430" }), "tok", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Trust(c.d, c.e, c.token); got != c.want {
				t.Errorf("Trust = %q, want %q", got, c.want)
			}
		})
	}
}

func TestAskedBefore(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first := Deposit{ID: "d1", Provider: Daraja, Environment: Sandbox, ShortCode: "174379", Reference: "INV-1", Amount: AmountOf(100, KES), Status: StatusPending, CreatedAt: now}
	for name, c := range map[string]struct {
		change func(intent, earlier *Deposit)
		after  time.Duration
		want   bool
	}{
		"the same":              {func(_, _ *Deposit) {}, time.Minute, true},
		"paid":                  {func(_, e *Deposit) { e.Status = StatusCompleted }, 23 * time.Hour, true},
		"unknown":               {func(_, e *Deposit) { e.Status = StatusUnknown }, time.Minute, true},
		"failed":                {func(_, e *Deposit) { e.Status = StatusFailed }, time.Minute, false},
		"never sent":            {func(_, e *Deposit) { e.Status = StatusCreated }, time.Minute, false},
		"a day ago":             {func(_, _ *Deposit) {}, 24 * time.Hour, false},
		"another amount":        {func(i, _ *Deposit) { i.Amount = AmountOf(200, KES) }, time.Minute, false},
		"another reference":     {func(i, _ *Deposit) { i.Reference = "INV-2" }, time.Minute, false},
		"another account":       {func(i, _ *Deposit) { i.ShortCode = "600000" }, time.Minute, false},
		"without any reference": {func(i, e *Deposit) { i.Reference, e.Reference = "", "" }, time.Minute, false},
		"itself":                {func(i, _ *Deposit) { i.ID = "d1" }, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			intent, earlier := first, first
			intent.ID = "d2"
			c.change(&intent, &earlier)
			if got := intent.AskedBefore(earlier, now.Add(c.after)); got != c.want {
				t.Errorf("AskedBefore = %t, want %t", got, c.want)
			}
		})
	}
}
