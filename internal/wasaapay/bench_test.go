package wasaapay

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// benchBodies returns signed bodies of about 1.2 KB: canonical as a JavaScript
// sender writes them, and the same pretty-printed.
func benchBodies(b testing.TB) (canonical, other [][]byte) {
	b.Helper()
	s := secret.New(vectorSecret)
	for i := range 64 {
		body := []byte(`{"event":"deposit.completed","timestamp":"2026-03-02T08:15:00Z","partnerId":"partner_t1","environment":"SANDBOX","data":{` +
			`"depositId":"dep_` + strings.Repeat("x", i%7) + `459286410","reference":"DEP-20260302-AAAAAA","externalReference":"INV-77","walletId":"wallet_t9",` +
			`"amount":"250.00","fee":"0.00","currency":"KES","status":"COMPLETED","provider":"MPESA","method":"MOBILE_MONEY","phoneNumber":"+254700000077",` +
			`"providerReference":"ws_CO_02032026111500123456","receiptNumber":"TST0000001","initiatedAt":"2026-03-02T08:15:00.000Z","completedAt":"2026-03-02T08:15:42.118Z",` +
			`"description":"School fees for the second term, paid in two parts; \"thank you\" says the bursar","attempts":3,"rate":0.0125,"test":false,"parent":null,` +
			`"tags":["school","fees","term 2","nairobi"],"customer":{"name":"Wanjikũ wa Kamaũ","email":"wanjiku@example.org","city":"Nyeri","joined":2019},` +
			`"items":[{"sku":"FEES-2","quantity":1,"price":"200.00"},{"sku":"LUNCH-2","quantity":1,"price":"50.00"}],` +
			`"metadata":{"invoice":"INV-77","ledger":"4100-22","approvedBy":"bursar@school.example","note":"balance is carried over to the third term"}}}`)
		signed, err := Sign(body, s)
		if err != nil {
			b.Fatal(err)
		}
		pretty := bytes.ReplaceAll(bytes.ReplaceAll(signed, []byte(`","`), []byte("\",\n  \"")), []byte(`":`), []byte(`": `))
		canonical, other = append(canonical, signed), append(other, pretty)
	}
	return canonical, other
}

// BenchmarkVerify shows MB/s of verification beside plain HMAC-SHA256 of the
// same bytes (design/performance.md, "Verification").
func BenchmarkVerify(b *testing.B) {
	canonical, other := benchBodies(b)
	for _, c := range []struct {
		name   string
		bodies [][]byte
		what   func(body []byte) bool
	}{
		{"hmac/canonical", canonical, plainHMAC()},
		{"verify/canonical", canonical, checking()},
		{"hmac/other", other, plainHMAC()},
		{"verify/other", other, checking()},
		{"hmac/vectors", vectors(b, "wasaapay-valid.ndjson"), plainHMAC()},
		{"verify/vectors", vectors(b, "wasaapay-valid.ndjson"), checking()},
	} {
		b.Run(c.name, func(b *testing.B) {
			total := 0
			for _, body := range c.bodies {
				total += len(body)
			}
			b.SetBytes(int64(total / len(c.bodies)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if !c.what(c.bodies[i%len(c.bodies)]) {
					b.Fatal("a body did not verify")
				}
			}
		})
	}
}

func plainHMAC() func([]byte) bool {
	mac := hmac.New(sha256.New, []byte(vectorSecret))
	var sum [sha256.Size]byte
	return func(body []byte) bool {
		mac.Reset()
		_, _ = mac.Write(body)
		return len(mac.Sum(sum[:0])) == sha256.Size
	}
}

func checking() func([]byte) bool {
	v := NewVerifier(secretsOf(vectorSecret))
	return func(body []byte) bool { return v.Check(body).Verdict == payment.VerdictValid }
}

// BenchmarkInspect is a whole delivery: check and event.
func BenchmarkInspect(b *testing.B) {
	canonical, _ := benchBodies(b)
	r := NewReceiver(payment.Sandbox, secretsOf(vectorSecret))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if r.Inspect(payment.Delivery{Body: canonical[i%len(canonical)]}).Event == nil {
			b.Fatal("no event")
		}
	}
}
