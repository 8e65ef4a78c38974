package emulator_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator"
)

const (
	partnerBase = "/api/v1/partner"
	depositPath = partnerBase + "/deposits/mpesa"
)

// partner sends a request to WasaaPay with the local key; headers are pairs of name and value, an empty value removes one.
func (d *desk) partner(method, path, body string, headers ...string) (*http.Response, string) {
	d.t.Helper()
	req := d.request(method, path, body)
	req.Header.Set("X-API-Key", emulator.Credentials().WasaaPayAPIKey)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Idempotency-Key", fmt.Sprintf("%x", sha256.Sum256([]byte(path+body))))
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		}
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return &http.Response{Header: http.Header{}}, ""
	}
	defer func() { _ = resp.Body.Close() }()
	var text strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := resp.Body.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			return resp, text.String()
		}
	}
}

// depositBody is a good deposit, changed like pushBody.
func depositBody(changes ...string) string {
	return object([][2]string{
		{"walletId", `"wallet_local"`},
		{"amount", `250`},
		{"phoneNumber", `"+254712345678"`},
		{"externalReference", `"INV-77"`},
		{"currency", ""},
	}, changes)
}

// paid is what a deposit's answers hold.
type paid struct {
	ID, DepositID, Reference, Status, ReceiptNumber, FailureReason, ProviderReference string
	AmountText                                                                        string `json:"amount"`
}

// deposit creates a deposit and fails the test unless it is accepted.
func (d *desk) deposit(changes ...string) paid {
	d.t.Helper()
	resp, body := d.partner(http.MethodPost, depositPath, depositBody(changes...))
	if resp.StatusCode != http.StatusCreated {
		d.t.Fatalf("deposit: %d %s", resp.StatusCode, body)
	}
	var answer struct{ Data paid }
	decode(d.t, body, &answer)
	return answer.Data
}

func (d *desk) depositState(id string) paid {
	d.t.Helper()
	_, body := d.partner(http.MethodGet, partnerBase+"/deposits/"+id, "")
	var answer struct{ Data paid }
	decode(d.t, body, &answer)
	return answer.Data
}

func wasaaError(code, message string) string {
	return `{"success":false,"error":{"code":"EMULATOR_` + code + `","message":"` + message + `"}}`
}

// reference/wasaapay.md §7.2, §7.3, §7.5: a deposit from its creation to its end, to the byte.
func TestDeposit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	resp, body := d.partner(http.MethodPost, depositPath, depositBody())
	ids := regexp.MustCompile(`"(dep_[0-9a-z]{12})","reference":"(DEP-20260102-[0-9A-Z]{6})"`).FindStringSubmatch(body)
	if ids == nil {
		t.Fatalf("no id in %s", body)
	}
	id := ids[1]
	want := `{"success":true,"data":{"id":"` + id + `","reference":"` + ids[2] + `","externalReference":"INV-77",` +
		`"walletId":"wallet_local","amount":"250.00","fee":"0.00","currency":"KES","status":"PENDING","provider":"MPESA",` +
		`"method":"MOBILE_MONEY","phoneNumber":"+254712345678","providerReference":"ws_CO_020120260304050712345678",` +
		`"initiatedAt":"2026-01-02T00:04:05.000Z"}}`
	if diff := cmp.Diff(want, body); diff != "" || resp.StatusCode != http.StatusCreated ||
		resp.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("%d %v (-want +got):\n%s", resp.StatusCode, resp.Header, diff)
	}
	_, pending := d.partner(http.MethodGet, partnerBase+"/deposits/"+id, "")
	if diff := cmp.Diff(want, pending); diff != "" {
		t.Errorf("while pending (-want +got):\n%s", diff)
	}
	d.advance(time.Second)
	_, final := d.partner(http.MethodGet, partnerBase+"/deposits/"+id, "")
	receipt := regexp.MustCompile(`"receiptNumber":"(UA2[0-9A-Z]{7})"`).FindStringSubmatch(final)
	if receipt == nil {
		t.Fatalf("no receipt in %s", final)
	}
	want = strings.Replace(want, `"PENDING"`, `"COMPLETED"`, 1)
	want = strings.Replace(want, `"initiatedAt"`, `"receiptNumber":"`+receipt[1]+`","initiatedAt"`, 1)
	want = strings.Replace(want, `05.000Z"}}`, `05.000Z","completedAt":"2026-01-02T00:04:05.100Z"}}`, 1)
	if diff := cmp.Diff(want, final); diff != "" {
		t.Errorf("paid (-want +got):\n%s", diff)
	}
}

