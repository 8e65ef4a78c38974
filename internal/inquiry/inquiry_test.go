package inquiry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

func openLedger(t *testing.T) *store.Store {
	t.Helper()
	ledger, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() })
	return ledger
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// mpesa stands for Daraja: it answers each question as a test says, and posts the result
// to the ledger when its time has come, as a listener would.
type mpesa struct {
	t      *testing.T
	ledger *store.Store
	// refuse is the answer, nil for an acceptance.
	refuse error
	// after is the time from the question to its result; 0 for none.
	after time.Duration
	// route is where it is posted to, "result" or "timeout".
	route  string
	result string
	asked  int
}

func (m *mpesa) answer(ctx context.Context, resultURL string) (payment.Acceptance, error) {
	m.asked++
	token := resultURL[strings.LastIndexByte(resultURL, '/')+1:]
	post := func() {
		d := payment.Delivery{
			Provider: payment.Daraja, Route: "/callbacks/daraja/" + m.route, Token: token, Method: http.MethodPost,
			Body: []byte(m.result), ReceivedAt: time.Now(),
		}
		// The test's own context: a result comes whether or not anybody still waits.
		if _, err := m.ledger.Deliveries.Record(m.t.Context(), store.Arrival{Delivery: d, Inspection: daraja.Receiver{}.Inspect(d)}); err != nil {
			m.t.Error(err)
		}
	}
	switch {
	case m.after < 0:
		post()
	case m.after > 0:
		go func() {
			time.Sleep(m.after)
			post()
		}()
	}
	if m.refuse != nil {
		return payment.Acceptance{}, m.refuse
	}
	return payment.Acceptance{ConversationID: "AG_1", OriginatorConversationID: "o-1", Code: "0"}, ctx.Err()
}

func (m *mpesa) QueryTransaction(ctx context.Context, q payment.TransactionQuery) (payment.Acceptance, error) {
	return m.answer(ctx, q.ResultURL)
}

func (m *mpesa) AccountBalance(ctx context.Context, q daraja.BalanceQuery) (payment.Acceptance, error) {
	return m.answer(ctx, q.ResultURL)
}

func (m *mpesa) Reversal(ctx context.Context, r daraja.ReversalRequest) (payment.Acceptance, error) {
	return m.answer(ctx, r.ResultURL)
}

// listened is an inquirer whose listener runs.
func listened(m *mpesa) *Inquirer {
	ready := func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("ready\n"))}, nil
	}
	return &Inquirer{
		Ledger: m.ledger, Client: m,
		Account: Account{Environment: payment.Local, Profile: "local", ShortCode: "600111", CallbackURL: "https://pay.payctl.co.ke"},
		Mailbox: &Mailbox{
			Addr: "127.0.0.1:1", HTTP: &http.Client{Transport: roundTrip(ready)}, Now: time.Now,
			Receiver: func(context.Context) (Server, error) { return nil, errors.New("no receiver of its own is wanted") },
		},
	}
}

const completed = `{"Result":{"ResultType":0,"ResultCode":0,"ResultDesc":"done","ConversationID":"AG_1","OriginatorConversationID":"o-1",
	"ResultParameters":{"ResultParameter":[{"Key":"TransactionStatus","Value":"Completed"},{"Key":"Amount","Value":"150"},
	{"Key":"CreditPartyName","Value":"600111 - Invented Shop"},{"Key":"DebitPartyName","Value":"254711000222 - Invented Payer"},
	{"Key":"ReceiptNo","Value":"UA2K7QX9ZP"}]}}}`

