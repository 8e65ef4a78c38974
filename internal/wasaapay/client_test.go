package wasaapay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

const liveLookingKey = "sk_sandbox_0123456789abcdef"

// script is a transport that plays answers in order and keeps the requests.
// An unplayed answer or a request too many fails the test.
type script struct {
	t       *testing.T
	answers []playAnswer
	got     []played
}

type playAnswer struct {
	status int
	body   string
	header map[string]string
	// refused fails before a connection stands, lost after; late waits for ctx.
	refused, lost, late bool
}

type played struct {
	Method, URL, Key, Idempotency, ContentType, Body string
	At                                               time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.got = append(s.got, played{
		r.Method, r.URL.String(), r.Header.Get("X-Api-Key"), r.Header.Get("X-Idempotency-Key"), r.Header.Get("Content-Type"), string(body), time.Now(),
	})
	if len(s.answers) == 0 {
		s.t.Errorf("unexpected request %s %s", r.Method, r.URL)
		return nil, errors.New("no answer left")
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	if a.refused {
		return nil, errors.New("connection refused")
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	switch {
	case a.lost:
		return nil, errors.New("connection reset")
	case a.late:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	h := http.Header{}
	for k, v := range a.header {
		h.Set(k, v)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// budget records what is asked of a rate budget.
type budget struct {
	reserved []time.Duration
	held     []time.Duration
}

func (b *budget) ReserveWithin(_ context.Context, _ string, per, _ time.Duration) (payment.Slot, error) {
	b.reserved = append(b.reserved, per)
	return payment.Slot{}, nil
}

func (b *budget) Unreserve(context.Context, payment.Slot) error { return nil }

func (b *budget) Hold(_ context.Context, _ string, until time.Time) error {
	b.held = append(b.held, time.Until(until))
	return nil
}

func newClient(t *testing.T, answers []playAnswer, change func(*Config)) (*Client, *script) {
	t.Helper()
	s := &script{t: t, answers: answers}
	cfg := Config{
		Environment: payment.Sandbox, APIKey: secret.New(liveLookingKey), Wallet: "wallet_9",
		HTTP: &http.Client{Transport: s},
	}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func testDeposit(t testing.TB) payment.Deposit {
	t.Helper()
	phone, err := payment.ParsePhone("0700000077")
	if err != nil {
		t.Fatal(err)
	}
	return payment.Deposit{ID: "d1", Reference: "INV-77", Amount: payment.AmountOf(25000, payment.KES), Phone: phone, IdempotencyKey: "key-1"}
}

const (
	created  = `{"success":true,"data":{"id":"dep_1","status":"PENDING"}}`
	notFound = `{"success":false,"error":{"code":"X_1","message":"no such deposit"}}`
)

func TestCreateRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Config)
		amount int64
		fields map[string]string
		want   map[string]any
		url    string
	}{
		"defaults": {nil, 25000, nil, map[string]any{"walletId": "wallet_9", "amount": json.Number("250"), "phoneNumber": "+254700000077", "externalReference": "INV-77"}, RESTURL},
		"forms": {
			func(c *Config) { c.AmountForm, c.PhoneForm, c.BaseURL = "string", "254", "http://127.0.0.1:4010/" }, 25000,
			map[string]string{"callbackUrl": "https://x.example/?a=1&b=<2>"},
			map[string]any{"walletId": "wallet_9", "amount": "250.00", "phoneNumber": "254700000077", "externalReference": "INV-77", "callbackUrl": "https://x.example/?a=1&b=<2>"},
			"http://127.0.0.1:4010/api/v1/partner",
		},
		"cents": {func(c *Config) { c.AllowCents = true }, 25050, nil, map[string]any{"walletId": "wallet_9", "amount": json.Number("250.50"), "phoneNumber": "+254700000077", "externalReference": "INV-77"}, RESTURL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s := newClient(t, []playAnswer{{status: 201, body: created}}, c.change)
			d := testDeposit(t)
			d.Amount = payment.AmountOf(c.amount, payment.KES)
			got, err := client.Create(t.Context(), payment.DepositRequest{Deposit: d, Fields: c.fields})
			if diff := cmp.Diff(payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1"}, got, cmpopts.EquateComparable(payment.Amount{}, payment.Phone{})); diff != "" || err != nil {
				t.Fatalf("%v %s", err, diff)
			}
			var body map[string]any
			dec := json.NewDecoder(bytes.NewReader([]byte(s.got[0].Body)))
			dec.UseNumber()
			if err := dec.Decode(&body); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, body); diff != "" {
				t.Error(diff)
			}
			want := played{"POST", c.url + "/deposits/mpesa", liveLookingKey, "key-1", "application/json", s.got[0].Body, s.got[0].At}
			if diff := cmp.Diff(want, s.got[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCreateAnswers(t *testing.T) {
	t.Parallel()
	failed := func(code, reason string) payment.Answer {
		return refusal(answer{code: code, message: reason})
	}
	for name, c := range map[string]struct {
		answer  playAnswer
		want    payment.Answer
		kind    payment.Kind
		unknown bool
		says    string
	}{
		"depositId":         {playAnswer{status: 200, body: `{"success":true,"data":{"depositId":"dep_2"}}`}, payment.Answer{Status: payment.StatusPending, ProviderID: "dep_2"}, 0, false, ""},
		"nested deposit":    {playAnswer{status: 202, body: `{"data":{"deposit":{"id":"dep_3","status":"PENDING"}}}`}, payment.Answer{Status: payment.StatusPending, ProviderID: "dep_3"}, 0, false, ""},
		"numeric id":        {playAnswer{status: 200, body: `{"data":{"id":77}}`}, payment.Answer{Status: payment.StatusPending, ProviderID: "77"}, 0, false, ""},
		"completed at once": {playAnswer{status: 200, body: `{"data":{"id":"d","status":"COMPLETED","receiptNumber":"R1"}}`}, payment.Answer{Status: payment.StatusCompleted, ProviderID: "d", Receipt: "R1"}, 0, false, ""},
		"failed at once": {
			playAnswer{status: 200, body: `{"success":false,"data":{"id":"d","status":"FAILED","failureReason":"limit of 254712345678 reached"}}`},
			payment.Answer{Status: payment.StatusFailed, ProviderID: "d", Failure: failure("", "limit of 2547*****678 reached")},
			0, false, "",
		},
		"unknown status": {
			playAnswer{status: 200, body: `{"data":{"id":"d","status":"QUEUED"}}`},
			payment.Answer{Status: payment.StatusPending, ProviderID: "d", Code: "QUEUED", Message: "the status QUEUED is not documented; the deposit is taken as undecided"},
			0, false, "",
		},
		"of another amount":   {playAnswer{status: 200, body: `{"success":true,"data":{"id":"dep_9","status":"COMPLETED","amount":"50.00"}}`}, payment.Answer{}, payment.KindPending, true, "the answer is about 50.00 KES, not the 250.00 KES asked for (idempotency key key-1)"},
		"of another currency": {playAnswer{status: 200, body: `{"success":true,"data":{"id":"dep_9","status":"PENDING","amount":250,"currency":"USD"}}`}, payment.Answer{}, payment.KindPending, true, "the answer is about 250.00 USD, not the 250.00 KES asked for"},
		"of the same amount":  {playAnswer{status: 200, body: `{"success":true,"data":{"id":"dep_1","status":"PENDING","amount":250,"currency":"KES"}}`}, payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1", Amount: payment.AmountOf(25000, payment.KES)}, 0, false, ""},
		"of two deposits":     {playAnswer{status: 200, body: `{"success":true,"data":{"id":"dep_1","depositId":"dep_2","status":"PENDING"}}`}, payment.Answer{}, payment.KindPending, true, "data.depositId and data.id disagree"},
		"of two, nested":      {playAnswer{status: 200, body: `{"success":true,"data":{"id":"dep_1","deposit":{"id":"dep_2","status":"PENDING"}}}`}, payment.Answer{}, payment.KindPending, true, "data.depositId and data.id disagree"},
		"an error with an id": {playAnswer{status: 200, body: `{"success":false,"error":"SLOW","data":{"id":"dep_1","status":"PENDING"}}`}, payment.Answer{Status: payment.StatusUnknown, ProviderID: "dep_1"}, payment.KindPending, true, "HTTP 200 SLOW"},
		"an error that is paid": {
			playAnswer{status: 200, body: `{"success":false,"data":{"id":"dep_1","status":"COMPLETED"}}`},
			payment.Answer{Status: payment.StatusUnknown, ProviderID: "dep_1"},
			payment.KindPending, true, "HTTP 200",
		},
		"illegible amount": {
			playAnswer{status: 200, body: `{"success":true,"data":{"id":"dep_1","status":"COMPLETED","amount":{"value":"250.00"},"receiptNumber":"R1"}}`},
			payment.Answer{
				Status: payment.StatusPending, ProviderID: "dep_1", Code: "COMPLETED",
				Message: "the amount is neither a number nor the text of one; the deposit is taken as undecided",
			},
			0, false, "",
		},
		"no id":             {playAnswer{status: 201, body: `{"success":true,"data":{}}`}, payment.Answer{}, payment.KindPending, true, "has no deposit id (idempotency key key-1)"},
		"not JSON":          {playAnswer{status: 200, body: `<html>sign in</html>`}, payment.Answer{}, payment.KindPending, true, "not JSON (idempotency key key-1)"},
		"refused in a 200":  {playAnswer{status: 200, body: `{"success":false,"errorCode":"E1","message":"no"}`}, failed("E1", "no"), 0, false, ""},
		"400 nested":        {playAnswer{status: 400, body: `{"error":{"code":"E2","message":"bad wallet"}}`}, failed("E2", "bad wallet"), 0, false, ""},
		"422 bare code":     {playAnswer{status: 422, body: `{"error":"E3"}`}, failed("E3", "E3"), 0, false, ""},
		"422 bare words":    {playAnswer{status: 422, body: `{"error":"amount too small"}`}, failed("", "amount too small"), 0, false, ""},
		"422 list":          {playAnswer{status: 422, body: `{"errors":[{"message":"first"},{"message":"second"}]}`}, failed("", "first"), 0, false, ""},
		"422 list of texts": {playAnswer{status: 422, body: `{"errors":["first"]}`}, failed("", "first"), 0, false, ""},
		"422 in data":       {playAnswer{status: 422, body: `{"data":{"message":"inside"}}`}, failed("", "inside"), 0, false, ""},
		"422 HTML":          {playAnswer{status: 422, body: `<b>`}, payment.Answer{}, payment.KindUnavailable, false, "HTTP 422 (Unprocessable Entity)"},
		"401":               {playAnswer{status: 401, body: `{"message":"bad key"}`}, payment.Answer{}, payment.KindUnauthorized, false, "HTTP 401 (bad key)"},
		"403":               {playAnswer{status: 403, body: ``}, payment.Answer{}, payment.KindUnauthorized, false, "HTTP 403"},
		"404":               {playAnswer{status: 404, body: `{}`}, payment.Answer{}, payment.KindUsage, false, "not WasaaPay's API"},
		"302":               {playAnswer{status: 302, body: ``}, payment.Answer{}, payment.KindUsage, false, "not WasaaPay's API"},
		"409":               {playAnswer{status: 409, body: `{"message":"key in use"}`}, payment.Answer{}, payment.KindPending, true, "key in use"},
		"501":               {playAnswer{status: 501, body: ``}, payment.Answer{}, payment.KindPending, true, "HTTP 501"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, []playAnswer{c.answer}, nil)
			got, err := client.Create(t.Context(), payment.DepositRequest{Deposit: testDeposit(t)})
			checkAnswer(t, c.want, got, err, c.kind, c.says)
			if errors.Is(err, payment.ErrOutcomeUnknown) != c.unknown {
				t.Errorf("got error %v, want outcome unknown %v", err, c.unknown)
			}
		})
	}
}

func checkAnswer(t *testing.T, want, got payment.Answer, err error, kind payment.Kind, says string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(payment.Amount{}, payment.Phone{})); diff != "" {
		t.Error(diff)
	}
	if (err != nil) != (says != "") || err != nil && (payment.KindOf(err) != kind || !strings.Contains(err.Error(), says)) {
		t.Errorf("got error %v (%s), want %s saying %q", err, payment.KindOf(err), kind, says)
	}
	if err != nil && strings.Contains(err.Error(), liveLookingKey) {
		t.Error("the error shows the API key")
	}
}

// TestCreateRetries: the same key and the same bytes on each safe retry.
func TestCreateRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []playAnswer
		want    payment.Answer
		kind    payment.Kind
		unknown bool
		says    string
		least   time.Duration
	}{
		"gets through": {
			[]playAnswer{{refused: true}, {lost: true}, {status: 503}, {status: 408}, {status: 201, body: created}},
			payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1"},
			0, false, "", 3750 * time.Millisecond,
		},
		"never connected": {
			[]playAnswer{{refused: true}, {refused: true}, {refused: true}, {refused: true}, {refused: true}},
			payment.Answer{},
			payment.KindUnavailable, false, "cannot reach", 0,
		},
		"lost, then not connected": {
			[]playAnswer{{lost: true}, {refused: true}, {refused: true}, {refused: true}, {refused: true}},
			payment.Answer{},
			payment.KindPending, true, "idempotency key key-1", 0,
		},
		"lost, then refused": {
			[]playAnswer{{lost: true}, {status: 400, body: notFound}},
			payment.Answer{},
			payment.KindPending, true, "no such deposit", 0,
		},
		"lost, then an error in a 200": {
			[]playAnswer{{lost: true}, {status: 200, body: `{"success":false,"error":{"code":"IN_PROGRESS","message":"a request with this key is in progress"}}`}},
			payment.Answer{Status: payment.StatusUnknown},
			payment.KindPending, true, "HTTP 200 IN_PROGRESS (a request with this key is in progress) (idempotency key key-1)", 0,
		},
		"timed out, then an error that names it": {
			[]playAnswer{{status: 504}, {status: 200, body: `{"success":false,"data":{"id":"dep_1","status":"FAILED"}}`}},
			payment.Answer{Status: payment.StatusUnknown, ProviderID: "dep_1"},
			payment.KindPending, true, "HTTP 200", 0,
		},
		"limited, then an error in a 200": {
			[]playAnswer{{status: 429}, {status: 200, body: `{"success":false,"error":{"code":"X_1","message":"no"}}`}},
			refusal(answer{code: "X_1", message: "no"}), 0, false, "", 0,
		},
		"500 to the end": {
			[]playAnswer{{status: 500}, {status: 500}, {status: 502}, {status: 503}, {status: 504}},
			payment.Answer{},
			payment.KindPending, true, "HTTP 504", 0,
		},
		"limited, then refused": {
			[]playAnswer{{status: 429}, {status: 425}, {status: 400, body: notFound}},
			refusal(answer{code: "X_1", message: "no such deposit"}), 0, false, "", 0,
		},
		"limited to the end": {
			[]playAnswer{{status: 429}, {status: 429}, {status: 429}, {status: 429}, {status: 429}},
			payment.Answer{},
			payment.KindUnavailable, false, "HTTP 429", 0,
		},
		"asked to wait": {
			[]playAnswer{{status: 429, header: map[string]string{"Retry-After": "20"}}, {status: 201, body: created}},
			payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1"},
			0, false, "", 20 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, s := newClient(t, c.answers, nil)
				start := time.Now()
				got, err := client.Create(t.Context(), payment.DepositRequest{Deposit: testDeposit(t)})
				checkAnswer(t, c.want, got, err, c.kind, c.says)
				if errors.Is(err, payment.ErrOutcomeUnknown) != c.unknown {
					t.Errorf("got error %v, want outcome unknown %v", err, c.unknown)
				}
				if len(s.answers) > 0 {
					t.Errorf("%d answers were not asked for", len(s.answers))
				}
				if took := time.Since(start); took < c.least {
					t.Errorf("took %s, want at least %s", took, c.least)
				}
				for _, r := range s.got {
					if r.Idempotency != "key-1" || r.Body != s.got[0].Body {
						t.Errorf("a retry differs: %+v", r)
					}
				}
			})
		})
	}
}

