package wasaapay

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

func amountComparer() cmp.Option {
	return cmp.Comparer(func(a, b payment.Amount) bool { return a == b })
}

// inspect signs a body and inspects it.
func inspect(t *testing.T, env payment.Environment, body string) payment.Inspection {
	t.Helper()
	signed, err := Sign([]byte(body), secret.New("k"))
	if err != nil {
		t.Fatal(err)
	}
	return NewReceiver(env, secretsOf("k")).Inspect(payment.Delivery{Body: signed})
}

func TestSamplesBecomeEvents(t *testing.T) {
	t.Parallel()
	wants := map[string]payment.Event{
		"deposit.initiated": {ProviderID: "dep_sample_1", Status: payment.StatusPending},
		"deposit.completed": {ProviderID: "dep_sample_1", Status: payment.StatusCompleted, Receipt: "TST0000001"},
		"deposit.failed":    {ProviderID: "dep_sample_1", Status: payment.StatusFailed, Failure: failure("", "declined in a sample")},

		"withdrawal.initiated": {ProviderID: "wdr_sample_1"}, "withdrawal.completed": {ProviderID: "wdr_sample_1"}, "withdrawal.failed": {ProviderID: "wdr_sample_1"},
		"transfer.completed": {ProviderID: "trf_sample_1"}, "transfer.failed": {ProviderID: "trf_sample_1"},
		"bill.initiated": {ProviderID: "bill_sample_1"}, "bill.completed": {ProviderID: "bill_sample_1"}, "bill.failed": {ProviderID: "bill_sample_1"},
	}
	keys := map[string]string{}
	for _, s := range Samples() {
		want, known := wants[s.Event]
		if !known {
			t.Errorf("no expectation for %s", s.Event)
		}
		delete(wants, s.Event)
		_, step, _ := strings.Cut(s.Event, ".")
		status := map[string]string{"initiated": "PENDING", "completed": "COMPLETED", "failed": "FAILED"}[step]
		want.Provider, want.Name, want.Reference, want.Amount = payment.WasaaPay, s.Event, "INV-77", payment.AmountOf(25000, payment.KES)
		want.Environment = payment.Sandbox
		want.Key = "SANDBOX/" + s.Event + "/" + want.ProviderID + "/" + status
		want.OccurredAt = time.Date(2026, 3, 2, 8, 15, 42, 0, time.UTC)
		if step == "initiated" {
			want.OccurredAt = time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
		}
		got := inspect(t, payment.Sandbox, string(s.Body))
		if diff := cmp.Diff(payment.Inspection{Verdict: payment.VerdictValid, Matched: MatchedStringify, Event: &want}, got, amountComparer()); diff != "" {
			t.Errorf("%s: %s", s.Event, diff)
		}
		if other, taken := keys[got.Event.Key]; taken {
			t.Errorf("%s and %s share the key %s", s.Event, other, got.Event.Key)
		}
		keys[got.Event.Key] = s.Event
		if of, ok := SampleOf(strings.Replace(s.Event, ".", ":", 1)); !ok || string(of.Body) != string(s.Body) {
			t.Errorf("%s: SampleOf differs", s.Event)
		}
	}
	if len(wants) > 0 {
		t.Errorf("no sample for %v", wants)
	}
	if _, ok := SampleOf("deposit.expired"); ok {
		t.Error("a sample for an event that does not exist")
	}
}

