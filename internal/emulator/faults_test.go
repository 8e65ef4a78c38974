package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// reference/daraja.md §3.4, §13.6: every fault of the gateway, on the API it is limited to and on no other.
func TestGatewayFaults(t *testing.T) {
	t.Parallel()
	const page = `<html><head><title>Service Unavailable</title></head><body>`
	for _, tt := range []struct {
		behaviour string
		status    int
		want      string
	}{
		{"spike-arrest", 500, refused("500.003.02", "Error Occurred: Spike Arrest Violation")},
		{"system-busy", 500, refused("500.003.02", "System is busy. Please try again in few minutes.")},
		{"quota", 500, refused("500.003.03", "Error Occurred: Quota Violation")},
		{"internal-error", 500, refused("500.003.1001", "Internal Server Error")},
		{"invalid-token", 404, refused("404.001.03", "Invalid Access Token")},
		{"no-product", 401, refused("401.003.01", "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found")},
		{"html-503", 503, page},
		{"html-403", 403, page},
		{"answer-lost", 0, ""},
		{"request-lost", 0, ""},
	} {
		d := newDesk(t, tt.behaviour+"=x1@push")
		status, body := d.post(pushPath, pushBody())
		if tt.want == page {
			body = body[:min(len(page), len(body))]
		}
		if diff := cmp.Diff(tt.want, plain(body)); diff != "" || status != tt.status {
			t.Errorf("%s: status %d, want %d (-want +got):\n%s", tt.behaviour, status, tt.status, diff)
		}
		d.advance(time.Second)
		if got, want := len(d.app.take()) == 1, tt.behaviour == "answer-lost"; got != want {
			t.Errorf("%s: carried out is %t", tt.behaviour, got)
		}
		d.push(phone("254722000099")...)
		if log := d.control(http.MethodGet, "requests?api=push&refused=true", ""); !strings.Contains(log, tt.behaviour) {
			t.Errorf("%s is not named in the log: %s", tt.behaviour, log)
		}
	}
}

// An answer that comes late, after the callback (reference/daraja.md §4.3).
func TestAnswerDelay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "answer-delay=5s@push")
	answered := make(chan int)
	go func() {
		status, _ := d.post(pushPath, pushBody())
		answered <- status
	}()
	for len(d.app.take()) == 0 {
		select {
		case <-answered:
			t.Fatal("answered before its time")
		default:
			d.advance(500 * time.Millisecond)
		}
	}
	for {
		select {
		case status := <-answered:
			if status != http.StatusOK {
				t.Errorf("status %d", status)
			}
			return
		default:
			d.advance(500 * time.Millisecond)
		}
	}
}

// A behaviour's chance is decided by the seed: about as often as it says, and the same again.
func TestChanceIsSeeded(t *testing.T) {
	t.Parallel()
	run := func(seedBehaviours ...string) string {
		d := newDesk(t, seedBehaviours...)
		var got strings.Builder
		for range 200 {
			status, _ := d.post(queryPath, queryBody("ws_CO_1", "CheckoutRequestID", `"ws_CO_1"`))
			if status == http.StatusServiceUnavailable {
				got.WriteByte('x')
			} else {
				got.WriteByte('.')
			}
		}
		return got.String()
	}
	first, again, composed := run("html-503=20%@query"), run("html-503=20%@query"), run("html-503=20%@query", "spike-arrest=50%@query")
	if first != again || first != composed {
		t.Errorf("chances differ:\n%s\n%s\n%s", first, again, composed)
	}
	if hits := strings.Count(first, "x"); hits < 20 || hits > 60 {
		t.Errorf("20%% of 200 struck %d times", hits)
	}
}
