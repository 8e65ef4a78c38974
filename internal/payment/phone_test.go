package payment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestParsePhone reads every form of reference/daraja.md §9.
func TestParsePhone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0711000222": "254711000222", "0110000222": "254110000222",
		"711000222": "254711000222", "110000222": "254110000222",
		"254711000222": "254711000222", "254110000222": "254110000222",
		"+254711000222": "254711000222", "00254711000222": "254711000222",
		"2540711000222": "254711000222", "+2540711000222": "254711000222", "002540110000222": "254110000222",
		"+254 711 000 222": "254711000222", "0711-000-222": "254711000222", "0711.000.222": "254711000222",
		"(0711) 000222": "254711000222", "+254 (0)711 000-222": "254711000222", "  0711000222  ": "254711000222",
		"0180000222": "254180000222", "0140000222": "254140000222", "0747000222": "254747000222",
		"0700000000": "254700000000", "0100000000": "254100000000", "254254254": "",
	} {
		got, err := ParsePhone(text)
		if want == "" {
			if err == nil {
				t.Errorf("ParsePhone(%q) = %s, want an error", text, got.MSISDN())
			}
			continue
		}
		if err != nil || got.MSISDN() != want || got.E164() != "+"+want || got.IsZero() {
			t.Errorf("ParsePhone(%q) = %s, %v; want %s", text, got.MSISDN(), err, want)
		}
	}
	for _, text := range []string{
		"", " ", "+", "0", "07", "071100022", "07110002222", "0811000222", "0211000222", "254811000222", "25471100022",
		"2547110002222", "+255711000222", "255711000222", "0711 000 22a", "0711000222x", "tel:0711000222", "0711/000222",
		"0711000222,0711000223", "07110002+22", "254 20 2222222", "2547 ***** 126", "254******867", "０７１１０００２２２",
		"0711000222\n0711000223", "\x00", "\xff", strings.Repeat("7", 1000),
	} {
		got, err := ParsePhone(text)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindUsage || e.Hint == "" || !strings.HasPrefix(e.Message, "phone: ") || !got.IsZero() {
			t.Errorf("ParsePhone(%q) = %v, %v; want a usage error about the phone", text, got, err)
		}
	}
}

// TestPhoneIsMasked checks that no way of printing reveals a number.
func TestPhoneIsMasked(t *testing.T) {
	t.Parallel()
	p, err := ParsePhone("0711000222")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		for _, v := range []any{p, &p, Deposit{Phone: p}, &Deposit{Phone: p}, []Phone{p}, map[string]Phone{"a": p}} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "711000222") || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", "711000222")) {
				t.Errorf("%s of %T reveals the number: %s", verb, v, text)
			}
		}
	}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "phone", p, "deposit", Deposit{Phone: p})
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "phone", p, "deposit", Deposit{Phone: p})
	if strings.Contains(b.String(), "711000222") {
		t.Errorf("slog reveals the number: %s", b.String())
	}
	if got := fmt.Sprintf("%s|%-14v|%#v|%q", p, p, p, p); got != `2547*****222|2547*****222  |payment.Phone(2547*****222)|"2547*****222"` {
		t.Errorf("printed as %s", got)
	}
	if diff := cmp.Diff([]string{"2547*****222", "", ""}, []string{p.String(), Phone{}.String(), Phone{}.E164()}); diff != "" {
		t.Errorf("masked (-want +got):\n%s", diff)
	}
}

// TestLikelySafaricom checks the ranges of reference/daraja.md §9.
func TestLikelySafaricom(t *testing.T) {
	t.Parallel()
	in := map[string]bool{}
	mark := func(from, to int) {
		for p := from; p <= to; p++ {
			in[fmt.Sprintf("%04d", p)] = true
		}
	}
	mark(700, 729)
	mark(740, 743)
	mark(745, 746)
	mark(748, 748)
	mark(757, 759)
	mark(768, 769)
	mark(790, 799)
	mark(109, 199) // all that is not known to be Airtel's 0100 to 0108
	for p := 700; p <= 799; p++ {
		checkRange(t, p, in)
	}
	for p := 100; p <= 199; p++ {
		checkRange(t, p, in)
	}
	if (Phone{}).LikelySafaricom() {
		t.Error("no phone is likely Safaricom")
	}
}