func TestEventReading(t *testing.T) {
	t.Parallel()
	const head = `{"event":"deposit.completed","environment":"SANDBOX","data":{`
	event := func(change func(*payment.Event)) payment.Event {
		e := payment.Event{
			Provider: payment.WasaaPay, Name: "deposit.completed", ProviderID: "dep_1", Status: payment.StatusCompleted,
			Key: "SANDBOX/deposit.completed/dep_1/COMPLETED",
		}
		change(&e)
		return e
	}
	kes := func(minor int64) func(*payment.Event) {
		return func(e *payment.Event) { e.Amount = payment.AmountOf(minor, payment.KES) }
	}
	same := func(*payment.Event) {}
	unclear := func(problem string) payment.Event {
		return event(func(e *payment.Event) {
			e.Status, e.Key = payment.StatusPending, e.Key+"/unclear"
			e.Notes = []string{problem, "what was paid is not certain: taken as undecided"}
		})
	}
	for name, c := range map[string]struct {
		env  payment.Environment
		body string
		want payment.Event
	}{
		"id instead of depositId": {"", head + `"id":"dep_1","status":"COMPLETED"}}`, event(same)},
		"both agree":              {"", head + `"id":"dep_1","depositId":"dep_1","status":"COMPLETED"}}`, event(same)},
		"both disagree": {"", head + `"id":"dep_2","depositId":"dep_1","status":"COMPLETED"}}`, event(func(e *payment.Event) {
			e.Status, e.Notes = "", []string{"data.depositId and data.id disagree: it is not certain which deposit this is"}
			e.Key += "/unclear"
		})},
		"amount as a number":   {"", head + `"id":"dep_1","status":"COMPLETED","amount":250.5}}`, event(kes(25050))},
		"amount with exponent": {"", head + `"id":"dep_1","status":"COMPLETED","amount":2.5E2}}`, event(kes(25000))},
		"amount beyond floats": {"", head + `"id":"dep_1","status":"COMPLETED","amount":123456789012345.67}}`, event(kes(12345678901234567))},
		"amount in dollars": {"", head + `"id":"dep_1","status":"COMPLETED","amount":"9.30","currency":"usd"}}`, event(func(e *payment.Event) {
			e.Amount = payment.AmountOf(930, payment.USD)
		})},
		"amount in words":       {"", head + `"id":"dep_1","status":"COMPLETED","amount":"a lot"}}`, unclear(`the amount "a lot": not a decimal number`)},
		"amount of mills":       {"", head + `"id":"dep_1","status":"COMPLETED","amount":"1.001"}}`, unclear(`the amount "1.001": has a part smaller than one cent`)},
		"amount in an object":   {"", head + `"id":"dep_1","status":"COMPLETED","amount":{"value":"1.00"}}}`, unclear("the amount is neither a number nor the text of one")},
		"empty amount":          {"", head + `"id":"dep_1","status":"COMPLETED","amount":""}}`, unclear("the amount is neither a number nor the text of one")},
		"currency of four":      {"", head + `"id":"dep_1","status":"COMPLETED","amount":"1.00","currency":"KSHS"}}`, unclear("the currency is not three letters")},
		"currency in an object": {"", head + `"id":"dep_1","status":"COMPLETED","amount":"1.00","currency":{"code":"KES"}}}`, unclear("the currency is not three letters")},
		"dollars of no amount":  {"", head + `"id":"dep_1","status":"COMPLETED","currency":"USD"}}`, unclear("the currency is USD, of no amount")},
		"null amount":           {"", head + `"id":"dep_1","status":"COMPLETED","amount":null,"currency":null}}`, event(same)},
		"pending, amount in words": {"", head + `"id":"dep_1","status":"PENDING","amount":"a lot"}}`, event(func(e *payment.Event) {
			e.Status, e.Key = payment.StatusPending, "SANDBOX/deposit.completed/dep_1/PENDING/unclear"
			e.Notes = []string{`the amount "a lot": not a decimal number`, "the event and data.status PENDING disagree: taken as undecided"}
		})},
		"milliseconds": {
			"", `{"event":"deposit.completed","environment":"SANDBOX","timestamp":"2026-03-02T11:15:42.118+03:00","data":{"id":"dep_1","status":"COMPLETED"}}`,
			event(func(e *payment.Event) { e.OccurredAt = time.Date(2026, 3, 2, 8, 15, 42, 118e6, time.UTC) }),
		},
		"bad time": {
			"", `{"event":"deposit.completed","environment":"SANDBOX","timestamp":"yesterday","data":{"id":"dep_1","status":"COMPLETED"}}`,
			event(func(e *payment.Event) { e.Notes = []string{"the timestamp is not RFC 3339"} }),
		},
		"no status": {"", head + `"id":"dep_1"}}`, event(func(e *payment.Event) { e.Key = "SANDBOX/deposit.completed/dep_1/" })},
		"status against the name": {"", head + `"id":"dep_1","status":"FAILED"}}`, event(func(e *payment.Event) {
			e.Status, e.Key = payment.StatusPending, "SANDBOX/deposit.completed/dep_1/FAILED"
			e.Notes = []string{"the event and data.status FAILED disagree: taken as undecided"}
		})},
		"unknown status": {"", head + `"id":"dep_1","status":"REVERSED"}}`, event(func(e *payment.Event) {
			e.Status, e.Key = payment.StatusPending, "SANDBOX/deposit.completed/dep_1/REVERSED"
			e.Notes = []string{"the status REVERSED is not documented: taken as undecided"}
		})},
		"the emulator's own": {payment.Local, head + `"id":"dep_1","status":"COMPLETED"}}`, event(same)},
		"only the vendor's reference": {"", head + `"reference":"DEP/1","status":"COMPLETED"}}`, event(func(e *payment.Event) {
			e.ProviderID, e.Reference, e.Key = "", "DEP/1", "SANDBOX/deposit.completed/DEP%2F1/COMPLETED"
		})},
		"unknown event": {"", `{"event":"deposit.expired","environment":"SANDBOX","data":{"id":"dep_1","status":"FAILED"}}`, event(func(e *payment.Event) {
			e.Name, e.Status, e.Key = "deposit.expired", "", "SANDBOX/deposit.expired/dep_1/FAILED"
			e.Notes = []string{"WasaaPay documents no event of this name"}
		})},
		"colon, duplicate names, escapes": {"", `{"data":{"id":"old","status":"FAILED","receiptNumber":"R0"},"event":"deposit:failed","event":"deposit\u003acompleted","environment":"SANDBOX",` +
			`"data":{"id":"dep\u005f1","status":"PENDING","status":"COMPLETED"}}`, event(same)},
		"absurd values": {"", head + `"depositId":{"x":1},"id":"dep_1","status":"COMPLETED","receiptNumber":[1],"externalReference":true,"phoneNumber":null}}`, event(same)},
		"phone and receipt": {"", head + `"id":"dep_1","status":"COMPLETED","phoneNumber":"+254700000077","receiptNumber":"TST0000001"}}`, event(func(e *payment.Event) {
			e.Phone, e.Receipt = "+254700000077", "TST0000001"
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := inspect(t, c.env, c.body)
			c.want.Environment = c.env
			want := payment.Inspection{Verdict: payment.VerdictValid, Matched: MatchedStringify, Event: &c.want}
			if diff := cmp.Diff(want, got, amountComparer()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEnvironmentsFailClosed: what does not say that it is of the profile's environment
// moves nothing; where it says nothing, a setting decides.
func TestEnvironmentsFailClosed(t *testing.T) {
	t.Parallel()
	const other, absent = "another", "absent"
	for name, tt := range map[string]struct {
		env    payment.Environment
		member string
		want   string
	}{
		"production":              {payment.Production, `"environment":"PRODUCTION",`, ""},
		"sandbox":                 {payment.Sandbox, `"environment":"SANDBOX",`, ""},
		"sandbox, in small":       {payment.Sandbox, `"environment":"sandbox",`, ""},
		"a test of production's":  {payment.Production, `"environment":"SANDBOX",`, other},
		"a payment of production": {payment.Sandbox, `"environment":"PRODUCTION",`, other},
		"production, in small":    {payment.Production, `"environment":"production",`, other},
		"a blank behind it":       {payment.Production, `"environment":"sandbox ",`, other},
		"a blank behind ours":     {payment.Production, `"environment":"PRODUCTION ",`, other},
		"another word":            {payment.Production, `"environment":"TEST",`, other},
		"another word, sandbox":   {payment.Sandbox, `"environment":"TEST",`, other},
		"a list":                  {payment.Production, `"environment":["SANDBOX"],`, other},
		"a list of ours":          {payment.Production, `"environment":["PRODUCTION"],`, other},
		"an object":               {payment.Production, `"environment":{"PRODUCTION":1},`, other},
		"a number":                {payment.Production, `"environment":1,`, other},
		"null":                    {payment.Production, `"environment":null,`, other},
		"empty":                   {payment.Production, `"environment":"",`, other},
		"a letter alike":          {payment.Production, `"environment":"PRODUCTI\u041eN",`, other},
		"escaped":                 {payment.Production, `"environment":"PR\u004fDUCTION",`, ""},
		"twice, ours last":        {payment.Production, `"environment":"SANDBOX","environment":"PRODUCTION",`, ""},
		"twice, ours first":       {payment.Production, `"environment":"PRODUCTION","environment":"SANDBOX",`, other},
		"in the data alone":       {payment.Production, ``, absent},
		"none":                    {payment.Production, ``, absent},
		"none, sandbox":           {payment.Sandbox, ``, ""},
		"the emulator's":          {payment.Local, `"environment":"SANDBOX",`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"event":"deposit.completed",` + tt.member + `"data":{"id":"dep_1","status":"COMPLETED","environment":"PRODUCTION"}}`
			signed, err := Sign([]byte(body), secretsOf("k")[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, take := range []bool{false, true} {
				r := NewReceiver(tt.env, secretsOf("k"))
				if take || tt.want == absent {
					r = r.TakeAbsent(take)
				}
				got := r.Inspect(payment.Delivery{Body: signed})
				settles := tt.want == "" || tt.want == absent && take
				if (got.Verdict == payment.VerdictValid) != settles || (got.Event.Status == payment.StatusCompleted) != settles {
					t.Errorf("take %v: verdict %s, status %q", take, got.Verdict, got.Event.Status)
				}
				if !settles && (got.Verdict != payment.VerdictUntrusted || !strings.Contains(got.Reason, "moves nothing")) {
					t.Errorf("take %v: verdict %s, reason %q", take, got.Verdict, got.Reason)
				}
			}
		})
	}
}

// TestIDsAreStrings: many texts of a number have one signature, so that an id that is no
// string would be read otherwise than it was verified.
func TestIDsAreStrings(t *testing.T) {
	t.Parallel()
	pair := func(member, signed, sent string) {
		t.Helper()
		body := func(value string) []byte {
			return []byte(`{"event":"deposit.completed","environment":"PRODUCTION","data":{"` + member + `":` + value + `,"status":"COMPLETED"}}`)
		}
		out, err := Sign(body(signed), secretsOf("k")[0])
		if err != nil {
			t.Fatal(err)
		}
		out = []byte(strings.Replace(string(out), `"`+member+`":`+signed, `"`+member+`":`+sent, 1))
		if i := NewReceiver("", secretsOf("k")).Inspect(payment.Delivery{Body: out}); i.Verdict != payment.VerdictValid {
			t.Errorf("%s %s for %s: the signature alone: %s", member, sent, signed, i.Verdict)
		}
		got := NewReceiver(payment.Production, secretsOf("k")).Inspect(payment.Delivery{Body: out})
		want := payment.Inspection{Verdict: payment.VerdictMalformed, Reason: "data." + member + " is not a string, as every id is"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s for %s: %s", member, sent, signed, diff)
		}
	}
	for _, member := range []string{"id", "depositId", "withdrawalId", "transferId", "billId", "reference", "externalReference", "receiptNumber"} {
		pair(member, "9007199254740992", "9007199254740993")
		pair(member, "5", "5.0")
		pair(member, "5", "5e0")
		pair(member, "0", "-0")
		pair(member, "true", "true")
		pair(member, `{"a":1}`, `{"a":1.0}`)
		pair(member, `["x"]`, `["x"]`)
	}
}

// FuzzIDs: of a body that verifies, every id that is read is the text that was signed.
func FuzzIDs(f *testing.F) {
	for _, seed := range []string{`"dep_1"`, `9007199254740993`, `5.0`, `null`, `"\u0064ep_1"`, `"\ud800"`, `[5]`, `1e400`} {
		f.Add(seed)
	}
	key := secretsOf("k")
	f.Fuzz(func(t *testing.T, value string) {
		body, err := Sign([]byte(`{"event":"deposit.completed","environment":"PRODUCTION","data":{"id":`+value+`,"status":"COMPLETED"}}`), key[0])
		if err != nil {
			return
		}
		got := NewReceiver(payment.Production, key).Inspect(payment.Delivery{Body: body})
		if got.Verdict != payment.VerdictValid || got.Event == nil || got.Event.ProviderID == "" {
			return
		}
		canonical, err := Canonical(nil, body)
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			Data struct{ ID string }
		}
		if json.Unmarshal(canonical, &read) == nil && read.Data.ID != got.Event.ProviderID {
			t.Fatalf("read %q, signed %q in %s", got.Event.ProviderID, read.Data.ID, canonical)
		}
	})
}

// TestRetriesShareTheKey: a retry may be stamped and signed anew (§11.6).
func TestRetriesShareTheKey(t *testing.T) {
	t.Parallel()
	first := inspect(t, payment.Sandbox, vectorA)
	again := inspect(t, payment.Sandbox, strings.Replace(vectorB, "08:15:00Z", "20:15:00Z", 1))
	if first.Event.Key != again.Event.Key {
		t.Errorf("got keys %q and %q, want one", first.Event.Key, again.Event.Key)
	}
	nameless := inspect(t, payment.Sandbox, `{"event":"bill.paid","data":{}}`)
	other := inspect(t, payment.Sandbox, `{"event":"bill.paid","data":{"x":1}}`)
	if nameless.Event.Key == other.Event.Key {
		t.Errorf("two events without ids share the key %q", nameless.Event.Key)
	}
}

// TestForgedEventsClaimNothing: what does not verify is shown, but it can
// neither move a deposit nor take the place of the real delivery.
func TestForgedEventsClaimNothing(t *testing.T) {
	t.Parallel()
	body := []byte(strings.Replace(vectorA, `"X"`, `"sha256=`+strings.Repeat("0", 64)+`"`, 1))
	want := payment.Inspection{Verdict: payment.VerdictMismatch, Reason: reasonMismatch, Event: &payment.Event{
		Provider: payment.WasaaPay, Name: "deposit.completed", ProviderID: "dep_t1", Reference: "INV-77", Receipt: "TST0000001",
		Amount: payment.AmountOf(25000, payment.KES), OccurredAt: time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC),
	}}
	got := NewReceiver(payment.Sandbox, secretsOf("k")).Inspect(payment.Delivery{Body: body})
	if diff := cmp.Diff(want, got, amountComparer()); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", "<html>", "[]", `{"event":`} {
		got := NewReceiver(payment.Sandbox, secretsOf("k")).Inspect(payment.Delivery{Body: []byte(text)})
		if got.Verdict != payment.VerdictMalformed || got.Event != nil || got.Reason == "" {
			t.Errorf("%q: got %+v", text, got)
		}
	}
	noName := inspect(t, payment.Sandbox, `{"data":{"id":"x"}}`)
	if noName.Verdict != payment.VerdictValid || noName.Event != nil {
		t.Errorf("got %+v, want a valid delivery without an event", noName)
	}
}

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	r := NewReceiver(payment.Sandbox, nil)
	for _, c := range []struct {
		verdict payment.Verdict
		what    payment.Disposition
		size    int
		want    int
	}{
		{payment.VerdictValid, payment.Stored, 0, http.StatusOK},
		{payment.VerdictUntrusted, payment.Stored, 0, http.StatusOK},
		{payment.VerdictMismatch, payment.Stored, 0, http.StatusUnauthorized},
		{payment.VerdictUnsigned, payment.Stored, 0, http.StatusUnauthorized},
		{payment.VerdictMalformed, payment.Stored, 0, http.StatusBadRequest},
		{payment.VerdictMalformed, payment.Stored, MaxBody + 1, http.StatusRequestEntityTooLarge},
		{"", payment.TooLarge, 0, http.StatusRequestEntityTooLarge},
		{payment.VerdictValid, payment.NotStored, 0, http.StatusServiceUnavailable},
		{payment.VerdictMismatch, payment.NotStored, 0, http.StatusServiceUnavailable},
	} {
		got := r.Acknowledge(payment.Delivery{Body: make([]byte, c.size)}, payment.Inspection{Verdict: c.verdict}, c.what)
		if got.Status != c.want || len(got.Body) == 0 || got.ContentType == "" {
			t.Errorf("%q %d: got %+v, want %d", c.verdict, c.what, got, c.want)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for code, section := range map[string]string{
		"COMPLETED": "§7.4", "pending": "§7.4", "429": "§3", "HTTP 503": "§5, §11.1", "deposit:failed": "§11.3", "c21": "§15", " bill.paid ": "", "": "",
	} {
		m, ok := Explain(code)
		if ok != (section != "") || m.Section != section {
			t.Errorf("%q: got %+v, %v", code, m, ok)
		}
	}
	seen := map[string]bool{}
	for _, m := range Catalogue() {
		if seen[m.Code] || m.Title == "" || m.Advice == "" || m.Section == "" {
			t.Errorf("%+v: repeated or incomplete", m)
		}
		seen[m.Code] = true
	}
	for _, code := range append(Events(), "PENDING", "COMPLETED", "FAILED", "C1", "C21") {
		if !seen[code] {
			t.Errorf("%s is not explained", code)
		}
	}
}
