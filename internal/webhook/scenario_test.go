package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/webhook"
)

func TestParseScenario(t *testing.T) {
	t.Parallel()
	got, err := webhook.ParseScenario([]byte(`
- event: deposit.initiated
- event: ./late.json
  after: 1.5s
  set: {data.amount: 250.00}
- event: dlv_1
  set_json: {data.note: {a: [1, 2.50, null]}}
  unset: [data.receiptNumber]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []webhook.Step{
		{Event: "deposit.initiated"},
		{Event: "./late.json", After: 1500 * time.Millisecond, Edit: webhook.Edit{Set: []string{"data.amount=250.00"}}},
		{Event: "dlv_1", Edit: webhook.Edit{SetJSON: []string{`data.note={"a":[1,2.5,null]}`}, Unset: []string{"data.receiptNumber"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, problem := range map[string]string{
		"": "has no step", "a: 1": "scenario: ", "- set: {a: 1}": "step 1: event: is missing", "- event: x\n  when: 2s": "when",
		"- event: x\n- event: y\n  after: soon": "step 2: after \"soon\"", "- event: x\n  after: 48h": "after", "\t": "scenario: ",
	} {
		if _, err := webhook.ParseScenario([]byte(text)); payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), problem) {
			t.Errorf("%q: got %v, want %q", text, err, problem)
		}
	}
}

func FuzzParseScenario(f *testing.F) {
	f.Add([]byte("- event: x\n  set: {a: &b [1], c: *b}\n  after: 1s\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		steps, err := webhook.ParseScenario(text)
		if err == nil && len(steps) == 0 {
			t.Error("no step, and no error")
		}
	})
}
