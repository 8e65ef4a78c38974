package daraja

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// hostileBodies are bodies of about a mebibyte that a stranger would send to keep a
// processor busy, by what they are full of.
func hostileBodies() map[string][]byte {
	const size = 1 << 20
	stk := func(full string) []byte {
		return []byte(`{"Body":{"stkCallback":{"CheckoutRequestID":"ws_1","ResultCode":0,` + full + `}}}`)
	}
	times := func(part string) string { return strings.Repeat(part, size/len(part)) }
	members := func(name func(i int) string) string {
		var b bytes.Buffer
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, `"%s":0,`, name(i))
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	items := func(item string) []byte {
		return stk(`"CallbackMetadata":{"Item":[` + strings.TrimSuffix(times(item+","), ",") + `]}`)
	}
	result := func(full string) []byte {
		return []byte(`{"Result":{"ResultCode":0,"ConversationID":"AG_1","ResultParameters":{"ResultParameter":[` + strings.TrimSuffix(times(full+","), ",") + `]}}}`)
	}
	return map[string][]byte{
		"ill-formed UTF-8, an id":     []byte(`{"Body":{"stkCallback":{"CheckoutRequestID":"` + times("\xff\xfe\xc3") + `","ResultCode":0}}}`),
		"ill-formed UTF-8, alone":     []byte(`"` + times("\xff") + `"`),
		"ill-formed UTF-8, unknown":   stk(`"x":"` + times("\xff\xfe\xc3") + `"`),
		"ill-formed UTF-8, strings":   stk(`"x":[` + strings.TrimSuffix(times("\"\xff\","), ",") + `]`),
		"ill-formed UTF-8, names":     stk(members(func(int) string { return "\xff\xfe" })),
		"ill-formed UTF-8, described": stk(`"ResultDesc":"` + times("\xff\xfe\xc3") + `"`),
		"ill-formed UTF-8, C2B":       []byte(`{"TransID":"UA2K7QX9ZR","TransAmount":"1","BillRefNumber":"` + times("\xff") + `"}`),
		"escapes":                     stk(`"x":"` + times(`\ud83d\ude00`) + `"`),
		"lone surrogates":             stk(`"ResultDesc":"` + times(`\ud800`) + `"`),
		"bidi":                        stk(`"ResultDesc":"` + times("\u202e") + `"`),
		"digits":                      stk(`"ResultDesc":"` + times("0712345678 ") + `"`),
		"any names":                   stk(members(func(i int) string { return strconv.Itoa(i) })),
		"names of blanks":             stk(members(func(int) string { return strings.Repeat(" ", 60) })),
		"upper-case names":            stk(members(func(int) string { return "CHECKOUTREQUESTIX" })),
		"one name":                    stk(members(func(int) string { return "ResultDesc" })),
		"top-level names":             []byte("{" + members(func(i int) string { return "Bodx" + strconv.Itoa(i) }) + "}"),
		"items":                       items(`{"Name":"Amount","Value":1.00}`),
		"items of one letter":         items(`{"a":0}`),
		"empty items":                 items(`{}`),
		"parameters":                  result(`{"Key":"Amount","Value":"1"}`),
		"parameters, other":           result(`{"Key":"` + "ReceiptNo" + `","Value":"x"}`),
		"parameters that differ":      []byte(strings.Replace(string(result(`{"Key":"ReceiptNo","Value":"x"}`)), `"x"`, `"y"`, 3)),
		"empty parameters":            result(`{}`),
		"balances":                    result(`{"Key":"AccountBalance","Value":"` + strings.Repeat("A|KES|1&", 100) + `"}`),
		"one balance":                 []byte(`{"Result":{"ResultCode":0,"ResultParameters":{"ResultParameter":{"Key":"AccountBalance","Value":"` + times("A|K|1&") + `"}}}}`),
		"addresses":                   []byte(`{"Result":{"ResultCode":0,"ReferenceData":{"ReferenceItem":{"Key":"QueueTimeoutURL","Value":"` + times("/") + `"}}}}`),
		"nested":                      stk(`"x":[` + strings.TrimSuffix(times(strings.Repeat("[", 20)+strings.Repeat("]", 20)+","), ",") + `]`),
		"numbers":                     stk(`"x":[` + strings.TrimSuffix(times("1e-300,"), ",") + `]`),
		"a long amount":               items(`{"Name":"Amount","Value":` + strings.Repeat("9", 1000) + `}`),
		"one amount":                  stk(`"CallbackMetadata":{"Item":[{"Name":"Amount","Value":` + times("9") + `}]}`),
		"white space":                 []byte(times(" ")),
		"not JSON":                    []byte(times("x")),
		"standing order":              []byte(`{"responseHeader":{},"responseBody":{"responseData":[` + strings.TrimSuffix(times(`{"name":"msisdn","value":"x"},`), ",") + `]}}`),
		"unclosed":                    []byte(`{"Body":{"stkCallback":{"x":"` + times("y")),
	}
}

// costliest is what a mebibyte of a stranger's body may cost in processor time. Plain
// HMAC-SHA256 of the same bytes takes about 1 ms.
const costliest = 100 * time.Millisecond

// TestCostOfABody holds every body on every route to that. Each is tried a few times: a busy
// machine is not a cost.
func TestCostOfABody(t *testing.T) {
	if raceEnabled {
		t.Skip("LOUD SKIP: the race detector's own cost is not the body's")
	}
	for name, body := range hostileBodies() {
		for _, route := range []string{"/stk", "/timeout", "/c2b/confirmation"} {
			d, best := payment.Delivery{Route: routePrefix + route, Body: body}, time.Hour
			for range 5 {
				began := processTime()
				i := Receiver{}.Inspect(d)
				Receiver{}.Acknowledge(d, i, payment.Stored)
				if best = min(best, processTime()-began); best < costliest/2 {
					break
				}
			}
			if best > costliest/4 {
				t.Logf("%-28s %-18s %v", name, route, best)
			}
			if best > costliest {
				t.Errorf("%s on %s: %v", name, route, best)
			}
		}
	}
}

// BenchmarkHostile shows what the same bodies cost beside plain HMAC of the same bytes.
func BenchmarkHostile(b *testing.B) {
	for name, body := range hostileBodies() {
		b.Run("hmac/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				mac := hmac.New(sha256.New, []byte("secret"))
				mac.Write(body)
				mac.Sum(nil)
			}
		})
		b.Run("inspect/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				Receiver{}.Inspect(payment.Delivery{Route: routePrefix + "/stk", Body: body})
			}
		})
	}
}
