package cli

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

// What makes a person think again comes before the amount is typed, and both are
// said under -q.
func TestWarnedBeforeTheAmountIsTyped(t *testing.T) {
	t.Parallel()
	phone, err := payment.ParsePhone("0712345678")
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	d := payment.Deposit{
		Provider: payment.Daraja, Environment: payment.Production, Amount: payment.AmountOf(15000, payment.KES), Phone: phone,
		IdempotencyKey: "key-1",
	}
	first, _, err := ledger.Deposits.Create(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.Deposits.ClaimSend(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	d.IdempotencyKey = "key-2"
	var talk bytes.Buffer
	a := newSession(Invocation{Stdin: strings.NewReader("15\n"), Stdout: &talk, Stderr: &talk})
	a.ledger, a.conf, a.global.quiet = ledger, &config.Config{Profile: "shop"}, true
	if a.out, err = a.newPrinter(ui.FormatText); err != nil {
		t.Fatal(err)
	}
	err = (&depositCreate{session: a}).send(t.Context(), provider.Provider{ID: payment.Daraja}, d)
	if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), "the typed amount is not 150.00") {
		t.Errorf("error %v", err)
	}
	order := regexp.MustCompile(`(?s)warning: 2547\*+678 was asked for the same amount .*this asks for real money \(profile shop\):.*254712345678.*150.00 KES.*Type the amount to go on: $`)
	if !order.MatchString(talk.String()) {
		t.Errorf("said %q", &talk)
	}
}
