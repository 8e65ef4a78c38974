package wasaapay

import (
	"errors"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// TestCreateRefusedWithAHint checks that no refusal which hints at a deposit, or
// contradicts itself, becomes a failure: the customer may have been asked.
func TestCreateRefusedWithAHint(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]playAnswer{
		"id alone":                     {status: 422, body: `{"success":false,"message":"duplicate: already in progress","data":{"depositId":"dep_real1"}}`},
		"ids disagree":                 {status: 400, body: `{"success":false,"data":{"depositId":"dep_a","id":"tx_b","status":"PENDING"}}`},
		"ids disagree about a failure": {status: 400, body: `{"success":false,"data":{"depositId":"dep_a","id":"tx_b","status":"FAILED"}}`},
		"unusable id":                  {status: 400, body: `{"data":{"depositId":"dep\u001b"}}`},
		"success":                      {status: 400, body: `{"success":true,"data":{"depositId":"dep_a"}}`},
		"success alone":                {status: 400, body: `{"success":true}`},
		"deposit member":               {status: 400, body: `{"success":false,"deposit":{"depositId":"dep_a","status":"COMPLETED"}}`},
		"error.data":                   {status: 400, body: `{"success":false,"error":{"code":"DUP","data":{"depositId":"dep_a","status":"PENDING"}}}`},
		"error.details":                {status: 400, body: `{"success":false,"error":{"code":"DUP","details":{"depositId":"dep_a"}}}`},
		"state alone":                  {status: 400, body: `{"success":false,"data":{"status":"PENDING"}}`},
		"state alone, 200":             {status: 200, body: `{"success":false,"data":{"status":"PENDING"}}`},
		"members, 200":                 {status: 200, body: `{"success":false,"depositId":"dep_a","status":"PENDING"}`},
		"member status, 400":           {status: 400, body: `{"success":false,"status":"PENDING"}`},
		"array, 200":                   {status: 200, body: `{"success":false,"data":[{"depositId":"dep_a","status":"PENDING"}]}`},
		"array of two":                 {status: 400, body: `{"data":[{"id":"a","status":"FAILED"},{"id":"b"}]}`},
		"array at the top":             {status: 400, body: `[{"depositId":"dep_a"}]`},
		"states disagree":              {status: 400, body: `{"data":{"id":"a","status":"FAILED","deposit":{"status":"PENDING"}}}`},
		"failed here, pending there":   {status: 400, body: `{"data":{"status":"FAILED"},"error":{"data":{"status":"PENDING"}}}`},
		"state twice":                  {status: 400, body: `{"success":false,"data":{"status":"PENDING","status":"FAILED"}}`},
		"data twice":                   {status: 200, body: `{"success":false,"data":{"status":"FAILED"},"data":{}}`},
		"success twice":                {status: 200, body: `{"success":true,"success":false}`},
		"twice, by an escape":          {status: 400, body: `{"message":"a","m\u0065ssage":"b"}`},
		"acceptance with a name twice": {status: 201, body: `{"success":true,"data":{"id":"dep_1","status":"COMPLETED","status":"FAILED"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, []playAnswer{a}, nil)
			got, err := client.Create(t.Context(), payment.DepositRequest{Deposit: testDeposit(t)})
			if !errors.Is(err, payment.ErrOutcomeUnknown) || payment.KindOf(err) != payment.KindPending || got.Status.Final() {
				t.Errorf("got %+v, %v; want outcome unknown", got, err)
			}
		})
	}
}

// TestCreatePlainRefusals checks that a validation error which speaks of no
// deposit is a failure, whatever envelope it comes in.
func TestCreatePlainRefusals(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"message":            `{"success":false,"message":"amount too small"}`,
		"data is null":       `{"success":false,"message":"no","data":null}`,
		"empty data":         `{"success":false,"message":"no","data":{}}`,
		"field errors":       `{"success":false,"message":"no","data":{"amount":["too small"]}}`,
		"list":               `{"success":false,"errors":[{"id":"e1","status":"422","code":"E"}]}`,
		"HTTP status":        `{"status":422,"title":"Unprocessable"}`,
		"HTTP status text":   `{"status":"422","message":"no"}`,
		"HTTP status name":   `{"status":"UNPROCESSABLE_ENTITY","message":"no"}`,
		"status error":       `{"status":"error","message":"no"}`,
		"status fail":        `{"status":"fail","data":{"amount":"too small"}}`,
		"failed deposit":     `{"success":false,"data":{"id":"dep_1","status":"FAILED"}}`,
		"insufficient funds": `{"success":false,"data":{"insufficientFunds":true}}`,
		"error object":       `{"error":{"code":"E","message":"no","status":"INVALID_ARGUMENT"}}`,
		"nothing":            `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, []playAnswer{{status: 422, body: body}}, nil)
			got, err := client.Create(t.Context(), payment.DepositRequest{Deposit: testDeposit(t)})
			if err != nil || got.Status != payment.StatusFailed {
				t.Errorf("got %+v, %v; want FAILED", got, err)
			}
		})
	}
}