// reference/wasaapay.md §2, §4, §5: what a deposit may not be.
func TestDepositRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const (
		wallet = "walletId is required and must be a string"
		amount = "amount is required and must be a positive number or decimal string"
		whole  = "amount must be whole shillings from 1 to 250000 for M-PESA"
		number = "phoneNumber is required and must be a Kenyan mobile number such as +254712345678"
		ref    = "externalReference must be a string of at most 255 characters"
	)
	for _, tt := range []struct {
		name   string
		change []string
		want   string
	}{
		{"no wallet", []string{"walletId", ""}, wallet},
		{"number wallet", []string{"walletId", "7"}, wallet},
		{"no amount", []string{"amount", ""}, amount},
		{"zero", []string{"amount", "0"}, amount},
		{"zero text", []string{"amount", `"0.00"`}, amount},
		{"negative", []string{"amount", "-5"}, amount},
		{"exponent", []string{"amount", "1e3"}, amount},
		{"comma", []string{"amount", `"1,000"`}, amount},
		{"three decimals", []string{"amount", `"1.000"`}, amount},
		{"boolean", []string{"amount", "true"}, amount},
		{"no digits", []string{"amount", `"."`}, amount},
		{"huge", []string{"amount", `"99999999999999999999"`}, amount},
		{"fraction", []string{"amount", "1.5"}, whole},
		{"too much", []string{"amount", "250001"}, whole},
		{"no phone", []string{"phoneNumber", ""}, number},
		{"landline", []string{"phoneNumber", `"+254201234567"`}, number},
		{"object phone", []string{"phoneNumber", `{}`}, number},
		{"object reference", []string{"externalReference", `{"a":1}`}, ref},
		{"long reference", []string{"externalReference", `"` + strings.Repeat("x", 256) + `"`}, ref},
		{"currency", []string{"currency", `"USD"`}, "currency must be KES"},
	} {
		resp, body := d.partner(http.MethodPost, depositPath, depositBody(tt.change...))
		if diff := cmp.Diff(wasaaError("INVALID_REQUEST", tt.want), body); diff != "" || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d (-want +got):\n%s", tt.name, resp.StatusCode, diff)
		}
	}
	var log []struct {
		Refused bool
		Reason  string
	}
	decode(t, d.control(http.MethodGet, "requests?api=deposit", ""), &log)
	for i, x := range log {
		if !x.Refused || x.Reason == "" {
			t.Errorf("refusal %d has no readable reason: %+v", i, x)
		}
	}
	if state := d.control(http.MethodGet, "state", ""); !strings.Contains(state, `"open_deposits":0`) {
		t.Errorf("a refused deposit left a trace: %s", state)
	}
}

// Requests that are wrong before their body is looked at.
func TestPartnerGate(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	unauthorised := wasaaError("INVALID_API_KEY", "Invalid or missing API key")
	invalid := func(message string) string { return wasaaError("INVALID_REQUEST", message) }
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string
	}{
		{"no key", "GET", partnerBase + "/users", "", []string{"X-API-Key", ""}, 401, unauthorised},
		{"wrong key", "POST", depositPath, depositBody(), []string{"X-API-Key", "sk_sandbox_other"}, 401, unauthorised},
		{"bearer key", "GET", partnerBase + "/users", "", []string{"X-API-Key", "Bearer sk_sandbox_local_key_0001"}, 401, unauthorised},
		{"verb", "PUT", depositPath, "{}", nil, 405, wasaaError("METHOD_NOT_ALLOWED", "Method not allowed")},
		{"no idempotency key", "POST", depositPath, depositBody(), []string{"X-Idempotency-Key", ""}, 400, invalid("the header X-Idempotency-Key is required on every POST")},
		{"long idempotency key", "POST", depositPath, depositBody(), []string{"X-Idempotency-Key", strings.Repeat("k", 256)}, 400, invalid("the header X-Idempotency-Key is longer than 255 characters")},
		{"form", "POST", depositPath, "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, invalid("the content type must be application/json")},
		{"not JSON", "POST", depositPath, "{", nil, 400, invalid("the body is not JSON")},
		{"array", "POST", depositPath, "[]", nil, 400, invalid("the body is not a JSON object")},
		{"no body", "POST", depositPath, "", nil, 400, invalid("the body is not JSON")},
		{"too large", "POST", depositPath, strings.Repeat(" ", 1<<20+1), []string{"X-Idempotency-Key", "big"}, 413, wasaaError("BODY_UNREADABLE", "The request body could not be read")},
		{"wallet", "POST", depositPath, depositBody("walletId", `"wallet_none"`), nil, 404, wasaaError("WALLET_NOT_FOUND", "Wallet not found")},
		{"deposit", "GET", partnerBase + "/deposits/dep_none", "", nil, 404, wasaaError("DEPOSIT_NOT_FOUND", "Deposit not found")},
		{"transfer", "GET", partnerBase + "/transfers/trf_none", "", nil, 404, wasaaError("TRANSFER_NOT_FOUND", "Transfer not found")},
		{"doubled prefix", "GET", "/api/v1/partner/partner/users", "", nil, 404, wasaaError("NOT_FOUND", "Not found")},
		{"no version", "GET", "/partner/users", "", nil, 404, wasaaError("NOT_FOUND", "Not found")},
		{"socket without slash", "GET", "/partner/socket?EIO=4&transport=polling", "", nil, 404, wasaaError("NOT_FOUND", "Not found")},
		{"card", "POST", partnerBase + "/deposits/card", "{}", nil, 501, wasaaError("NOT_PLAYED", "The emulator does not play this payment method")},
		{"outcome", "POST", depositPath, depositBody("amount", "3"), []string{"X-Emulator-Outcome", "rich"}, 400, ""},
		{"limit", "GET", partnerBase + "/wallets/wallet_local/transactions?limit=0", "", nil, 400, invalid("limit must be a whole number from 1 to 100")},
	} {
		resp, body := d.partner(tt.method, tt.path, tt.body, tt.headers...)
		if diff := cmp.Diff(tt.want, body); diff != "" && tt.want != "" || resp.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d (-want +got):\n%s", tt.name, resp.StatusCode, tt.status, diff)
		}
		if tt.status != 404 && strings.Contains(body, "sk_sandbox") {
			t.Errorf("%s: the key is repeated", tt.name)
		}
	}
}

