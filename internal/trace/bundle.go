package trace

import (
	"archive/zip"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// Bundle is what is written beside the trace itself.
type Bundle struct {
	Trace *Trace
	// Timeline is the trace as the command prints it, as JSON and as text.
	Timeline, Text []byte
	// Body masks a body.
	Body func([]byte) []byte
	// Catalogue is what payctl knows of the codes that occur, as JSON.
	Catalogue []byte
	// Versions are the tool's and the ledger's, as JSON.
	Versions []byte
	// Made is when.
	Made time.Time
}

// Write writes the bundle as a zip: nothing in it is secret, and no number whole. The
// hashes are of the bytes that arrived, so that both sides can tell that they speak of
// the same.
func (b *Bundle) Write(w io.Writer) error {
	z := zip.NewWriter(w)
	var sums strings.Builder
	add := func(name string, data []byte) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: b.Made.UTC()})
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&sums, "%s  %s\n", hex.EncodeToString(sum[:]), name)
		_, err = f.Write(data)
		return err
	}
	files := []struct {
		name string
		data []byte
	}{
		{"REQUEST.txt", []byte(b.Request())},
		{"timeline.txt", b.Text},
		{"timeline.json", b.Timeline},
		{"catalogue.json", b.Catalogue},
		{"versions.json", b.Versions},
	}
	for _, v := range b.Trace.Deliveries {
		about, err := json.MarshalIndent(evidenceOf(v), "", "  ")
		if err != nil {
			return err
		}
		files = append(files, struct {
			name string
			data []byte
		}{"deliveries/" + v.ID + ".json", about}, struct {
			name string
			data []byte
		}{"deliveries/" + v.ID + ".body", b.Body(v.Body)})
	}
	for _, f := range files {
		if err := add(f.name, f.data); err != nil {
			return err
		}
	}
	f, err := z.Create("SHA256SUMS")
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(sums.String())); err != nil {
		return err
	}
	return z.Close()
}

// evidence is what is told of a delivery beside its body.
type evidence struct {
	ID         string            `json:"id"`
	Provider   string            `json:"provider"`
	Route      string            `json:"route"`
	Method     string            `json:"method"`
	ReceivedAt string            `json:"received_at"`
	Verdict    string            `json:"verdict"`
	Reason     string            `json:"reason"`
	Size       int64             `json:"size"`
	SHA256     string            `json:"sha256_of_the_bytes_that_arrived"`
	Header     map[string]string `json:"header"`
}

// ShownHeaders are those that may be shown: none of them can hold a credential.
func ShownHeaders() []string {
	return []string{"Accept", "Accept-Encoding", "Content-Encoding", "Content-Length", "Content-Type", "Date", "User-Agent", "X-Request-Id"}
}

func evidenceOf(v store.StoredDelivery) evidence {
	e := evidence{
		ID: v.ID, Provider: string(v.Provider), Route: v.Route, Method: v.Method, ReceivedAt: v.ReceivedAt.UTC().Format(time.RFC3339Nano),
		Verdict: string(v.Verdict), Reason: payment.Line(v.Reason, 300), Size: v.Size, SHA256: v.SHA256, Header: map[string]string{},
	}
	for name := range v.Header {
		value := "(withheld)"
		if slices.Contains(ShownHeaders(), http.CanonicalHeaderKey(name)) {
			value = payment.Line(v.Header.Get(name), 200)
		}
		e.Header[payment.Line(name, 60)] = value
	}
	return e
}

// Request is the text to send to the provider's support desk.
func (b *Bundle) Request() string {
	t := b.Trace
	var s strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	p("Subject: %s", b.subject())
	p("")
	p("Good day,")
	p("")
	p("please tell us what became of the payment below.")
	p("")
	field := func(name, value string) {
		if value != "" {
			p("  %-26s %s", name, payment.MaskDigits(value))
		}
	}
	if d := t.Deposit; d != nil {
		field("Provider, environment", string(d.Provider)+", "+string(d.Environment))
		field("Short code", d.ShortCode)
		field("Request id", d.ProviderID)
		field("Merchant request id", d.MerchantRequestID)
		field("Our reference", d.Reference)
		field("Amount", amount(d.Amount))
		field("Customer (masked)", d.Phone.String())
		field("Sent (UTC)", moment(d.SentAt))
		field("Status here", string(d.Status))
		if f := d.Failure; f != nil {
			field("Reason here", strings.TrimSpace(f.Code+" "+f.Reason))
		}
	}
	field("Receipt", t.Receipt)
	for _, q := range t.Queries {
		field("Asked by "+strings.ReplaceAll(q.Kind, "_", " "), q.OriginatorConversationID)
	}
	p("")
	if len(t.Gaps) > 0 {
		p("What is missing or late:")
		for _, g := range t.Gaps {
			p("  - %s (%s to %s)", payment.MaskDigits(g.Meaning), moment(g.From), moment(g.To))
		}
		p("")
	}
	p("We received %d deliveries about it; they are attached with their times, headers and", len(t.Deliveries))
	p("bodies. Customers' numbers are masked, credentials left out; the SHA-256 of each body")
	p("is that of the bytes that arrived.")
	p("")
	p("Could you tell us")
	p("  1. the final state of this payment and its receipt, if there is one;")
	p("  2. when and where each callback was sent, and what our endpoint answered;")
	p("  3. whether the money reached our account, and under which date?")
	p("")
	p("Made with payctl on %s.", moment(b.Made))
	return s.String()
}

func (b *Bundle) subject() string {
	if d := b.Trace.Deposit; d != nil {
		return payment.MaskDigits("Payment " + cmp.Or(d.Receipt, d.ProviderID, d.Reference, d.ID) + ": what became of it")
	}
	return payment.MaskDigits("Payment " + b.Trace.Receipt + ": what became of it")
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// Codes are the result codes that occur in a trace, each once.
func (t *Trace) Codes() []string {
	var out []string
	note := func(code string) {
		if code != "" && code != "0" && !slices.Contains(out, code) {
			out = append(out, code)
		}
	}
	if t.Deposit != nil && t.Deposit.Failure != nil {
		note(t.Deposit.Failure.Code)
	}
	for _, v := range t.Deliveries {
		if v.Event != nil && v.Event.Failure != nil {
			note(v.Event.Failure.Code)
		}
	}
	for _, q := range t.Queries {
		note(q.Code)
	}
	slices.Sort(out)
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }
