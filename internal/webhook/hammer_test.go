package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/webhook"
)

// shop is an endpoint with books; careless ones have the usual bugs.
type shop struct {
	careless bool
	mu       sync.Mutex
	credits  map[string]int
	final    map[string]bool
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var callback struct {
		Body struct {
			STK struct {
				CheckoutRequestID string
				ResultCode        json.RawMessage
			} `json:"stkCallback"`
		}
	}
	if err := json.Unmarshal(body, &callback); err != nil {
		if s.careless {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return
	}
	code := string(callback.Body.STK.ResultCode)
	paid := code == "0" || s.careless && code != "1032"
	s.mu.Lock()
	defer s.mu.Unlock()
	id := callback.Body.STK.CheckoutRequestID
	if paid && (s.careless || !s.final[id]) {
		s.credits[id]++
	}
	s.final[id] = true
}

func TestHammerDaraja(t *testing.T) {
	t.Parallel()
	for _, careless := range []bool{false, true} {
		s := &shop{careless: careless, credits: map[string]int{}, final: map[string]bool{}}
		server := httptest.NewServer(s)
		h := &webhook.Hammer{
			URL: server.URL, Provider: payment.Daraja, Bench: testBench(), Copies: 40, Sender: deliver.New(deliver.Options{}), Now: time.Now,
			Probe: func(_ context.Context, f payment.Facts) (int, error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.credits[f.CheckoutRequestID], nil
			},
		}
		report, err := h.Run(t.Context())
		server.Close()
		if err != nil {
			t.Fatal(err)
		}
		problems := map[string]string{}
		for _, b := range report {
			if b.Problem != "" {
				problems[b.Name] = b.Problem
			}
		}
		if !careless && len(problems) > 0 {
			t.Errorf("a careful endpoint has problems: %v", problems)
		}
		for _, name := range []string{"40 copies at once", "a result code that is no number", "a success without a result code", "a body that is not JSON"} {
			if careless && problems[name] == "" {
				t.Errorf("a careless endpoint passes %q", name)
			}
		}
	}
}

func TestHammerWasaaPay(t *testing.T) {
	t.Parallel()
	receiver := wasaapay.NewReceiver(payment.Sandbox, testBench().Keys[payment.WasaaPay])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d := payment.Delivery{Provider: payment.WasaaPay, Header: r.Header, Body: body}
		reply := receiver.Acknowledge(d, receiver.Inspect(d), payment.Stored)
		w.WriteHeader(reply.Status)
	}))
	defer server.Close()
	h := &webhook.Hammer{URL: server.URL, Provider: payment.WasaaPay, Copies: 10, Sender: deliver.New(deliver.Options{}), Bench: testBench(), Now: time.Now}
	report, err := h.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range report {
		if b.Problem != "" {
			t.Errorf("%s: %s", b.Name, b.Problem)
		}
	}
}

// TestHammerNobodyThere holds that the network is not blamed on the endpoint.
func TestHammerNobodyThere(t *testing.T) {
	t.Parallel()
	h := &webhook.Hammer{URL: "http://127.0.0.1:1/", Provider: payment.Daraja, Bench: testBench(), Copies: 3, Sender: deliver.New(deliver.Options{}), Now: time.Now}
	report, err := h.Run(t.Context())
	if payment.KindOf(err) != payment.KindUnavailable || len(report) != 1 || report[0].Problem != "" || !strings.HasPrefix(report[0].Error, "connection refused") {
		t.Errorf("got %+v, %v", report, err)
	}
}

// TestHammerCrash holds that an endpoint that dies of a payload is to blame.
func TestHammerCrash(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	server.Start()
	defer server.Close()
	h := &webhook.Hammer{URL: server.URL, Provider: payment.Daraja, Bench: testBench(), Copies: 3, Sender: deliver.New(deliver.Options{}), Now: time.Now}
	report, err := h.Run(t.Context())
	if err != nil || len(report) < 10 || report[0].Problem != "no answer: closed before an answer" || report[0].Error != "" {
		t.Errorf("got %+v, %v", report, err)
	}
}
