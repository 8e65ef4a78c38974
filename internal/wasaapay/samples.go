package wasaapay

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

const callbackRoute = "/callbacks/wasaapay"

// Invent fills in the id and the reference that the facts lack.
func Invent(f *payment.Facts) {
	if f.ResourceID == "" {
		f.ResourceID = "dep_" + hexDigits(12)
	}
	if f.ProviderReference == "" {
		f.ProviderReference = "DEP-" + f.At.UTC().Format("20060102") + "-" + strings.ToUpper(hexDigits(6))
	}
}

func hexDigits(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)[:n]
}

// FilledSample returns the unsigned payload for one event, to be filled with the facts;
// false for a name that is none.
func FilledSample(event string, f payment.Facts) (payment.Sample, bool) {
	s, ok := SampleOf(event)
	family, _, _ := strings.Cut(s.Event, ".")
	out := payment.Sample{Event: s.Event, Route: callbackRoute, Header: http.Header{"Content-Type": {"application/json"}}, Body: s.Body}
	for _, fact := range [][2]string{
		{"timestamp", f.At.UTC().Format(time.RFC3339)},
		{"data." + family + "Id", f.ResourceID},
		{"data.reference", f.ProviderReference},
		{"data.externalReference", f.Reference},
		{"data.amount", f.Amount.String()},
		{"data.receiptNumber", f.Receipt},
	} {
		if fact[1] != "" {
			out.Fill = append(out.Fill, fact[0]+"="+fact[1])
		}
	}
	return out, ok
}

// Recognize returns the event of a body that is shaped as WasaaPay's, believed or not,
// and the route that takes it; false for a body of another shape.
func Recognize(body []byte) (event, route string, ok bool) {
	var o struct {
		Event     string          `json:"event"`
		Data      json.RawMessage `json:"data"`
		Signature json.RawMessage `json:"signature"`
	}
	if json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &o) != nil || o.Event == "" || o.Data == nil && o.Signature == nil {
		return "", "", false
	}
	return o.Event, callbackRoute, true
}

// Sample is an unsigned webhook payload to send for a test.
type Sample struct {
	// Event is the event's name, such as "deposit.completed".
	Event string
	// Body is compact JSON in the vendor's key order, without a signature;
	// Sign puts one where the vendor's sample has it.
	Body []byte
}

// Samples returns one complete payload for each event, in the order of Events.
// The values are invented and agree with each other: all events of a family
// are of one resource. The data of deposits follows reference/wasaapay.md §7.5
// and §11.2; that of the other families is undocumented and holds the common
// fields of §11.3 by payctl's own convention.
func Samples() []Sample {
	out := make([]Sample, 0, len(Events()))
	for _, name := range Events() {
		out = append(out, Sample{Event: name, Body: sample(name)})
	}
	return out
}

// SampleOf returns the payload for one event; a colon is taken for a dot. The
// copy is the caller's.
func SampleOf(event string) (Sample, bool) {
	name := strings.Replace(event, ":", ".", 1)
	if !knownEvent(name) {
		return Sample{}, false
	}
	return Sample{Event: name, Body: sample(name)}, true
}

func sample(name string) []byte {
	family, step, _ := strings.Cut(name, ".")
	status, second := "PENDING", "08:15:00"
	switch step {
	case "completed":
		status, second = "COMPLETED", "08:15:42"
	case "failed":
		status, second = "FAILED", "08:15:42"
	}
	fields := []string{
		idName(family), prefix(family) + "_sample_1",
		"reference", strings.ToUpper(shortName(family)) + "-20260302-SAMPLE",
		"externalReference", "INV-77",
		"amount", "250.00",
		"status", status,
	}
	if family == "deposit" {
		fields = append(fields, "provider", "MPESA")
		if step == "completed" {
			fields = append(fields, "receiptNumber", "TST0000001")
		}
	} else {
		fields = append(fields, "currency", "KES")
	}
	if step == "failed" {
		fields = append(fields, "failureReason", "declined in a sample")
	}
	envelope := members("event", name, "timestamp", "2026-03-02T"+second+"Z", "partnerId", "partner_sample", "environment", "SANDBOX")
	return []byte("{" + envelope + `,"data":{` + members(fields...) + "}}")
}

// shortName stands in front of a family's ids and, in capitals, of its references. That
// of deposits is the provider's, the others are payctl's convention, the emulator's too.
func shortName(family string) string {
	switch family {
	case "withdrawal":
		return "wdr"
	case "transfer":
		return "trf"
	}
	return family[:3]
}

// prefix is a family's in its ids.
func prefix(family string) string {
	if family == "bill" {
		return family
	}
	return shortName(family)
}

// idName is the member that names the resource of a family.
func idName(family string) string { return family + "Id" }

// members writes names and values, all of them plain ASCII text, as members.
func members(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + pairs[i] + `":"` + pairs[i+1] + `"`)
	}
	return b.String()
}
