package payment

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// hashed is the SHA-256 of 254711000222, as C2B version 1 sends it (reference/daraja.md §9).
const hashed = "4a37dc7c46003d682e12183469a1c2d5d6fc3545fe8a52a22e32f43a275b5c9d"

// TestHashesAreNumbers: a hash of a number is masked wherever a number is; a signature is not.
func TestHashesAreNumbers(t *testing.T) {
	t.Parallel()
	stars := strings.Repeat("*", 62)
	for text, want := range map[string]string{
		hashed:                                   "4a" + stars,
		strings.ToUpper(hashed):                  "4A" + stars,
		`"MSISDN":"` + hashed + `"`:              `"MSISDN":"4a` + stars + `"`,
		"msisdn=" + hashed + "&a=b":              "msisdn=4a" + stars + "&a=b",
		"msisdn%3D" + hashed + "%26":             "msisdn%3D4a" + stars + "%26",
		"é" + hashed + "é":                       "é4a" + stars + "é",
		hashed + " " + hashed + ", 254711000222": "4a" + stars + " 4a" + stars + ", 2547*****222",
		"sha256=" + hashed:                       "sha256=" + hashed,
		"SHA256=" + hashed:                       "SHA256=" + hashed,
		hashed + "0":                             hashed + "0",
		"x" + hashed:                             "x" + hashed,
		hashed + "_":                             hashed + "_",
		hashed[1:]:                               hashed[1:],
		strings.Repeat("0", 64):                  strings.Repeat("0", 64),
	} {
		if got := MaskDigits(text); got != want {
			t.Errorf("MaskDigits(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"":                 "",
		"254711000222":     "2547*****222",
		"2547 ***** 222":   "2547 ***** 222",
		"٢٥٤٧١١٠٠٠٢٢٢":     "٢٥٤٧*****٢٢٢",
		"sha256=" + hashed: "sha256=4a" + stars,
		hashed[:32]:        "4a" + stars[:30],
		"SjfcfEYAPWguEhg0aaHC1db8NUX+ilKiLjL0OidbXJ0=": "Sj" + stars[:41] + "=",
		"tel:+254711000222":                            "tel:+2547*****222",
	} {
		if got := MaskPhone(text); got != want {
			t.Errorf("MaskPhone(%q) = %q, want %q", text, got, want)
		}
	}
	// Digits alone are no plain text where there may be a hash of them.
	sparse := strings.Repeat("abcdefab", 7) + "abcdefa1"
	if got := Line("of "+sparse, 200); got != "of ab"+stars {
		t.Errorf("Line: %q", got)
	}
}

// TestHashIsCompared: a hash of another number is another number.
func TestHashIsCompared(t *testing.T) {
	t.Parallel()
	p, err := ParsePhone("0711000222")
	if err != nil {
		t.Fatal(err)
	}
	other := sha256.Sum256([]byte("254711000223"))
	for text, want := range map[string]bool{
		hashed: true, strings.ToUpper(hashed): true, hex.EncodeToString(other[:]): false, "2547 ***** 222": true, "0711000222": true, "": true,
	} {
		if got := p.MayBe(text); got != want {
			t.Errorf("MayBe(%q) = %t", text, got)
		}
	}
}
