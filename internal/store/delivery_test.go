package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func TestDeliveryComesBackWhole(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	a := failed(callback("ws_1", "", 0))
	a.Delivery.Header = http.Header{
		"X-Forwarded-For": {"10.0.0.1", "10.0.0.2"}, "Empty": {""}, "Odd: name": {`back\slash`, "line\r\nend"},
	}
	a.Delivery.Body = []byte{0, 0xff, '{', '\n'}
	a.Inspection.Event.Notes = []string{"an oddity"}
	a.Inspection.Event.MerchantRequestID = "mr-ws_1"
	r := record(t, s, withToken(a, d.CallbackToken))
	got, err := s.Deliveries.Get(t.Context(), r.DeliveryID)
	if err != nil {
		t.Fatal(err)
	}
	e := *a.Inspection.Event
	e.Key, e.Phone = "", ""
	want := StoredDelivery{
		Delivery: a.Delivery, Verdict: payment.VerdictUnsigned, DepositID: d.ID, Subject: d.ID, Move: payment.MoveApply, Event: &e, Size: 4,
	}
	want.ID, want.Token = r.DeliveryID, d.CallbackToken
	got.SHA256 = ""
	if diff := cmp.Diff(want, got, cmpOpts()); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"", "dlv_", "dlv_00000010000", s.id(deliveryPrefix, 99), d.ID} {
		if _, err := s.Deliveries.Get(t.Context(), id); kindOf(err) != payment.KindNotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestDeliveryHash(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	a := callback("ws_1", "", 0)
	a.Delivery.Body = []byte("abc")
	v, err := s.Deliveries.Get(t.Context(), record(t, s, a).DeliveryID)
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if err != nil || v.SHA256 != abc {
		t.Errorf("hash %s, error %v", v.SHA256, err)
	}
}

// fill records deliveries of several sorts, a minute apart.
func fill(t testing.TB, s *Store, n int) []string {
	t.Helper()
	var ids []string
	for i := range n {
		a := callback(fmt.Sprint("ws_", i), "", 100)
		switch i % 4 {
		case 1:
			a = failed(a)
		case 2:
			a.Inspection = payment.Inspection{Verdict: payment.VerdictMalformed, Reason: "not JSON"}
		case 3:
			a = wasaapayEvent(fmt.Sprint("dep_", i), "INV-1")
		}
		a.Delivery.ReceivedAt = newClock().Now().Add(time.Duration(i) * time.Minute)
		ids = append(ids, record(t, s, a).DeliveryID)
	}
	return ids
}

func TestDeliveriesFilters(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	ids := fill(t, s, 12)
	start := newClock().Now()
	for _, tc := range []struct {
		name   string
		filter DeliveryFilter
		want   []int
	}{
		{"all", DeliveryFilter{}, []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		{"provider", DeliveryFilter{Provider: payment.WasaaPay}, []int{11, 7, 3}},
		{"event", DeliveryFilter{Event: "stk.failed"}, []int{9, 5, 1}},
		{"events", DeliveryFilter{Event: "stk.*"}, []int{9, 8, 5, 4, 1, 0}},
		{"verdict", DeliveryFilter{Verdicts: []payment.Verdict{payment.VerdictMalformed}}, []int{10, 6, 2}},
		{"status", DeliveryFilter{Statuses: []payment.Status{payment.StatusFailed}}, []int{9, 5, 1}},
		{"since", DeliveryFilter{Since: start.Add(9 * time.Minute)}, []int{11, 10, 9}},
		{"until", DeliveryFilter{Until: start.Add(2 * time.Minute)}, []int{1, 0}},
		{"provider between", DeliveryFilter{Provider: payment.WasaaPay, Since: start.Add(4 * time.Minute), Until: start.Add(9 * time.Minute)}, []int{7}},
		{"nothing", DeliveryFilter{Event: "c2b.validation"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			want := []string{}
			for _, i := range tc.want {
				want = append(want, ids[i])
			}
			for _, most := range []int{1, 3, 100} {
				if n, err := s.Deliveries.Count(t.Context(), tc.filter, most); err != nil || n != min(most, len(want)) {
					t.Errorf("%d of at most %d counted, want %d: %v", n, most, len(want), err)
				}
			}
			for _, limit := range []int{0, 1, 3, 5} {
				if diff := cmp.Diff(want, listIDs(t, s, tc.filter, limit)); diff != "" {
					t.Errorf("limit %d: %s", limit, diff)
				}
			}
			got := []string{}
			err := s.Deliveries.Each(t.Context(), tc.filter, func(d StoredDelivery) error {
				if len(d.Body) == 0 || len(d.Header) == 0 {
					t.Errorf("%s has no body or header", d.ID)
				}
				got = append([]string{d.ID}, got...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("oldest first: %s", diff)
			}
		})
	}
}

func listIDs(t *testing.T, s *Store, f DeliveryFilter, limit int) []string {
	t.Helper()
	got := []string{}
	for cursor, first := "", true; first || cursor != ""; first = false {
		f.Limit, f.Cursor = limit, cursor
		page, next, err := s.Deliveries.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page {
			got = append(got, d.ID)
			if d.Body != nil || d.SHA256 == "" {
				t.Errorf("a list without bodies has %d bytes and the hash %q", len(d.Body), d.SHA256)
			}
		}
		cursor = next
	}
	return got
}

func TestEachDeliveryStops(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	fill(t, s, 5)
	stop := errors.New("enough")
	n := 0
	err := s.Deliveries.Each(t.Context(), DeliveryFilter{}, func(StoredDelivery) error {
		if n++; n == 3 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || n != 3 {
		t.Errorf("%d deliveries, error %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Deliveries.Each(ctx, DeliveryFilter{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read: %v", err)
	}
}

// The clock may jump back: nothing is lost from lists, and keys go on.
func TestClockJumpsBack(t *testing.T) {
	t.Parallel()
	fileOnly(t) // lists of a shared ledger go by time
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	c.Add(-48 * time.Hour)
	a := callback("ws_1", "REC0000001", 15000)
	a.Delivery.ReceivedAt = c.Now()
	r := deliver(t, s, a)
	if r.Move != payment.MoveApply || !deposit(t, s, r.DepositID).UpdatedAt.Equal(c.Now()) {
		t.Errorf("%+v", r)
	}
	create(t, s, push(t, "INV-2"))
	list, _, err := s.Deposits.List(t.Context(), DepositFilter{})
	if err != nil || len(list) != 2 || list[1].ID != d.ID {
		t.Errorf("%+v, error %v", list, err)
	}
	seen := 0
	if err := s.Deliveries.Each(t.Context(), DeliveryFilter{Provider: payment.Daraja}, func(StoredDelivery) error { seen++; return nil }); err != nil || seen != 1 {
		t.Errorf("%d deliveries, error %v", seen, err)
	}
	checkSound(t, s)
}
