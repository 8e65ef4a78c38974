package sevi

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

const token = "wh-token-0001-abcdef"

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "testdata", "sevi", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func receiver(t *testing.T, tokens ...string) *Receiver {
	t.Helper()
	var c Config
	for _, v := range tokens {
		c.Tokens = append(c.Tokens, secret.New(v))
	}
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func delivery(body string, auth ...string) payment.Delivery {
	h := http.Header{}
	for _, a := range auth {
		h.Add("Authorization", a)
	}
	return payment.Delivery{Provider: payment.Sevi, Route: "/callbacks/sevi", Method: "POST", Header: h, Body: []byte(body)}
}

func kes(minor int64) payment.Amount { return payment.AmountOf(minor, payment.KES) }

// parseTransaction reads a transaction with all its fields.
func parseTransaction(body []byte) (Transaction, error) {
	f, err := top(body)
	if err != nil {
		return Transaction{}, err
	}
	if !f.isTransaction() {
		return Transaction{}, errUnknown
	}
	return f.transaction(), nil
}

var compareAmounts = cmp.Comparer(func(a, b payment.Amount) bool { return a == b })

// TestEvents reads every payload form of reference/sevi.md §7 and §9.
func TestEvents(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	note := "authorization: bare value"
	for file, want := range map[string]*payment.Event{
		"linked-to-order.json": {
			Provider: payment.Sevi, Name: "wallet.credit", ProviderID: "7d1c0f6e-0000-4000-8000-000000000001",
			Key:       "sevi:transaction:WAL-test-01:7d1c0f6e-0000-4000-8000-000000000001:COMPLETED:1200.50:KES",
			Reference: "SO-0042", Status: payment.StatusCompleted, Amount: kes(120050), ShortCode: "WAL-test-01",
			Phone: "+254700000077", OccurredAt: day, Notes: []string{note},
		},
		"settlement.json": {
			Provider: payment.Sevi, Name: "wallet.debit", ProviderID: "7d1c0f6e-0000-4000-8000-000000000002",
			Key:    "sevi:transaction:WAL-test-01:7d1c0f6e-0000-4000-8000-000000000002:PENDING:50000.00:KES",
			Status: payment.StatusPending, Amount: kes(5000000), ShortCode: "WAL-test-01",
			OccurredAt: time.Date(2026, 3, 2, 21, 0, 0, 0, time.UTC), Notes: []string{note},
		},
		"older-top-up.json": {
			Provider: payment.Sevi, Name: "wallet.credit", ProviderID: "t0t0t0t0t0",
			Key:       "sevi:transaction:testwallet:t0t0t0t0t0::640.00:KES",
			Reference: "SO-0042", Amount: kes(64000), ShortCode: "testwallet", Notes: []string{note},
		},
		"older-2023.json": {
			Provider: payment.Sevi, Name: "wallet.transaction", ProviderID: "txn-2023-1",
			Key:    "sevi:transaction::txn-2023-1::310.25:",
			Amount: payment.AmountOf(31025, ""), Phone: "+254700000078",
			Notes: []string{"the amount 310.25 states no currency", note},
		},
		"total-differs.json": {
			Provider: payment.Sevi, Name: "wallet.credit", ProviderID: "7d1c0f6e-0000-4000-8000-000000000005",
			Key:    "sevi:transaction:WAL-test-02:7d1c0f6e-0000-4000-8000-000000000005:COMPLETED:100.00:UGX",
			Status: payment.StatusCompleted, Amount: payment.AmountOf(10000, payment.UGX), ShortCode: "WAL-test-02",
			OccurredAt: day, Notes: []string{"totalAmount 100.00 is not amount 100.00 plus fee 5.00", note},
		},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			d := delivery(string(fixture(t, file)), token)
			got := receiver(t, token).Inspect(d)
			if diff := cmp.Diff(payment.Inspection{Verdict: payment.VerdictValid, Matched: "token", Event: want}, got, compareAmounts); diff != "" {
				t.Errorf("inspection (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOrderPaidIsNotMoney holds the rule that only a transaction moves money
// (reference/sevi.md §8, W8).
func TestOrderPaidIsNotMoney(t *testing.T) {
	t.Parallel()
	e, err := Parse(fixture(t, "order-paid.json"))
	if err != nil {
		t.Fatal(err)
	}
	e.Key = e.Key[:strings.LastIndex(e.Key, ":")]
	want := &payment.Event{
		Provider: payment.Sevi, Name: "order.updated", Key: "sevi:order:7d1c0f6e-0000-4000-8000-0000000000aa:DELIVERED:PAID",
		ProviderID: "7d1c0f6e-0000-4000-8000-0000000000aa", Reference: "SO-0042", Phone: "+254700000077",
		OccurredAt: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Notes: []string{notePaid},
	}
	if diff := cmp.Diff(want, e, compareAmounts); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

// TestToken walks the rules of reference/sevi.md §2.
func TestToken(t *testing.T) {
	t.Parallel()
	const missing, wrong = "the Authorization header is missing", "the Authorization header is none of the configured tokens"
	for name, c := range map[string]struct {
		tokens []string
		auth   []string
		form   string
		reason string
	}{
		"exact":                     {[]string{token}, []string{token}, "bare value", ""},
		"trimmed":                   {[]string{" " + token + "\n"}, []string{"  " + token + " "}, "bare value", ""},
		"bearer added":              {[]string{token}, []string{"Bearer " + token}, "scheme bearer", ""},
		"bearer lower case":         {[]string{token}, []string{"bearer   " + token}, "scheme bearer", ""},
		"token scheme":              {[]string{token}, []string{"TOKEN " + token}, "scheme token", ""},
		"pasted with scheme":        {[]string{"Bearer " + token}, []string{token}, "bare value", ""},
		"both with scheme":          {[]string{"Bearer " + token}, []string{"BEARER " + token}, "scheme bearer", ""},
		"schemes differ":            {[]string{"Bearer " + token}, []string{"Token " + token}, "", wrong},
		"unknown scheme":            {[]string{token}, []string{"Basic " + token}, "", wrong},
		"value with a space":        {[]string{"two words"}, []string{"two words"}, "bare value", ""},
		"half of a value":           {[]string{"two words"}, []string{"words"}, "", wrong},
		"rotation, old":             {[]string{"new-token", token}, []string{token}, "bare value", ""},
		"rotation, new":             {[]string{"new-token", token}, []string{"new-token"}, "bare value", ""},
		"missing":                   {[]string{token}, nil, "", missing},
		"empty":                     {[]string{token}, []string{" "}, "", "the Authorization header is empty"},
		"wrong":                     {[]string{token}, []string{token + "x"}, "", wrong},
		"case matters":              {[]string{token}, []string{strings.ToUpper(token)}, "", wrong},
		"scheme only":               {[]string{token}, []string{"Bearer"}, "", wrong},
		"two headers":               {[]string{token}, []string{token, token}, "", "more than one Authorization header"},
		"two headers, second wrong": {[]string{token}, []string{token, "x"}, "", "more than one Authorization header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form, reason := receiver(t, c.tokens...).authorized(c.auth)
			if diff := cmp.Diff([]string{c.form, c.reason}, []string{form, reason}); diff != "" {
				t.Errorf("form and reason (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewRefusesWithoutToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Config
		kind   payment.Kind
	}{
		"none":      {Config{}, payment.KindUnauthorized},
		"nil":       {Config{Tokens: []*secret.Secret{nil, secret.New("")}}, payment.KindUnauthorized},
		"spaces":    {Config{Tokens: []*secret.Secret{secret.New("  ")}}, payment.KindUsage},
		"scheme":    {Config{Tokens: []*secret.Secret{secret.New("Bearer  x\x00")}}, payment.KindUsage},
		"two lines": {Config{Tokens: []*secret.Secret{secret.New("a\nb")}}, payment.KindUsage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(c.config)
			if err == nil || payment.KindOf(err) != c.kind {
				t.Errorf("New gave %v (%v), want kind %v", err, payment.KindOf(err), c.kind)
			}
		})
	}
	r, err := New(Config{Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	got := r.Inspect(delivery(`{"id":"a","amount":1,"currency":"KES"}`))
	if got.Verdict != payment.VerdictUnsigned || got.Event == nil || got.Matched != "" {
		t.Errorf("insecure inspection: %+v", got)
	}
}

// TestAcknowledge holds the answers: exactly 200 for what is stored and
// authentic, even when it is not understood (reference/sevi.md §3).
func TestAcknowledge(t *testing.T) {
	t.Parallel()
	r := receiver(t, token)
	good := string(fixture(t, "linked-to-order.json"))
	for name, c := range map[string]struct {
		delivery payment.Delivery
		what     payment.Disposition
		verdict  payment.Verdict
		status   int
		reason   string
	}{
		"valid":           {delivery(good, token), payment.Stored, payment.VerdictValid, 200, ""},
		"order":           {delivery(`{"order":{"id":"o"},"customer":null}`, token), payment.Stored, payment.VerdictValid, 200, ""},
		"bom":             {delivery("\xef\xbb\xbf"+good, token), payment.Stored, payment.VerdictValid, 200, ""},
		"not understood":  {delivery(string(fixture(t, "customer-undocumented.json")), token), payment.Stored, payment.VerdictMalformed, 200, errUnknown.Error()},
		"array":           {delivery(`[{"id":"a","amount":1}]`, token), payment.Stored, payment.VerdictMalformed, 200, errNotObject.Error()},
		"null":            {delivery(`null`, token), payment.Stored, payment.VerdictMalformed, 200, errNotObject.Error()},
		"cut short":       {delivery(good[:100], token), payment.Stored, payment.VerdictMalformed, 400, errNotJSON.Error()},
		"empty":           {delivery("", token), payment.Stored, payment.VerdictMalformed, 400, errNotJSON.Error()},
		"trailing data":   {delivery(good+"{}", token), payment.Stored, payment.VerdictMalformed, 400, errNotJSON.Error()},
		"no token":        {delivery(good), payment.Stored, payment.VerdictMismatch, 401, "the Authorization header is missing"},
		"junk, no token":  {delivery("junk"), payment.Stored, payment.VerdictMismatch, 401, "the Authorization header is missing"},
		"ledger is down":  {delivery(good, token), payment.NotStored, payment.VerdictValid, 503, ""},
		"over the cap":    {delivery(good, token), payment.TooLarge, payment.VerdictValid, 413, ""},
		"deeply nested":   {delivery(`{"id":"a","amount":1,"currency":"KES","x":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+`}`, token), payment.Stored, payment.VerdictValid, 200, ""},
		"far too nested":  {delivery(strings.Repeat("[", 100000), token), payment.Stored, payment.VerdictMalformed, 400, errNotJSON.Error()},
		"order with junk": {delivery(`{"order":"x"}`, token), payment.Stored, payment.VerdictMalformed, 200, errUnknown.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := r.Inspect(c.delivery)
			reply := r.Acknowledge(c.delivery, i, c.what)
			if diff := cmp.Diff(
				[]any{c.verdict, c.status, c.reason},
				[]any{i.Verdict, reply.Status, i.Reason},
			); diff != "" {
				t.Errorf("verdict, status, reason (-want +got):\n%s", diff)
			}
			if len(reply.Body) > 40 || reply.ContentType != "application/json" {
				t.Errorf("reply is not tiny JSON: %q %q", reply.ContentType, reply.Body)
			}
		})
	}
}

func TestOddFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want Transaction
	}{
		"quoted number, number as id": {
			`{"id":77,"amount":"1200.5","currency":"kes","transactionType":"debit","status":"failed"}`,
			Transaction{ID: "77", Currency: "KES", Amount: kes(120050), HasAmount: true, TransactionType: "DEBIT", Direction: Debit, Status: "FAILED"},
		},
		"exponent": {
			`{"id":"a","amount":1.2e3,"currency":"KES"}`,
			Transaction{ID: "a", Currency: "KES", Amount: kes(120000), HasAmount: true},
		},
		"fraction of a cent": {
			`{"id":"a","amount":1.005,"currency":"KES"}`,
			Transaction{ID: "a", Currency: "KES", Notes: []string{`amount: amount "1.005": has a part smaller than one cent`, "no usable amount"}},
		},
		"amount of another type": {
			`{"id":"a","amount":{"v":1},"currency":"KESH"}`,
			Transaction{ID: "a", Notes: []string{"currency is not three letters", "amount is not a number", "no usable amount"}},
		},
		"negative tells no direction": {
			`{"id":"a","amount":-5,"currency":"KES","paymentType":"SETTLEMENT"}`,
			Transaction{ID: "a", Currency: "KES", Amount: kes(-500), HasAmount: true, PaymentType: "SETTLEMENT"},
		},
		"top-up without payment type": {
			`{"id":"a","amount":5,"currency":"KES","transactionType":"TOP_UP"}`,
			Transaction{ID: "a", Currency: "KES", Amount: kes(500), HasAmount: true, TransactionType: "TOP_UP", Direction: Credit},
		},
		"payment type decides over top-up": {
			`{"id":"a","amount":5,"currency":"KES","transactionType":"TOP_UP","paymentType":"DEBIT"}`,
			Transaction{ID: "a", Currency: "KES", Amount: kes(500), HasAmount: true, TransactionType: "TOP_UP", PaymentType: "DEBIT", Direction: Debit},
		},
		"bad time, order of another id": {
			`{"id":"a","amount":5,"currency":"KES","createdAt":"yesterday","orderId":"o1","order":{"id":"o2","paymentStatus":"PAID"}}`,
			Transaction{
				ID: "a", Currency: "KES", Amount: kes(500), HasAmount: true, OrderID: "o1", Order: Order{ID: "o2", PaymentStatus: "PAID"},
				Notes: []string{"createdAt is not an RFC 3339 time", "order.id is not orderId", notePaid},
			},
		},
		"last of duplicate names": {
			`{"id":"a","amount":5,"amount":6,"currency":"KES"}`,
			Transaction{ID: "a", Currency: "KES", Amount: kes(600), HasAmount: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseTransaction([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, compareAmounts); diff != "" {
				t.Errorf("transaction (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCustomerLookup holds the order of reference/sevi.md §6.
func TestCustomerLookup(t *testing.T) {
	t.Parallel()
	places := []string{
		`"customer":{"name":"1"}`, `"customerVendor":{"name":"2"}`,
		`"order":{"customer":{"name":"3"},"customerVendor":{"name":"4"},"user":{"name":"5"}}`,
		`"order":{"customerVendor":{"name":"4"},"user":{"name":"5"}}`,
		`"order":{"user":{"name":"5"}}`,
		`"customer":null,"users":[{"user":{"name":"6","documentId":"00000000","phoneNumbers":[null,"+254700000079",7]}}]`,
	}
	var got []Customer
	for i := range places {
		rest := places[i]
		if i < 2 {
			rest = strings.Join(places[i:3], ",")
		}
		tr, err := parseTransaction(fmt.Appendf(nil, `{"id":"a","amount":1,%s}`, rest))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, tr.Customer)
	}
	want := []Customer{{Name: "1"}, {Name: "2"}, {Name: "3"}, {Name: "4"}, {Name: "5"}, {Name: "6", Phones: []string{"+254700000079", "7"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("customers (-want +got):\n%s", diff)
	}
}

// TestKeyParts holds that different identities never share a key, and that a
// huge id cannot bloat the ledger's index.
func TestKeyParts(t *testing.T) {
	t.Parallel()
	a := Transaction{ID: "b:c", WalletID: "a"}
	b := Transaction{ID: "c", WalletID: "a:b"}
	long := Transaction{ID: strings.Repeat("x", 100000)}
	if a.Key() == b.Key() {
		t.Errorf("two identities share the key %s", a.Key())
	}
	if n := len(long.Key()); n > 500 {
		t.Errorf("key of %d bytes", n)
	}
}

func TestSamplesAreUnderstood(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range Samples() {
		e, err := Parse(s.Body)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		name, _, _ := strings.Cut(s.Name, "/")
		if e.Name != name || seen[s.Name] || len(e.Notes) > 0 {
			t.Errorf("sample %s means %s, notes %q, seen before: %v", s.Name, e.Name, e.Notes, seen[s.Name])
		}
		seen[s.Name] = true
	}
}
