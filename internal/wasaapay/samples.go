package wasaapay

import "strings"

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
