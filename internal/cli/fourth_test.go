package cli

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
)

// fourth is a provider that no package knows of: it takes what it is asked for.
type fourth struct{}

func (fourth) Create(_ context.Context, r payment.DepositRequest) (payment.Answer, error) {
	return payment.Answer{Status: payment.StatusPending, ProviderID: "f-" + r.Deposit.Reference}, nil
}

func (fourth) Ask(_ context.Context, d payment.Deposit) (payment.Answer, error) {
	return payment.Answer{Status: payment.StatusCompleted, ProviderID: d.ProviderID, Receipt: "FOURTH00" + d.Reference}, nil
}

func (fourth) Inspect(d payment.Delivery) payment.Inspection {
	return payment.Inspection{Verdict: payment.VerdictValid, Event: &payment.Event{Provider: "fourth", Name: "deposit.completed", Key: string(d.Body)}}
}

func (fourth) Acknowledge(payment.Delivery, payment.Inspection, payment.Disposition) payment.Reply {
	return payment.Reply{Status: 200}
}

func fourthRow() provider.Row {
	return provider.Row{
		ID: "fourth", Title: "Fourth", Deposits: true, Events: []string{"deposit.completed"},
		Routes:  []payment.Route{{Path: "/callbacks/fourth"}},
		Retries: []time.Duration{time.Second},
		Receiver: func(*config.Config, []*secret.Secret) (payment.Receiver, error) {
			return fourth{}, nil
		},
		Open: func(context.Context, *config.Config, provider.Deps) (provider.Provider, error) {
			return provider.Provider{
				ID: "fourth", Depositor: fourth{}, Receiver: fourth{},
				Schedule:    payment.Schedule{Gaps: []time.Duration{time.Millisecond}, BudgetKey: "fourth"},
				Check:       func(*payment.Deposit) ([]string, error) { return nil, nil },
				CallbackURL: func(string) string { return "" },
			}, nil
		},
	}
}

// TestFourthProvider walks the verbs with a provider that only this file knows.
func TestFourthProvider(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Main(t.Context(), Invocation{
			Args: append([]string{"--profile", "local", "--db", filepath.Join(dir, "ledger.db")}, args...), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
			Environ: []string{"HOME=" + dir, "PATH="}, Dir: dir, providers: append(provider.Builtin(), fourthRow()),
		})
		return code, out.String(), errs.String()
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"deposit create --provider fourth --phone 0712345678 --amount 100 --reference F1 -o json", 0, `"provider":"fourth"`},
		{"deposit get F1 -o json", 0, `"status":"PENDING"`},
		{"deposit list --provider fourth -o json", 0, `"reference":"F1"`},
		{"status get F1 -o json", 0, `"receipt":"FOURTH00F1"`},
		{"deposit create --provider fourth --phone 0712345679 --amount 100 --reference F2 --wait --via poll -o json", 0, `"status":"COMPLETED"`},
		{"status watch F2 -o json", 0, `"status":"COMPLETED"`},
		{"deposit create --provider fourth --phone 0712345678 --amount 1 --reference F3 --wallet w", 64, "Fourth has no wallets"},
		{"deposit create --provider fourth --phone 0712345678 --amount 1 --reference F3 --field a=b", 64, "adds nothing to a request to Fourth"},
		{"deposit create --provider fifth --phone 0712345678 --amount 1 --reference F3", 64, "daraja, wasaapay, sevi, fourth"},
		{"webhook list --provider fourth -o json", 0, "[]"},
		{"listen --print-secret-path", 0, "/callbacks/fourth/"},
	} {
		code, out, errs := run(strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(strings.ReplaceAll(out+errs, `": `, `":`), c.says) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
}
