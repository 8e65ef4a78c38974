package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
)

func someSecrets() []*secret.Secret {
	return []*secret.Secret{secret.New("test-webhook-secret-01"), secret.New("the-one-before")}
}

// judges returns a judge of an archive's lines and the receiver that it must agree with.
func judges(t testing.TB) (quick, whole func([]byte) Judged) {
	t.Helper()
	v := &Verification{Providers: provider.Builtin(), Provider: payment.WasaaPay, Now: time.Now, Secrets: func(context.Context, provider.Row) ([]*secret.Secret, error) {
		return someSecrets(), nil
	}}
	judge := v.judge(t.Context(), true)
	quick = func(body []byte) Judged {
		j, err := judge(body)
		if err != nil {
			t.Error(err)
		}
		return j
	}
	return quick, inspecting(wasaapay.NewReceiver("", someSecrets()), payment.Delivery{Provider: payment.WasaaPay})
}

func TestQuickJudgeAgrees(t *testing.T) {
	t.Parallel()
	quick, whole := judges(t)
	bodies := [][]byte{
		[]byte(`{"event":"deposit.completed","data":{}}`),
		[]byte(`{"event":"deposit.completed","\u0065vent":"bill.failed","data":{}}`),
		[]byte(`{"event":"deposit.completed","event":"bill.failed"}`),
		[]byte(`{"event":"deposit.completed","data":{"event":"x"}}`),
		[]byte(`{"event":"deposit:completed"}`), []byte(`{"event":"unheard.of"}`), []byte(`{"event":"`), []byte(``),
		[]byte(`{"event":"deposit.completed","data":{"n":1.50}}`), []byte("\ufeff" + `{"event":"deposit.completed"}`),
	}
	for i := range bodies {
		if signed, err := wasaapay.Sign(bodies[i], someSecrets()[i%2]); err == nil {
			bodies = append(bodies, signed)
		}
	}
	for _, file := range []string{"wasaapay-valid.ndjson", "wasaapay-tampered.ndjson"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wasaapay", file))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, bytes.Split(data, []byte("\n"))...)
	}
	for _, body := range bodies {
		if diff := cmp.Diff(timeless(whole(body)), timeless(quick(body))); diff != "" {
			t.Errorf("%.200q (-receiver +judge):\n%s", body, diff)
		}
	}
}

// timeless leaves out what the quick judge does not read.
func timeless(j Judged) Judged {
	j.At = time.Time{}
	return j
}

func TestWithin(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		j         Judged
		tolerance time.Duration
		reason    string
	}{
		"fresh":        {Judged{Verdict: payment.VerdictValid, At: now.Add(-4 * time.Minute)}, 5 * time.Minute, ""},
		"old":          {Judged{Verdict: payment.VerdictValid, At: now.Add(-6 * time.Minute)}, 5 * time.Minute, "its time 2026-03-02T08:09:00Z is 6m0s ago, more than the tolerance of 5m0s"},
		"ahead":        {Judged{Verdict: payment.VerdictUnsigned, At: now.Add(72 * time.Hour)}, time.Hour, "its time 2026-03-05T08:15:00Z is 3 days ahead, more than the tolerance of 1h0m0s"},
		"no tolerance": {Judged{Verdict: payment.VerdictValid, At: now.AddDate(-1, 0, 0)}, 0, ""},
		"no time":      {Judged{Verdict: payment.VerdictValid}, time.Second, ""},
		"malformed":    {Judged{Verdict: payment.VerdictMalformed, At: now.AddDate(-1, 0, 0)}, time.Second, ""},
	} {
		got := tt.j.Within(tt.tolerance, now)
		if got.Reason != tt.reason || (got.Verdict != tt.j.Verdict) != (tt.reason != "") || got.Stale != (tt.reason != "") {
			t.Errorf("%s: got %+v, want %q", name, got, tt.reason)
		}
	}
}

func FuzzQuickJudge(f *testing.F) {
	f.Add([]byte(`{"event":"deposit.completed","signature":"sha256=00","data":{"a":[1,"\n"]}}`))
	f.Add([]byte(`{"event":"bill.failed","\u0065vent":1}`))
	quick, whole := judges(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, tried := range [][]byte{body, signedOr(body)} {
			if diff := cmp.Diff(timeless(whole(tried)), timeless(quick(tried))); diff != "" {
				t.Errorf("%q (-receiver +judge):\n%s", tried, diff)
			}
		}
	})
}

func signedOr(body []byte) []byte {
	signed, err := wasaapay.Sign(body, someSecrets()[0])
	if err != nil {
		return body
	}
	return signed
}

func TestQuickJudgeAllocatesNothing(t *testing.T) {
	sample, _ := wasaapay.SampleOf("deposit.completed")
	body := signedOr(sample.Body)
	quick, _ := judges(t)
	quick(body)
	// Under the race detector a hash allocates where it saves its state, twice for a body.
	saved, state := sha256.New().(encoding.BinaryAppender), make([]byte, 0, 256)
	of := 2 * testing.AllocsPerRun(100, func() { _, _ = saved.AppendBinary(state) })
	if n := testing.AllocsPerRun(100, func() { quick(body) }); n > of {
		t.Errorf("%v allocations for a canonical body", n)
	}
}

func TestAppendLine(t *testing.T) {
	t.Parallel()
	for _, j := range []Judged{
		{Provider: payment.WasaaPay, Verdict: payment.VerdictValid, Event: "deposit.completed", Matched: "json-stringify"},
		{Verdict: payment.VerdictMismatch, Event: "a\"b\\c\u2028é\x01\xff", Reason: "no <b> & c"},
		{Verdict: payment.VerdictMalformed},
	} {
		line := j.AppendLine(nil, "dir/a \"b\"\t.ndjson", 41)
		var got Verdict
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		want, err := json.Marshal(j.Worded("dir/a \"b\"\t.ndjson", 41))
		if err != nil {
			t.Fatal(err)
		}
		var wanted Verdict
		if err := json.Unmarshal(want, &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, got); diff != "" || line[len(line)-1] != '\n' {
			t.Errorf("%s (-json.Marshal +AppendLine):\n%s", line, diff)
		}
	}
}
