package secret_test

import (
	"testing"

	"github.com/payctl/payctl/internal/secret"
)

func TestURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres://payctl:LEAK@db.example:5432/ledger?sslmode=verify-full": "postgres://payctl@db.example:5432/ledger",
		"postgres://db1,db2:6432/ledger?password=LEAK&sslpassword=LEAK":     "postgres://db1,db2:6432/ledger",
		"postgresql:///ledger?host=/run/postgresql":                         "postgresql://%2Frun%2Fpostgresql/ledger",
		"postgres://:LEAK@h/x#LEAK":                                         "postgres://h/x",
		"postgres://u:LE%AK@h/x":                                            "…",
		"LEAK":                                                              "…",
	} {
		if got := secret.URL(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
