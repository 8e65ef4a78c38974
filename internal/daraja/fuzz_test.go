package daraja

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func seedAll(f *testing.F) {
	for _, body := range allFixtures(f) {
		f.Add(body)
	}
	for _, body := range fieldInputs(f) {
		f.Add(body)
	}
	for _, odd := range []string{
		"", "0", "null", `"x"`, "[]", "{}", `{"Body":0}`, `{"Body":{"stkCallback":[]}}`, `{"Result":{}}`, "\xff", "\"\xff\xc3\xa9\xe2\x82\"", "{\"a\":1}\x00",
		`{"Body":{"stkCallback":{"CheckoutRequestID":"ws","ResultCode":1e0}}}`,
		`{"body":{"stkcallback":{"checkoutrequestid":"ws","resultcode":"1032"}}}`,
		`{"Body":{"stkCallback":{"CheckoutRequestID":"ws","ResultCode":0,"ResultCode":0}}}`,
		`{"Body":{"stkCallback":{"CheckoutRequestID":"ws","ResultCode":0,"CallbackMetadata":{"Item":{"Name":"MpesaReceiptNumber","Value":"UA2K7QX9ZP"}}}}}`,
		`{"Body":{"stkCallback":{"CheckoutRequestID":"ws","ResultCode":0,"CallbackMetadata":{"Item":[{"Name":"Balance","Value":[{"x":tru}]}]}}}}`,
	} {
		f.Add([]byte(odd))
	}
}

// anyKnownCode reports whether a code that settles payments stands in the body,
// read by encoding/json and not by this package's reader.
func anyKnownCode(body []byte, want map[string]bool) bool {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		switch v := tok.(type) {
		case string:
			if want[v] {
				return true
			}
		case json.Number:
			if want[v.String()] {
				return true
			}
		}
	}
}

// FuzzInspect: no body makes it panic; nothing settles without a code that is
// known to be final; only JSON is well formed, but anything is a time-out on its
// route (reference/daraja.md §6.5); the byte scan and the tolerant
// reader agree; events are bounded and inspecting twice gives the same.
func FuzzInspect(f *testing.F) {
	seedAll(f)
	final := map[string]bool{"Completed": true, "Cancelled": true, "Declined": true, "Expired": true}
	for _, r := range stkResults {
		if r.class == ClassPaid || r.class == ClassFailed {
			final[r.code] = true
		}
	}
	routes := []string{"/stk", "/result", "/timeout", "/c2b/validation", "/c2b/confirmation", "/stk/", ""}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, route := range routes {
			d := payment.Delivery{Route: routePrefix + route, Body: body}
			i := Receiver{}.Inspect(d)
			if route == "/timeout" {
				if i.Verdict != payment.VerdictUnsigned || i.Event == nil || i.Event.Status != "" {
					t.Fatalf("not a time-out that claims nothing: %+v of %q", i, body)
				}
			} else if i.Verdict == payment.VerdictUnsigned && !json.Valid(body) {
				t.Fatalf("not JSON and yet well formed: %q", body)
			}
			if diff := cmp.Diff(i, Receiver{}.Inspect(d), amounts()); diff != "" {
				t.Fatalf("inspecting twice differs: %s", diff)
			}
			if reply := (Receiver{}).Acknowledge(d, i, payment.Stored); reply.Status != 200 {
				t.Fatalf("a stored delivery was answered %d", reply.Status)
			}
			if i.Event == nil {
				continue
			}
			if i.Event.Status != "" && !anyKnownCode(body, final) {
				t.Fatalf("settled without a final code: %+v", i.Event)
			}
			if i.Event.Status == payment.StatusCompleted && i.Event.Receipt == "" && i.Event.Name == EventSTKCompleted {
				t.Fatalf("paid without a receipt: %+v", i.Event)
			}
			if len(i.Event.Key) > 8*maxKeyPart {
				t.Fatalf("key of %d bytes", len(i.Event.Key))
			}
		}
		fast, ok := scanSTK(body)
		if !ok {
			return
		}
		root, valid := parseTree(body)
		if !valid {
			t.Fatalf("the scan took what the reader refuses: %q", body)
		}
		if diff := cmp.Diff(readSTK(root.get("body").get("stkcallback")), fast, cmp.AllowUnexported(stkFields{})); diff != "" {
			t.Fatalf("the scan and the reader disagree on %q: %s", body, diff)
		}
	})
}

// FuzzParseTree: this package's reader takes exactly the JSON that the standard
// library takes, up to its depth.
func FuzzParseTree(f *testing.F) {
	seedAll(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		n, ok := parseTree(body)
		if want := ""; ok && n.kind == '"' && json.Unmarshal(body, &want) == nil && n.text != want {
			t.Fatalf("read %q, meant %q", n.text, want)
		}
		if ok && !json.Valid(body) {
			t.Fatalf("took what is not JSON: %q", body)
		}
		if !ok && json.Valid(body) && strings.Count(string(body), "[")+strings.Count(string(body), "{") <= maxDepth {
			t.Fatalf("refused JSON: %q", body)
		}
		c := cursor{b: body}
		c.skip(0)
		if skipped := !c.bad && c.peek() == 0 && c.i == len(body); skipped != ok {
			t.Fatalf("skip says %v, parse says %v: %q", skipped, ok, body)
		}
	})
}

// FuzzParseResult: never a panic, and only a documented final status claims.
func FuzzParseResult(f *testing.F) {
	seedAll(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseResult(body)
		if err != nil && payment.KindOf(err) != payment.KindUsage {
			t.Fatalf("kind of %v", err)
		}
		if claim := r.Claim(); claim != "" && (r.ResultCode != "0" || err != nil) {
			t.Fatalf("%s claimed by a result of code %q", claim, r.ResultCode)
		}
	})
}

var maskedNumber = regexp.MustCompile(`\d*\*+\d*`)

// FuzzExplainPayload: never a panic, and no whole phone number in what is shown.
func FuzzExplainPayload(f *testing.F) {
	seedAll(f)
	f.Add([]byte(`level=error msg="stk push" code=500.001.1001 Wrong credentials`))
	f.Add([]byte(spikeFault))
	f.Add([]byte(edgePage))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, ok := ExplainPayload(body)
		if ok && e.Code == "" {
			t.Fatalf("found a code that is empty: %+v", e)
		}
		// What is left of a masked number may look like one.
		if shown := maskedNumber.ReplaceAllString(e.Message, ""); payment.MaskDigits(shown) != shown {
			t.Fatalf("a phone number in the message: %q", e.Message)
		}
	})
}
