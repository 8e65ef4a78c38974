package emulator_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// reference/wasaapay.md §8, §9, §14: wallets begin empty; a transfer moves money and costs a fee.
func TestWalletsAndTransfers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	post := func(path, body string, headers ...string) (int, string) {
		resp, text := d.partner(http.MethodPost, partnerBase+path, body, headers...)
		return resp.StatusCode, text
	}
	get := func(path string) string {
		_, text := d.partner(http.MethodGet, partnerBase+path, "")
		return text
	}
	balance := func(id string) string {
		found := regexp.MustCompile(`"availableBalance":"([0-9.]+)"`).FindStringSubmatch(get("/wallets/" + id + "/balance"))
		if found == nil {
			t.Fatalf("no balance of %s", id)
		}
		return found[1]
	}
	status, body := post("/wallets", `{"externalUserId":"customer-1","currency":"KES"}`)
	made := regexp.MustCompile(`^\{"success":true,"data":\{"id":"(wallet_[0-9a-z]{10})","externalUserId":"customer-1","accountNumber":"(WP\d{10})",` +
		`"currency":"KES","availableBalance":"0.00","createdAt":"2026-01-02T00:04:05.000Z"\}\}$`).FindStringSubmatch(body)
	if made == nil || status != 201 {
		t.Fatalf("wallet: %d %s", status, body)
	}
	wallet, account := made[1], made[2]
	for _, bad := range []string{`{}`, `{"externalUserId":7}`, `{"externalUserId":"x","currency":"USD"}`} {
		if status, body := post("/wallets", bad); status != 400 {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}

	transfer := `{"sourceWalletId":"wallet_local","destinationAccountNumber":"` + account + `","amount":"300.00"}`
	preview := func(success, can, short string) string {
		return `{"success":` + success + `,"data":{"canProceed":` + can + `,"insufficientFunds":` + short +
			`,"amount":"300.00","fee":"5.00","totalDebit":"305.00","destinationWallet":{"ownerName":"TEST CUSTOMER"}}}`
	}
	if status, body := post("/transfers/preview", transfer, "X-Idempotency-Key", ""); status != 200 || body != preview("false", "false", "true") {
		t.Errorf("preview without money: %d %s", status, body)
	}
	if status, body := post("/transfers", transfer); status != 400 || body != preview("false", "false", "true") {
		t.Errorf("transfer without money: %d %s", status, body)
	}
	d.deposit("amount", "1000")
	d.advance(time.Second)
	d.app.take()
	if status, body := post("/transfers/preview", transfer, "X-Idempotency-Key", ""); status != 200 || body != preview("true", "true", "false") {
		t.Errorf("preview: %d %s", status, body)
	}
	status, body = post("/transfers", transfer)
	id := regexp.MustCompile(`"id":"(trf_[0-9a-z]{12})","reference":"TRF-20260102-[0-9A-Z]{6}"`).FindStringSubmatch(body)
	if id == nil || status != 201 || !strings.Contains(body, `"status":"COMPLETED"`) {
		t.Fatalf("transfer: %d %s", status, body)
	}
	if got := get("/transfers/" + id[1]); got != body {
		t.Errorf("transfer read again: %s", got)
	}
	if diff := cmp.Diff([]string{"695.00", "300.00"}, []string{balance("wallet_local"), balance(wallet)}); diff != "" {
		t.Errorf("balances (-want +got):\n%s", diff)
	}
	d.advance(time.Second)
	if got := d.app.take(); len(got) != 1 || !strings.Contains(got[0].Body, `"event":"transfer.completed"`) ||
		!strings.Contains(got[0].Body, `"transferId":"`+id[1]+`"`) {
		t.Errorf("webhooks: %v", got)
	}
	types := regexp.MustCompile(`"type":"(\w+)"`).FindAllStringSubmatch(get("/wallets/wallet_local/transactions?limit=2"), -1)
	if len(types) != 2 || types[0][1] != "FEE" || types[1][1] != "TRANSFER_OUT" {
		t.Errorf("transactions: %v", types)
	}
	for _, bad := range []struct {
		body   string
		status int
	}{
		{`{"sourceWalletId":"none","destinationAccountNumber":"WP0000000002","amount":1}`, 404},
		{`{"sourceWalletId":"wallet_local","destinationAccountNumber":"none","amount":1}`, 404},
		{`{"sourceWalletId":"wallet_local","destinationAccountNumber":"WP0000000001","amount":1}`, 400},
		{`{"sourceWalletId":"wallet_local","destinationAccountNumber":"WP0000000002","amount":-1}`, 400},
	} {
		if status, body := post("/transfers", bad.body); status != bad.status {
			t.Errorf("%s: %d %s", bad.body, status, body)
		}
	}
	d.control(http.MethodPost, "behaviours", `{"set":["transfer-fails"]}`)
	if status, body := post("/transfers", strings.Replace(transfer, "300.00", "100", 1)); status != 201 || !strings.Contains(body, `"status":"FAILED"`) {
		t.Errorf("transfer-fails: %d %s", status, body)
	}
	if got := balance("wallet_local"); got != "695.00" {
		t.Errorf("a failed transfer moved money: %s", got)
	}
}
