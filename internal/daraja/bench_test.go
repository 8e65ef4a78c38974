package daraja

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// BenchmarkInspect measures the listener's share of a callback beside what
// encoding/json into structs costs for the same bytes.
func BenchmarkInspect(b *testing.B) {
	header := http.Header{"Businessshortcode": {"600111"}}
	for _, name := range []string{"success-compact", "cancelled", "success-reordered", "success-value-first"} {
		body := fixture(b, "stk/"+name+".json")
		d := payment.Delivery{Route: routePrefix + "/stk", Header: header, Body: body}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if i := (Receiver{}).Inspect(d); i.Event == nil || i.Event.Status == "" {
					b.Fatal("not settled")
				}
			}
		})
		b.Run(name+"/baseline-encoding-json", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				var into struct {
					Body struct {
						StkCallback struct {
							MerchantRequestID, CheckoutRequestID, ResultDesc string
							ResultCode                                       json.RawMessage
							CallbackMetadata                                 struct {
								Item []struct {
									Name  string
									Value json.RawMessage
								}
							}
						} `json:"stkCallback"`
					}
				}
				if err := json.Unmarshal(body, &into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
