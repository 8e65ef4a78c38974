package daraja

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// told is what matters of an inspection.
type told struct {
	Verdict payment.Verdict
	Name    string
	Status  payment.Status
	Code    string
	Receipt string
	Amount  string
	// Note is a part of one of the notes, "" for none at all.
	Note string
}

func tell(i payment.Inspection) told {
	out := told{Verdict: i.Verdict}
	if e := i.Event; e != nil {
		out.Name, out.Status, out.Receipt = e.Name, e.Status, e.Receipt
		if e.Failure != nil {
			out.Code = e.Failure.Code
		}
		if e.Amount.HasValue() {
			out.Amount = e.Amount.String()
		}
		out.Note = strings.Join(e.Notes, "; ")
	}
	return out
}

const (
	valid  = payment.VerdictUnsigned
	broken = payment.VerdictMalformed
	paid   = payment.StatusCompleted
	failed = payment.StatusFailed
)

// fixtureTable says what each fixture must be read as.
func fixtureTable() map[string]told {
	full := told{valid, EventSTKCompleted, paid, "", "UA2K7QX9ZP", "150.00", ""}
	undecided := func(receipt, amount, note string) told {
		return told{valid, EventSTKUnknown, "", "", receipt, amount, note}
	}
	no := func(code string) told { return told{valid, EventSTKFailed, failed, code, "", "", ""} }
	asked := func(status payment.Status, code, note string) told {
		return told{valid, EventTransaction, status, code, "UA2K7QX9ZP", "150.00", note}
	}
	table := map[string]told{
		"stk/success-no-receipt.json":   undecided("", "150.00", "without an M-PESA receipt"),
		"stk/success-no-metadata.json":  undecided("", "", "without an M-PESA receipt"),
		"stk/success-bare-item.json":    {valid, EventSTKCompleted, paid, "", "UA2K7QX9ZP", "", "without an amount"},
		"stk/success-bad-amount.json":   undecided("UA2K7QX9ZP", "", "amount cannot be read"),
		"stk/success-two-amounts.json":  undecided("UA2K7QX9ZP", "150.00", "came twice"),
		"stk/success-two-codes.json":    undecided("UA2K7QX9ZP", "150.00", "came twice"),
		"stk/success-decimal-code.json": undecided("UA2K7QX9ZP", "150.00", "unknown result code 0.0"),
		"stk/success-null-code.json":    undecided("UA2K7QX9ZP", "150.00", "no ResultCode"),
		"stk/success-boolean-code.json": undecided("UA2K7QX9ZP", "150.00", "unknown form"),
		"stk/cancelled.json":            no("1032"),
		"stk/cancelled-capital.json":    no("1032"),
		"stk/cancelled-prefixed.json":   no("1032"),
		"stk/spaced-keys.json":          no("1032"),
		"stk/unreachable.json":          no("1037"),
		"stk/wrong-pin.json":            no("2001"),
		"stk/low-balance.json":          no("1"),
		"stk/operator-missing.json":     no("SFC_IC0003"),
		"stk/bad-debt.json":             no("E3008"),
		"stk/unknown-code.json":         undecided("", "", "2002 settles nothing"),
		"stk/still-processing.json":     undecided("", "", "unknown result code 4999"),
		"stk/non-numeric-code.json":     undecided("UA2K7QX9ZP", "150.00", "unknown result code ABC"),
		"stk/no-code.json":              undecided("", "", "no ResultCode"),
		"stk/no-checkout.json":          {Verdict: broken},
		"stk/flat-top-level.json":       {Verdict: broken},

		"result/transaction-completed.json":          asked(paid, "", ""),
		"result/transaction-numbers.json":            asked(paid, "", ""),
		"result/transaction-strings.json":            asked(paid, "", ""),
		"result/transaction-references.json":         asked(paid, "", ""),
		"result/transaction-spaced-keys.json":        asked(paid, "", ""),
		"result/transaction-double-party.json":       asked(paid, "", "debitpartyname came twice"),
		"result/transaction-charges.json":            asked(paid, "", ""),
		"result/transaction-original-ids.json":       asked(paid, "", ""),
		"result/transaction-masked.json":             asked(paid, "", ""),
		"result/flat-list.json":                      asked(paid, "", ""),
		"result/transaction-cancelled.json":          asked(failed, "Cancelled", ""),
		"result/transaction-declined.json":           asked(failed, "Declined", ""),
		"result/transaction-expired.json":            asked(failed, "Expired", ""),
		"result/transaction-pending-authorized.json": asked("", "", ""),
		"result/transaction-failed.json":             asked(failed, "Failed", ""),
		"result/transaction-reversed.json":           asked("", "", ""),
		"result/flat-list-failed.json":               asked(failed, "Failed", ""),
		"result/transaction-two-statuses.json":       asked("", "", "transactionstatus came twice"),
		"result/wrong-credential.json":               {valid, EventTransaction, "", "", "", "", "2001 says nothing about the payment"},
		"result/collapsed.json":                      {valid, EventB2B, "", "", "", "", "2001 says nothing"},
		"result/b2c.json":                            {valid, EventB2C, "", "", "UA2K7QX9ZQ", "150.00", ""},
		"result/b2b.json":                            {valid, EventB2B, "", "", "", "190.00", ""},
		"result/balance.json":                        {valid, EventBalance, "", "", "", "", ""},
		"result/reversal.json":                       {valid, EventReversal, "", "", "", "150.00", ""},
		"result/reversal-again.json":                 {valid, EventReversal, "", "", "", "", "already reversed"},
		"result/unrecognised.json":                   {valid, EventUnknownEnvelope, "", "", "", "", ""},
		"result/no-code.json":                        {Verdict: broken},
		"timeout/envelope.json":                      {valid, EventTimeout, "", "", "", "", ""},
		"timeout/flat.json":                          {valid, EventTimeout, "", "", "", "", ""},
		"c2b/confirmation.json":                      {valid, EventC2BConfirmation, "", "", "UA2K7QX9ZR", "150.00", ""},
		"c2b/buy-goods.json":                         {valid, EventC2BConfirmation, "", "", "UA2K7QX9ZR", "150.00", ""},
		"c2b/validation.json":                        {valid, EventC2BValidation, "", "", "UA2K7QX9ZR", "150.00", ""},
		"c2b/bad-amount.json":                        {valid, EventC2BConfirmation, "", "", "UA2K7QX9ZR", "", "amount cannot be read"},
		"c2b/missing-comma.json":                     {Verdict: broken},
	}
	for _, name := range []string{
		"success", "success-compact", "success-string-code", "success-reordered", "success-value-first", "success-six-items",
		"success-balance-number", "success-balance-text", "success-balance-null", "success-masked-phone", "success-hashed-phone",
		"success-no-phone", "success-date-text", "success-date-formatted", "success-escaped", "success-flat-metadata", "extra-members",
	} {
		table["stk/"+name+".json"] = full
	}
	return table
}