// Every payer of Daraja's tables is WasaaPay's too, with the reason and the money where they belong.
func TestDepositOutcomes(t *testing.T) {
	t.Parallel()
	for _, o := range emulator.Outcomes() {
		number := "+2547123400" + o.PhoneEnding
		if o.PhoneEnding == "" {
			number = "+254712345678"
		}
		for name, how := range map[string]func(d *desk) paid{
			"phone": func(d *desk) paid { return d.deposit("phoneNumber", `"`+number+`"`) },
			"header": func(d *desk) paid {
				_, body := d.partner(http.MethodPost, depositPath, depositBody(), "X-Emulator-Outcome", o.Name)
				var answer struct{ Data paid }
				decode(t, body, &answer)
				return answer.Data
			},
			"answer": func(d *desk) paid {
				d.control(http.MethodPost, "behaviours", `{"set":["manual"]}`)
				p := d.deposit()
				d.advance(time.Minute)
				d.control(http.MethodPost, "answer", `{"id":"`+p.ID+`","outcome":"`+o.Name+`"}`)
				return p
			},
		} {
			d := newDesk(t)
			id := how(d).ID
			d.advance(30 * time.Second)
			got := d.depositState(id)
			want := "FAILED"
			if o.Code == "0" {
				want = "COMPLETED"
			}
			balance := map[string]string{"FAILED": `"0.00"`, "COMPLETED": `"250.00"`}[want]
			_, wallet := d.partner(http.MethodGet, partnerBase+"/wallets/wallet_local/balance", "")
			if got.Status != want || (got.ReceiptNumber != "") != (want == "COMPLETED") || (got.FailureReason == "") != (want == "COMPLETED") ||
				!strings.Contains(wallet, `"availableBalance":`+balance) {
				t.Errorf("%s by %s: %+v, wallet %s", o.Name, name, got, wallet)
			}
		}
	}
}

// reference/wasaapay.md §7.2: nobody answers, and the prompt expires after two minutes.
func TestDepositExpiry(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "manual")
	p := d.deposit()
	d.advance(2*time.Minute - time.Millisecond)
	before := d.depositState(p.ID).Status
	var prompts []emulator.Prompt
	decode(t, d.control(http.MethodGet, "prompts?phone=254712345678", ""), &prompts)
	d.advance(time.Millisecond)
	after := d.depositState(p.ID)
	if before != "PENDING" || after.Status != "FAILED" || after.FailureReason != "No response from user." {
		t.Errorf("before %s, after %+v", before, after)
	}
	if len(prompts) != 1 || prompts[0].ID != p.ID || prompts[0].Provider != "wasaapay" || prompts[0].Amount != "250.00" ||
		prompts[0].ExpiresAt.Sub(prompts[0].CreatedAt) != 2*time.Minute {
		t.Errorf("prompts %+v", prompts)
	}
	status, _ := d.do(d.controlRequest(http.MethodPost, "answer", `{"id":"`+p.ID+`","outcome":"paid"}`))
	if status != http.StatusConflict {
		t.Errorf("answering a settled deposit: %d", status)
	}
}

// One ledger: what WasaaPay collects is taken from the customer that Daraja's pushes ask, under one lock and one rule.
func TestOneLedger(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.deposit()
	d.advance(time.Second)
	push := d.push("Amount", "250")
	d.advance(time.Second)
	if got := d.results()[push.CheckoutRequestID]; got != "17" {
		t.Errorf("the same amount within two minutes: %q, want 17", got)
	}
	state := d.control(http.MethodGet, "state?phones=full", "")
	for _, want := range []string{
		`{"phone":"254712345678","balance":"249750.00","spent_today":"250.00"}`,
		`{"shortcode":"600777","working":"1000000.00","utility":"1000250.00","charges":"0.00"}`,
		`"receipt":"` + d.depositState(p.ID).ReceiptNumber + `"`,
		`{"id":"wallet_local","account":"WP0000000001","balance":"250.00"}`,
	} {
		if !strings.Contains(state, want) {
			t.Errorf("no %s in %s", want, state)
		}
	}
	d.control(http.MethodPost, "behaviours", `{"set":["manual"]}`)
	d.push("Amount", "7")
	second := d.deposit("amount", "8")
	d.advance(time.Second)
	if got := d.depositState(second.ID); got.Status != "FAILED" || !strings.HasPrefix(got.FailureReason, "Unable to lock subscriber") {
		t.Errorf("a deposit on a phone with an open prompt: %+v", got)
	}
}
