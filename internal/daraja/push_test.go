package daraja

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

const accepted = `{"MerchantRequestID":"9c1e-4f0a-8d27-77ab01cd23ef1234567","CheckoutRequestID":"` + checkoutID + `","ResponseCode":"0","ResponseDescription":"Success. Request accepted for processing","CustomerMessage":"Success. Request accepted for processing"}`

// reference/daraja.md §3.1, §3.3.
func TestCreate(t *testing.T) {
	t.Parallel()
	paybill := map[string]any{
		"BusinessShortCode": "600111", "Timestamp": "20260102030405",
		"Password":        base64.StdEncoding.EncodeToString([]byte("600111" + "passkey" + "20260102030405")),
		"TransactionType": "CustomerPayBillOnline", "Amount": 150.0, "PartyA": 254711000222.0, "PartyB": "600111",
		"PhoneNumber": 254711000222.0, "CallBackURL": "http://127.0.0.1:4020/callbacks/daraja/stk/K7f2C1",
		"AccountReference": "INV-2207", "TransactionDesc": "Order 2207",
	}
	till := map[string]any{}
	maps.Copy(till, paybill)
	till["TransactionType"], till["PartyB"], till["TransactionDesc"] = "CustomerBuyGoodsOnline", "5001234", DefaultDescription
	tests := []struct {
		name   string
		change func(*Config, *payment.DepositRequest)
		want   map[string]any
	}{
		{"paybill", func(*Config, *payment.DepositRequest) {}, paybill},
		{"till, no description", func(c *Config, r *payment.DepositRequest) { c.Till, r.Deposit.Description = "5001234", "" }, till},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, answer{status: 200, body: accepted})
			cfg, req := g.config(), testRequest(t)
			tt.change(&cfg, &req)
			a, err := mustNew(t, cfg).Create(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			want := payment.Answer{
				Status: payment.StatusPending, ProviderID: checkoutID, MerchantRequestID: "9c1e-4f0a-8d27-77ab01cd23ef1234567",
				Code: "0", Message: "Success. Request accepted for processing",
			}
			if diff := cmp.Diff(want, a, amounts()); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			calls := []gotCall{{Path: pathPush, Bearer: "token1", Body: tt.want}}
			if diff := cmp.Diff(calls, g.seen()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreateProofOfAcceptance(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"no CheckoutRequestID", `{"ResponseCode":"0"}`, asOpen},
		{"another code", `{"ResponseCode":"1","ResponseDescription":"Rejected","CheckoutRequestID":"x"}`, asOpen},
		{"no code", `{"CheckoutRequestID":"x"}`, asOpen},
		{"code a number", `{"ResponseCode":0,"CheckoutRequestID":"x"}`, asPending},
		{"old code", `{"ResponseCode":"00000000","CheckoutRequestID":"x"}`, asPending},
		{"two ids", `{"ResponseCode":"0","CheckoutRequestID":"x","CheckoutRequestID":"y"}`, asOpen},
		{"a text", `"ok"`, asOpen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, answer{status: 200, body: tt.body})
			if diff := cmp.Diff(tt.want, outcome(g.client().Create(t.Context(), testRequest(t))), amounts()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The money rule: a connection cut after the request is an open outcome and
// the push is sent once.
func TestCreateCut(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answer{cut: true}, answer{cut: true})
	c := g.client()
	_, err := c.Create(t.Context(), testRequest(t))
	if !errors.Is(err, payment.ErrOutcomeUnknown) || payment.KindOf(err) != payment.KindPending {
		t.Errorf("got %v of kind %v", err, payment.KindOf(err))
	}
	if n := len(g.seen()); n != 1 {
		t.Errorf("push sent %d times", n)
	}
	_, err = c.Ask(t.Context(), testDeposit(t))
	if errors.Is(err, payment.ErrOutcomeUnknown) || payment.KindOf(err) != payment.KindUnavailable {
		t.Errorf("a cut query costs nothing: %v of kind %v", err, payment.KindOf(err))
	}
}

func TestCreateInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	g := newGateway(t)
	cfg := g.config()
	next := cfg.HTTP.Transport
	copied := *cfg.HTTP
	copied.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == pathPush {
			cancel()
		}
		return next.RoundTrip(r)
	})
	cfg.HTTP = &copied
	_, err := mustNew(t, cfg).Create(ctx, testRequest(t))
	if !errors.Is(err, context.Canceled) || payment.KindOf(err) != payment.KindInterrupted {
		t.Errorf("got %v of kind %v", err, payment.KindOf(err))
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A push whose token could not be had never left: nothing about it is open.
func TestCreateWithoutToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		a    answer
		kind payment.Kind
		part string
	}{
		{"empty 400 (§2)", answer{status: 400, header: http.Header{"Content-Type": {"text/plain"}}}, payment.KindUnauthorized, "refused the consumer key or secret"},
		{"400.008.01 (§2)", answer{status: 400, body: syncError("400.008.01", "Invalid Authentication passed")}, payment.KindUnauthorized, "400.008.01"},
		{"400.008.02 (§2)", answer{status: 400, body: syncError("400.008.02", "Invalid grant type passed")}, payment.KindUsage, "400.008.02"},
		{"HTML 503 (§2)", answer{status: 503, body: edgePage}, payment.KindUnavailable, "other than JSON (HTTP 503)"},
		{"HTML 403 (§2)", answer{status: 403, body: edgePage}, payment.KindUnavailable, "other than JSON (HTTP 403)"},
		{"401", answer{status: 401}, payment.KindUnauthorized, "HTTP 401"},
		{"429", answer{status: 429, body: spikeFault}, payment.KindUnavailable, "HTTP 429"},
		{"200 without a token", answer{status: 200, body: `{}`}, payment.KindUnavailable, "no usable answer"},
		{"200 broken", answer{status: 200, body: `{"access_token":`}, payment.KindUnavailable, "other than JSON"},
		{"cut", answer{cut: true}, payment.KindUnavailable, "oauth"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.oauth = func(int) answer { return tt.a }
			_, err := g.client().Create(t.Context(), testRequest(t))
			if err == nil || payment.KindOf(err) != tt.kind || errors.Is(err, payment.ErrOutcomeUnknown) || !strings.Contains(err.Error(), tt.part) {
				t.Errorf("got %v of kind %v, want %v with %q", err, payment.KindOf(err), tt.kind, tt.part)
			}
			if len(g.seen()) != 0 {
				t.Error("the push was sent")
			}
		})
	}
}

