package wasaapay

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/socketio"
)

// TestCreateConcludesNothingFromDoubt checks that an answer which refuses the
// request and yet speaks of a deposit under way fails nothing.
func TestCreateConcludesNothingFromDoubt(t *testing.T) {
	t.Parallel()
	const pending = `{"success":false,"message":"slow","data":{"id":"dep_1","status":"PENDING"}}`
	named := payment.Answer{Status: payment.StatusUnknown, ProviderID: "dep_1"}
	for name, c := range map[string]struct {
		answer playAnswer
		want   payment.Answer
		says   string
	}{
		// A refusal may name another deposit, which it collides with.
		"400 about a pending deposit":    {playAnswer{status: 400, body: pending}, payment.Answer{}, "HTTP 400 (slow)"},
		"422 about a paid deposit":       {playAnswer{status: 422, body: `{"data":{"id":"dep_1","status":"COMPLETED"}}`}, payment.Answer{}, "HTTP 422"},
		"403 about a pending deposit":    {playAnswer{status: 403, body: pending}, payment.Answer{}, "HTTP 403 (slow)"},
		"404 about a pending deposit":    {playAnswer{status: 404, body: pending}, payment.Answer{}, "HTTP 404 (slow)"},
		"409 about a pending deposit":    {playAnswer{status: 409, body: pending}, payment.Answer{}, "HTTP 409 (slow)"},
		"501 that names the deposit":     {playAnswer{status: 501, body: pending}, named, "HTTP 501 (slow)"},
		"501 that names another amount":  {playAnswer{status: 501, body: `{"data":{"id":"dep_1","amount":"1.00"}}`}, payment.Answer{}, "HTTP 501"},
		"303 to where the result stands": {playAnswer{status: 303, header: map[string]string{"Location": "/deposits/dep_1"}}, payment.Answer{}, "HTTP 303"},
		"an id that is no id":            {playAnswer{status: 201, body: `{"data":{"id":"dep_1\u001b[2J"}}`}, payment.Answer{}, unusableID},
		"an endless id":                  {playAnswer{status: 201, body: `{"data":{"id":"` + strings.Repeat("d", 1<<20) + `"}}`}, payment.Answer{}, unusableID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, []playAnswer{c.answer}, nil)
			got, err := client.Create(t.Context(), payment.DepositRequest{Deposit: testDeposit(t)})
			checkAnswer(t, c.want, got, err, payment.KindPending, c.says)
			if !errors.Is(err, payment.ErrOutcomeUnknown) {
				t.Errorf("error %v, want outcome unknown", err)
			}
		})
	}
}

// TestAnswersThatContradictThemselves checks that an answer with two statuses
// decides nothing, and that a receipt which cannot be one is none.
func TestAnswersThatContradictThemselves(t *testing.T) {
	t.Parallel()
	undecided := func(why string) payment.Answer {
		return payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1", Code: "COMPLETED", Message: why + "; the deposit is taken as undecided"}
	}
	for name, c := range map[string]struct {
		body string
		want payment.Answer
	}{
		"two statuses": {
			`{"data":{"id":"dep_1","status":"COMPLETED","deposit":{"id":"dep_1","status":"PENDING"}}}`,
			undecided(statesDisagree),
		},
		"one status twice": {
			`{"data":{"id":"dep_1","status":"COMPLETED","deposit":{"id":"dep_1","status":"COMPLETED"}}}`,
			payment.Answer{Status: payment.StatusCompleted, ProviderID: "dep_1"},
		},
		"two amounts": {
			`{"data":{"id":"dep_1","status":"COMPLETED","amount":"250.00","deposit":{"amount":"1.00"}}}`,
			payment.Answer{Status: payment.StatusUnknown, Message: "the answer is about 1.00 KES, not the 250.00 KES asked for"},
		},
		"an endless receipt": {
			`{"data":{"id":"dep_1","status":"COMPLETED","receiptNumber":"` + strings.Repeat("R", 1<<20) + `"}}`,
			payment.Answer{Status: payment.StatusCompleted, ProviderID: "dep_1"},
		},
		"a receipt that moves the cursor": {
			`{"data":{"id":"dep_1","status":"COMPLETED","receiptNumber":"R1\u001b[2J"}}`,
			payment.Answer{Status: payment.StatusCompleted, ProviderID: "dep_1"},
		},
		"an id that cannot be compared": {
			`{"data":{"id":"` + strings.Repeat("d", 1<<20) + `","status":"COMPLETED"}}`,
			payment.Answer{Status: payment.StatusUnknown, Message: unusableID},
		},
		"members in other letters": {
			`{"success":true,"data":{"id":"dep_1","status":"PENDING","Status":"COMPLETED","STATUS":"FAILED"}}`,
			payment.Answer{Status: payment.StatusPending, ProviderID: "dep_1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, []playAnswer{{status: 200, body: c.body}}, nil)
			got, err := client.Ask(t.Context(), payment.Deposit{ProviderID: "dep_1", Amount: payment.AmountOf(25000, payment.KES)})
			checkAnswer(t, c.want, got, err, 0, "")
		})
	}
}

// TestInterruptedCreate checks that Ctrl-C between attempts is called that, where
// nobody can have been asked.
func TestInterruptedCreate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer playAnswer
		kind   payment.Kind
	}{
		"after no connection": {playAnswer{refused: true}, payment.KindInterrupted},
		"after a limit":       {playAnswer{status: 429}, payment.KindInterrupted},
		"after a loss":        {playAnswer{lost: true}, payment.KindPending},
		"after trouble":       {playAnswer{status: 503}, payment.KindPending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, _ := newClient(t, []playAnswer{c.answer}, nil)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Millisecond, cancel)
				_, err := client.Create(ctx, payment.DepositRequest{Deposit: testDeposit(t)})
				if payment.KindOf(err) != c.kind || errors.Is(err, payment.ErrOutcomeUnknown) != (c.kind == payment.KindPending) {
					t.Errorf("error %v (%s), want %s", err, payment.KindOf(err), c.kind)
				}
			})
		})
	}
}

// TestFieldsInOtherLetters checks that no field gets past the deposit's own by
// its letters: not every server tells them apart.
func TestFieldsInOtherLetters(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Amount", "PHONENUMBER", "walletid"} {
		if err := CheckFields(map[string]string{name: "1"}); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%s: error %v, want usage", name, err)
		}
	}
}

// TestStreamEventWithTwoNames checks that a message whose name and payload name
// different events decides nothing.
func TestStreamEventWithTwoNames(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]payment.Status{
		`{"event":"deposit:failed","data":{"id":"dep_1"}}`:    payment.StatusPending,
		`{"event":"deposit:completed","data":{"id":"dep_1"}}`: payment.StatusCompleted,
		`{"event":"deposit.completed","data":{"id":"dep_1"}}`: payment.StatusCompleted,
		`{"data":{"id":"dep_1"}}`:                             payment.StatusCompleted,
	} {
		var got []payment.Status
		f := &follower{ids: []string{"dep_1"}, final: map[string]payment.Status{}, emit: func(u payment.StreamUpdate) { got = append(got, u.Event.Status) }}
		f.event(socketio.Message{Name: "deposit:completed", Args: []json.RawMessage{json.RawMessage(payload)}})
		if diff := cmp.Diff([]payment.Status{want}, got); diff != "" {
			t.Errorf("%s: %s", payload, diff)
		}
	}
}