// TestCreateAtTheDeadline: what ends the wait decides nothing about what was sent.
func TestCreateAtTheDeadline(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []playAnswer
		unknown bool
	}{
		"while waiting for the answer":    {[]playAnswer{{late: true}}, true},
		"between attempts, after a loss":  {[]playAnswer{{status: 503, header: map[string]string{"Retry-After": "60"}}}, true},
		"between attempts, after a limit": {[]playAnswer{{status: 429, header: map[string]string{"Retry-After": "60"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, _ := newClient(t, c.answers, nil)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := client.Create(ctx, payment.DepositRequest{Deposit: testDeposit(t)})
				if err == nil || errors.Is(err, payment.ErrOutcomeUnknown) != c.unknown {
					t.Errorf("got error %v, want outcome unknown %v", err, c.unknown)
				}
			})
		})
	}
}

// TestRateLimitIsShared: every call takes a slot, and what the provider asks
// for is told to all processes (§3).
func TestRateLimitIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		soon := strconv.FormatInt(time.Now().Add(30*time.Second).Unix(), 10)
		b := &budget{}
		client, _ := newClient(t, []playAnswer{
			{status: 429, header: map[string]string{"Retry-After": "7"}},
			{status: 429, header: map[string]string{"X-RateLimit-Reset": soon}},
			{status: 429, header: map[string]string{"X-RateLimit-Reset": soon + "000"}},
			{status: 201, body: created, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"}},
		}, func(c *Config) { c.Budget = b })
		if _, err := client.Create(t.Context(), payment.DepositRequest{Deposit: testDeposit(t)}); err != nil {
			t.Fatal(err)
		}
		want := &budget{reserved: []time.Duration{time.Second, time.Second, time.Second, time.Second}}
		if diff := cmp.Diff(want.reserved, b.reserved); diff != "" {
			t.Error(diff)
		}
		if len(b.held) < 3 || b.held[0] != 7*time.Second || b.held[len(b.held)-1] != 9*time.Second {
			t.Errorf("got holds %v, want 7s first and 9s last", b.held)
		}
	})
}

