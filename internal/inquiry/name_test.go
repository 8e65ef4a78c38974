package inquiry

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// The name of a short code is that of a result in the same environment; a code that merely
// begins like it has none.
func TestNameOf(t *testing.T) {
	t.Parallel()
	if name := NameOf(t.Context(), nil, payment.Local, "600111"); name != "" {
		t.Errorf("without a ledger: %q", name)
	}
	const shop = "600111 - Invented Shop"
	for _, c := range []struct {
		party string
		env   payment.Environment
		code  string
		want  string
	}{
		{shop, payment.Local, "600111", "Invented Shop"},
		{"600111 -  Invented \\u001b[1mShop", payment.Local, "600111", `Invented \x1b[1mShop`},
		{shop, payment.Local, "254711000222", "Invented Payer"},
		{shop, payment.Local, "60011", ""},
		{shop, payment.Sandbox, "600111", ""},
		{"600111 - ", payment.Local, "600111", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := &mpesa{t: t, ledger: openLedger(t), after: time.Second, route: "result", result: strings.Replace(completed, shop, c.party, 1)}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := listened(m).Transaction(ctx, TransactionInput{Receipt: "UA2K7QX9ZP", Type: payment.IdentifierShortCode}); err != nil {
				t.Fatal(err)
			}
			if name := NameOf(ctx, m.ledger, c.env, c.code); name != c.want {
				t.Errorf("%s in %s of %q: %q, want %q", c.code, c.env, c.party, name, c.want)
			}
		})
	}
}