func fixtureRoute(name string) string {
	switch {
	case strings.HasPrefix(name, "timeout/"):
		return routeTimeout
	case strings.HasPrefix(name, "result/"):
		return routePrefix + "/result"
	case name == "c2b/validation.json":
		return routeC2BValidation
	case strings.HasPrefix(name, "c2b/"):
		return routeC2BConfirmation
	}
	return routePrefix + "/stk"
}

func TestInspectFixtures(t *testing.T) {
	t.Parallel()
	table := fixtureTable()
	for name, body := range allFixtures(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, ok := table[name]
			if !ok {
				t.Fatal("a fixture without an expectation")
			}
			i := Receiver{}.Inspect(payment.Delivery{Route: fixtureRoute(name), Body: body})
			got := tell(i)
			if want.Note != "" && strings.Contains(got.Note, want.Note) {
				got.Note = want.Note
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if i.Verdict == broken && i.Reason == "" {
				t.Error("a malformed body without a reason")
			}
			again := Receiver{}.Inspect(payment.Delivery{Route: fixtureRoute(name), Body: append(body, '\n')})
			if i.Event != nil && again.Event != nil && i.Event.ConversationID+i.Event.ProviderID != "" && again.Event.Key != i.Event.Key {
				t.Errorf("a copy has another key: %q and %q", i.Event.Key, again.Event.Key)
			}
		})
	}
	if len(table) != len(allFixtures(t)) {
		t.Errorf("%d expectations for %d fixtures", len(table), len(allFixtures(t)))
	}
}

