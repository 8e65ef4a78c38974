package wasaapay

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// benchBodies returns signed bodies of about 1.2 KB: canonical as a JavaScript
// sender writes them, and the same pretty-printed. What differs from payment to
// payment differs from body to body, in its length too.
func benchBodies(b testing.TB) (canonical, other [][]byte) {
	b.Helper()
	s := secret.New(vectorSecret)
	r := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) string { return fmt.Sprintf("%0*d", n, r.Int64N(int64(math.Pow10(n)))) }
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	sixty := func() string { return fmt.Sprintf("%02d", r.IntN(60)) }
	for range 64 {
		amount, at := digits(1+r.IntN(5))+".00", "2026-03-02T08:"+sixty()+":"
		body := []byte(`{"event":"deposit.completed","timestamp":"` + at + sixty() + `Z","partnerId":"partner_t1","environment":"SANDBOX","data":{` +
			`"depositId":"dep_` + digits(9+r.IntN(3)) + `","reference":"DEP-20260302-` + digits(6) + `","externalReference":"INV-` + digits(1+r.IntN(6)) + `","walletId":"wallet_t9",` +
			`"amount":"` + amount + `","fee":"0.00","currency":"KES","status":"COMPLETED","provider":"MPESA","method":"MOBILE_MONEY","phoneNumber":"+2547` + digits(8) + `",` +
			`"providerReference":"ws_CO_02032026111500` + digits(6) + `","receiptNumber":"TST` + digits(7) + `","initiatedAt":"` + at + sixty() + `.000Z","completedAt":"` + at + sixty() + `.118Z",` +
			`"description":"School fees for the ` + one("first", "second", "third") + ` term, paid in two parts; \"thank you\" says the bursar","attempts":` + one("1", "2", "3", "10") + `,"rate":0.0` + digits(2) + `5,"test":false,"parent":null,` +
			`"tags":["school","fees","term ` + one("1", "2", "3") + `","nairobi"],"customer":{"name":"` + one("Wanjikũ wa Kamaũ", "Otieno Odhiambo", "Amina Hassan", "Chebet") + `","email":"parent` + digits(1+r.IntN(4)) + `@example.org","city":"Nyeri","joined":20` + digits(2) + `},` +
			`"items":[{"sku":"FEES-2","quantity":1,"price":"` + amount + `"},{"sku":"LUNCH-2","quantity":1,"price":"50.00"}],` +
			`"metadata":{"invoice":"INV-` + digits(1+r.IntN(6)) + `","ledger":"4100-22","approvedBy":"bursar@school.example","note":"balance is carried over to the third term"}}}`)
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