func checkRange(t *testing.T, prefix int, in map[string]bool) {
	t.Helper()
	text := fmt.Sprintf("%04d", prefix)
	p, err := ParsePhone(text + "000222")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.LikelySafaricom(); got != in[text] {
		t.Errorf("%s…: likely Safaricom is %t, want %t", text, got, in[text])
	}
}

func TestMaskDigits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "",
		"no number":                        "no number",
		"174379":                           "174379",
		"254711000222":                     "2547*****222",
		"+254711000222":                    "+2547*****222",
		"0711000222, 0110000222":           "07*****222, 01*****222",
		"711000222":                        "7*****222",
		"ws_CO_020120260304057711000222":   "ws_CO_0201202603040577*****222",
		"ws_CO_DMZ_123456789_20262":        "ws_CO_DMZ_1*****789_20262",
		"20260902030405":                   "20260902030405",
		"20260102030405":                   "20260102030405", // a time, not a number
		"at 20261107123456.":               "at 20261107123456.",
		"20261399712345678":                "202613997*****678",
		"20269711000222":                   "202697*****222", // no such month
		"120260102030405":                  "1202601*****405",
		"x711000222y110000222z":            "x7*****222y1*****222z",
		"712345678912":                     "712345678912",
		"é711000222é":                      "é7*****222é",
		"AG_20260102_2b10a1712345678f6c09": "AG_20260102_2b10a1712345678f6c09", // an id in hexadecimal
		"b254711000222":                    "b2547*****222",
		"f000254711000222":                 "f0002547*****222",
	} {
		if got := MaskDigits(text); got != want {
			t.Errorf("MaskDigits(%q) = %q, want %q", text, got, want)
		}
	}
}

// A signature that lost digits would never verify again.
func TestMaskDigitsLeavesSignatures(t *testing.T) {
	t.Parallel()
	for i := range 20_000 {
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		text := `"signature":"sha256=` + hex.EncodeToString(sum[:]) + `"`
		if got := MaskDigits(text); got != text {
			t.Fatalf("%s became %s", text, got)
		}
	}
}

// FuzzParsePhone checks that what parses has the canonical form, parses to the
// same from every way of writing it, and that an error never repeats a number.
func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"0711000222", "+254 (0)711 000-222", "002540110000222", "0811000222", "2547 ***** 126", "\xff0711000222", ""} {
		f.Add(s)
	}
	form := regexp.MustCompile(`^254[17][0-9]{8}$`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePhone(text)
		if err != nil {
			if KindOf(err) != KindUsage || regexp.MustCompile(`[0-9]{6}`).MatchString(err.Error()) {
				t.Errorf("ParsePhone(%q): unfit error %q", text, err)
			}
			return
		}
		if !form.MatchString(p.MSISDN()) {
			t.Fatalf("ParsePhone(%q) = %q", text, p.MSISDN())
		}
		national := p.MSISDN()[3:]
		for _, way := range []string{p.MSISDN(), p.E164(), national, "0" + national, "00254" + national, "2540" + national} {
			if again, err := ParsePhone(way); err != nil || again != p {
				t.Errorf("%q is %s, but %q is %s, %v", text, p.MSISDN(), way, again.MSISDN(), err)
			}
		}
		if masked := MaskDigits("x" + p.MSISDN() + "y"); masked != "x"+p.String()+"y" {
			t.Errorf("MaskDigits gives %q, String %q", masked, p.String())
		}
	})
}

// FuzzMaskDigits checks that masking keeps the length and changes only digits,
// five in each run, and that a number that ends a run of digits is hidden.
func FuzzMaskDigits(f *testing.F) {
	for _, s := range []string{"254711000222", "ws_CO_020120260304057711000222", "é711000222", "12345678", "000000000000000A0A0A0A0߄"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkMasked(t, text, MaskDigits(text))
		text = asciiDigits(text)
		if isTimestamp(text[max(0, len(text)-5):] + "711000222") {
			return
		}
		if tail := text[strings.LastIndexFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) })+1:]; strings.ContainsAny(tail, "abcdefABCDEF") {
			return // perhaps a hexadecimal word
		}
		if hidden := MaskDigits(text + "711000222"); strings.HasSuffix(hidden, "711000222") {
			t.Fatalf("MaskDigits(%q) = %q", text+"711000222", hidden)
		}
	})
}
