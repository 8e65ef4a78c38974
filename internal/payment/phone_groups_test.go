package payment

import (
	"strings"
	"testing"
	"unicode"
)

// TestMaskDigitsInGroups: a number is hidden however a person spaces it, and
// amounts, times and ids stay readable.
func TestMaskDigitsInGroups(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"+254 712 345 678":               "+254 7** *** 678",
		"+254-712-345-678":               "+254-7**-***-678",
		"+254 712-345-678":               "+254 7**-***-678",
		"254 110 000 222":                "254 1** *** 222",
		"00254 712 345678":               "00254 7** ***678",
		"254 0712 345 678":               "254 07** *** 678",
		"+254712 345 678":                "+2547** *** 678",
		"254 712345678":                  "254 7*****678",
		"0712-345-678":                   "07**-***-678",
		"0712 345678":                    "07** ***678",
		"0712 34 56 78":                  "07** ** *6 78",
		"071 234 5678":                   "07* *** *678",
		"call 0712 345 678, please.":     "call 07** *** 678, please.",
		"0712 345 678 0110-000-222":      "07** *** 678 01**-***-222",
		"on 2026-01-02 0712 345 678 150": "on 2026-01-02 07** *** 678 150",
		"phone:0712 345 678":             "phone:07** *** 678",
		`{"x":"0712 345 678"}`:           `{"x":"07** *** 678"}`,
		"0712345678 100":                 "07*****678 100",
		"0712.345.678":                   "07**.***.678",
		"call 0712.345.678.":             "call 07**.***.678.",
		"+254.712.345.678":               "+254.7**.***.678",
		"254 110.000.222":                "254 1**.***.222",
		"071.234.5678":                   "07*.***.*678",
		"0712.345678":                    "07**.***678",

		"2026-01-02 03:04:05":                  "2026-01-02 03:04:05",
		"01-02-2026 10:11:12":                  "01-02-2026 10:11:12",
		"07-12-2026 10":                        "07-12-2026 10",
		"20260102 010203 1234":                 "20260102 010203 1234",
		"2026-01-02 0712 100":                  "2026-01-02 0712 100",
		"150 000":                              "150 000",
		"150 000 000":                          "150 000 000",
		"712 345 678":                          "712 345 678", // may be an amount
		"1 254 712 345":                        "1 254 712 345",
		"0712 345 678.50":                      "0712 345 678.50",
		"0712  345  678":                       "0712  345  678",
		"0712 345-678":                         "0712 345-678",
		"0812 345 678":                         "0812 345 678",
		"0712 345 6789":                        "0712 345 6789",
		"INV-0712-345-678":                     "INV-0712-345-678",
		"0712-345-678-A":                       "0712-345-678-A",
		"29115-34620561-1":                     "29115-34620561-1",
		"25401-34620561-1":                     "25401-34620561-1",
		"10571-7910404-1":                      "10571-7910404-1",
		"AG_20260102_00005a1b2c3d4e5":          "AG_20260102_00005a1b2c3d4e5",
		"ws_CO_02012026030405 0712":            "ws_CO_02012026030405 0712",
		"12345678-0712-3456-7812-123456781234": "12345678-0712-3456-7812-123456781234",
		"174379 600111":                        "174379 600111",
		"0712 ":                                "0712 ",
		"1.000.000":                            "1.000.000",
		"12.345.678":                           "12.345.678",
		"112.345.678":                          "112.345.678", // may be an amount
		"KES 712.345.678":                      "KES 712.345.678",
		"0.712.345.678":                        "0.712.345.678",
		"254.71.23.45":                         "254.71.23.45",
		"10.71.234.56:4010":                    "10.71.234.56:4010",
		"192.168.110.222":                      "192.168.110.222",
		"01.02.2026 10.11.12":                  "01.02.2026 10.11.12",
		"2026.01.02.030405":                    "2026.01.02.030405",
		"10.07.2026.12.34":                     "10.07.2026.12.34",
		"0712.345 678":                         "0712.345 678",
		"0712.345.678.9":                       "0712.345.678.9",
		"500.001.1001":                         "500.001.1001",
		"v0712.345.678":                        "v0712.345.678",
		"0712.":                                "0712.",
		"0712-":                                "0712-",
	} {
		if got := MaskDigits(text); got != want {
			t.Errorf("MaskDigits(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestMaskDigitsOfOtherScripts: a number is hidden in whatever digits it is
// written, and a text in other scripts keeps all else.
func TestMaskDigitsOfOtherScripts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"٠٧١٢٣٤٥٦٧٨":          "٠٧*****٦٧٨",
		"\u200f+٢٥٤٧١٢٣٤٥٦٧٨": "\u200f+٢٥٤٧*****٦٧٨",
		"۰۷۱۲۳۴۵۶۷۸":          "۰۷*****۶۷۸",
		"०७१२३४५६७८":          "०७*****६७८",
		"０７１２３４５６７８":          "０７*****６７８",
		"0712٣٤٥678":          "07*****678",
		"٠٧١٢.٣٤٥.٦٧٨":        "٠٧**.***.٦٧٨",
		"٠٧١٢ ٣٤٥ ٦٧٨":        "٠٧** *** ٦٧٨",
		"𝟎𝟕𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖 and 𝟶𝟽𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾": "𝟎𝟕*****𝟔𝟕𝟖 and 𝟶𝟽*****𝟼𝟽𝟾",
		"é ٠٧١٢٣٤٥٦٧٨ \xff\xc3": "é ٠٧*****٦٧٨ \xff\xc3",
		"مبلغ ١٥٠٠٠٠ يوم ٢٠٢٦":  "مبلغ ١٥٠٠٠٠ يوم ٢٠٢٦",
		"²³ ½ Ⅷ":                "²³ ½ Ⅷ",
	} {
		if got := MaskDigits(text); got != want {
			t.Errorf("MaskDigits(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestDigitRuns: the value of a digit follows from where its run begins, as long
// as every range of Unicode's decimal digits holds whole runs of ten.
func TestDigitRuns(t *testing.T) {
	t.Parallel()
	for _, r := range unicode.Nd.R16 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%U to %U", r.Lo, r.Hi)
		}
	}
	for _, r := range unicode.Nd.R32 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%U to %U", r.Lo, r.Hi)
		}
	}
	for _, zero := range []rune{'0', '٠', '۰', '०', '０', '𝟎', '𝟶'} {
		for i := range rune(10) {
			if got := asciiDigit(zero + i); got != byte('0'+i) {
				t.Errorf("%q: got %q", zero+i, got)
			}
		}
	}
}

// FuzzMaskGroups checks that five digits of each number become stars, the same
// five whichever rule finds it and whatever digits it is written in, and that
// nothing else changes.
func FuzzMaskGroups(f *testing.F) {
	for _, s := range []string{
		"+254 712 345 678", "0712-345-678", "00254 0712345678", "254 712345678 0110 000222",
		"0712.345.678", "1.000.000 12.345.678", "10.71.234.56", "٠٧١٢.٣٤٥.٦٧٨", "\xff０７１２345678",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		masked := MaskDigits(text)
		checkMasked(t, text, masked)
		foreign := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r - '0' + '٠'
			}
			return r
		}, text)
		a, b := []rune(masked), []rune(MaskDigits(foreign))
		for i := range a {
			if (a[i] == '*') != (b[i] == '*') {
				t.Fatalf("MaskDigits(%q) = %q, in other digits %q", text, masked, string(b))
			}
		}
	})
}

func checkMasked(t *testing.T, text, masked string) {
	t.Helper()
	before, after := []rune(text), []rune(masked)
	if stars := strings.Count(masked, "*") - strings.Count(text, "*"); len(before) != len(after) || stars%5 != 0 {
		t.Fatalf("MaskDigits(%q) = %q", text, masked)
	}
	for i := range before {
		if after[i] != before[i] && (after[i] != '*' || !unicode.IsDigit(before[i])) {
			t.Fatalf("MaskDigits(%q) = %q", text, masked)
		}
	}
}
