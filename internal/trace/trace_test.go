package trace

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

var start = time.Date(2026, 11, 4, 7, 0, 0, 0, time.UTC)

// memory is a ledger of one payment.
type memory struct {
	notes      []store.Note
	deliveries []store.StoredDelivery
	attempts   map[string][]store.Attempt
	queries    []store.Query
}

func (m memory) History(context.Context, string) ([]store.Note, error) { return m.notes, nil }

func (m memory) Each(_ context.Context, _ store.DeliveryFilter, do func(store.StoredDelivery) error) error {
	for _, d := range m.deliveries {
		if err := do(d); err != nil {
			return err
		}
	}
	return nil
}

func (m memory) Get(_ context.Context, id string) (store.StoredDelivery, error) {
	for _, d := range m.deliveries {
		if d.ID == id {
			return d, nil
		}
	}
	return store.StoredDelivery{}, payment.NotFound("no delivery", "")
}

func (m memory) OfReceipt(context.Context, payment.ProviderID, string) ([]store.StoredDelivery, error) {
	return nil, nil
}

func (m memory) Attempts(_ context.Context, id string) ([]store.Attempt, error) {
	return m.attempts[id], nil
}

func (m memory) Find(context.Context, string) ([]store.Query, error)      { return nil, nil }
func (m memory) OfDeposit(context.Context, string) ([]store.Query, error) { return m.queries, nil }

func delivery(id string, after time.Duration, verdict payment.Verdict, e *payment.Event) store.StoredDelivery {
	return store.StoredDelivery{
		Delivery: payment.Delivery{ID: id, Provider: payment.Daraja, ReceivedAt: start.Add(after), Header: http.Header{"Authorization": {"Bearer s3cret"}, "Content-Type": {"application/json"}, "X-Odd": {"s3cret"}}, Body: []byte(`{"PhoneNumber":254712345678}`)},
		Verdict:  verdict, Event: e, SHA256: strings.Repeat("a", 64), Size: 28,
	}
}

func deposit(status payment.Status) *payment.Deposit {
	phone, err := payment.ParsePhone("0712345678")
	if err != nil {
		panic(err)
	}
	return &payment.Deposit{
		ID: "dep_1", Provider: payment.Daraja, Environment: payment.Local, Reference: "INV-1", Phone: phone, Status: status,
		Amount: payment.AmountOf(15000, payment.KES), ProviderID: "ws_CO_04112026100000123712345678", CallbackToken: "tokenthatopens",
		CreatedAt: start, SentAt: start.Add(time.Second),
	}
}

