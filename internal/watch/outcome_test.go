package watch

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	open := pending(depositID, checkoutID, time.Time{})
	made := func(change func(*payment.Deposit)) payment.Deposit {
		d := open
		change(&d)
		return d
	}
	onward := `this is not a failure: go on with "payctl status watch dep-1"`
	for _, c := range []struct {
		name string
		d    payment.Deposit
		want *payment.Error
	}{
		{"paid", made(func(d *payment.Deposit) { d.Status = payment.StatusCompleted }), nil},
		{"pending", open, &payment.Error{
			Kind: payment.KindPending, Provider: payment.Daraja, Message: "deposit dep-1 (INV-1): still undecided (PENDING)", Hint: onward,
		}},
		{
			"unknown", made(func(d *payment.Deposit) { d.Status, d.Reference = payment.StatusUnknown, "" }),
			&payment.Error{Kind: payment.KindPending, Provider: payment.Daraja, Message: "deposit dep-1: still undecided (UNKNOWN)", Hint: onward},
		},
		{
			"failed", made(func(d *payment.Deposit) {
				d.Status = payment.StatusFailed
				d.Failure = &payment.Failure{Code: "1032", Reason: "cancelled by\n254711000222", Advice: "ask the customer"}
			}),
			&payment.Error{
				Kind: payment.KindDeclined, Provider: payment.Daraja, ProviderCode: "1032", Hint: "ask the customer",
				Message: "deposit dep-1 (INV-1): not paid: cancelled by\\n2547*****222 (1032)",
			},
		},
		{
			"failed without a reason, with a phone for a reference",
			made(func(d *payment.Deposit) { d.Status, d.Reference = payment.StatusFailed, "0711000222" }),
			&payment.Error{Kind: payment.KindDeclined, Provider: payment.Daraja, Message: "deposit dep-1 (07*****222): not paid"},
		},
		{
			"contradiction", made(func(d *payment.Deposit) {
				d.Status, d.Conflict = payment.StatusCompleted, payment.Conflict{Reason: "a said x, b says y"}
			}),
			&payment.Error{
				Kind: payment.KindConflict, Provider: payment.Daraja, Message: "deposit dep-1 (INV-1): contradicting results: a said x, b says y",
				Hint: `check the statement before delivering or paying back, then end it with "payctl deposit resolve dep-1"`,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got *payment.Error
			if err := Outcome(c.d); err != nil && !errors.As(err, &got) {
				t.Fatalf("%v is no payment.Error", err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWorst checks every pair of kinds against the order of what decides.
func TestWorst(t *testing.T) {
	t.Parallel()
	order := []payment.Kind{
		payment.KindPending, payment.KindUnavailable, payment.KindDeclined, payment.KindConflict, payment.KindNotFound,
		payment.KindUnauthorized, payment.KindUsage, payment.KindInterrupted, payment.KindInternal,
	}
	for i, lesser := range order {
		for _, greater := range order[i:] {
			a, b := &payment.Error{Kind: lesser}, &payment.Error{Kind: greater}
			for _, errs := range [][]error{{a, b}, {nil, b, a, nil}} {
				if got := payment.KindOf(worst(errs)); got != greater {
					t.Errorf("worst of %s and %s is %s", lesser, greater, got)
				}
			}
		}
	}
	if err := worst([]error{nil, nil}); err != nil {
		t.Errorf("worst of nothing is %v", err)
	}
}

func TestResultsErr(t *testing.T) {
	t.Parallel()
	paid, failed, open := pending("a", "1", time.Time{}), pending("b", "2", time.Time{}), pending("c", "3", time.Time{})
	paid.Status, failed.Status = payment.StatusCompleted, payment.StatusFailed
	for _, c := range []struct {
		name string
		rs   Results
		kind string
		text string
	}{
		{name: "all paid", rs: Results{{Deposit: paid}, {Deposit: paid}}},
		{"one open", Results{{Deposit: paid}, {Deposit: open}}, "pending", "deposit c (INV-1): still undecided (PENDING)"},
		{
			"declined outranks open",
			Results{{Deposit: open}, {Deposit: failed}, {Deposit: paid}},
			"declined",
			"deposit b (INV-1): not paid (and 1 more of 3 deposits are not cleanly paid)",
		},
		{
			"what nobody knows",
			Results{{unknown: payment.NotFound("deposit x: nobody knows it", "")}, {Deposit: paid}},
			"not_found", "deposit x: nobody knows it",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kind, text := "", ""
			if err := c.rs.Err(); err != nil {
				kind, text = payment.KindOf(err).String(), err.Error()
			}
			if diff := cmp.Diff([]string{c.kind, c.text}, []string{kind, text}); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	s, ms := time.Second, time.Millisecond
	growing := []time.Duration{2 * s, 3 * s, 4500 * ms, 6750 * ms, 10 * s}
	slow := []time.Duration{12 * s, 15 * s, 20 * s, 30 * s}
	base := Policy{Via: ViaAuto, Deadline: 130 * s, AskTimeout: 20 * s, LastWait: 30 * s}
	for _, c := range []struct {
		name      string
		got, want Policy
	}{
		{"daraja sandbox", DarajaPolicy(payment.Sandbox), with(base, func(p *Policy) {
			p.Gaps, p.PerSlot, p.BudgetKey, p.ReceiptWait = slow, 12*s, "daraja/query/sandbox", 3*s
		})},
		{"daraja production", DarajaPolicy(payment.Production), with(base, func(p *Policy) {
			p.Gaps, p.PerSlot, p.BudgetKey, p.ReceiptWait = slow, s, "daraja/query/production", 3*s
		})},
		{"daraja local", DarajaPolicy(payment.Local), with(base, func(p *Policy) {
			p.Gaps, p.BudgetKey, p.ReceiptWait = []time.Duration{s}, "daraja/query/local", s
		})},
		{"wasaapay sandbox", WasaaPayPolicy(payment.Sandbox), with(base, func(p *Policy) {
			p.Gaps, p.PerSlot, p.BudgetKey, p.Settles = growing, s, "wasaapay/sandbox", true
		})},
		{"wasaapay production", WasaaPayPolicy(payment.Production), with(base, func(p *Policy) {
			p.Gaps, p.PerSlot, p.BudgetKey, p.Settles = growing, 500*ms, "wasaapay/production", true
		})},
		{"wasaapay local", WasaaPayPolicy(payment.Local), with(base, func(p *Policy) {
			p.Gaps, p.BudgetKey, p.Settles = growing, "wasaapay/local", true
		})},
		{"defaults", New(Options{}).o.Policy, with(base, func(p *Policy) { p.Gaps = growing })},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestParseVia(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Via{"": ViaAuto, "auto": ViaAuto, "stream": ViaStream, "poll": ViaPoll, "callback": ViaCallback} {
		if got, err := ParseVia(text); err != nil || got != want {
			t.Errorf("ParseVia(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"Auto", "polling", " ", "poll\n"} {
		if got, err := ParseVia(text); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("ParseVia(%q) = %q, %v; want usage", text, got, err)
		}
	}
}