// TestWait: a question is sent once, and its end is what the ledger has of it by the time
// that the wait is over, however its answer was lost.
func TestWait(t *testing.T) {
	t.Parallel()
	lost := &payment.Error{Kind: payment.KindPending, Message: "no answer", Err: payment.ErrOutcomeUnknown}
	refused := &payment.Error{Kind: payment.KindUsage, ProviderCode: "400.002.02", Message: "Bad Request"}
	const none = payment.Kind(255)
	for _, c := range []struct {
		name   string
		mpesa  mpesa
		limit  time.Duration
		noWait bool
		took   time.Duration
		kind   payment.Kind
		status store.QueryStatus
	}{
		{"the result comes", mpesa{after: 5 * time.Second, route: "result", result: completed}, time.Minute, false, 5 * time.Second, none, store.QueryAnswered},
		{"before the acceptance", mpesa{after: -1, route: "result", result: completed}, time.Minute, false, 0, none, store.QueryAnswered},
		{"the acceptance was lost, the result was not", mpesa{refuse: lost, after: 5 * time.Second, route: "result", result: completed}, time.Minute, false, 5 * time.Second, none, store.QueryAnswered},
		{"the result before a lost acceptance", mpesa{refuse: lost, after: -1, route: "result", result: completed}, time.Minute, true, 0, none, store.QueryAnswered},
		{"all was lost", mpesa{refuse: lost}, time.Minute, false, time.Minute, payment.KindPending, store.QueryCreated},
		{"no result", mpesa{}, 20 * time.Second, false, 20 * time.Second, payment.KindPending, store.QueryAccepted},
		{"expired in the queue", mpesa{after: 3 * time.Second, route: "timeout", result: "{}"}, time.Minute, false, 3 * time.Second, payment.KindPending, store.QueryTimedOut},
		{"refused", mpesa{refuse: refused}, time.Minute, false, 0, payment.KindUsage, store.QueryRefused},
		{"nobody waits", mpesa{after: 5 * time.Second, route: "result", result: completed}, time.Minute, true, 0, none, store.QueryAccepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := c.mpesa
				m.t, m.ledger = t, openLedger(t)
				i := listened(&m)
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				start := time.Now()
				_, err := i.Transaction(ctx, TransactionInput{Receipt: "UA2K7QX9ZP", Type: payment.IdentifierShortCode, NoWait: c.noWait})
				if took := time.Since(start).Round(time.Second); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
				kind := none
				if err != nil {
					kind = payment.KindOf(err)
				}
				found, listErr := m.ledger.Queries.Find(t.Context(), "UA2K7QX9ZP")
				if listErr != nil || len(found) != 1 || m.asked != 1 {
					t.Fatalf("%d queries, sent %d times, %v; want 1 and 1", len(found), m.asked, listErr)
				}
				if kind != c.kind || found[0].Status != c.status {
					t.Errorf("%v, the ledger has %s; want kind %s and %s", err, found[0].Status, c.kind, c.status)
				}
				time.Sleep(10 * time.Second)
			})
		})
	}
}

// TestStopped: an operator who stops waiting is told how to go on, and what was sent is
// recorded all the same.
func TestStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &mpesa{t: t, ledger: openLedger(t), after: 30 * time.Second, route: "result", result: completed}
		i := listened(m)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(10 * time.Second)
			cancel()
		}()
		_, err := i.Transaction(ctx, TransactionInput{Receipt: "UA2K7QX9ZP", Type: payment.IdentifierShortCode})
		var e *payment.Error
		if !errors.As(err, &e) || e.Kind != payment.KindInterrupted || !strings.Contains(e.Hint, "--resume qry_") {
			t.Fatalf("%v, want interrupted with the way to go on", err)
		}
		found, err := m.ledger.Queries.Find(t.Context(), "UA2K7QX9ZP")
		if err != nil || len(found) != 1 || found[0].Status != store.QueryAccepted {
			t.Fatalf("%v, %v; want one accepted query", found, err)
		}
		r, err := i.Resume(t.Context(), found[0].ID, false)
		if err != nil || r.Query.Status != store.QueryAnswered || r.Answer == nil || m.asked != 1 {
			t.Errorf("%+v, %v, sent %d times; want the result of the first", r, err, m.asked)
		}
	})
}

// TestTold: a listener that goes away while a result is awaited is noticed once.
func TestTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &mpesa{t: t, ledger: openLedger(t), after: 30 * time.Second, route: "result", result: completed}
		i := listened(m)
		start := time.Now()
		i.Account.CallbackURL = "https://127.0.0.1:4020" // a proxy, which only itself could prove
		i.Mailbox.Addr = ""
		up := i.Mailbox.HTTP.Transport
		i.Mailbox.HTTP.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if time.Since(start) > 10*time.Second {
				return nil, errors.New("connection refused")
			}
			return up.RoundTrip(r)
		})
		var warnings []string
		i.Tell = func(n Notice) {
			if n.Level == Warning {
				warnings = append(warnings, n.Text)
			}
		}
		if _, err := i.Transaction(t.Context(), TransactionInput{Receipt: "UA2K7QX9ZP", Type: payment.IdentifierShortCode}); err != nil {
			t.Error(err)
		}
		want := []string{`nothing of payctl's answers at callback_url; the result may not reach this ledger: start "payctl listen" there`}
		if diff := cmp.Diff(want, warnings); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestAgainstQuestionAndLedger: a result that is about something else than the question,