func TestResetWait(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for text, want := range map[string]time.Duration{
		"1800000030": 30 * time.Second, "1800000030000": 30 * time.Second, "45": 45 * time.Second,
		"1700000000": 0, "": 0, "soon": 0, "-5": 0, "999999": time.Hour, "99999999999": time.Hour,
	} {
		if got := resetWait(text, now); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer playAnswer
		want   payment.Answer
		kind   payment.Kind
		says   string
	}{
		"pending":   {playAnswer{status: 200, body: created}, payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1"}, 0, ""},
		"completed": {playAnswer{status: 200, body: `{"data":{"status":"COMPLETED","receiptNumber":"R1"}}`}, payment.Answer{Status: payment.StatusCompleted, ProviderID: "dep_1", Receipt: "R1"}, 0, ""},
		"failed": {
			playAnswer{status: 200, body: `{"success":true,"data":{"id":"dep_1","status":"FAILED"}}`},
			payment.Answer{Status: payment.StatusFailed, ProviderID: "dep_1", Failure: failure("", "")},
			0, "",
		},
		"unknown status": {
			playAnswer{status: 200, body: `{"data":{"id":"dep_1","status":"Completed"}}`},
			payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1", Code: "Completed", Message: "the status Completed is not documented; the deposit is taken as undecided"},
			0, "",
		},
		"no data":          {playAnswer{status: 200, body: `{"success":true}`}, payment.Answer{Status: payment.StatusUnknown, Message: "OK"}, 0, ""},
		"data is null":     {playAnswer{status: 200, body: `{"data":null}`}, payment.Answer{Status: payment.StatusUnknown, Message: "OK"}, 0, ""},
		"no status":        {playAnswer{status: 200, body: `{"data":{"id":"dep_1"}}`}, payment.Answer{Status: payment.StatusUnknown, Message: "the answer has no status"}, 0, ""},
		"an error, failed": {playAnswer{status: 200, body: `{"success":false,"error":"DB_DOWN","data":{"id":"dep_1","status":"FAILED"}}`}, payment.Answer{Status: payment.StatusUnknown, Code: "DB_DOWN", Message: "DB_DOWN"}, 0, ""},
		"an error, paid":   {playAnswer{status: 200, body: `{"success":false,"data":{"status":"COMPLETED"}}`}, payment.Answer{Status: payment.StatusUnknown, Message: "OK"}, 0, ""},
		"two deposits":     {playAnswer{status: 200, body: `{"success":true,"data":{"id":"dep_1","depositId":"dep_2","status":"COMPLETED"}}`}, payment.Answer{Status: payment.StatusUnknown, Message: idsDisagree}, 0, ""},
		"another amount":   {playAnswer{status: 200, body: `{"data":{"id":"dep_1","status":"COMPLETED","amount":"249.99"}}`}, payment.Answer{Status: payment.StatusUnknown, Message: "the answer is about 249.99 KES, not the 250.00 KES asked for"}, 0, ""},
		"another currency": {playAnswer{status: 200, body: `{"data":{"id":"dep_1","status":"COMPLETED","amount":"250.00","currency":"USD"}}`}, payment.Answer{Status: payment.StatusUnknown, Message: "the answer is about 250.00 USD, not the 250.00 KES asked for"}, 0, ""},
		"illegible amount": {playAnswer{status: 200, body: `{"data":{"id":"dep_1","status":"FAILED","amount":"a lot"}}`}, payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1", Code: "FAILED", Message: `the amount "a lot": not a decimal number; the deposit is taken as undecided`}, 0, ""},
		"the amount": {
			playAnswer{status: 200, body: `{"success":true,"data":{"id":"dep_1","depositId":"dep_1","status":"COMPLETED","amount":250,"currency":"KES"}}`},
			payment.Answer{Status: payment.StatusCompleted, ProviderID: "dep_1", Amount: payment.AmountOf(25000, payment.KES)},
			0, "",
		},
		"another deposit": {playAnswer{status: 200, body: `{"data":{"id":"dep_2","status":"COMPLETED"}}`}, payment.Answer{Status: payment.StatusUnknown, Message: "the answer is about another deposit"}, 0, ""},
		"refused":         {playAnswer{status: 400, body: notFound}, payment.Answer{Status: payment.StatusUnknown, Code: "X_1", Message: "no such deposit"}, 0, ""},
		"not JSON":        {playAnswer{status: 200, body: `<html>`}, payment.Answer{}, payment.KindUnavailable, "without JSON"},
		"not found":       {playAnswer{status: 404, body: notFound}, payment.Answer{}, payment.KindNotFound, "knows no deposit dep_1"},
		"not the API":     {playAnswer{status: 404, body: `404 page`}, payment.Answer{}, payment.KindUnavailable, "HTTP 404"},
		"refused key":     {playAnswer{status: 401, body: `{}`}, payment.Answer{}, payment.KindUnauthorized, "HTTP 401"},
		"refused, empty":  {playAnswer{status: 403, body: "\r\n"}, payment.Answer{}, payment.KindUnauthorized, "HTTP 403"},
		"a proxy's 401":   {playAnswer{status: 401, body: `<html>sign in</html>`}, payment.Answer{}, payment.KindUnavailable, "a proxy answered"},
		"a firewall's":    {playAnswer{status: 403, body: `<html>Attention required`}, payment.Answer{}, payment.KindUnavailable, "HTTP 403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s := newClient(t, []playAnswer{c.answer}, nil)
			got, err := client.Ask(t.Context(), payment.Deposit{ProviderID: "dep_1", Amount: payment.AmountOf(25000, payment.KES)})
			checkAnswer(t, c.want, got, err, c.kind, c.says)
			want := played{"GET", RESTURL + "/deposits/dep_1", liveLookingKey, "", "", "", s.got[0].At}
			if diff := cmp.Diff([]played{want}, s.got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAskTriesAgain: asking changes nothing, so trouble is never "outcome unknown".
func TestAskTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, _ := newClient(t, []playAnswer{{lost: true}, {status: 429}, {status: 500}, {status: 200, body: created}}, nil)
		got, err := client.Ask(t.Context(), payment.Deposit{ProviderID: "dep_1"})
		checkAnswer(t, payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1"}, got, err, 0, "")

		client, _ = newClient(t, []playAnswer{{lost: true}, {lost: true}, {lost: true}, {lost: true}, {lost: true}}, nil)
		_, err = client.Ask(t.Context(), payment.Deposit{ProviderID: "a/b?c"})
		var e *payment.Error
		if !errors.As(err, &e) || e.Kind != payment.KindUnavailable || !e.Retryable || errors.Is(err, payment.ErrOutcomeUnknown) {
			t.Errorf("got %v", err)
		}
	})
}

// TestAskForAnAdoptedDeposit: the ledger does not know what was asked for.
func TestAskForAnAdoptedDeposit(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, []playAnswer{{status: 200, body: `{"data":{"id":"dep_1","status":"COMPLETED","amount":"250.00"}}`}}, nil)
	got, err := client.Ask(t.Context(), payment.Deposit{ProviderID: "dep_1", Amount: payment.AmountOf(0, payment.KES)})
	checkAnswer(t, payment.Answer{Status: payment.StatusCompleted, ProviderID: "dep_1", Amount: payment.AmountOf(25000, payment.KES)}, got, err, 0, "")
}

func TestBadRequestsAreNotSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg    func(*Config)
		change func(*payment.Deposit)
		fields map[string]string
		kind   payment.Kind
		says   string
	}{
		"no key and no wallet": {func(c *Config) { c.APIKey, c.Wallet = nil, "" }, nil, nil, payment.KindUnauthorized, "missing PAYCTL_WASAAPAY_API_KEY and PAYCTL_WASAAPAY_WALLET"},
		"no key":               {func(c *Config) { c.APIKey = secret.New("") }, nil, nil, payment.KindUnauthorized, "missing PAYCTL_WASAAPAY_API_KEY"},
		"no wallet":            {func(c *Config) { c.Wallet = "" }, nil, nil, payment.KindUsage, "wallet: "},
		"no phone":             {nil, func(d *payment.Deposit) { d.Phone = payment.Phone{} }, nil, payment.KindUsage, "phone: "},
		"dollars":              {nil, func(d *payment.Deposit) { d.Amount = payment.AmountOf(100, payment.USD) }, nil, payment.KindUsage, "KES only"},
		"nothing":              {nil, func(d *payment.Deposit) { d.Amount = payment.Amount{} }, nil, payment.KindUsage, "positive"},
		"cents":                {nil, func(d *payment.Deposit) { d.Amount = payment.AmountOf(150, payment.KES) }, nil, payment.KindUsage, "amount 1.50: M-Pesa prompts take whole shillings"},
		"no idempotency key":   {nil, func(d *payment.Deposit) { d.IdempotencyKey = "" }, nil, payment.KindUsage, "idempotency key: "},
		"header injection":     {nil, func(d *payment.Deposit) { d.IdempotencyKey = "a\r\nX: y" }, nil, payment.KindUsage, "idempotency key: "},
		"field over amount":    {nil, nil, map[string]string{"amount": "1"}, payment.KindUsage, "field amount: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s := newClient(t, nil, c.cfg)
			d := testDeposit(t)
			if c.change != nil {
				c.change(&d)
			}
			got, err := client.Create(t.Context(), payment.DepositRequest{Deposit: d, Fields: c.fields})
			checkAnswer(t, payment.Answer{}, got, err, c.kind, c.says)
			if len(s.got) > 0 {
				t.Error("something was sent")
			}
		})
	}
}

