package sevi

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"

	"github.com/payctl/payctl/internal/payment"
)

const callbackRoute = "/callbacks/sevi"

// SampleNames lists the names of Samples.
func SampleNames() []string {
	var out []string
	for _, s := range Samples() {
		out = append(out, s.Name)
	}
	return out
}

// FilledSample returns one of Samples, to be filled with an id of its own, without which
// a second one would be a duplicate (reference/sevi.md §8); false for any other name.
func FilledSample(name string, _ payment.Facts) (payment.Sample, bool) {
	for _, s := range Samples() {
		if s.Name == name {
			var id [6]byte
			_, _ = rand.Read(id[:])
			return payment.Sample{
				Event: name, Route: callbackRoute, Header: http.Header{"Content-Type": {"application/json"}}, Body: s.Body,
				Fill: []string{"id=7d1c0f6e-0000-4000-8000-" + hex.EncodeToString(id[:])},
			}, true
		}
	}
	return payment.Sample{}, false
}

// Recognize returns the event of a payload of Sevi's and the route that takes it; false
// for a payload of another shape.
func Recognize(body []byte) (event, route string, ok bool) {
	e, err := Parse(body)
	if err != nil || e == nil {
		return "", "", false
	}
	return e.Name, callbackRoute, true
}

// Sample is a complete payload for trying a receiver out; its values are invented.
type Sample struct {
	// Name is the event that the payload means, with a variant after a slash
	// where there are several.
	Name string
	Body []byte
}

// Samples returns one payload for each event and form that Sevi sends
// (reference/sevi.md §7, §9), in a fixed order. The Authorization header is the
// caller's to add.
func Samples() []Sample {
	return []Sample{
		{Name: EventCredit, Body: []byte(sampleCredit)},
		{Name: EventCredit + "/pending", Body: []byte(samplePending)},
		{Name: EventCredit + "/failed", Body: []byte(sampleFailed)},
		{Name: EventCredit + "/top-up", Body: []byte(sampleTopUp)},
		{Name: EventDebit, Body: []byte(sampleSettlement)},
		{Name: EventMovement, Body: []byte(sampleMovement)},
		{Name: EventOrder, Body: []byte(sampleOrder)},
	}
}

const sampleOrderObject = `{"id":"7d1c0f6e-0000-4000-8000-0000000000aa","referenceNumber":"ORD-900001","platformReference":"SO-0042",` +
	`"status":"AWAITING_SHIPMENT","paymentStatus":"PENDING","amount":3601.50,"currency":"KES","name":"Test order",` +
	`"phoneNumber":"+254700000077","items":[{"id":"i1","name":"Maize flour","price":3601.50,"quantity":1}],` +
	`"createdAt":"2026-03-01T10:00:00.000Z","shipping":null,"billing":null}`

const sampleCustomer = `{"name":"Test Buyer","email":null,"reference":"C-001","phoneNumbers":["+254700000077"]}`

const sampleCredit = `{"id":"7d1c0f6e-0000-4000-8000-000000000001","amount":1200.50,"fee":0,"totalAmount":1200.50,` +
	`"description":"Instalment 2 of 3","paymentType":"INSTALLMENT","currency":"KES","transactionType":"CREDIT","method":"MPESA",` +
	`"walletId":"WAL-test-01","createdAt":"2026-03-02T08:15:00.000Z","name":"Test Buyer",` +
	`"orderId":"7d1c0f6e-0000-4000-8000-0000000000aa","status":"COMPLETED","order":` + sampleOrderObject + `,"customer":` + sampleCustomer + `}`

const samplePending = `{"id":"7d1c0f6e-0000-4000-8000-000000000003","amount":500,"fee":5,"totalAmount":505,"description":null,` +
	`"paymentType":"ORDER","currency":"KES","transactionType":"CREDIT","method":"MPESA","walletId":"WAL-test-01",` +
	`"createdAt":"2026-03-02T09:00:00.000Z","name":null,"orderId":null,"status":"PENDING"}`

const sampleFailed = `{"id":"7d1c0f6e-0000-4000-8000-000000000003","amount":500,"fee":5,"totalAmount":505,"description":"Payer declined",` +
	`"paymentType":"ORDER","currency":"KES","transactionType":"CREDIT","method":"MPESA","walletId":"WAL-test-01",` +
	`"createdAt":"2026-03-02T09:00:00.000Z","name":null,"orderId":null,"status":"FAILED"}`

const sampleTopUp = `{"amount":640,"fee":0,"totalAmount":640,"method":"SEVI","transactionType":"TOP_UP","paymentType":"CREDIT",` +
	`"paymentTypeId":"7d1c0f6e-0000-4000-8000-0000000000bb","walletId":"testwallet","description":"Pay Installment: I-90001",` +
	`"currency":"KES","id":"t0t0t0t0t0","balanceBefore":100,"balanceAfter":740,` +
	`"orderId":"7d1c0f6e-0000-4000-8000-0000000000aa","order":{"platformReference":"SO-0042"}}`

const sampleSettlement = `{"id":"7d1c0f6e-0000-4000-8000-000000000002","amount":50000,"fee":35,"totalAmount":50035,"description":null,` +
	`"paymentType":"SETTLEMENT","currency":"KES","transactionType":"DEBIT","method":"BANK","walletId":"WAL-test-01",` +
	`"createdAt":"2026-03-02T21:00:00.000Z","name":null,"orderId":null,"status":"COMPLETED"}`

const sampleMovement = `{"id":"7d1c0f6e-0000-4000-8000-000000000004","amount":75,"fee":0,"totalAmount":75,"description":"Adjustment",` +
	`"paymentType":"ADJUSTMENT","currency":"KES","transactionType":null,"method":"WALLET","walletId":"WAL-test-01",` +
	`"createdAt":"2026-03-03T07:00:00.000Z","name":null,"orderId":null,"status":"COMPLETED"}`

const sampleOrder = `{"order":` + sampleOrderObject + `,"customer":` + sampleCustomer + `}`
