package listen

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// TestPeer holds that the sender's own words never decide where it is
// (reference/daraja.md §8).
func TestPeer(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}
	for name, c := range map[string]struct {
		remote  string
		headers []string
		trusted []netip.Prefix
		want    string
	}{
		"no proxy":                    {"196.201.212.69:5000", nil, nil, "196.201.212.69"},
		"header without trust":        {"203.0.113.9:5000", []string{"196.201.212.69"}, nil, "203.0.113.9"},
		"header from a stranger":      {"203.0.113.9:5000", []string{"196.201.212.69"}, proxies, "203.0.113.9"},
		"behind one proxy":            {"10.0.0.1:5000", []string{"196.201.212.69"}, proxies, "196.201.212.69"},
		"left-most is the sender's":   {"10.0.0.1:5000", []string{"196.201.212.69, 203.0.113.9"}, proxies, "203.0.113.9"},
		"two proxies":                 {"127.0.0.1:5000", []string{"1.1.1.1, 203.0.113.9, 10.2.3.4"}, proxies, "203.0.113.9"},
		"two header lines":            {"10.0.0.1:5000", []string{"1.1.1.1", "203.0.113.9"}, proxies, "203.0.113.9"},
		"junk on the right":           {"10.0.0.1:5000", []string{"203.0.113.9, unknown"}, proxies, "10.0.0.1"},
		"junk after a trusted hop":    {"10.0.0.1:5000", []string{"x, 10.9.9.9"}, proxies, "10.9.9.9"},
		"empty header":                {"10.0.0.1:5000", []string{""}, proxies, "10.0.0.1"},
		"only proxies":                {"10.0.0.1:5000", []string{"10.0.0.2"}, proxies, "10.0.0.2"},
		"with port":                   {"10.0.0.1:5000", []string{"203.0.113.9:4711"}, proxies, "203.0.113.9"},
		"version 6 in brackets":       {"10.0.0.1:5000", []string{"[2001:db8::1]:4711"}, proxies, "2001:db8::1"},
		"version 4 inside version 6":  {"[::ffff:10.0.0.1]:5000", []string{"203.0.113.9"}, proxies, "203.0.113.9"},
		"zone is dropped":             {"[fe80::1%eth0]:5000", nil, nil, "fe80::1"},
		"a socket without an address": {"@", nil, proxies, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Server{o: Options{TrustedProxies: c.trusted}}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
			r.RemoteAddr = c.remote
			for _, h := range c.headers {
				r.Header.Add(forwardedFor, h)
			}
			peer, _ := s.peerOf(r)
			if diff := cmp.Diff(c.want, peer.String()); diff != "" {
				t.Errorf("peer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckBind(t *testing.T) {
	t.Parallel()
	none, all := Exposure{}, Exposure{TLS: true, Secret: true}
	for _, c := range []struct {
		addr string
		e    Exposure
		ok   bool
	}{
		{"127.0.0.1:4020", none, true},
		{"localhost:0", none, true},
		{"[::1]:4020", none, true},
		{"127.8.9.10:1", none, true},
		{":4020", none, false},
		{"0.0.0.0:4020", none, false},
		{"[::]:4020", none, false},
		{"192.0.2.7:4020", none, false},
		{"example.com:4020", none, false},
		{"127.0.0.1.example.com:4020", none, false},
		{"127.0.0.1", none, false},
		{"0.0.0.0:4020", Exposure{TLS: true}, false},
		{"0.0.0.0:4020", Exposure{Secret: true}, false},
		{"0.0.0.0:4020", Exposure{AllowPlain: true}, false},
		{"0.0.0.0:4020", Exposure{Secret: true, AllowPlain: true}, true},
		{"0.0.0.0:4020", all, true},
		{"[::]:443", all, true},
	} {
		err := CheckBind(c.addr, c.e)
		if (err == nil) != c.ok || err != nil && payment.KindOf(err) != payment.KindUsage {
			t.Errorf("CheckBind(%q, %+v) = %v, want ok %v", c.addr, c.e, err, c.ok)
		}
	}
}

// TestCheckSocket holds that a socket from a service manager is no way around
// the protection that an address has to have.
func TestCheckSocket(t *testing.T) {
	t.Parallel()
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 4020} }
	for _, c := range []struct {
		addr net.Addr
		e    Exposure
		ok   bool
	}{
		{tcp("127.0.0.1"), Exposure{}, true},
		{tcp("::1"), Exposure{}, true},
		{tcp("0.0.0.0"), Exposure{}, false},
		{tcp("::"), Exposure{}, false},
		{&net.TCPAddr{Port: 4020}, Exposure{}, false},
		{tcp("::"), Exposure{Secret: true}, false},
		{tcp("::"), Exposure{Secret: true, AllowPlain: true}, true},
		{tcp("::"), Exposure{Secret: true, TLS: true}, true},
		{&net.UnixAddr{Name: "/run/payctl.sock", Net: "unix"}, Exposure{}, true},
	} {
		err := CheckSocket(c.addr, c.e)
		if (err == nil) != c.ok || err != nil && (payment.KindOf(err) != payment.KindUsage || !strings.HasPrefix(err.Error(), "socket activation: ")) {
			t.Errorf("CheckSocket(%s, %+v) = %v, want ok %v", c.addr, c.e, err, c.ok)
		}
	}
}

func TestCheckToken(t *testing.T) {
	t.Parallel()
	for token, ok := range map[string]bool{
		"":                              false,
		"short":                         false,
		"0123456789abcdef":              true,
		"0123456789abcde/":              false,
		"0123456789abcdéf":              false,
		strings.Repeat("a", maxToken):   true,
		strings.Repeat("a", maxToken+1): false,
	} {
		if err := CheckToken(token); (err == nil) != ok {
			t.Errorf("CheckToken(%q) = %v, want ok %v", token, err, ok)
		}
	}
}

func fakeEvents() map[payment.ProviderID][]string {
	return map[payment.ProviderID][]string{
		payment.Daraja: {"stk.completed", "stk.failed", "c2b.confirmation"}, payment.WasaaPay: {"deposit.completed", "deposit.failed", "bill.failed"},
		payment.Sevi: {"wallet.credit"},
	}
}

func TestParseRule(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"http://127.0.0.1:3000/hook":                           Rule{Event: "*", URL: "http://127.0.0.1:3000/hook"},
		"https://a.example/?k=v":                               Rule{Event: "*", URL: "https://a.example/?k=v"},
		"deposit.*=https://a.example/x?k=v":                    Rule{Event: "deposit.*", URL: "https://a.example/x?k=v"},
		"daraja/stk.*=http://[::1]:80":                         Rule{Provider: payment.Daraja, Event: "stk.*", URL: "http://[::1]:80"},
		"sevi/*=HTTP://a.example":                              Rule{Provider: payment.Sevi, Event: "*", URL: "HTTP://a.example"},
		"stk.complete=http://a.example":                        `forward-to: no provider sends the event "stk.complete"`,
		"sevi/stk.*=http://a.example":                          `forward-to: no provider sends the event "stk.*"`,
		"stk.completed":                                        `forward-to "stk.completed": is neither a URL nor EVENT=URL`,
		"=http://a.example":                                    `forward-to "=http://a.example": has an event that is not lower-case letters, digits, '.', '_', '-' and '*'`,
		"airtel/*=http://a.example":                            `forward-to "airtel/*=http://a.example": names the unknown provider "airtel"`,
		"deposit.*=ftp://a.example":                            `forward-to "deposit.*": has a URL that is not http or https`,
		"deposit.*=http://":                                    `forward-to "deposit.*=http:": has a URL without host`,
		"deposit.*=http://user:hunter2@a.example/?k=hunter2#x": `forward-to "deposit.*=http://a.example/?k=…": has a URL with a user name or password; use --header`,
		"Deposit=http://a.example":                             `forward-to "Deposit=http://a.example": has an event that is not lower-case letters, digits, '.', '_', '-' and '*'`,
	} {
		rule, err := ParseRule(text, fakeEvents())
		var got any = rule
		if err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParseRule(%q) (-want +got):\n%s", text, diff)
		}
	}
}

