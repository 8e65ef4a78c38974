package doctor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
)

func TestClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		off  time.Duration
		want Verdict
		says string
	}{
		{"right", 0, OK, "the clocks agree"},
		{"a second", -time.Second, OK, "the clocks agree"},
		{"two minutes behind", -2 * time.Minute, Warn, "clock is 2m0s off"},
		{"an hour ahead", time.Hour, Fail, "clock is 1h0m0s off"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", now.Add(-c.off).Format(http.TimeFormat))
			w.WriteHeader(http.StatusNotFound)
		}))
		d := &doctor{Input: Input{Config: &config.Config{}, HTTP: server.Client(), Now: func() time.Time { return now }}}
		f := d.reach(t.Context(), server.URL+"/api/v1")
		server.Close()
		if f.Verdict != c.want || !strings.Contains(f.Detail, c.says) {
			t.Errorf("%s: %+v", c.name, f)
		}
		if c.want == Fail && (f.Kind != payment.KindUsage || !strings.Contains(f.Fix, "timedatectl")) {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

func TestReachSaysTheCause(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	for _, c := range []struct{ name, address, says string }{
		{"an authority that nobody knows", secure.URL, "signed by nobody"},
		{"plain HTTP where TLS is spoken", strings.Replace(plain.URL, "http:", "https:", 1), "does not speak TLS"},
		{"nobody there", gone.URL, "refuses connections"},
		{"silence", silent.URL, "did not answer in time"},
		{"no such name", "https://gateway.invalid", "cannot be resolved"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		d := &doctor{Input: Input{Config: &config.Config{}, HTTP: &http.Client{Transport: &http.Transport{}}, Now: time.Now}}
		f := d.reach(ctx, c.address)
		cancel()
		if f.Verdict != Fail || f.Kind != payment.KindUnavailable || !strings.Contains(f.Detail, c.says) || f.Fix == "" {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	findings := []Finding{
		{Verdict: Fail, Kind: payment.KindUnavailable}, {Verdict: Warn, Kind: payment.KindUsage}, {Verdict: Fail, Kind: payment.KindUnauthorized},
	}
	if kind, failed := Worst(findings); !failed || kind != payment.KindUnauthorized {
		t.Errorf("worst of %+v is %v, %v", findings, kind, failed)
	}
	if _, failed := Worst(findings[1:2]); failed {
		t.Error("a warning is no failure")
	}
}
