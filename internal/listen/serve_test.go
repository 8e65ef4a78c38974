package listen

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
)

// ask serves one request without a socket, from an address.
func ask(t *testing.T, s *Server, method, target, from, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.RemoteAddr = from
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func newServer(t *testing.T, o Options) (*Server, *fakeLedger) {
	t.Helper()
	ledger := &fakeLedger{}
	o.Ledger = ledger.ledger()
	o.Routes = provider.Builtin().Routes()
	if o.Receivers == nil {
		o.Receivers = fakeReceivers()
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, ledger
}

const (
	stranger = "203.0.113.9:5000"
	home     = "127.0.0.1:5000"
)

// TestInstallToken holds who may enter when the paths are secret, and who may
// read the metrics.
func TestInstallToken(t *testing.T) {
	t.Parallel()
	const token = "install-token-0123"
	s, ledger := newServer(t, Options{InstallToken: token})
	type answer struct {
		Method, Path, From string
		Status             int
	}
	want := []answer{
		{"POST", "/callbacks/daraja/stk", stranger, 404},
		{"POST", "/callbacks/daraja/stk/" + token, stranger, 200},
		{"POST", "/callbacks/daraja/stk/a-deposits-own", stranger, 200},
		{"POST", "/callbacks/daraja/result/a-querys-own", stranger, 200},
		{"POST", "/callbacks/daraja/c2b/validation", stranger, 404},
		{"POST", "/callbacks/daraja/c2b/validation/wrong", stranger, 404},
		{"POST", "/callbacks/daraja/c2b/validation/" + token, stranger, 200},
		{"POST", "/callbacks/sevi", stranger, 404},
		{"POST", "/callbacks/sevi/" + token + "x", stranger, 404},
		{"POST", "/callbacks/sevi/" + token, stranger, 401},
		{"GET", "/callbacks/sevi", stranger, 404},
		{"GET", "/callbacks/sevi/" + token, stranger, 405},
		{"GET", "/healthz", stranger, 200},
		{"GET", "/metrics", stranger, 404},
		{"GET", "/metrics", home, 200},
		{"GET", "/metrics/" + token, stranger, 200},
		{"GET", "/metrics/wrong", home, 404},
	}
	var got []answer
	for _, w := range want {
		got = append(got, answer{w.Method, w.Path, w.From, ask(t, s, w.Method, w.Path, w.From, stkBody).Code})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if w := ask(t, s, "GET", "/metrics", home, "", forwardedFor, "203.0.113.9"); w.Code != 404 {
		t.Errorf("metrics through a tunnel: %d", w.Code)
	}
	strays := 0
	for _, a := range ledger.stored() {
		if a.Inspection.Verdict == payment.VerdictStray {
			strays++
		}
	}
	if n := len(ledger.stored()); n-strays != 5 || strays != 5 {
		t.Errorf("%d stored, and %d strays; want 5 of each", n-strays, strays)
	}
}

func TestFloodIsRefused(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	s, _ := newServer(t, Options{
		Limits: Limits{PeerRate: 2}, Now: func() time.Time { return now },
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	})
	count := func(from string, headers ...string) (out []int) {
		for range 6 {
			w := ask(t, s, "POST", stkPath, from, stkBody, headers...)
			if w.Code == 429 && w.Header().Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			out = append(out, w.Code)
		}
		return out
	}
	got := [][]int{count(stranger), count(home), count("10.0.0.1:1", forwardedFor, "203.0.113.77"), count("10.0.0.1:1")}
	flooded, fine := []int{200, 200, 200, 200, 429, 429}, []int{200, 200, 200, 200, 200, 200}
	if diff := cmp.Diff([][]int{flooded, fine, flooded, fine}, got); diff != "" {
		t.Errorf("answers: stranger, loopback, behind a proxy, the proxy (-want +got):\n%s", diff)
	}
}

// TestAddressCheck holds that an unlisted address marks a delivery and never
// has it refused (reference/daraja.md §8).
func TestAddressCheck(t *testing.T) {
	t.Parallel()
	for _, enforce := range []bool{false, true} {
		s, ledger := newServer(t, Options{AddressCheck: func(p payment.ProviderID, a netip.Addr) (string, bool) {
			if p == payment.Daraja && a != netip.MustParseAddr("196.201.212.69") {
				return "the sender is not on the list", enforce
			}
			return "", false
		}})
		for _, from := range []string{stranger, "196.201.212.69:1"} {
			if w := ask(t, s, "POST", stkPath, from, stkBody); w.Code != 200 {
				t.Errorf("%s: %d", from, w.Code)
			}
		}
		var got [][]string
		for _, a := range ledger.stored() {
			got = append(got, append([]string{a.Distrust}, a.Inspection.Event.Notes...))
		}
		want := [][]string{{"", "the sender is not on the list"}, {""}}
		if enforce {
			want[0][0] = "the sender is not on the list"
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("enforce %v: distrust and notes (-want +got):\n%s", enforce, diff)
		}
	}
}

// TestReceiverPanics holds that a bug in an adapter loses no bytes.
func TestReceiverPanics(t *testing.T) {
	t.Parallel()
	s, ledger := newServer(t, Options{Receivers: map[payment.ProviderID]payment.Receiver{
		payment.Daraja: fakeReceiver{provider: payment.Daraja, panics: true},
	}})
	codes := []int{ask(t, s, "POST", stkPath, home, stkBody).Code, ask(t, s, "POST", "/callbacks/sevi", home, stkBody).Code}
	if diff := cmp.Diff([]int{200, 503}, codes); diff != "" {
		t.Errorf("a panicking and a missing receiver (-want +got):\n%s", diff)
	}
	got := ledger.stored()
	if len(got) != 1 || got[0].Inspection.Verdict != payment.VerdictMalformed || string(got[0].Delivery.Body) != stkBody {
		t.Errorf("stored %+v", got)
	}
}

// TestViews holds what is shown, in which order, and that all of it is shown
// before Serve returns.
func TestViews(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []DeliveryView
	at := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	r := start(t, Options{Now: func() time.Time { return at }, OnDelivery: func(v DeliveryView) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, v)
	}})
	for _, request := range []string{post(stkPath, stkBody), post(stkPath, stkBody), post("/callbacks/wasaapay", "x"), post(stkPath, "x")} {
		r.raw(request)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	view := func(id string, p payment.ProviderID, route string, v payment.Verdict, status int) DeliveryView {
		return DeliveryView{ID: id, Provider: p, Route: route, Verdict: v, StatusCode: status, Peer: "127.0.0.1", ReceivedAt: at}
	}
	want := []DeliveryView{
		view("del_1", payment.Daraja, stkPath, payment.VerdictUnsigned, 200), view("del_2", payment.Daraja, stkPath, payment.VerdictUnsigned, 200),
		view("del_3", payment.WasaaPay, "/callbacks/wasaapay", payment.VerdictMismatch, 401), view("del_4", payment.Daraja, stkPath, payment.VerdictMalformed, 200),
	}
	for i := range 2 {
		want[i].Event, want[i].ProviderID = "stk.completed", "ws_CO_1"
	}
	want[1].Duplicate, want[1].DuplicateOf = true, "del_1"
	want[2].Reason, want[3].Reason = "no proof", "not an event"
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b payment.Amount) bool { return a == b })); diff != "" {
		t.Errorf("views (-want +got):\n%s", diff)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"nothing":           {},
		"no receivers":      {Ledger: (&fakeLedger{}).ledger()},
		"short token":       {Ledger: (&fakeLedger{}).ledger(), Receivers: fakeReceivers(), InstallToken: "short"},
		"rules, no client":  {Ledger: (&fakeLedger{}).ledger(), Receivers: fakeReceivers(), Forward: Forward{Rules: []Rule{{Event: "*", URL: "http://x"}}}},
		"token with a path": {Ledger: (&fakeLedger{}).ledger(), Receivers: fakeReceivers(), InstallToken: "../../../../../etc/passwd"},
	} {
		if _, err := New(o); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
