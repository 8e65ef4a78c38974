package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
)

// fourth is a provider that no package knows of: it takes what it is asked for, and proves
// its deliveries by a header.
type fourth struct{ keys []*secret.Secret }

// fourthEvent is the body of its deliveries.
type fourthEvent struct {
	Fourth, Reference, Receipt, Amount string
}

func (fourth) Create(_ context.Context, r payment.DepositRequest) (payment.Answer, error) {
	return payment.Answer{Status: payment.StatusPending, ProviderID: "f-" + r.Deposit.Reference}, nil
}

func (fourth) Ask(_ context.Context, d payment.Deposit) (payment.Answer, error) {
	return payment.Answer{Status: payment.StatusCompleted, ProviderID: d.ProviderID, Receipt: "FOURTH00" + d.Reference}, nil
}

func (f fourth) Inspect(d payment.Delivery) payment.Inspection {
	var e fourthEvent
	if json.Unmarshal(d.Body, &e) != nil || e.Fourth == "" {
		return payment.Inspection{Verdict: payment.VerdictMalformed, Reason: "no event of Fourth"}
	}
	verdict := payment.VerdictMismatch
	for _, key := range f.keys {
		if d.Header.Get("X-Fourth") == key.Reveal() {
			verdict = payment.VerdictValid
		}
	}
	amount, _ := payment.ParseAmount(e.Amount, payment.KES)
	return payment.Inspection{Verdict: verdict, Event: &payment.Event{
		Provider: "fourth", Name: e.Fourth, Key: e.Receipt, Status: payment.StatusCompleted, Receipt: e.Receipt, Reference: e.Reference, Amount: amount,
	}}
}

func (fourth) Acknowledge(payment.Delivery, payment.Inspection, payment.Disposition) payment.Reply {
	return payment.Reply{Status: 200}
}

func (fourth) APIs() []string  { return nil }
func (fourth) Codes() []string { return []string{"F01"} }

func (fourth) Explain(code string, _ payment.CodeQuery) []payment.Meaning {
	if code != "F01" {
		return nil
	}
	return []payment.Meaning{{Provider: "fourth", Text: "the fourth is closed", Retry: "no", Next: "payctl doctor", Source: "here", Proof: "test"}}
}

func (f fourth) ExplainPayload(text []byte, named bool, q payment.CodeQuery) (payment.Explained, bool) {
	code := strings.TrimSpace(string(text))
	meanings := f.Explain(code, q)
	return payment.Explained{Code: code, Meanings: meanings}, named && meanings != nil
}

func fourthRow() provider.Row {
	keys := []*secret.Secret{secret.New("the-fourth-key")}
	return provider.Row{
		ID: "fourth", Title: "Fourth", Deposits: true, Events: []string{"fourth.paid"},
		Routes: []payment.Route{{Path: "/callbacks/fourth"}}, Retries: []time.Duration{time.Second},
		Samples: []string{"fourth.paid"}, Explainer: fourth{},
		Sample: func(name string, f payment.Facts) (payment.Sample, bool) {
			body, err := json.Marshal(fourthEvent{name, f.Reference, f.Receipt, f.Amount.String()})
			return payment.Sample{Event: name, Route: "/callbacks/fourth", Header: http.Header{}, Body: body}, name == "fourth.paid" && err == nil
		},
		Recognize: func(body []byte) (event, route string, ok bool) {
			var e fourthEvent
			ok = json.Unmarshal(body, &e) == nil && e.Fourth != ""
			return e.Fourth, "/callbacks/fourth", ok
		},
		Trials: []provider.Trial{{Name: "a payment, once", Shots: []provider.Shot{{Event: "fourth.paid"}}}},
		Proof: &provider.Proof{
			Setting: "db", Variable: "PAYCTL_DB",
			Secrets: func(context.Context, *config.Config) ([]*secret.Secret, error) { return keys, nil },
			Sign: func(body []byte, header http.Header, key *secret.Secret) ([]byte, error) {
				header.Set("X-Fourth", key.Reveal())
				return body, nil
			},
			Signs: func(_ []byte, header http.Header) bool { return header.Get("X-Fourth") != "" },
		},
		Receiver: func(_ *config.Config, keys []*secret.Secret) (payment.Receiver, error) { return fourth{keys}, nil },
		Health:   func(*config.Config) provider.Health { return provider.Health{} },
		Open: func(context.Context, *config.Config, provider.Deps) (provider.Provider, error) {
			return provider.Provider{
				ID: "fourth", Depositor: fourth{}, Receiver: fourth{keys},
				Schedule:    payment.Schedule{Gaps: []time.Duration{time.Millisecond}, BudgetKey: "fourth"},
				Check:       func(*payment.Deposit) ([]string, error) { return nil, nil },
				CallbackURL: func(string) string { return "" },
			}, nil
		},
	}
}

