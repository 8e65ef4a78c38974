package webhook_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/webhook"
)

// TestRecognize holds that every sample is told by its body alone, and nothing else.
func TestRecognize(t *testing.T) {
	t.Parallel()
	bench := testBench()
	for provider, events := range bench.Events() {
		for _, event := range events {
			s, err := bench.Build(event, bench.NewFacts(time.Now()), webhook.Edit{})
			if err != nil {
				t.Fatal(err)
			}
			got, ok := bench.Recognize(s.Body)
			if !ok || got.Provider != provider || got.Route != s.Route {
				if event == "transaction.timeout" && got.Route == "/callbacks/daraja/result" {
					continue // only the route tells them apart
				}
				t.Errorf("%s of %s: got %+v", event, provider, got)
			}
		}
	}
	for _, body := range []string{"", "null", "[]", "{}", `{"a":1}`, `{"event":1,"data":{}}`, `{"event":"x"}`, "<html>", `{"message":"ok"}`} {
		if got, ok := bench.Recognize([]byte(body)); ok {
			t.Errorf("%q: got %s", body, cmp.Diff(webhook.Recognized{}, got))
		}
	}
}