// TestC2BOnlyOnItsRoutes holds that a customer's payment cannot enter where the
// path's token may be anything, and that it is small: nothing of ours vouches
// for it (reference/daraja.md §10.1).
func TestC2BOnlyOnItsRoutes(t *testing.T) {
	t.Parallel()
	body := fixture(t, "c2b/confirmation.json")
	long := append([]byte(`{"Padding":"`+strings.Repeat("x", maxC2B)+`",`), body[1:]...)
	for _, c := range []struct {
		route string
		body  []byte
		want  payment.Verdict
		event string
	}{
		{routeC2BConfirmation, body, valid, EventC2BConfirmation},
		{routeC2BValidation, body, valid, EventC2BValidation},
		{routePrefix, body, valid, EventC2BConfirmation},
		{routePrefix + "/stk", body, broken, ""},
		{routePrefix + "/result", body, broken, ""},
		{"", body, broken, ""},
		{routeC2BConfirmation, long, broken, ""},
	} {
		i := Receiver{}.Inspect(payment.Delivery{Provider: payment.Daraja, Route: c.route, Body: c.body})
		event := ""
		if i.Event != nil {
			event = i.Event.Name
		}
		if i.Verdict != c.want || event != c.event {
			t.Errorf("%s, %d bytes: %s %q, want %s %q", c.route, len(c.body), i.Verdict, event, c.want, c.event)
		}
	}
}