// or contradicts the deposit, is a conflict, and the deposit keeps it.
func TestAgainstQuestionAndLedger(t *testing.T) {
	t.Parallel()
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(completed) }
	for _, c := range []struct {
		name, result string
		// till is the account's, reversed says that payctl asked for a reversal before.
		till     string
		reversed bool
		kind     payment.Kind
		conflict string
	}{
		{name: "agrees", result: completed},
		{name: "a till's payment", result: change("600111 -", "700222 -"), till: "700222"},
		{name: "masked", result: change("600111 -", "600*** -")},
		{name: "one party only", result: change(`"CreditPartyName"`, `"X"`, "254711000222 -", "600999 -")},
		{name: "another receipt", result: change("UA2K7QX9ZP", "UA2K7QX9ZZ"), kind: payment.KindConflict, conflict: "the transaction's receipt UA2K7QX9ZZ is not the deposit's UA2K7QX9ZP"},
		{name: "another shortcode", result: change("600111 -", "600999 -"), kind: payment.KindConflict, conflict: "the result is about shortcode 600999, not about 600111"},
		{name: "another amount", result: change(`"150"`, `"15"`), kind: payment.KindConflict, conflict: "the transaction's amount 15.00 is not the 150.00 asked for"},
		{name: "declined", result: change("Completed", "Declined"), kind: payment.KindConflict, conflict: "the callback said COMPLETED, the transaction says FAILED"},
		{name: "failed", result: change("Completed", "Failed"), kind: payment.KindConflict, conflict: "the callback said COMPLETED, the transaction says FAILED"},
		{name: "reversed by somebody else", result: change("Completed", "Reversed"), kind: payment.KindConflict, conflict: "M-PESA says that the payment was reversed, and no reversal of payctl's did that"},
		{name: "reversed by payctl", result: change("Completed", "Reversed"), reversed: true, kind: payment.KindDeclined},
		{name: "under way", result: change("Completed", "Authorized"), kind: payment.KindPending},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &mpesa{t: t, ledger: openLedger(t), after: time.Second, route: "result", result: c.result}
				i := listened(m)
				i.Account.Till = c.till
				phone, err := payment.ParsePhone("0711000222")
				if err != nil {
					t.Fatal(err)
				}
				d, _, err := m.ledger.Deposits.Create(t.Context(), payment.Deposit{
					Provider: payment.Daraja, Environment: payment.Local, IdempotencyKey: "k", Amount: payment.AmountOf(15000, payment.KES), Phone: phone, ShortCode: "600111",
				})
				if err == nil {
					_, _, err = m.ledger.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: "UA2K7QX9ZP", At: time.Now()})
				}
				if err == nil && c.reversed {
					_, err = m.ledger.Queries.Create(t.Context(), store.Query{Kind: KindReversal, Provider: payment.Daraja, Environment: payment.Local, Receipt: "UA2K7QX9ZP"})
				}
				if err != nil {
					t.Fatal(err)
				}
				r, err := i.Transaction(t.Context(), TransactionInput{Receipt: "UA2K7QX9ZP", Type: payment.IdentifierShortCode})
				if c.kind == 0 && err != nil || c.kind != 0 && payment.KindOf(err) != c.kind {
					t.Errorf("%v, want kind %s", err, c.kind)
				}
				kept, err := m.ledger.Deposits.Get(t.Context(), d.ID)
				if err != nil || kept.Status != payment.StatusCompleted || kept.Conflict.Reason != c.conflict || r.Deposit == nil {
					t.Errorf("the deposit is %s, conflict %q, %v; want COMPLETED, %q", kept.Status, kept.Conflict.Reason, err, c.conflict)
				}
			})
		})
	}
}
