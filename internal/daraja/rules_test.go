package daraja

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// reference/daraja.md §3.1, §3.2.
func TestCheckDeposit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		change   func(*payment.Deposit)
		err      string
		warnings []string
	}{
		{"good", func(*payment.Deposit) {}, "", nil},
		{"smallest", func(d *payment.Deposit) { d.Amount = payment.AmountOf(100, payment.KES) }, "", nil},
		{"largest", func(d *payment.Deposit) { d.Amount = payment.AmountOf(25_000_000, payment.KES) }, "", nil},
		{"too small", func(d *payment.Deposit) { d.Amount = payment.AmountOf(0, payment.KES) }, "amount: 0.00 is below the minimum", nil},
		{"too large", func(d *payment.Deposit) { d.Amount = payment.AmountOf(25_000_100, payment.KES) }, "amount: 250001.00 is above the maximum", nil},
		{"cents", func(d *payment.Deposit) { d.Amount = payment.AmountOf(150, payment.KES) }, "amount: 1.50 has cents", nil},
		{"currency", func(d *payment.Deposit) { d.Amount = payment.AmountOf(100, payment.USD) }, "amount: USD is not KES", nil},
		{"no amount", func(d *payment.Deposit) { d.Amount = payment.Amount{} }, "amount: missing", nil},
		{"no reference", func(d *payment.Deposit) { d.Reference = " " }, "reference: missing", nil},
		{"reference of 12", func(d *payment.Deposit) { d.Reference = strings.Repeat("x", 12) }, "", nil},
		{"reference of 13", func(d *payment.Deposit) { d.Reference = strings.Repeat("x", 13) }, "reference: 13 characters", nil},
		{"description of 13", func(d *payment.Deposit) { d.Description = strings.Repeat("x", 13) }, "", nil},
		{"description of 14", func(d *payment.Deposit) { d.Description = strings.Repeat("x", 14) }, "description: 14 characters", nil},
		{"no description", func(d *payment.Deposit) { d.Description = "" }, "", nil},
		{"symbols", func(d *payment.Deposit) { d.Reference, d.Description = "INV#1", "a&b" }, "", []string{"reference: characters other", "description: characters other"}},
		{"another network", func(d *payment.Deposit) { d.Phone = mustPhone(t, "0733000222") }, "", []string{"phone: not in a Safaricom range"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := testDeposit(t)
			tt.change(&d)
			warnings, err := CheckDeposit(d)
			if (err == nil) != (tt.err == "") || err != nil && (!strings.Contains(err.Error(), tt.err) || payment.KindOf(err) != payment.KindUsage) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			compareParts(t, tt.warnings, warnings)
		})
	}
}

// compareParts holds each text against the part it must contain.
func compareParts(t *testing.T, want, got []string) {
	t.Helper()
	short := append([]string(nil), got...)
	for i := range short {
		if i < len(want) && strings.Contains(short[i], want[i]) {
			short[i] = want[i]
		}
	}
	if diff := cmp.Diff(want, short); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// reference/daraja.md §3.6.
func TestLintCallbackURL(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url            string
		env            payment.Environment
		errs, warnings []string
	}{
		{"https://pay.example.co.ke/hooks/k7f2c1/stk", payment.Production, nil, nil},
		{"https://tunnel.invalid/x", payment.Sandbox, nil, nil},
		{"https://8.8.8.8/x", payment.Production, nil, nil},
		{"", payment.Production, []string{"missing"}, nil},
		{"https://pay.co.ke/a b", payment.Sandbox, []string{"white space"}, nil},
		{"https://<host>/x", payment.Sandbox, []string{"placeholder"}, nil},
		{"https://pay.co.ke/{id}", payment.Local, []string{"placeholder"}, nil},
		{"ftp://pay.co.ke/", payment.Local, []string{"not an http or https"}, nil},
		{"pay.co.ke/x", payment.Local, []string{"not an http or https"}, nil},
		{"https:///x", payment.Local, []string{"not an http or https"}, nil},
		{"http://127.0.0.1:4020/x", payment.Local, nil, nil},
		{"http://pay.co.ke/x", payment.Production, []string{"not https"}, nil},
		{"http://pay.co.ke/x", payment.Sandbox, nil, []string{"not https"}},
		{"https://localhost/x", payment.Sandbox, []string{"not public"}, nil},
		{"https://127.0.0.1/x", payment.Sandbox, []string{"not public"}, nil},
		{"https://192.168.1.4/x", payment.Production, []string{"not public"}, nil},
		{"https://[::1]/x", payment.Production, []string{"not public"}, nil},
		{"https://box.local/x", payment.Production, []string{"not public"}, nil},
		{"https://box/x", payment.Production, []string{"not a full name"}, nil},
		{"https://example.com/x", payment.Production, []string{"placeholder"}, nil},
		{"https://www.yourdomain.com/x", payment.Production, []string{"placeholder"}, nil},
		{"https://a:b@pay.co.ke/x", payment.Production, []string{"user name"}, nil},
		{"https://pay.co.ke/x#y", payment.Production, []string{"fragment"}, nil},
		{"https://Pay.Co.KE/X", payment.Production, nil, []string{"upper-case"}},
		{"https://pay.co.ke/Mpesa", payment.Production, nil, []string{`"mpesa"`}},
		{"https://pay.co.ke/exec/query", payment.Production, nil, []string{`"exec"`, `"query"`}},
		{"https://abc.ngrok.io/x", payment.Sandbox, nil, []string{"ngrok"}},
	}
	for _, tt := range tests {
		t.Run(string(tt.env)+" "+tt.url, func(t *testing.T) {
			t.Parallel()
			errs, warnings := LintCallbackURL(tt.url, tt.env)
			compareParts(t, tt.errs, errs)
			compareParts(t, tt.warnings, warnings)
		})
	}
}

// reference/daraja.md §3.6: the path is delivered unchanged.
func TestNormalizeCallbackURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://Pay.Co.KE:8443/Hooks/K7f2C1?A=B": "https://pay.co.ke:8443/Hooks/K7f2C1?A=B",
		"https://pay.co.ke/Pay.Co.KE":             "https://pay.co.ke/Pay.Co.KE",
		"":                                        "",
		"%":                                       "%",
	} {
		if diff := cmp.Diff(want, NormalizeCallbackURL(in)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// reference/daraja.md §8.
func TestCheckAddress(t *testing.T) {
	t.Parallel()
	published := 0
	for _, s := range SourceAddresses() {
		if s.Published {
			published++
		}
		if got, ok := CheckAddress(s.Addr); !ok || got != s || s.Source == "" {
			t.Errorf("%v is its own list's: %+v %v", s.Addr, got, ok)
		}
	}
	if published != 12 || len(SourceAddresses()) != 14 {
		t.Errorf("%d published of %d, want 12 of 14", published, len(SourceAddresses()))
	}
	for text, want := range map[string][2]bool{
		"196.201.212.69": {true, true}, "::ffff:196.201.214.200": {true, true}, "196.201.212.128": {true, false},
		"196.201.212.70": {false, false}, "127.0.0.1": {false, false}, "::1": {false, false},
	} {
		s, known := CheckAddress(netip.MustParseAddr(text))
		if diff := cmp.Diff(want, [2]bool{known, s.Published}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