func TestWild(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true},
		{"*", "stk.completed", true},
		{"stk.*", "stk.completed", true},
		{"stk.*", "stk.", true},
		{"stk.*", "stk", false},
		{"*.failed", "stk.failed", true},
		{"*.failed", "stk.failed.not", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "acb", false},
		{"ab*ba", "aba", false},
		{"stk.completed", "stk.completed", true},
		{"stk.completed", "stk.completedx", false},
		{"**", "x", true},
		{strings.Repeat("a*", 50) + "b", strings.Repeat("a", 5000), false},
	} {
		if got := wild(c.pattern, c.text); got != c.want {
			t.Errorf("wild(%q, %.20q) = %v", c.pattern, c.text, got)
		}
	}
}

func TestFlood(t *testing.T) {
	t.Parallel()
	f := newFlood(10)
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	peer, other := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("203.0.113.10")
	count := func(a netip.Addr, at time.Time) (n int) {
		for range 100 {
			if f.allow(a, at) {
				n++
			}
		}
		return n
	}
	got := []int{
		count(peer, now), count(other, now), count(peer, now.Add(time.Second)), count(peer, now),
		count(netip.MustParseAddr("2001:db8::1"), now), count(netip.MustParseAddr("2001:db8::2"), now), count(netip.MustParseAddr("2001:db8:0:1::1"), now),
	}
	if diff := cmp.Diff([]int{20, 20, 10, 0, 20, 0, 20}, got); diff != "" {
		t.Errorf("allowed (-want +got):\n%s", diff)
	}
	for i := range 3 * maxPeers {
		f.allow(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(f.peers) > maxPeers {
		t.Errorf("the table grew to %d peers", len(f.peers))
	}
}
