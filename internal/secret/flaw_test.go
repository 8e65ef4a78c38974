package secret_test

import (
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/secret"
)

func TestFlaw(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                  "",
		"Zq3vT0aB9cD8eF7gH6iJ5kL4mN1o":      "",
		"sk_live_Zq3v":                      "",
		"bm90IGEgc2VjcmV0Cg==":              "",
		"AB_CD=":                            "",
		"p@ss'w\"ord":                       "",
		"Invented#1":                        "",
		" key":                              "a blank at an end",
		"key ":                              "a blank at an end",
		"key\t":                             "a blank at an end",
		`"key"`:                             "in quotes",
		"'key'":                             "in quotes",
		"WASAAPAY_API_KEY=sk_live_1":        "NAME=value",
		"export PAYCTL_DARAJA_PASSKEY=12ab": "NAME=value",
		"\ufeffkey":                         "cannot be seen",
		"key\u00a0":                         "cannot be seen",
		"k\u200bey":                         "cannot be seen",
		"k\x00e\x00y\x00":                   "UTF-16",
		"\xff\xfek\x00":                     "UTF-16",
		"key\xff":                           "not UTF-8",
		"one\ntwo":                          "more than one line",
	} {
		got := secret.Flaw(text)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("Flaw(%q) = %q, want %q", text, got, want)
		}
		if len(text) > 3 && strings.Contains(got, text) {
			t.Errorf("Flaw(%q) quotes it: %q", text, got)
		}
	}
}