func run(t *testing.T, m memory, d *payment.Deposit, now time.Duration) *Trace {
	t.Helper()
	tr, err := Run(t.Context(), Ledger{m, m, m, nil}, Input{Deposit: d, ID: "INV-1", Providers: []payment.ProviderID{payment.Daraja}, Now: start.Add(now)})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestGaps: what was to be expected and did not come is named.
func TestGaps(t *testing.T) {
	t.Parallel()
	done := &payment.Event{Name: "stk.completed"}
	const min = time.Minute
	for name, tt := range map[string]struct {
		m    memory
		d    *payment.Deposit
		now  time.Duration
		want []string
	}{
		"nothing to wait for": {memory{deliveries: []store.StoredDelivery{delivery("dlv_1", 5*time.Second, payment.VerdictUnsigned, done)}}, deposit(payment.StatusCompleted), min, nil},
		"prompt expired":      {memory{}, deposit(payment.StatusPending), 131 * time.Second, []string{"no callback for 2 min 10 s: prompt expired"}},
		"still open":          {memory{}, deposit(payment.StatusPending), 61 * time.Second, []string{"no callback for 1 min: the customer may still answer"}},
		"late":                {memory{deliveries: []store.StoredDelivery{delivery("dlv_1", 5*min, payment.VerdictUnsigned, done)}}, deposit(payment.StatusCompleted), 9 * min, []string{"the callback came after 4 min 59 s: late, the prompt was over"}},
		"settled by poll": {
			memory{notes: []store.Note{{At: start.Add(41 * time.Second), Source: payment.SourcePoll, Status: payment.StatusCompleted}}},
			deposit(payment.StatusCompleted), time.Hour,
			[]string{"no callback for 40 s: settled without one"},
		},
		"unbelieved is no callback": {memory{deliveries: []store.StoredDelivery{delivery("dlv_1", 5*time.Second, payment.VerdictUntrusted, done)}}, deposit(payment.StatusPending), 3 * min, []string{"no callback for 2 min 59 s: prompt expired"}},
		"no result":                 {memory{queries: []store.Query{{ID: "qry_1", CreatedAt: start, Status: store.QueryAccepted}}}, deposit(payment.StatusCreated), 2 * min, []string{"no callback for 1 min 59 s: the customer may still answer", "no result of qry_1 for 2 min"}},
		"an app that was down": {
			memory{
				deliveries: []store.StoredDelivery{delivery("dlv_1", 5*time.Second, payment.VerdictUnsigned, done)},
				attempts: map[string][]store.Attempt{"dlv_1": {
					{At: start.Add(6 * time.Second), Target: "http://127.0.0.1:1/x", Error: "refused"}, {At: start.Add(100 * time.Second), Target: "http://127.0.0.1:1/x", Status: 200},
				}},
			},
			deposit(payment.StatusCompleted), time.Hour,
			[]string{"http://127.0.0.1:1/x took dlv_1 after 1 min 34 s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, g := range run(t, tt.m, tt.d, tt.now).Gaps {
				got = append(got, g.Meaning)
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(tt.want)), slices.Sorted(slices.Values(got))); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingKnown(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), Ledger{memory{}, memory{}, memory{}, nil}, Input{ID: "0712345678"})
	if payment.KindOf(err) != payment.KindNotFound || strings.Contains(err.Error(), "0712345678") {
		t.Errorf("got %v", err)
	}
}

// TestBundleHoldsNoSecret opens the zip and searches it.
func TestBundleHoldsNoSecret(t *testing.T) {
	t.Parallel()
	tr := run(t, memory{deliveries: []store.StoredDelivery{delivery("dlv_1", 5*time.Second, payment.VerdictUnsigned, &payment.Event{Name: "stk.failed", Failure: &payment.Failure{Code: "1032"}})}}, deposit(payment.StatusFailed), time.Hour)
	b := Bundle{Trace: tr, Timeline: []byte("{}"), Text: []byte("x"), Catalogue: []byte("[]"), Versions: []byte("{}"), Made: start, Body: func(body []byte) []byte { return []byte(payment.MaskDigits(string(body))) }}
	var out bytes.Buffer
	if err := b.Write(&out); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"s3cret", "712345678", "tokenthatopens"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %s", f.Name, secret)
			}
		}
		if f.Name == "deliveries/dlv_1.json" && (!bytes.Contains(data, []byte(`"Authorization": "(withheld)"`)) || !bytes.Contains(data, []byte(`"Content-Type": "application/json"`)) || !bytes.Contains(data, []byte(strings.Repeat("a", 64)))) {
			t.Errorf("the evidence is %s", data)
		}
	}
	want := []string{"REQUEST.txt", "timeline.txt", "timeline.json", "catalogue.json", "versions.json", "deliveries/dlv_1.json", "deliveries/dlv_1.body", "SHA256SUMS"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got := tr.Codes(); !slices.Equal(got, []string{"1032"}) {
		t.Errorf("codes %v", got)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{0: "0 s", 45 * time.Second: "45 s", 130 * time.Second: "2 min 10 s", time.Hour: "1 h", 90061 * time.Second: "1 d 1 h"} {
		if got := Words(d); got != want {
			t.Errorf("Words(%s) = %q, want %q", d, got, want)
		}
	}
}
