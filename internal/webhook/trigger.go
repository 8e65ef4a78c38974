package webhook

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/sevi"
	"github.com/payctl/payctl/internal/wasaapay"
)

// Keys sign or authorize samples.
type Keys struct {
	// WebhookSecret signs WasaaPay's.
	WebhookSecret *secret.Secret
	// SeviToken goes into Sevi's Authorization header.
	SeviToken *secret.Secret
}

// Events lists every event that Build knows, by provider.
func Events() map[payment.ProviderID][]string {
	names := make([]string, 0, len(sevi.Samples()))
	for _, s := range sevi.Samples() {
		names = append(names, s.Name)
	}
	return map[payment.ProviderID][]string{
		payment.Daraja: DarajaEvents(), payment.WasaaPay: wasaapay.Events(), payment.Sevi: names,
	}
}

// Build makes one complete, consistent payload, with assignments applied
// (see Set) and then signed. Facts fill what the payload says of the payment.
// An unknown event is KindUsage and lists the known ones.
func Build(event string, f Facts, assignments []string, keys Keys) (Sample, error) {
	s, err := unsigned(event, f)
	if err != nil {
		return Sample{}, err
	}
	if s.Body, err = Set(s.Body, assignments); err != nil {
		return Sample{}, err
	}
	switch s.Provider {
	case payment.WasaaPay:
		s.Body, err = wasaapay.Sign(s.Body, keys.WebhookSecret)
	case payment.Sevi:
		if !keys.SeviToken.IsSet() {
			return Sample{}, &payment.Error{
				Kind: payment.KindUnauthorized, Message: "sevi: no token is configured", Hint: "set sevi.token (PAYCTL_SEVI_TOKEN)", Provider: payment.Sevi,
			}
		}
		s.Header["Authorization"] = keys.SeviToken.Reveal()
	case payment.Daraja:
	}
	return s, err
}

func unsigned(event string, f Facts) (Sample, error) {
	if s, ok := DarajaSample(event, f); ok {
		return s, nil
	}
	header := map[string]string{"Content-Type": "application/json"}
	if s, ok := wasaapay.SampleOf(event); ok {
		body, err := Set(s.Body, wasaapayFacts(s.Event, s.Body, f))
		return Sample{Provider: payment.WasaaPay, Event: s.Event, Route: "/callbacks/wasaapay", Header: header, Body: body}, err
	}
	for _, s := range sevi.Samples() {
		if s.Name == event {
			body, err := Set(s.Body, seviFacts(s.Body))
			return Sample{Provider: payment.Sevi, Event: event, Route: "/callbacks/sevi", Header: header, Body: body}, err
		}
	}
	var all []string
	for _, p := range []payment.ProviderID{payment.Daraja, payment.WasaaPay, payment.Sevi} {
		all = append(all, Events()[p]...)
	}
	return Sample{}, payment.Usage(fmt.Sprintf("event %q: is not one that a provider sends", event), "use one of: "+strings.Join(all, ", "))
}

// wasaapayFacts are assignments of the facts that a payload has members for.
func wasaapayFacts(event string, body []byte, f Facts) []string {
	tree, err := parseTree(body)
	if err != nil {
		return nil
	}
	family, _, _ := strings.Cut(event, ".")
	wanted := []struct{ path, value string }{
		{"timestamp", f.At.UTC().Format(time.RFC3339)},
		{"data." + family + "Id", f.ResourceID},
		{"data.reference", f.ProviderReference},
		{"data.externalReference", f.Reference},
		{"data.amount", f.Amount.String()},
		{"data.receiptNumber", f.Receipt},
	}
	var out []string
	for _, w := range wanted {
		if w.value != "" && has(tree, strings.Split(w.path, ".")) {
			out = append(out, w.path+"="+w.value)
		}
	}
	return out
}

// seviFacts give a transaction an id of its own, without which a second one
// would be a duplicate (reference/sevi.md §8).
func seviFacts(body []byte) []string {
	tree, err := parseTree(body)
	if err != nil || !has(tree, []string{"id"}) {
		return nil
	}
	return []string{"id=7d1c0f6e-0000-4000-8000-" + hexDigits(12)}
}

func has(node any, steps []string) bool {
	for _, step := range steps {
		o, isObject := node.(object)
		if !isObject {
			return false
		}
		i := o.index(step)
		if i < 0 {
			return false
		}
		node = o[i].value
	}
	return true
}

// Shot is one request of ours and what came back.
type Shot struct {
	// Status is the HTTP status, 0 when no answer came.
	Status int
	// Body is the answer's, at most 64 KiB.
	Body    []byte
	Latency time.Duration
	Err     error
}

// OK tells whether a provider would take the answer for an acknowledgement.
func (s Shot) OK() bool { return s.Err == nil && s.Status >= 200 && s.Status < 300 }

// maxAnswer bounds what is kept of an answer, in bytes.
const maxAnswer = 64 << 10

// Send posts a payload once and does not follow redirects.
func Send(ctx context.Context, client *http.Client, url string, s Sample) Shot {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(s.Body))
	if err != nil {
		return Shot{Err: payment.Usage("to: is not a URL", "write http://127.0.0.1:8080/path")}
	}
	for name, value := range s.Header {
		req.Header.Set(name, value)
	}
	copied := *client
	copied.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	started := time.Now()
	resp, err := copied.Do(req)
	if err != nil {
		return Shot{Latency: time.Since(started), Err: &payment.Error{
			Kind: payment.KindUnavailable, Message: "no answer from " + req.URL.Host, Hint: "is the endpoint running?", Retryable: true, Err: err,
		}}
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return Shot{Status: resp.StatusCode, Body: body, Latency: time.Since(started)}
}

// percentile returns the p-th percentile (0 to 100) of latencies.
func percentile(latencies []time.Duration, p int) time.Duration {
	if len(latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(latencies))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