func TestCreateRefusesInput(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Config, *payment.DepositRequest)
		kind   payment.Kind
		part   string
	}{
		{"everything missing", func(c *Config, _ *payment.DepositRequest) {
			c.ConsumerKey, c.ConsumerSecret, c.Passkey, c.ShortCode = nil, nil, secret.New(""), ""
		}, payment.KindUnauthorized, "stk push: missing PAYCTL_DARAJA_CONSUMER_KEY, PAYCTL_DARAJA_CONSUMER_SECRET, PAYCTL_DARAJA_SHORTCODE, PAYCTL_DARAJA_PASSKEY"},
		{"one missing", func(c *Config, _ *payment.DepositRequest) { c.Passkey = nil }, payment.KindUnauthorized, "stk push: missing PAYCTL_DARAJA_PASSKEY"},
		{"no phone", func(_ *Config, r *payment.DepositRequest) { r.Deposit.Phone = payment.Phone{} }, payment.KindUsage, "phone: missing"},
		{"no callback", func(_ *Config, r *payment.DepositRequest) { r.CallbackURL = "" }, payment.KindUsage, "callback url: missing"},
		{"cents", func(_ *Config, r *payment.DepositRequest) { r.Deposit.Amount = payment.AmountOf(15050, payment.KES) }, payment.KindUsage, "amount: 150.50 has cents"},
		{"another shortcode", func(_ *Config, r *payment.DepositRequest) { r.Deposit.ShortCode = "174379" }, payment.KindUsage, "is for shortcode 174379, this profile has 600111"},
		{"long reference", func(_ *Config, r *payment.DepositRequest) { r.Deposit.Reference = "INV-123456789" }, payment.KindUsage, "reference: 13 characters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			cfg, req := g.config(), testRequest(t)
			tt.change(&cfg, &req)
			_, err := mustNew(t, cfg).Create(t.Context(), req)
			if err == nil || payment.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.part) {
				t.Errorf("got %v, want %q", err, tt.part)
			}
			if g.tokensMinted() != 0 {
				t.Error("a token was asked for")
			}
		})
	}
}

func TestAskRefusesInput(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	c := g.client()
	d := testDeposit(t)
	d.ProviderID = ""
	if _, err := c.Ask(t.Context(), d); payment.KindOf(err) != payment.KindNotFound {
		t.Errorf("without an id: %v", err)
	}
	d = testDeposit(t)
	d.ShortCode = "600222"
	if _, err := c.Ask(t.Context(), d); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("of another shortcode: %v", err)
	}
}

// reference/daraja.md §5: Retry-After is honoured, 12 s is the default.
func TestRateLimitSaysHowLong(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answer{status: 429, body: spikeFault}, answer{status: 429, body: spikeFault, header: http.Header{"Retry-After": {"33"}}})
	c := g.client()
	for _, want := range []time.Duration{12 * time.Second, 33 * time.Second} {
		_, err := c.Ask(t.Context(), testDeposit(t))
		var wait interface{ RetryAfter() time.Duration }
		if !errors.As(err, &wait) || wait.RetryAfter() != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// No error, log line or hint may show a token, the passkey, the password of
// the request or a whole phone number.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	bad := syncError("500.003.1001", "for 254711000222 - Invalid Access Token - s3cr3ttoken and more")
	g := newGateway(t, answer{status: 500, body: bad}, answer{status: 401, body: syncError("401.002.01", "Error Occurred - Invalid Access Token - s3cr3ttoken")}, answer{status: 401, body: syncError("401.002.01", "Error Occurred - Invalid Access Token - s3cr3ttoken")})
	cfg := g.config()
	var shownText strings.Builder
	cfg.Log = func(e apiclient.Exchange) { shownText.WriteString(e.URL + e.Request + e.Response + "\n") }
	c := mustNew(t, cfg)
	for range 2 {
		a, err := c.Create(t.Context(), testRequest(t))
		var e *payment.Error
		if !errors.As(err, &e) {
			t.Fatalf("no error: %+v", a)
		}
		shownText.WriteString(err.Error() + e.Hint + a.Message + "\n")
	}
	for _, word := range []string{"s3cr3ttoken", "254711000222", "711000222", "token1", "passkey", "sec&ret", base64.StdEncoding.EncodeToString([]byte("600111passkey20260102030405"))} {
		if strings.Contains(shownText.String(), word) {
			t.Errorf("%q is shown in:\n%s", word, shownText.String())
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  Config
		part string
	}{
		{"no environment", Config{}, "environment: unknown"},
		{"local without address", Config{Environment: payment.Local}, "base_url: missing"},
		{"not a URL", Config{Environment: payment.Sandbox, BaseURL: "sandbox"}, "base_url: not a plain"},
		{"with a query", Config{Environment: payment.Sandbox, BaseURL: "https://x.ke/?a=b"}, "base_url: not a plain"},
		{"production host in sandbox", Config{Environment: payment.Sandbox, BaseURL: ProductionURL}, "production host in a sandbox profile"},
		{"production host in local", Config{Environment: payment.Local, BaseURL: "https://API.safaricom.co.ke"}, "production host in a local profile"},
		{"sandbox host in production", Config{Environment: payment.Production, BaseURL: SandboxURL + "/"}, "sandbox host in a production profile"},
		{"plain http", Config{Environment: payment.Production, BaseURL: "http://gateway.example"}, "in the clear"},
		{"shortcode", Config{Environment: payment.Sandbox, ShortCode: "12a45"}, "shortcode: not 5 to 7 digits"},
		{"till", Config{Environment: payment.Sandbox, Till: "1"}, "till: not 5 to 9 digits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(tt.cfg)
			if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), tt.part) {
				t.Errorf("got %v, want %q", err, tt.part)
			}
		})
	}
	for _, ok := range []Config{
		{Environment: payment.Sandbox},
		{Environment: payment.Production, ShortCode: "600111", Till: "5001234"},
		{Environment: payment.Local, BaseURL: "http://10.0.0.1:4010"},
		{Environment: payment.Sandbox, BaseURL: "http://127.0.0.1:4010"},
	} {
		if _, err := New(ok); err != nil {
			t.Errorf("%+v: %v", ok, err)
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	if got := Missing(newGateway(t).config()); got != nil {
		t.Errorf("nothing is missing: %q", got)
	}
	want := []string{
		"PAYCTL_DARAJA_CONSUMER_KEY", "PAYCTL_DARAJA_CONSUMER_SECRET", "PAYCTL_DARAJA_SHORTCODE",
		"PAYCTL_DARAJA_INITIATOR", "PAYCTL_DARAJA_INITIATOR_PASSWORD", "PAYCTL_DARAJA_CERTIFICATE",
	}
	if diff := cmp.Diff(want, MissingInitiator(Config{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