// fourthLine is a command line with the fourth provider, how it exits and what it says.
type fourthLine struct {
	args string
	code int
	says string
}

// fourthLines walks the verbs that know providers, in an order that makes sense: the
// listener runs from the beginning, at ${LISTEN}.
func fourthLines() []fourthLine {
	return []fourthLine{
		{"deposit create --provider fourth --phone 0712345678 --amount 100 --reference F1 -o json", 0, `"provider":"fourth"`},
		{"deposit get F1 -o json", 0, `"status":"PENDING"`},
		{"deposit list --provider fourth -o json", 0, `"reference":"F1"`},
		{"status get F1 -o json", 0, `"receipt":"FOURTH00F1"`},
		{"deposit create --provider fourth --phone 0712345679 --amount 100 --reference F2 --wait --via poll -o json", 0, `"status":"COMPLETED"`},
		{"status watch F2 -o json", 0, `"status":"COMPLETED"`},
		{"deposit create --provider fourth --phone 0712345670 --amount 100 --reference F4 -o json", 0, `"status":"PENDING"`},
		{"deposit resolve F4 -o json", 0, `"reference":"F4"`},
		{"deposit create --provider fourth --phone 0712345678 --amount 1 --reference F3 --wallet w", 64, "Fourth has no wallets"},
		{"deposit create --provider fourth --phone 0712345678 --amount 1 --reference F3 --field a=b", 64, "adds nothing to a request to Fourth"},
		{"deposit create --provider fifth --phone 0712345678 --amount 1 --reference F3", 64, "daraja, wasaapay, sevi, fourth"},
		{"transaction list --provider fourth -o json", 0, "[]"},
		{"trace F1 -o json", 0, "FOURTH00F1"},
		{"stats --by provider -o json", 0, `"fourth"`},
		{"reconcile --provider fourth --columns receipt=Ref,amount=Amount,time=Date,status=State statement.csv -o json", 9, `"matched":1,`},
		{"listen --print-secret-path", 0, "/callbacks/fourth/"},
		{"webhook trigger --list -o json", 0, "fourth.paid"},
		{"webhook trigger fourth.paid --to ${LISTEN} -o json", 0, `"status_code":200`},
		{"webhook trigger fourth.paid --print", 0, `"Fourth":"fourth.paid"`},
		{"webhook list --provider fourth -o json", 0, `"verdict":"valid"`},
		{"webhook show ${DELIVERY} -o json", 0, `"event":"fourth.paid"`},
		{"webhook verify --delivery ${DELIVERY} -o json", 0, `"verdict":"valid"`},
		{"webhook verify --provider fourth event.json -o json", 6, `"verdict":"mismatch"`},
		{"webhook replay ${DELIVERY} --to ${LISTEN}/callbacks/fourth -o json", 0, `"status_code":200`},
		{"webhook queue list -o json", 0, "[]"},
		{"webhook hammer ${LISTEN}/callbacks/fourth --provider fourth --copies 2 --settle 1ms -o json", 0, "a payment, once"},
		{"explain fourth F01 -o json", 0, "the fourth is closed"},
		{"doctor -o json", -1, `"check":"fourth"`},
		{"config init --provider fourth --profile-name f --environment sandbox --callback-url https://pay.example.co.ke --keep-secrets file -o json", -1, `"provider":"fourth"`},
	}
}