func TestCheckFillsTheWallet(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, nil, nil)
	d := testDeposit(t)
	d.Description = "two words"
	warnings, err := client.Check(&d)
	if err != nil || d.Wallet != "wallet_9" || len(warnings) != 1 {
		t.Errorf("got %q %v %v", d.Wallet, warnings, err)
	}
}

func TestNewChecksSettings(t *testing.T) {
	t.Parallel()
	key := func(s string) *secret.Secret { return secret.New(s) }
	for name, c := range map[string]struct {
		cfg  Config
		says string
	}{
		"sandbox":                      {Config{Environment: payment.Sandbox, APIKey: key("sk_sandbox_x")}, ""},
		"sandbox, the other family":    {Config{Environment: payment.Sandbox, APIKey: key("ppk_sandbox_x")}, ""},
		"production":                   {Config{Environment: payment.Production, APIKey: key("sk_live_x")}, ""},
		"a key of unknown form":        {Config{Environment: payment.Production, APIKey: key("something")}, ""},
		"nothing set":                  {Config{Environment: payment.Production}, ""},
		"live key in the sandbox":      {Config{Environment: payment.Sandbox, APIKey: key("sk_live_x")}, "a production key in a sandbox profile"},
		"live key in local":            {Config{Environment: payment.Local, BaseURL: "http://127.0.0.1:1", APIKey: key("ppk_live_x")}, "a production key in a local profile"},
		"sandbox key in production":    {Config{Environment: payment.Production, APIKey: key("ppk_sandbox_x")}, "a sandbox key in a production profile"},
		"local without address":        {Config{Environment: payment.Local}, "base_url: missing"},
		"plain http in the sandbox":    {Config{Environment: payment.Sandbox, BaseURL: "http://api.example"}, "base_url: http would send"},
		"plain ws in production":       {Config{Environment: payment.Production, SocketURL: "ws://api.example"}, "socket_url: ws would send"},
		"a key in the address":         {Config{Environment: payment.Sandbox, BaseURL: "https://k:s@api.example"}, "base_url: not a plain"},
		"a query in the address":       {Config{Environment: payment.Sandbox, SocketURL: "wss://api.example?apiKey=1"}, "socket_url: not a plain"},
		"another scheme":               {Config{Environment: payment.Sandbox, BaseURL: "ftp://api.example"}, "base_url: not a plain"},
		"phone form":                   {Config{Environment: payment.Sandbox, PhoneForm: "07"}, "phone_form: "},
		"amount form":                  {Config{Environment: payment.Sandbox, AmountForm: "float"}, "amount_form: "},
		"loopback http in the sandbox": {Config{Environment: payment.Sandbox, BaseURL: "http://localhost:9"}, ""},
	} {
		_, err := New(c.cfg)
		if (err != nil) != (c.says != "") || err != nil && (!strings.Contains(err.Error(), c.says) || payment.KindOf(err) != payment.KindUsage) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}

// TestBaseURLs: with or without the path, never /partner/partner (§1).
func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                                   RESTURL,
		"https://h.example":                  "https://h.example/api/v1/partner",
		"https://h.example/":                 "https://h.example/api/v1/partner",
		"https://h.example/partner":          "https://h.example/api/v1/partner",
		"https://h.example/api/v1":           "https://h.example/api/v1/partner",
		"https://h.example/api/v1/":          "https://h.example/api/v1/partner",
		"https://h.example/api/v1/partner":   "https://h.example/api/v1/partner",
		"https://h.example/api/v1/partner//": "https://h.example/api/v1/partner",
		"https://h.example:8443/proxy/w":     "https://h.example:8443/proxy/w/api/v1/partner",
	} {
		if got, err := restBase(Config{Environment: payment.Sandbox, BaseURL: raw}); err != nil || got != want {
			t.Errorf("%q: got %q (%v), want %q", raw, got, err, want)
		}
	}
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Environment: payment.Sandbox}, SandboxSocketURL},
		{Config{Environment: payment.Production, BaseURL: "https://h.example"}, ProductionSocketURL},
		{Config{Environment: payment.Sandbox, SocketURL: "wss://s.example/partner/socket/"}, "wss://s.example"},
		{Config{Environment: payment.Sandbox, SocketURL: "https://s.example/"}, "https://s.example"},
		{Config{Environment: payment.Local, BaseURL: "http://127.0.0.1:4010/api/v1/partner"}, "http://127.0.0.1:4010"},
	} {
		if got, err := socketBase(c.cfg); err != nil || got != c.want {
			t.Errorf("%+v: got %q (%v), want %q", c.cfg, got, err, c.want)
		}
	}
}
