package webhook

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
)

// verification checks for any provider, with one secret or none.
func verification(key string) *Verification {
	return &Verification{Providers: provider.Builtin(), Explain: true, Signed: key != "", Now: time.Now, Secrets: func(_ context.Context, row provider.Row) ([]*secret.Secret, error) {
		if key == "" {
			return nil, &payment.Error{Kind: payment.KindUnauthorized, Message: string(row.ID) + ": no secret"}
		}
		return []*secret.Secret{secret.New(key)}, nil
	}}
}

// verdictsOf are the verdicts on a file: provider, verdict, event and what its reason
// begins with.
func verdictsOf(t *testing.T, v *Verification, text []byte) string {
	t.Helper()
	var out []string
	err := v.Payloads(t.Context(), text, func(index int, j Judged) error {
		if index != len(out) {
			t.Errorf("index %d of %d", index, len(out))
		}
		reason, _, _ := strings.Cut(j.Reason, ":")
		out = append(out, strings.TrimSpace(strings.Join([]string{string(j.Provider), string(j.Verdict), j.Event, reason}, " ")))
		return nil
	})
	if err != nil {
		return "error " + payment.KindOf(err).String()
	}
	return strings.Join(out, "\n")
}

// TestVerifyField holds the right answer to every input from the field that is a payload
// or a file of some.
func TestVerifyField(t *testing.T) {
	t.Parallel()
	const unsigned = " daraja signs nothing"
	for name, want := range map[string]string{
		"field/01-php-append-log-concatenated-callbacks.json":           "daraja unsigned stk.completed" + unsigned + "\ndaraja unsigned stk.failed" + unsigned + "\ndaraja unsigned stk.failed" + unsigned,
		"field/05-two-callbacks-on-one-line.ndjson":                     "daraja unsigned stk.failed" + unsigned + "\ndaraja unsigned stk.failed" + unsigned,
		"field/06-transaction-status-2032-receipt-does-not-exist.json":  "daraja unsigned transaction.result" + unsigned,
		"field/07-transaction-status-7-receiver-party-invalid.json":     "daraja unsigned transaction.result" + unsigned,
		"field/08-transaction-status-SFC_IC0003-string.json":            "daraja unsigned transaction.result" + unsigned,
		"field/09-queue-timeout-post-echoes-the-request.json":           "daraja unsigned transaction.timeout" + unsigned,
		"field/10-success-without-CallbackMetadata.json":                "daraja unsigned stk.unknown" + unsigned,
		"field/11-stk-2026-channel-session-expired.json":                "daraja unsigned stk.failed" + unsigned,
		"field/12-c2b-confirmation-of-an-stk-payment-same-receipt.json": "daraja unsigned c2b.confirmation" + unsigned,
		"field/16-own-ack-in-a-log.json":                                "malformed  no provider sends a payload of this shape",
		"field/17-post-this-to-confirmation-with-a-trailing-slash.json": "daraja unsigned c2b.confirmation" + unsigned,
		"field/b2b-failure-live-shape.json":                             "daraja unsigned b2b.result" + unsigned,
		"field/b2b-prod-shape.json":                                     "daraja unsigned b2b.result" + unsigned,
		"field/b2c-failure.json":                                        "daraja unsigned b2c.result" + unsigned,
		"field/billmanager-payment.json":                                "daraja unsigned bill.payment" + unsigned,
		"field/c2b-production-11-keys.json":                             "daraja unsigned c2b.confirmation" + unsigned,
		"field/ratiba-callback-declined.json":                           "daraja unsigned ratiba.order" + unsigned,
		"field/ratiba-callback.json":                                    "daraja unsigned ratiba.order" + unsigned,

		"webhook/receiver/rx-good.json":        "wasaapay valid deposit.failed",
		"webhook/receiver/go-map-stored.json":  "wasaapay mismatch deposit.completed members-reordered",
		"webhook/receiver/rx-amount-num.json":  "wasaapay mismatch deposit.failed texts-to-numbers",
		"webhook/receiver/rx-empty-null.json":  "wasaapay mismatch deposit.failed empty-to-null",
		"webhook/receiver/rx-envsort.json":     "wasaapay mismatch deposit.failed envelope-reordered",
		"webhook/receiver/rx-fffd.json":        "wasaapay mismatch deposit.failed replaced-characters",
		"webhook/receiver/rx-htmlesc.json":     "wasaapay mismatch deposit.failed html-escaped",
		"webhook/receiver/rx-wrapped-str.json": "wasaapay mismatch  wrapped",

		"webhook/unreadable/array.json":          "wasaapay valid deposit.completed json-array",
		"webhook/unreadable/bom2.json":           "wasaapay valid deposit.completed byte-order-marks",
		"webhook/unreadable/double-encoded.json": "wasaapay valid deposit.completed json-string",
		"webhook/unreadable/empty.json":          "malformed  empty",
		"webhook/unreadable/form.json":           "wasaapay valid deposit.completed form",
		"webhook/unreadable/gz.json":             "wasaapay valid deposit.completed gzip",
		"webhook/unreadable/utf16.json":          "wasaapay valid deposit.completed utf-16",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("..", "..", "testdata", filepath.FromSlash(name)))
			if err != nil {
				t.Fatal(err)
			}
			key := "test-webhook-secret-01"
			if strings.HasPrefix(want, "malformed") {
				key = ""
			}
			if got := verdictsOf(t, verification(key), text); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestVerifyFiles holds how a file is taken apart, and whose its payloads are.
func TestVerifyFiles(t *testing.T) {
	t.Parallel()
	const stk = `{"Body":{"stkCallback":{"MerchantRequestID":"1-2","CheckoutRequestID":"ws_CO_1","ResultCode":1032,"ResultDesc":"x"}}}`
	utf16 := func(s string) string {
		out := "\xff\xfe"
		for i := range len(s) {
			out += string([]byte{s[i], 0})
		}
		return out
	}
	failed := "daraja unsigned stk.failed"
	for name, c := range map[string]struct{ text, want string }{
		"one":                        {stk, failed + " daraja signs nothing"},
		"white space around":         {"\n " + stk + "\r\n", failed + " daraja signs nothing"},
		"a list of two":              {"[" + stk + ",\n" + stk + "]", failed + " json-array\n" + failed + " json-array"},
		"a log in UTF-16":            {utf16("10:00 got " + stk + "\n10:01 got " + stk + "\n"), failed + " utf-16\n" + failed + " utf-16"},
		"an answer between":          {"in " + stk + "\nout {\"ResultCode\":\"0\",\"ResultDesc\":\"ok\"}\n", failed + " log-prefix"},
		"words behind":               {stk + " done", failed + " daraja signs nothing"},
		"cut off":                    {stk[:len(stk)-4], "malformed  no provider sends a payload of this shape"},
		"signed, and no secret":      {`{"event":"deposit.completed","data":{},"signature":"sha256=00"}`, "error unauthorized"},
		"nothing but lines":          {"hello\nworld\n", "malformed  no provider sends a payload of this shape"},
		"one of nobody among them":   {stk + `{"a":1}`, failed + " daraja signs nothing\nmalformed  no provider sends a payload of this shape"},
		"braces that never close":    {strings.Repeat(`{"a":[`+"\n", 100_000), "malformed  no provider sends a payload of this shape"},
		"a bomb of braces on a line": {strings.Repeat(`{"a":`, 200_000), "malformed  no provider sends a payload of this shape"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := verdictsOf(t, verification(""), []byte(c.text)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// FuzzVerify: no file of any sort makes it fail, and none is valid by luck.
func FuzzVerify(f *testing.F) {
	for _, dir := range []string{"field", "webhook/receiver", "webhook/unreadable"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "testdata", dir, "*"))
		if err != nil || len(files) == 0 {
			f.Fatal(dir, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	v := verification("a-secret-that-signed-nothing")
	v.Explain = false
	f.Fuzz(func(t *testing.T, text []byte) {
		err := v.Payloads(t.Context(), text, func(_ int, j Judged) error {
			if j.Verdict == payment.VerdictValid {
				t.Errorf("valid: %+v", j)
			}
			if line := j.AppendLine(nil, "x", 0); !json.Valid(line) {
				t.Errorf("%s", line)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