// fourthUnknown are the verbs that know no provider, or one by nature.
func fourthUnknown() []string {
	return []string{
		"completion", "config explain", "config path", "config profiles", "config show", "config trust", "config validate", "daraja", "demo", "emulator",
		"help", "ledger", "schema", "transaction get", "transaction status", "ui", "version", "webhook queue drop", "webhook queue move", "webhook sign",
	}
}

// TestFourthProvider walks every verb that knows providers with one that only this file
// knows.
func TestFourthProvider(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	invocation := func(out, errs *bytes.Buffer, args ...string) Invocation {
		return Invocation{
			Args: append([]string{"--profile", "local", "--db", filepath.Join(dir, "ledger.db")}, args...), Stdin: strings.NewReader(""), Stdout: out, Stderr: errs,
			Environ: []string{"HOME=" + dir, "PATH="}, Dir: dir, providers: append(provider.Builtin(), fourthRow()),
		}
	}
	listening, stop := context.WithCancel(t.Context())
	ready, ended := filepath.Join(dir, "listen.url"), make(chan int, 1)
	var heard, problems bytes.Buffer
	go func() {
		ended <- Main(listening, invocation(&heard, &problems, "listen", "--addr", "127.0.0.1:0", "--ready-file", ready))
	}()
	fill := map[string]string{"${LISTEN}": waitForFile(t, ready, ended)}
	for name, text := range map[string]string{
		"statement.csv": "Ref,Amount,Date,State\nFOURTH00F1,100.00," + time.Now().Format(time.DateTime) + ",Completed\nFOURTH00F9,7.00," + time.Now().Format(time.DateTime) + ",Completed\n",
		"event.json":    `{"Fourth":"fourth.paid","Receipt":"R"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	walked := []string{}
	for _, c := range fourthLines() {
		args := strings.Fields(c.args)
		for i := range args {
			for name, value := range fill {
				args[i] = strings.ReplaceAll(args[i], name, value)
			}
			if args[i] == "statement.csv" || args[i] == "event.json" {
				args[i] = filepath.Join(dir, args[i])
			}
		}
		var out, errs bytes.Buffer
		code := Main(t.Context(), invocation(&out, &errs, args...))
		said := strings.ReplaceAll(out.String()+errs.String(), `": `, `":`)
		if code != c.code && c.code >= 0 || !strings.Contains(said, c.says) {
			t.Errorf("%s: exit %d, want %d with %q\n%.2000s", c.args, code, c.code, c.says, said)
		}
		if _, rest, found := strings.Cut(said, `"id":"dlv_`); found {
			id, _, _ := strings.Cut(rest, `"`)
			fill["${DELIVERY}"] = "dlv_" + id
		}
		walked = append(walked, "payctl "+c.args)
	}
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("the listener: exit %d: %s", code, &problems)
	}
	walk(tree(), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if !cmd.Runnable() || cmd.HasSubCommands() || slices.ContainsFunc(fourthUnknown(), func(v string) bool { return strings.HasPrefix(path+" ", "payctl "+v+" ") }) {
			return
		}
		if !slices.ContainsFunc(walked, func(line string) bool { return strings.HasPrefix(line, path+" ") }) {
			t.Errorf("%s: is not walked with a fourth provider", path)
		}
	})
}

// waitForFile returns the first line of a file that a server writes when it is ready.
func waitForFile(t *testing.T, path string, ended chan int) string {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		if text, err := os.ReadFile(path); err == nil {
			return payment.FirstLine(string(text))
		}
		select {
		case code := <-ended:
			t.Fatalf("it ended: exit %d", code)
		case <-t.Context().Done():
			t.Fatal("it never became ready")
		case <-ticker.C:
		}
	}
}