// reference/daraja.md §4.1.
func TestInspectSTKWhole(t *testing.T) {
	t.Parallel()
	d := payment.Delivery{
		Provider: payment.Daraja, Route: routePrefix + "/stk", Token: "K7f2C1",
		Header: http.Header{"Businessshortcode": {"600111"}}, Body: fixture(t, "stk/success.json"),
	}
	want := payment.Inspection{
		Verdict: payment.VerdictUnsigned, Reason: reasonUnsigned,
		Event: &payment.Event{
			Provider: payment.Daraja, Name: EventSTKCompleted, Status: payment.StatusCompleted,
			Key:        "stk/" + checkoutID + "/0/UA2K7QX9ZP/150.00/",
			ProviderID: checkoutID, MerchantRequestID: "9c1e-4f0a-8d27-77ab01cd23ef1234567",
			Receipt: "UA2K7QX9ZP", Amount: payment.AmountOf(15000, payment.KES), ShortCode: "600111",
			Phone: "254711000222", OccurredAt: time.Date(2026, 1, 2, 0, 4, 31, 0, time.UTC),
		},
	}
	if diff := cmp.Diff(want, Receiver{}.Inspect(d), amounts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	d.Body = fixture(t, "stk/cancelled.json")
	want.Event = &payment.Event{
		Provider: payment.Daraja, Name: EventSTKFailed, Status: payment.StatusFailed,
		Key: "stk/" + checkoutID + "/1032///", ProviderID: checkoutID, ShortCode: "600111",
		MerchantRequestID: "9c1e-4f0a-8d27-77ab01cd23ef1234567",
		Failure: &payment.Failure{
			Code: "1032", Reason: "Request cancelled by user",
			Advice: "the customer cancelled, or the prompt closed by itself after 1 to 3 minutes; try again: ask the customer first",
		},
	}
	if diff := cmp.Diff(want, Receiver{}.Inspect(d), amounts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A false claim must not share its key with the true one, or storing it first
// would hide the truth as a duplicate.
func TestKeysTellClaimsApart(t *testing.T) {
	t.Parallel()
	base := string(fixture(t, "stk/success.json"))
	keys := map[string]string{}
	for name, body := range map[string]string{
		"true":          base,
		"other receipt": strings.Replace(base, "UA2K7QX9ZP", "UA2K7QX9ZZ", 1),
		"other amount":  strings.Replace(base, "150.00", "1.00", 1),
		"other code":    strings.Replace(base, `"ResultCode": 0`, `"ResultCode": 1032`, 1),
		"other id":      strings.Replace(base, checkoutID, checkoutID[:len(checkoutID)-1]+"3", 1),
	} {
		i := Receiver{}.Inspect(payment.Delivery{Body: []byte(body)})
		if i.Event == nil {
			t.Fatalf("%s: no event", name)
		}
		if other, taken := keys[i.Event.Key]; taken {
			t.Errorf("%s has the key of %s: %s", name, other, i.Event.Key)
		}
		keys[i.Event.Key] = name
	}
}

func TestInspectHostile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 1<<20)
	bodies := map[string]string{
		"nothing": "", "a word": "null", "NUL": "{}\x00", "two values": "{}{}", "an open brace": "{",
		"deep":          strings.Repeat("[", 1<<16),
		"deep in an id": `{"Body":{"stkCallback":{"CheckoutRequestID":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"ResultCode":0}}}`,
		"long id":       `{"Body":{"stkCallback":{"CheckoutRequestID":"` + long + `","ResultCode":0}}}`,
		"an escape":     `{"Body":{"stkCallback":{"CheckoutRequestID":"ws\u001b[2J","ResultCode":0}}}`,
		"a lone half":   `{"Body":{"stkCallback":{"CheckoutRequestID":"\ud800","ResultCode":0}}}`,
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := Receiver{}.Inspect(payment.Delivery{Body: []byte(body)})
			if i.Verdict != payment.VerdictMalformed || i.Event != nil {
				t.Errorf("got %+v", i)
			}
		})
	}
	t.Run("a long code is bounded everywhere", func(t *testing.T) {
		t.Parallel()
		i := Receiver{}.Inspect(payment.Delivery{Body: []byte(`{"Body":{"stkCallback":{"CheckoutRequestID":"ws","ResultCode":` + long + `}}}`)})
		if i.Event == nil || i.Event.Status != "" || len(i.Event.Key) > 256 || len(i.Event.Notes[0]) > 256 {
			t.Errorf("got %+v", tell(i))
		}
	})
	t.Run("words for people are tidied", func(t *testing.T) {
		t.Parallel()
		i := Receiver{}.Inspect(payment.Delivery{Body: []byte(`{"Body":{"stkCallback":{"CheckoutRequestID":"ws","ResultCode":1032,"ResultDesc":"by \u001b[31m254711000222"}}}`)})
		if diff := cmp.Diff(`by \x1b[31m2547*****222`, i.Event.Failure.Reason); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// reference/daraja.md §4.3, §10.1.
func TestAcknowledge(t *testing.T) {
	t.Parallel()
	invoice := regexp.MustCompile("INV-[0-9]+")
	rule := ValidationRule{Min: payment.AmountOf(1000, payment.KES), Max: payment.AmountOf(100000, payment.KES), Reference: invoice}
	kyc := ValidationRule{Reference: invoice, ReferenceReject: RejectKYC}
	ok := string(fixture(t, "c2b/validation.json"))
	tests := []struct {
		name, route, body string
		rule              ValidationRule
		what              payment.Disposition
		status            int
		want              string
	}{
		{"stk", "/stk", "{}", rule, payment.Stored, 200, `{"ResultCode":0,"ResultDesc":"Accepted"}`},
		{"malformed stk", "/stk", "<html>", rule, payment.Stored, 200, `{"ResultCode":0,"ResultDesc":"Accepted"}`},
		{"result", "/result", "{}", rule, payment.Stored, 200, `{"ResultCode":0,"ResultDesc":"Accepted"}`},
		{"timeout", "/timeout", "", rule, payment.Stored, 200, `{"ResultCode":0,"ResultDesc":"Accepted"}`},
		{"confirmation", "/c2b/confirmation", ok, rule, payment.Stored, 200, `{"ResultCode":0,"ResultDesc":"Success"}`},
		{"validation", "/c2b/validation", ok, rule, payment.Stored, 200, `{"ResultCode":"0","ResultDesc":"Accepted"}`},
		{"no rule", "/c2b/validation", "<html>", ValidationRule{}, payment.Stored, 200, `{"ResultCode":"0","ResultDesc":"Accepted"}`},
		{"too much", "/c2b/validation", strings.Replace(ok, "150.00", "1000.01", 1), rule, payment.Stored, 200, `{"ResultCode":"C2B00013","ResultDesc":"Rejected"}`},
		{"too little", "/c2b/validation", strings.Replace(ok, "150.00", "9.99", 1), rule, payment.Stored, 200, `{"ResultCode":"C2B00013","ResultDesc":"Rejected"}`},
		{"no amount", "/c2b/validation", strings.Replace(ok, "150.00", "much", 1), rule, payment.Stored, 200, `{"ResultCode":"C2B00013","ResultDesc":"Rejected"}`},
		{"wrong account", "/c2b/validation", strings.Replace(ok, "INV-1", "INV-1x", 1), rule, payment.Stored, 200, `{"ResultCode":"C2B00012","ResultDesc":"Rejected"}`},
		{"more than the account", "/c2b/validation", strings.Replace(ok, "INV-1", "INV-1 INV-2", 1), rule, payment.Stored, 200, `{"ResultCode":"C2B00012","ResultDesc":"Rejected"}`},
		{"chosen code", "/c2b/validation", strings.Replace(ok, "INV-1", "x", 1), kyc, payment.Stored, 200, `{"ResultCode":"C2B00014","ResultDesc":"Rejected"}`},
		{"unreadable", "/c2b/validation", "{", rule, payment.Stored, 200, `{"ResultCode":"C2B00016","ResultDesc":"Rejected"}`},
		{"not stored", "/stk", "{}", rule, payment.NotStored, 503, `{"ResultCode":1,"ResultDesc":"Not stored"}`},
		{"too large", "/stk", "", rule, payment.TooLarge, 413, `{"ResultCode":1,"ResultDesc":"Request too large"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := Receiver{Rule: tt.rule}
			d := payment.Delivery{Route: routePrefix + tt.route, Body: []byte(tt.body)}
			want := payment.Reply{Status: tt.status, ContentType: "application/json", Body: []byte(tt.want)}
			if diff := cmp.Diff(want, r.Acknowledge(d, r.Inspect(d), tt.what)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Members that Daraja adds must not cost the listener its fast path, and a known
// one in other clothes must not slip through it.
func TestScanPassesOverForeignMembers(t *testing.T) {
	t.Parallel()
	const whole = `{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"ws_CO_1","ResultCode":0,"ResultDesc":"ok",%s` +
		`"CallbackMetadata":{"Item":[{"Name":"Amount","Value":1.00},{"Name":"MpesaReceiptNumber","Value":"UA2K7QX9ZP"}]}}}}`
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for member, want := range map[string]bool{
		`"Note":"x",`:                           true,
		`"Note":{"ResultCode":1,"a":[1,null]},`: true,
		`"":"",`:                                true,
		`"Note":` + nested(maxDepth-valueDepth+1) + `,`: true,
		`"Note":` + nested(maxDepth-valueDepth+2) + `,`: false,
		`"Note":01,`:             false,
		`"Note":"\x",`:           false,
		`"Note":"` + "\n" + `",`: false,
		`"resultCode":1032,`:     false,
		`"Result Code":1032,`:    false,
		`"Re\u0073ultCode":1,`:   false,
		`"ReſultCode":1,`:        false,
		`"ResultCode":1032,`:     false,
	} {
		body := []byte(fmt.Sprintf(whole, member))
		fast, ok := scanSTK(body)
		if ok != want {
			t.Errorf("%s: taken %v, want %v", member, ok, want)
		}
		root, valid := parseTree(body)
		if !ok {
			continue
		}
		if diff := cmp.Diff(readSTK(root.get("body").get("stkcallback")), fast, cmp.AllowUnexported(stkFields{})); !valid || diff != "" {
			t.Errorf("%s: the reader says otherwise (%v): %s", member, valid, diff)
		}
	}
}
