package payment

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1": 100, "100": 10000, "99.50": 9950, "99.5": 9950, "0.01": 1, "0.1": 10, "250000": 25000000,
		"007": 700, "00.50": 50, "999999999999999.99": 99999999999999999,
	} {
		got, err := ParseAmount(text, KES)
		if err != nil || got != AmountOf(want, KES) {
			t.Errorf("ParseAmount(%q) = %s, %v; want %d cents", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                   `amount "": is empty`,
		"0":                                  `amount "0": is zero`,
		"0.00":                               `amount "0.00": is zero`,
		"-5":                                 `amount "-5": is negative`,
		"-0":                                 `amount "-0": is negative`,
		"+5":                                 `amount "+5": is not a plain decimal number`,
		"1e3":                                `amount "1e3": is not a plain decimal number`,
		"1,000":                              `amount "1,000": has a thousands separator`,
		"1,5":                                `amount "1,5": has a thousands separator`,
		"1.234":                              `amount "1.234": has more than two decimals`,
		"1.":                                 `amount "1.": is not a plain decimal number`,
		".5":                                 `amount ".5": is not a plain decimal number`,
		".":                                  `amount ".": is not a plain decimal number`,
		"1.2.3":                              `amount "1.2.3": is not a plain decimal number`,
		" 1":                                 `amount " 1": is not a plain decimal number`,
		"1 000":                              `amount "1 000": is not a plain decimal number`,
		"0x10":                               `amount "0x10": is not a plain decimal number`,
		"KES 5":                              `amount "KES 5": is not a plain decimal number`,
		"١٢":                                 `amount "١٢": is not a plain decimal number`,
		"1\n\x1b[31m":                        `amount "1\n\x1b[31m": is not a plain decimal number`,
		"NaN":                                `amount "NaN": is not a plain decimal number`,
		"1000000000000000":                   `amount "1000000000000000": is too large`,
		strings.Repeat("9", 60):              `amount "9999999999999999999999999999999999999999…": is too large`,
		strings.Repeat("x", 39) + "é" + "yz": `amount "` + strings.Repeat("x", 39) + `…": is not a plain decimal number`,
	} {
		got, err := ParseAmount(text, KES)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindUsage || e.Hint == "" || e.Message != want || got.HasValue() {
			t.Errorf("ParseAmount(%q) = %v, %v; want usage error %q with a hint", text, got, err, want)
		}
	}
}

// TestParseWireAmount reads all forms of reference/daraja.md §4.1,
// reference/wasaapay.md §8 and reference/sevi.md §4.
func TestParseWireAmount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1000": 100000, "150.00": 15000, "1.0": 100, "1E2": 10000, "1e+2": 10000, "1.5e1": 1500, "12.5e-1": 125,
		"100e-4": 1, "-35": -3500, "-0": 0, "0": 0, "0.000": 0, "0e999": 0, "0.00e-30000": 0, "32009.9": 3200990, " 7 ": 700,
		"1.50000000000000000000": 150, "0.0000000001e10": 100, "99999999999999999e-2": 99999999999999999,
		"9999999999999999.9e-1": 99999999999999999, "100000000000000000000e-15": 10000000,
	} {
		got, err := ParseWireAmount(text, UGX)
		if err != nil || got != AmountOf(want, UGX) {
			t.Errorf("ParseWireAmount(%q) = %s, %v; want %d cents", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "-", "--1", "+1", "1.005", "1e-3", "0.001", "1e", "1e1.5", "1ee2", "e2", ".5", "5.", "1,000", "1 0", "0x1", "1_000",
		"NaN", "Infinity", "null", `"1"`, "1e16", "1e30000", "1e99999", "1e-99999", "9999999999999999", "1e-30000", "１",
	} {
		if got, err := ParseWireAmount(text, KES); err == nil || got.HasValue() {
			t.Errorf("ParseWireAmount(%q) = %s, %v; want an error", text, got, err)
		}
	}
}

func TestAmount(t *testing.T) {
	t.Parallel()
	type view struct {
		Text     string
		Whole    int64
		Exact    bool
		HasValue bool
		Currency Currency
	}
	for _, c := range []struct {
		a    Amount
		want view
	}{
		{Amount{}, view{Text: "0.00", Exact: true}},
		{AmountOf(0, KES), view{"0.00", 0, true, true, KES}},
		{AmountOf(100000, KES), view{"1000.00", 1000, true, true, KES}},
		{AmountOf(9905, USD), view{"99.05", 99, false, true, USD}},
		{AmountOf(-5, UGX), view{"-0.05", 0, false, true, UGX}},
		{AmountOf(-12345, UGX), view{"-123.45", -123, false, true, UGX}},
	} {
		whole, exact := c.a.Whole()
		got := view{c.a.String(), whole, exact, c.a.HasValue(), c.a.Currency()}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%d cents (-want +got):\n%s", c.a.Minor(), diff)
		}
	}
}

// FuzzParseAmount checks that what parses prints, and parses to the same.
func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"100", "99.50", "0", "-1", "1e3", "1,000", "0.001", "999999999999999.99", "\xff", "1.", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAmount(text, KES)
		if err != nil {
			if KindOf(err) != KindUsage || strings.ContainsAny(err.Error(), "\n\r\x1b") || len(err.Error()) > 300 {
				t.Errorf("ParseAmount(%q): unfit error %q of kind %s", text, err, KindOf(err))
			}
			return
		}
		if a.Minor() <= 0 {
			t.Errorf("ParseAmount(%q) = %d cents", text, a.Minor())
		}
		again, err := ParseAmount(a.String(), KES)
		if err != nil || again != a {
			t.Errorf("ParseAmount(%q) = %s, which parses as %s, %v", text, a, again, err)
		}
		if wire, err := ParseWireAmount(text, KES); err != nil || wire != a {
			t.Errorf("%q is %s for an operator and %s, %v on the wire", text, a, wire, err)
		}
	})
}

// FuzzParseWireAmount compares with exact rational arithmetic.
func FuzzParseWireAmount(f *testing.F) {
	for _, s := range []string{"1000", "150.00", "1E2", "-35", "1e-3", "0e9", "12.5e-1", "1e30000", "-0", "00012.340", "9e15", " 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseWireAmount(text, KES)
		if err != nil {
			return
		}
		if again, err := ParseWireAmount(a.String(), KES); err != nil || again != a {
			t.Errorf("%q is %s, which parses as %s, %v", text, a, again, err)
		}
		if i := strings.IndexAny(text, "eE"); i >= 0 && len(text)-i > 5 {
			return // too large a power for the comparison
		}
		exact, ok := new(big.Rat).SetString(strings.TrimSpace(text))
		if !ok {
			t.Fatalf("%q is %s, but no number", text, a)
		}
		if exact.Cmp(big.NewRat(a.Minor(), 100)) != 0 {
			t.Errorf("%q is %s, but should be %s", text, a, exact.FloatString(4))
		}
	})
}
