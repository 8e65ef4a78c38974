package view

import (
	"bytes"
	"encoding/json"
	"runtime"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trace"
	"github.com/payctl/payctl/internal/ui"
)

// TraceBundle is a timeline as a zip for a provider's support desk, with what the codes in
// it mean. Whatever is in it is masked: it leaves the house. deposit is the payment's view,
// masked, or nil.
func TraceBundle(t *trace.Trace, deposit ui.View, explain func(code string) payment.Explained, zone *time.Location, now time.Time) ([]byte, error) {
	masked := NewTrace(t, deposit, zone)
	timeline, err := json.MarshalIndent(masked, "", "  ")
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	plain, err := ui.New(ui.Options{Stdout: &text, Stderr: &text, Color: "never"})
	if err != nil {
		return nil, err
	}
	if err := plain.One(masked); err != nil {
		return nil, err
	}
	meanings := []Explanation{}
	for _, code := range t.Codes() {
		meanings = append(meanings, NewExplanation(explain(code), 0, false))
	}
	catalogue, err := json.MarshalIndent(meanings, "", "  ")
	if err != nil {
		return nil, err
	}
	versions, err := json.MarshalIndent(map[string]any{
		"payctl": ThisBuild().Version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	var z bytes.Buffer
	b := trace.Bundle{
		Trace: t, Timeline: []byte(payment.MaskDigits(string(timeline))), Text: []byte(payment.MaskDigits(text.String())),
		Body:      func(body []byte) []byte { return Body(body, false) },
		Catalogue: catalogue, Versions: versions, Made: now,
	}
	err = b.Write(&z)
	return z.Bytes(), err
}