// TestCreateAnsweredByAnother checks that what is not WasaaPay's answer burns no
// key, and takes no doubt away.
func TestCreateAnsweredByAnother(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]playAnswer{
		"HTML":     {status: 422, body: `<b>no</b>`},
		"empty":    {status: 422},
		"teapot":   {status: 418, body: "I'm a teapot"},
		"a string": {status: 400, body: `"bad request"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, []playAnswer{a}, nil)
			got, err := client.Create(t.Context(), payment.DepositRequest{Deposit: testDeposit(t)})
			checkAnswer(t, payment.Answer{}, got, err, payment.KindUnavailable, "not WasaaPay's API")
			if errors.Is(err, payment.ErrOutcomeUnknown) {
				t.Errorf("got %v, want no doubt", err)
			}
			r := &apiclient.Response{Status: a.status, Body: []byte(a.body)}
			_, err = client.created(trial{response: r, doubtful: true}, testDeposit(t))
			if !errors.Is(err, payment.ErrOutcomeUnknown) {
				t.Errorf("after doubt: %v, want outcome unknown", err)
			}
		})
	}
}

// TestAskedWithANameTwice checks that an answer of which two readers could read
// different things decides nothing.
func TestAskedWithANameTwice(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"data":{"id":"dep_1","status":"COMPLETED","status":"FAILED"}}`,
		`{"data":{"id":"dep_1","status":"FAILED"},"data":{"id":"dep_1","status":"COMPLETED"}}`,
		`{"data":{"id":"dep_1","status":"COMPLETED","deposit":{"amount":"1.00","amount":"250.00"}}}`,
	} {
		client, _ := newClient(t, []playAnswer{{status: 200, body: body}}, nil)
		got, err := client.Ask(t.Context(), payment.Deposit{ProviderID: "dep_1", Amount: payment.AmountOf(25000, payment.KES)})
		checkAnswer(t, payment.Answer{Status: payment.StatusUnknown, Message: nameTwice}, got, err, 0, "")
	}
}

// TestTheProviderQuotesTheKey checks that the API key is neither shown nor kept
// when an answer repeats it, plain, escaped, or where the text is cut.
func TestTheProviderQuotesTheKey(t *testing.T) {
	t.Parallel()
	const key = "sk_sandbox_aB3/dE6+fG9"
	long := strings.Repeat("x", maxShown-10)
	for name, a := range map[string]playAnswer{
		"message":        {status: 422, body: `{"success":false,"message":"key ` + key + ` may not"}`},
		"escaped":        {status: 422, body: `{"success":false,"message":"key \u0073k_sandbox_aB3\/dE6+fG9 may not"}`},
		"code":           {status: 422, body: `{"success":false,"errorCode":"` + key + `"}`},
		"cut":            {status: 422, body: `{"success":false,"message":"` + long + key + `"}`},
		"list":           {status: 422, body: `{"errors":["` + key + `"]}`},
		"failure reason": {status: 200, body: `{"data":{"id":"d","status":"FAILED","failureReason":"by ` + key + `"}}`},
		"state":          {status: 200, body: `{"data":{"id":"d","status":"` + key + `"}}`},
		"amount":         {status: 200, body: `{"data":{"id":"d","status":"FAILED","amount":"` + key + `"}}`},
		"receipt":        {status: 200, body: `{"data":{"id":"d","status":"COMPLETED","receiptNumber":"` + key + `"}}`},
		"refused key":    {status: 401, body: `{"message":"` + key + ` is unknown"}`},
		"doubt":          {status: 409, body: `{"message":"` + key + ` is busy"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged []apiclient.Exchange
			client, _ := newClient(t, []playAnswer{a}, func(c *Config) {
				c.APIKey = secret.New(key)
				c.Log = func(e apiclient.Exchange) { logged = append(logged, e) }
			})
			got, err := client.Create(t.Context(), payment.DepositRequest{Deposit: testDeposit(t)})
			said := got.Code + got.Message + got.Receipt
			if got.Failure != nil {
				said += got.Failure.Code + got.Failure.Reason
			}
			if e, ok := errors.AsType[*payment.Error](err); ok {
				said += e.Error() + e.Hint + e.ProviderCode
			}
			for _, x := range logged {
				said += x.Request + x.Response
			}
			if len(logged) != 1 || strings.Contains(said, "dE6") || strings.Contains(said, "sandbox_aB") {
				t.Errorf("shows the key: %s", said)
			}
		})
	}
}
