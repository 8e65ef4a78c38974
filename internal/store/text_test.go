package store

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTextsForEveryEngine holds that what is no text for every engine (NUL, broken
// UTF-8) is stored as one that is, found again by what was asked for, and that header
// and body keep the bytes.
func TestTextsForEveryEngine(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := push(t, "INV\x00\xff1")
	d.IdempotencyKey = "key\x00\xfe"
	made := create(t, s, d)
	if again, existed, err := s.Deposits.Create(t.Context(), d); err != nil || !existed || again.ID != made.ID {
		t.Errorf("the same key again: %v, existed %v, error %v", again.ID, existed, err)
	}
	if got := deposit(t, s, made.ID); got.Reference != "INV\uFFFD\uFFFD1" {
		t.Errorf("reference %q", got.Reference)
	}
	a := callback("ws\x00_1", "R\x00\xff", 100)
	a.Delivery.Header = http.Header{"X-Odd": {"a\x00b\xff\xfe €", `back\slash \x41`}, "X-Plain": {"v"}}
	a.Delivery.Body = []byte("\x00\xff body")
	got, err := s.Deliveries.Get(t.Context(), record(t, s, a).DeliveryID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.Delivery.Header, got.Header); diff != "" {
		t.Errorf("header: %s", diff)
	}
	if string(got.Body) != "\x00\xff body" || got.Event.Receipt != "R\uFFFD\uFFFD" || got.Event.ProviderID != "ws\uFFFD_1" {
		t.Errorf("body %q, receipt %q, id %q", got.Body, got.Event.Receipt, got.Event.ProviderID)
	}
	if found := record(t, s, callback("ws\x00_1", "R\x00\xff", 100)); found.Duplicate {
		t.Error("another body is a repetition")
	}
	if testServer() != "" {
		return // it refuses them itself
	}
	var odd int
	err = s.read.QueryRowContext(t.Context(), `SELECT count(*) FROM deliveries
		WHERE instr(coalesce(provider_id, '') || coalesce(receipt, '') || header, char(0)) > 0`).Scan(&odd)
	if err != nil || odd != 0 {
		t.Errorf("%d deliveries hold NUL in a text, error %v", odd, err)
	}
}
